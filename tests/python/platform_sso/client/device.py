"""A device: two keys, one user, and the requests that it signs."""

import json
import time
from types import MappingProxyType

from cryptography.hazmat.primitives.asymmetric import ec

from .. import padding
from ..layouts import (ENCRYPTED_ASSERTION, JWT_BEARER, KEY_REQUEST, KEY_RESPONSE, LOGIN_ASSERTION, LOGIN_REQUEST,
                       LOGIN_RESPONSE, REFRESH_REQUEST, SCOPE, b64, b64url, device_apv, equal, read_b64url, kid_of,
                       password_apv, point, registered_key, require)
from ..tokens import sealed, signed
from . import answers
from .provider import new_id


def new_key():
    return ec.generate_private_key(ec.SECP256R1())


def keep(claims):
    pass


def any_signature(signature):
    return True


def padded_signature(signature):
    return any(half[0] == 0 for half in padding.halves(signature))


class Device:
    """`make` makes its keys; `wanted` says which signatures it sends."""

    def __init__(self, provider, user, make=new_key, wanted=any_signature):
        self.provider, self.user, self.make, self.wanted = provider, user, make, wanted
        self.groups = provider.config.get("groups")
        self.signing, self.encryption, self.user_key = make(), make(), make()
        for name, key in (("signing", self.signing), ("encryption", self.encryption), ("user", self.user_key)):
            padding.coordinates(f"{name} key of the device", point(key.public_key()))

    # Registration.

    def register(self, with_user_key=False, certificate=None, token=None):
        document = {"schema_version": 1, "client_id": self.provider["client_id"], "user": self.user,
                    "device_signing_key": registered_key(self.signing.public_key()),
                    "device_encryption_key": registered_key(self.encryption.public_key()), "attestation": None}
        if with_user_key:
            document["user_key"] = registered_key(self.user_key.public_key())
        if certificate is not None:
            document["user_certificate"] = b64(certificate)
        if token is not None:
            document["registration_token"] = token
        status, answer = self.provider.register(document, new_id())
        wanted = {"schema_version": 1, "device_id": kid_of(self.signing.public_key()), "user": self.user}
        equal("answer to the registration", answer, wanted)
        return status

    # Logins. `change` may have functions that spoil the claims of "outer" or "embedded" before they are signed.

    def with_card(self, card, change=MappingProxyType({})):
        return self._login(lambda shared, change: {"assertion": card.sign(
            LOGIN_ASSERTION, self._embedded(shared, change), self.wanted)}, JWT_BEARER, change)

    def with_user_key(self, change=MappingProxyType({})):
        def assertion(shared, change):
            header = {"typ": LOGIN_ASSERTION, "alg": "ES256", "kid": kid_of(self.user_key.public_key())}
            return {"assertion": signed(header, self._embedded(shared, change), self.user_key, self.wanted)}

        return self._login(assertion, JWT_BEARER, change)

    def with_password(self, password, change=MappingProxyType({})):
        return self._login(lambda shared, change: {"password": password}, "password", change)

    def with_encrypted_password(self, password, change=MappingProxyType({}), ephemeral=new_key):
        def assertion(shared, change):
            recipient = self.provider.encryption_key
            claims = {**self._embedded(shared, change), "password": password}
            apv = password_apv(self.provider.apv_prefix, recipient, shared["request_nonce"])
            header = {"typ": ENCRYPTED_ASSERTION, "kid": kid_of(recipient)}
            plaintext = json.dumps(claims).encode()
            return {"assertion": sealed("encrypted password", recipient, plaintext, apv, header, ephemeral())}

        return self._login(assertion, JWT_BEARER, change)

    def _embedded(self, shared, change):
        claims = {"iss": self.user, "sub": self.user, "aud": self.provider["audience"], **shared}
        change.get("embedded", keep)(claims)
        return claims

    def _login(self, credential, grant_type, change):
        request_id = new_id()
        shared = self._shared(request_id) | {"scope": SCOPE}
        outer = {**self._outer(shared), "client_id": self.provider["client_id"], "sub": self.user, "username": self.user,
                 "aud": self.provider["token_endpoint"], "grant_type": grant_type, **credential(shared, change)}
        if self.groups:
            outer["claims"] = {"id_token": {"groups": {"values": self.groups}}}
        change.get("outer", keep)(outer)
        text = self._send(LOGIN_REQUEST, outer, self.provider["token_endpoint"], "1.0", LOGIN_RESPONSE, request_id)
        return answers.login_response(self.provider, text, self, self._apv(shared), shared["nonce"], self.user)

    # Without a person.

    def refresh(self, token):
        request_id = new_id()
        shared = self._shared(request_id)
        endpoint = self.provider.refresh_endpoint
        outer = {**self._outer(shared), "client_id": self.provider["client_id"], "scope": SCOPE, "aud": endpoint,
                 "grant_type": "refresh_token", "refresh_token": token}
        text = self._send(REFRESH_REQUEST, outer, endpoint, "1.0", LOGIN_RESPONSE, request_id)
        claims, content = answers.login_response(
            self.provider, text, self, self._apv(shared), shared["nonce"], self.user)
        require(content["refresh_token"] != token, "the refresh token was not exchanged")
        return claims, content

    def key_request(self, token, **more):
        shared, text = self._key_service(token, {"request_type": "key_request", **more})
        return answers.key_certificate(text, self, self._apv(shared))

    def key_exchange(self, token, other, context):
        claims = {"request_type": "key_exchange", "other_publickey": b64(point(other))}
        if context is not None:
            claims["key_context"] = context
        shared, text = self._key_service(token, claims)
        return answers.exchanged_key(text, self, self._apv(shared))

    def _key_service(self, token, claims):
        request_id = new_id()
        shared = self._shared(request_id)
        outer = {**self._outer(shared), "version": "1.0", "key_purpose": "user_unlock", "username": self.user,
                 "sub": self.user, "refresh_token": token, **claims}
        endpoint = self.provider["key_endpoint"]
        return shared, self._send(KEY_REQUEST, outer, endpoint, "2.0", KEY_RESPONSE, request_id)

    # What all requests share.

    def _shared(self, request_id):
        now = int(time.time())
        return {"iat": now, "exp": now + 300, "nonce": new_id(), "request_nonce": self.provider.nonce(request_id)}

    def _apv(self, shared):
        return device_apv(self.encryption.public_key(), shared["nonce"])

    def _outer(self, shared):
        return {**shared, "iss": self.provider["client_id"],
                "jwe_crypto": {"alg": "ECDH-ES", "enc": "A256GCM", "apv": b64url(self._apv(shared))}}

    def _send(self, typ, claims, endpoint, version, response, request_id):
        header = {"typ": typ, "alg": "ES256", "kid": kid_of(self.signing.public_key())}
        token = signed(header, claims, self.signing, self.wanted)
        signature = read_b64url("signature", token.split(".")[2])
        padding.signature("signature of the device", signature)
        self.sent = (endpoint, token, version, response, request_id)
        return self.provider.post_request(*self.sent)

    def send_again(self):
        """The last request once more, byte for byte."""
        return self.provider.post_request(*self.sent)
