"""Platform SSO as an outsider writes it down, from Apple's documentation: an identity provider and a client that share no
code with pivkit. Signatures are jwcrypto's; cryptography has the rest.

    layouts         encodings, kid, PartyUInfo and PartyVInfo
    tokens          JWS and JWE, read strictly
    padding         counts the numbers that begin with a zero byte, and makes some
    cards           a certification authority and the cards that it issues, in software
    configuration   psso.toml
    provider        the identity provider
    client          the client

What scripts need that take messages apart themselves is here.
"""

from .layouts import JWT_BEARER, LOGIN_ASSERTION, LOGIN_REQUEST, LOGIN_RESPONSE, UPN, b64, b64url, key_id, point, prefixed
from .layouts import read_b64url, read_point

ASSERTION_TYP, REQUEST_TYP, RESPONSE_TYP = LOGIN_ASSERTION, LOGIN_REQUEST, LOGIN_RESPONSE


def from_b64url(text):
    return read_b64url("text", text)


def key_from_point(data):
    return read_point("key", data)


__all__ = ["ASSERTION_TYP", "JWT_BEARER", "REQUEST_TYP", "RESPONSE_TYP", "UPN", "b64", "b64url", "from_b64url",
           "key_from_point", "key_id", "point", "prefixed"]
