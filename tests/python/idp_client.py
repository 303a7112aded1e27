"""A Platform SSO client that shares no code with pivkit: one login at pivkit-idp with a card in software.

    idp_client.py URL CARD_CERTIFICATE_PEM CARD_KEY_PEM USER [SPOIL]

Prints the id_token's claims as JSON. SPOIL names one thing to do wrong (see SPOILS); then the answer must be a refusal, and
its "check" is printed.
"""

import json
import sys
import uuid

from platform_sso.cards import Card
from platform_sso.client.device import Device
from platform_sso.client.http import Refused
from platform_sso.client.provider import Provider

SPOILS = {
    "embedded-nonce": {"embedded": lambda claims: claims.update(nonce=str(uuid.uuid4()).upper())},
    "embedded-aud": {"embedded": lambda claims: claims.update(aud="urn:somebody:else")},
    "embedded-exp": {"embedded": lambda claims: claims.update(iat=claims["iat"] - 900, exp=claims["exp"] - 900)},
    "embedded-sub": {"embedded": lambda claims: claims.update(sub="bob", iss="bob")},
    "outer-aud": {"outer": lambda claims: claims.update(aud="https://somebody.else/token")},
    "outer-nonce-reuse": {},
    "none": {},
}


def main():
    url, certificate, key, user = sys.argv[1:5]
    spoil = sys.argv[5] if len(sys.argv) > 5 else "none"
    device = Device(Provider(url), user)
    assert device.register() == 201
    card = Card.load(certificate, key)
    try:
        claims, _ = device.with_card(card, SPOILS[spoil])
        if spoil == "outer-nonce-reuse":
            device.send_again()
    except Refused as refused:
        assert spoil != "none" and refused.status == 401, refused
        print(refused.check)
        return
    assert spoil == "none", "it was accepted"
    print(json.dumps(claims))


main()
