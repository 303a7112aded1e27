"""Encodings and layouts that every message needs. What is not written as documented is refused with `Wrong`."""

import base64
import binascii
import hashlib
import json
import re
import struct

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

LOGIN_REQUEST = "platformsso-login-request+jwt"
LOGIN_ASSERTION = "platformsso-login-assertion+jwt"
ENCRYPTED_ASSERTION = "platformsso-encrypted-login-assertion+jwt"
REFRESH_REQUEST = "platformsso-refresh-request+jwt"
KEY_REQUEST = "platformsso-key-request+jwt"
LOGIN_RESPONSE = "platformsso-login-response+jwt"
KEY_RESPONSE = "platformsso-key-response+jwt"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPE = "openid offline_access urn:apple:platformsso"
# Microsoft's object identifier of the user principal name in a subjectAltName.
UPN = "1.3.6.1.4.1.311.20.2.3"


class Wrong(Exception):
    """Something is not as documented."""


def require(condition, why):
    if not condition:
        raise Wrong(why)


def equal(what, found, wanted):
    require(type(found) is type(wanted) and found == wanted, f"{what} is {found!r} and not {wanted!r}")


def members(what, found, required, optional=()):
    """Exactly these names: what is documented, and nothing else."""
    names = set(found)
    require(set(required) <= names, f"{what} lacks {sorted(set(required) - names)}")
    surplus = names - set(required) - set(optional)
    require(not surplus, f"{what} has {sorted(surplus)}, which nobody documents")


def b64(data):
    return base64.b64encode(data).decode()


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def read_b64(what, text):
    """Standard alphabet, with padding."""
    require(isinstance(text, str), f"{what} is not a text")
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise Wrong(f"{what} is not base64: {error}") from error
    equal(what, text, b64(data))
    return data


def read_b64url(what, text):
    """URL alphabet, without padding (RFC 7515 section 2)."""
    require(isinstance(text, str) and re.fullmatch(r"[A-Za-z0-9_-]*", text), f"{what} is not base64url")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    equal(what, text, b64url(data))
    return data


def read_json(what, data):
    """One JSON object in which no name comes twice."""

    def once(pairs):
        names = [name for name, _ in pairs]
        require(len(names) == len(set(names)), f"{what} has a name twice")
        return dict(pairs)

    try:
        found = json.loads(data, object_pairs_hook=once)
    except ValueError as error:
        raise Wrong(f"{what} is not JSON: {error}") from error
    require(isinstance(found, dict), f"{what} is not a JSON object")
    return found


def point(public_key):
    """04, X, Y of a key on an elliptic curve (X9.63)."""
    return public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def read_point(what, data):
    """A P-256 key; cryptography refuses what is not on the curve."""
    require(len(data) == 65 and data[0] == 4, f"{what} is not an uncompressed point on P-256")
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), data)
    except ValueError as error:
        raise Wrong(f"{what}: {error}") from error


def key_id(data):
    """`kid`: SHA-256 over an encoded key, in standard base64."""
    return b64(hashlib.sha256(data).digest())


def kid_of(public_key):
    """Of the X9.63 point. What an RSA key is hashed as is not documented: PKCS#1 is pivkit's choice."""
    if isinstance(public_key, rsa.RSAPublicKey):
        return key_id(public_key.public_bytes(Encoding.DER, PublicFormat.PKCS1))
    return key_id(point(public_key))


def registered_key(public_key):
    """A key as registrations name it."""
    return {"x963": b64(point(public_key)), "kid": kid_of(public_key)}


def prefixed(*parts):
    """Each part behind its length in four bytes, big-endian."""
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)


def device_apv(encryption_key, nonce):
    """PartyVInfo of a response to a device."""
    return prefixed(b"Apple", point(encryption_key), nonce.encode("ascii"))


def password_apv(prefix, recipient, request_nonce):
    """PartyVInfo of an encrypted password: the third field is the server's nonce here."""
    return prefixed(prefix.encode("ascii"), point(recipient), request_nonce.encode("ascii"))
