"""Opens a sign-on whose key is a file, as docs/psso.md describes it, and prints what is in it.

    open_sign_on.py STATE
"""

import base64
import json
import pathlib
import sys

from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def main(state: pathlib.Path) -> None:
    file = json.loads((state / "sign-on.json").read_text())
    header = {name: file[name] for name in ("schema_version", "issuer", "client_id", "key")}
    associated = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    key = (state / "sign-on-key").read_bytes()
    nonce, sealed = (base64.b64decode(file[name], validate=True) for name in ("nonce", "sealed"))
    content = json.loads(AESGCM(key).decrypt(nonce, sealed, associated))
    print(json.dumps(content))


main(pathlib.Path(sys.argv[1]))
