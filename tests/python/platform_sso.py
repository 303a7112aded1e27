"""Platform SSO as an outsider writes it down, on jwcrypto and cryptography: the layouts that both scripts need."""

import base64
import hashlib
import struct

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

REQUEST_TYP = "platformsso-login-request+jwt"
ASSERTION_TYP = "platformsso-login-assertion+jwt"
RESPONSE_TYP = "platformsso-login-response+jwt"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
UPN = "1.3.6.1.4.1.311.20.2.3"


def b64(data):
    return base64.b64encode(data).decode()


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_b64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def point(public_key):
    """04, X, Y of a key on an elliptic curve."""
    return public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def key_from_point(data):
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), data)


def key_id(data):
    return b64(hashlib.sha256(data).digest())


def prefixed(*parts):
    """Each part behind its length in four bytes, big-endian."""
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)
