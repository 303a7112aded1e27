"""What the provider remembers."""

import os
import time
import uuid

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from jwcrypto import jwk

from .. import padding
from ..layouts import b64url, equal, read_b64, read_b64url, read_point, kid_of, members, point, require

NONCE_LIFETIME = 300


class Device:
    def __init__(self, signing, encryption):
        self.signing, self.encryption = signing, encryption
        # Everybody, if it was registered by hand.
        self.users = None
        padding.coordinates("device signing key", point(signing))
        padding.coordinates("device encryption key", point(encryption))


class State:
    def __init__(self, authority, password):
        # Everybody has the same password.
        self.authority, self.password = authority, password
        self.devices, self.user_keys, self.certificates = {}, {}, {}
        self.nonces, self.tokens = {}, {}
        self.secret = AESGCM.generate_key(256)
        self.encryption_key = ec.generate_private_key(ec.SECP256R1())
        self.keys = {"ES256": ec.generate_private_key(ec.SECP256R1()), "RS256": rsa.generate_private_key(65537, 2048)}

    def jwks(self):
        public = (jwk.JWK.from_pyca(key.public_key()).export_public(as_dict=True) for key in self.keys.values())
        return {"keys": [{**key, "kid": f"stand-in-{alg}", "use": "sig", "alg": alg}
                         for alg, key in zip(self.keys, public)]}

    # Devices and users.

    def add_device(self, document):
        """The two device keys of a document; returns (device, whether it is new)."""
        keys = [registered(name, document[name]) for name in ("device_signing_key", "device_encryption_key")]
        require(point(keys[0]) != point(keys[1]), "one key cannot be both")
        kid = kid_of(keys[0])
        if kid in self.devices:
            equal("encryption key", point(self.devices[kid].encryption), point(keys[1]))
            return self.devices[kid], False
        self.devices[kid] = Device(*keys)
        return self.devices[kid], True

    def register(self, document, client_id):
        """pivkit's own registration document."""
        members("registration", document,
                {"schema_version", "client_id", "user", "device_signing_key", "device_encryption_key", "attestation"},
                {"user_key", "user_certificate", "registration_token"})
        equal("schema_version", document["schema_version"], 1)
        equal("client_id", document["client_id"], client_id)
        equal("attestation", document["attestation"], None)
        user = document["user"]
        require(isinstance(user, str) and user, "user is not a name")
        device, new = self.add_device(document)
        device.users = (device.users or set()) | {user}
        if document.get("user_key") is not None:
            key = registered("user_key", document["user_key"])
            padding.coordinates("user key", point(key))
            self.user_keys.setdefault(user, {})[kid_of(key)] = key
        if document.get("user_certificate") is not None:
            der = read_b64("user_certificate", document["user_certificate"])
            x509.load_der_x509_certificate(der)
            self.certificates.setdefault(user, set()).add(der)
        return {"schema_version": 1, "device_id": kid_of(device.signing), "user": user}, new

    # Nonces.

    def new_nonce(self, request_id):
        nonce = b64url(os.urandom(32))
        self.nonces[nonce] = (time.monotonic() + NONCE_LIFETIME, request_id)
        return nonce

    def take_nonce(self, nonce, request_id):
        expires, issued_to = self.nonces.pop(nonce, (0, None))
        require(time.monotonic() < expires, "the server nonce is not ours, was used or is too old")
        equal("client-request-id", request_id, issued_to)

    # Refresh tokens: each is good for one refresh; one that comes back ends its whole family.

    def new_token(self, user, family=None):
        token = b64url(os.urandom(32))
        self.tokens[token] = {"user": user, "family": family or uuid.uuid4(), "used": False}
        return token

    def token(self, token, user=None):
        """A token that is good, of this user if one is named."""
        found = self.tokens.get(token)
        require(found is not None, "the refresh token is not ours")
        if found["used"]:
            self.tokens = {name: other for name, other in self.tokens.items() if other["family"] != found["family"]}
        require(not found["used"], "the refresh token was used before")
        require(user in (None, found["user"]), "the refresh token is another user's")
        return found

    # Keys that the provider holds for users, inside of an opaque context that only it can open.

    def seal_key(self, user, key):
        nonce = os.urandom(12)
        value = key.private_numbers().private_value.to_bytes(32, "big")
        return b64url(nonce + AESGCM(self.secret).encrypt(nonce, value, user.encode()))

    def open_key(self, user, context):
        data = read_b64url("key_context", context)
        value = AESGCM(self.secret).decrypt(data[:12], data[12:], user.encode())
        return ec.derive_private_key(int.from_bytes(value, "big"), ec.SECP256R1())


def registered(name, document):
    """A key of a registration, whose kid must be that of its point."""
    members(name, document, {"x963", "kid"})
    key = read_point(name, read_b64(name, document["x963"]))
    equal(f"kid of {name}", document["kid"], kid_of(key))
    return key
