"""An identity provider that shares no code with pivkit, for every method of Platform SSO (see platform_sso/provider).

    stand_in_idp.py DEVICE_KEYS_JSON|- CA_PEM [PASSWORD_FILE]

DEVICE_KEYS_JSON is the output of `pivkit psso keys --json`: a device that is registered by hand, for everybody. Cards are
those of CA_PEM. Prints where it listens, and one line of JSON for every request that a device signs:
{"accepted": true, "kind": ..., "outer": {...}, ...} or {"accepted": false, "why": "..."}. GET /padding says how many numbers
it saw, and how many of them began with a zero byte.
"""

import json
import sys

from cryptography import x509

from platform_sso.layouts import equal, members
from platform_sso.provider.endpoints import Handler
from platform_sso.provider.state import State


def main():
    with open(sys.argv[2], "rb") as file:
        authority = x509.load_pem_x509_certificate(file.read())
    password = None
    if len(sys.argv) > 3:
        with open(sys.argv[3], encoding="utf-8") as file:
            password = file.read().rstrip("\n")
    state = State(authority, password)
    if sys.argv[1] != "-":
        with open(sys.argv[1], encoding="utf-8") as file:
            document = json.load(file)
        members("device keys", document, {"schema_version", "device_signing_key", "device_encryption_key"})
        equal("schema_version", document["schema_version"], 1)
        state.add_device(document)
    server = Handler.listen(state)
    print(f"stand-in identity provider listening on {Handler.url}", flush=True)
    server.serve_forever()


main()
