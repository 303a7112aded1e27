"""Logins: with a card, with a Secure Enclave key, with a password in the clear or encrypted."""

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from .. import padding
from ..cards import algorithm_of, users_of
from ..layouts import (ENCRYPTED_ASSERTION, JWT_BEARER, LOGIN_ASSERTION, Wrong, equal, read_b64, read_json, kid_of, members,
                       password_apv, point, require)
from ..tokens import header_of, opened, verified
from .profiles import GROUPS
from .requests import check_times


class WrongPassword(Wrong):
    pass


class Login:
    """A login that holds: its method, its user, and the assertion in it."""

    def __init__(self, request):
        self.request, self.state, self.profile, self.claims = request, request.state, request.profile, request.claims
        password = "password" in self.claims
        names = {"client_id", "sub", "username", "aud", "scope", "grant_type", "password" if password else "assertion"}
        if self.profile.groups_claim:
            names.add("claims")
        if self.profile.previous_token_claim in self.claims:
            names.add(self.profile.previous_token_claim)
            self.state.token(self.claims[self.profile.previous_token_claim], self.claims.get("sub"))
        request.check_names(*names)
        for name, wanted in (("client_id", self.profile.client_id), ("aud", self.profile.endpoints["token"]),
                             ("scope", self.profile.scope), ("grant_type", "password" if password else JWT_BEARER)):
            equal(name, self.claims[name], wanted)
        if self.profile.groups_claim:
            equal("claims", self.claims["claims"], {"id_token": {self.profile.groups_claim: {"values": GROUPS}}})
        self.user = request.check_user()
        self.header, self.embedded = {}, {}
        if password:
            self.method = "password"
            require(self.profile.encryption_key is None, "a password in the clear, although there is a key to encrypt it")
            self._check_password(self.claims["password"])
        else:
            self._read_assertion(self.claims["assertion"])

    def _read_assertion(self, assertion):
        self.header = header_of("assertion", assertion)
        if self.header.get("typ") == ENCRYPTED_ASSERTION:
            self.method = "encrypted password"
            self._open_password(assertion)
            return
        self.method = "SmartCard" if "x5c" in self.header else "Secure Enclave key"
        key = self._card_key() if "x5c" in self.header else self._user_key()
        extra = self.profile.header["assertion"]
        members("header of the assertion", self.header,
                {"typ", "alg", "kid", *(["x5c"] if "x5c" in self.header else []), *extra})
        for name, wanted in [("typ", LOGIN_ASSERTION), ("alg", algorithm_of(key)), ("kid", kid_of(key)), *extra.items()]:
            equal(f"{name} of the assertion", self.header[name], wanted)
        self.embedded = verified(f"{self.method} assertion", assertion, key, self.header["alg"])
        self._check_embedded(self.embedded, self.profile.body["assertion"])

    def _card_key(self):
        """The key of a card whose certificate is of our authority, valid, for logging in, and this user's."""
        x5c = self.header["x5c"]
        if self.profile.x5c == "array":
            require(isinstance(x5c, list) and len(x5c) == 1, "x5c is not an array of one")
            (x5c,) = x5c
        der = read_b64("x5c", x5c)
        leaf = x509.load_der_x509_certificate(der)
        leaf.verify_directly_issued_by(self.state.authority)
        pinned = self.state.certificates.get(self.user)
        require(pinned is None or der in pinned, "another certificate is registered for this user")
        equal("users of the certificate", users_of(leaf), [self.user])
        key = leaf.public_key()
        if isinstance(key, rsa.RSAPublicKey):
            require(key.key_size in (2048, 3072, 4096), "an RSA key of another length")
        else:
            padding.coordinates(f"card key {key.curve.name}", point(key))
        return key

    def _user_key(self):
        key = self.state.user_keys.get(self.user, {}).get(self.header.get("kid"))
        require(key is not None, "kid of the assertion names no key of this user")
        return key

    def _check_embedded(self, claims, extra, more=()):
        nonce_claim = self.profile.nonce_claim
        members("claims of the assertion", claims,
                {"iss", "sub", "aud", "iat", "exp", "nonce", nonce_claim, "scope", *extra, *more})
        for name, wanted in [("iss", self.user), ("sub", self.user), ("aud", self.profile.audience),
                             ("nonce", self.claims["nonce"]), (nonce_claim, self.claims[nonce_claim]),
                             ("scope", self.claims["scope"]), *extra.items()]:
            equal(f"{name} of the assertion", claims[name], wanted)
        check_times("the assertion", claims)

    def _open_password(self, assertion):
        require(self.profile.encryption_key is not None, "an encrypted password, and no key was published for one")
        key = self.profile.encryption_key
        apv = password_apv(self.profile.apv_prefix, key.public_key(), self.claims[self.profile.nonce_claim])
        extra = self.profile.header["assertion"]
        header, plaintext = opened("encrypted password", assertion, key, apv, {"typ", "kid", "apv"}, set(extra))
        equal("kid of the assertion", header["kid"], kid_of(key.public_key()))
        claims = read_json("encrypted password", plaintext)
        # Whether the configured claims go into this assertion too is not documented: all of them, or none.
        extra = self.profile.body["assertion"]
        extra = extra if set(extra) & set(claims) else {}
        self._check_embedded(claims, extra, {"password"})
        self._check_password(claims["password"])

    def _check_password(self, password):
        if password != self.state.password:
            raise WrongPassword("the password is wrong")
