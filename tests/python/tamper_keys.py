"""The table for the encrypted password, the key service and the registration.

A row is (what, check, change), as in tamper_methods: `change` gets a request that is right in every point."""

import base64
import time
import uuid

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from platform_sso import JWT_BEARER, b64, b64url, from_b64url, key_from_point, key_id, point, prefixed
from tamper_cases import INNER_CLAIMS, OUTER_HEADER, adopt, members_of
from tamper_login import Card, Device, Login, Pairs, Token, ec_key, kid_of
from tamper_methods import PASSWORDS, Refresh

ENCRYPTED_TYP = "platformsso-encrypted-login-assertion+jwt"
KEY_TYP = "platformsso-key-request+jwt"

ENCRYPTED_HEADER = [
    ("typ", "assertion.typ", "platformsso-login-assertion+jwt", "assertion.typ"),
    ("alg", "assertion.alg", "ECDH-ES+A256KW", "assertion.alg"),
    ("enc", "assertion.alg", "A256CBC-HS512", "assertion.alg"),
    ("kid", "assertion.kid", key_id(b"another key"), "assertion.kid"),
    ("apu", "assertion.apu", b64url(prefixed(b"APPLE", point(ec_key().public_key()))), "assertion.apu"),
    ("apv", "assertion.apv", b64url(prefixed(b"APPLEEMBEDDED", point(ec_key().public_key()), b"nonce")), "assertion.apv"),
    ("epk", "assertion.format", {"kty": "EC", "crv": "P-256", "x": b64url(bytes(32)), "y": b64url(bytes(32))}, "assertion.format"),
]
KEY_CLAIMS = [
    ("iss", "outer.iss", "alice", "outer.iss"),
    ("iat", "outer.iat", int(time.time()) + 3600, "outer.iat"),
    ("exp", "outer.exp", int(time.time()) - 1, "outer.exp"),
    ("request_nonce", "outer.request_nonce", b64url(bytes(32)), "outer.request_nonce"),
    ("nonce", "outer.nonce", str(uuid.uuid4()).upper(), "outer.apv"),
    ("jwe_crypto", "outer.jwe_crypto", {"alg": "RSA-OAEP", "enc": "A256GCM", "apv": ""}, "outer.jwe_crypto"),
    ("version", "key.version", "2.0", "key.version"),
    ("request_type", "key.request_type", "key_renewal", "key.request_type"),
    ("key_purpose", "key.key_purpose", "user_login", "key.key_purpose"),
    ("username", "outer.username", "bob", "refresh.user"),
    ("sub", "outer.username", "bob", "refresh.user"),
    ("refresh_token", "refresh.token", b64url(bytes(32)), "refresh.token"),
]


def jwk(public):
    numbers = public.public_numbers()
    return {"kty": "EC", "crv": "P-256", "x": b64url(numbers.x.to_bytes(32, "big")), "y": b64url(numbers.y.to_bytes(32, "big"))}


class Sealed:
    """A compact JWE in the making: ECDH-ES and A256GCM from the primitives (RFC 7518 4.6), with what its header says at the end."""

    def __init__(self, claims, recipient, request_nonce):
        self.recipient, self.claims, self.ephemeral = recipient, claims, ec_key()
        self.finish = None
        own = self.ephemeral.public_key()
        apv = prefixed(b"APPLEEMBEDDED", point(recipient), request_nonce.encode())
        self.header = Pairs(typ=ENCRYPTED_TYP, alg="ECDH-ES", enc="A256GCM", kid=key_id(point(recipient)), epk=jwk(own),
                            apu=b64url(prefixed(b"APPLE", point(own))), apv=b64url(apv))

    def __str__(self):
        def info(name):
            value = dict(self.header).get(name)
            return prefixed(from_b64url(value) if isinstance(value, str) else b"")
        z = self.ephemeral.exchange(ec.ECDH(), self.recipient)
        key = ConcatKDFHash(SHA256(), 32, prefixed(b"A256GCM") + info("apu") + info("apv") + (256).to_bytes(4, "big")).derive(z)
        header, iv = b64url(self.header.json()), bytes(range(12))
        sealed = AESGCM(key).encrypt(iv, self.claims.json(), header.encode())
        token = ".".join([header, "", b64url(iv), b64url(sealed[:-16]), b64url(sealed[-16:])])
        return self.finish(token) if self.finish else token


class KeyRequest(Login):
    """A key request that is right in every point; with `other`, a key exchange."""

    endpoint = "key_endpoint"

    def __init__(self, world, token, device, other=None, context=None, user="alice"):
        super().__init__(world, user, device, world.card)
        shared = {name: self.outer.claims[name] for name in ("iat", "exp", "nonce", "request_nonce", "jwe_crypto")}
        claims = Pairs(iss=world.config["client_id"], version="1.0", key_purpose="user_unlock", username=user, sub=user,
                       request_type="key_exchange" if other else "key_request", refresh_token=token, **shared)
        if other:
            claims["other_publickey"] = b64(point(other.public_key()))
        if context:
            claims["key_context"] = context
        self.outer = Token(Pairs(typ=KEY_TYP, alg="ES256", kid=kid_of(device.signing)), claims, device.signing)
        self.fields["platform_sso_version"] = "2.0"


class Registration:
    """A registration of alice that is right in every point."""

    def __init__(self, world):
        self.world, self.device, self.raw = world, Device(), None
        self.document = Pairs(**self.device.registration(world.config["client_id"], "alice"))

    def body(self):
        if self.raw is None:
            self.raw = self.document.json()
        return self.raw

    def send(self):
        return self.world.post(self.world.config["registration_endpoint"], self.body(), "application/json")


class Keys:
    """What these requests need besides a World and the Methods: sessions of their own, and key contexts."""

    def __init__(self, world, methods):
        self.world, self.methods = world, methods
        self.recipient = key_from_point(base64.b64decode(world.config["login_request_encryption_key"]))
        self.device, self.second, self.spent, self.bobs_device = Device(), Device(), Device(), Device()
        for device, user in ((self.device, "alice"), (self.second, "alice"), (self.spent, "alice"), (self.bobs_device, "bob")):
            world.register(device, user)
        self.session = world.login(device=self.device).tokens()["refresh_token"]
        self.second_session = world.login(device=self.second).tokens()["refresh_token"]
        self.bobs_session = world.login("bob", self.bobs_device, world.bobs_card).tokens()["refresh_token"]
        self.context = self.request().tokens()["key_context"]
        self.second_context = KeyRequest(world, self.second_session, self.second).tokens()["key_context"]
        self.bobs_context = KeyRequest(world, self.bobs_session, self.bobs_device, user="bob").tokens()["key_context"]

    def encrypted(self):
        login = Login(self.world, "alice", self.world.alices, self.world.card)
        login.inner = Sealed(login.inner.claims, self.recipient, login.outer.claims["request_nonce"])
        login.inner.claims["password"] = PASSWORDS["alice"]
        return login

    def request(self):
        return KeyRequest(self.world, self.session, self.device)

    def exchange(self):
        return KeyRequest(self.world, self.session, self.device, ec_key(), self.context)

    def registration(self):
        return Registration(self.world)

    def rows(self):
        for group, begin, rows in (("encrypted password", self.encrypted, self.encrypted_rows), ("key request", self.request, self.key_rows),
                                   ("key exchange", self.exchange, self.exchange_rows),
                                   ("registration", self.registration, self.registration_rows)):
            for what, check, change in rows():
                yield f"{group}: {what}", check, lambda l, w, b=begin, c=change: (become(l, b()), c(l, w))

    def good(self):
        """Each of them works, when nobody changes it."""
        self.encrypted().tokens()
        assert "certificate" in self.request().tokens()
        assert "key" in self.exchange().tokens()
        status, text = self.registration().send()
        assert status == 201, (status, text)

    def encrypted_rows(self):
        for what, check, change in members_of("inner", "header", ENCRYPTED_HEADER, "assertion.format"):
            # With an apu or apv that is no text it is not a JWE (RFC 7518 4.6.1).
            no_text = check in ("assertion.apu", "assertion.apv") and not what.endswith(("removed", "value", "in upper case", "an empty text"))
            yield what, "assertion.format" if no_text else check, change
        yield from members_of("inner", "claims", INNER_CLAIMS, "assertion.decryption")
        right = PASSWORDS["alice"]
        for what, password in (("another one", "wrong one"), ("bob's", PASSWORDS["bob"]), ("with a blank", right + " "), ("empty", ""),
                               ("a number", 7), ("null", None), ("a list", [right])):
            yield f"password {what}", "password.match", lambda l, w, p=password: (
                self.encrypted().tokens(), l.inner.claims.__setitem__("password", p))
        yield "password removed", "password.match", lambda l, w: (self.encrypted().tokens(), l.inner.claims.remove("password"))
        yield "password twice", "assertion.decryption", lambda l, w: l.inner.claims.again("password", right)
        yield "for another key", "assertion.decryption", lambda l, w: setattr(l.inner, "recipient", ec_key().public_key())
        yield "with another ephemeral key", "assertion.decryption", lambda l, w: setattr(l.inner, "ephemeral", ec_key())
        yield "with the key of bob's device in apv", "assertion.apv", lambda l, w: l.inner.header.__setitem__(
            "apv", b64url(prefixed(b"APPLEEMBEDDED", point(w.bobs.encryption.public_key()), l.outer.claims["request_nonce"].encode())))
        yield "with the client's nonce in apv", "assertion.apv", lambda l, w: l.inner.header.__setitem__(
            "apv", b64url(prefixed(b"APPLEEMBEDDED", point(self.recipient), l.outer.claims["nonce"].encode())))
        yield "of another login", "assertion.apv", lambda l, w: l.outer.claims.__setitem__("assertion", str(self.encrypted().inner))
        for number, what in ((2, "iv"), (3, "ciphertext"), (4, "tag")):
            yield f"with a bit of its {what} flipped", "assertion.decryption", lambda l, w, n=number: setattr(l.inner, "finish", flipped(n))
        yield "with an encrypted key", "assertion.format", lambda l, w: setattr(l.inner, "finish", lambda t: t.replace("..", ".AAAA.", 1))

    def key_rows(self):
        # The version in the form goes with the typ, when that is one.
        header = [("typ", "outer.typ", "platformsso-refresh-request+jwt", "invalid_request"), *OUTER_HEADER[1:]]
        yield from members_of("outer", "header", header, "outer.format")
        for what, check, change in members_of("outer", "claims", KEY_CLAIMS, "outer.format"):
            # An empty name is a name, and not that of the session.
            empty = what in ("outer claims username: an empty text", "outer claims sub: an empty text")
            yield what, "refresh.user" if empty else check, change
        yield "aud of a login", "outer.aud", lambda l, w: l.outer.claims.__setitem__("aud", w.config["token_endpoint"] + "/x")
        yield from self.session_rows(lambda token, device: KeyRequest(self.world, token, device))
        yield "with passwords in claims that nobody knows", "outer.iss", lambda l, w: [
            l.outer.claims.__setitem__(name, PASSWORDS["alice"]) for name in ("pin", "passwd", "prev", "x", "iss2")] + [
            l.outer.claims.__setitem__("iss", "alice")]
        yield "accepted before", "outer.request_nonce", lambda l, w: l.tokens()

    def exchange_rows(self):
        other = ec_key().public_key()
        bad = bytearray(point(other))
        bad[-1] ^= 1
        p384 = ec_key(ec.SECP384R1()).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        keys = [("removed", None), ("empty", ""), ("beside the curve", b64(bytes(bad))), ("compressed", b64(other.public_bytes(
            Encoding.X962, PublicFormat.CompressedPoint))), ("on P-384", b64(p384)), ("with a byte more", b64(point(other) + b"\0")),
                ("a number", 7), ("in base64url", b64url(b"\xff\xff\xff" + point(other))), ("at infinity", b64(b"\0"))]
        for what, value in keys:
            yield f"other_publickey {what}", "key.other_publickey", lambda l, w, v=value: (
                l.outer.claims.remove("other_publickey") if v is None else l.outer.claims.__setitem__("other_publickey", v))
        contexts = [("of bob", lambda: self.bobs_context), ("of another device of alice", lambda: self.second_context),
                    ("with a bit flipped", lambda: flipped(0)(self.context)), ("cut off", lambda: self.context[:-4]),
                    ("with a byte more", lambda: self.context + "AAAA"), ("empty", lambda: ""), ("a number", lambda: 7),
                    ("null", lambda: None), ("that is a refresh token", lambda: self.session), ("in words", lambda: "a key context")]
        for what, context in contexts:
            yield f"key_context {what}", "key.key_context", lambda l, w, c=context: l.outer.claims.__setitem__("key_context", c())
        yield "key_context twice", "outer.format", lambda l, w: l.outer.claims.again("key_context", self.bobs_context)
        yield from self.session_rows(lambda token, device: KeyRequest(self.world, token, device, ec_key(), self.context))

    def session_rows(self, begin):
        yield "of bob's session", "refresh.device", lambda l, w: l.outer.claims.__setitem__("refresh_token", self.bobs_session)
        yield "on another device of alice", "refresh.device", lambda l, w: adopt(l, begin(self.session, self.second))
        yield "in bob's name, of alice's session", "refresh.user", lambda l, w: [
            l.outer.claims.__setitem__(name, "bob") for name in ("username", "sub")]
        for what, key in (("a new key", ec_key()), ("bob's device", self.world.bobs.signing), ("the card", self.world.card.key)):
            yield f"signed by {what}", "outer.signature", lambda l, w, k=key: setattr(l.outer, "key", k)
        yield "of a login's version", "invalid_request", lambda l, w: l.fields.update(platform_sso_version="1.0")
        yield "without the grant", "unsupported_grant_type", lambda l, w: l.fields.update(grant_type="refresh_token")
        # Ends a session, so it comes last.
        yield "a token that was used before", "refresh.reuse", lambda l, w: adopt(l, begin(self.used(), self.spent))
        yield "the live token of a session in which one was used twice", "refresh.revoked", lambda l, w: adopt(l, begin(self.live, self.spent))

    def used(self):
        token = self.world.login(device=self.spent).tokens()["refresh_token"]
        self.live = Refresh(self.world, token, self.spent).tokens()["refresh_token"]
        return token

    def registration_rows(self):
        def put(name, value):
            return lambda l, w: l.document.__setitem__(name, value(l, w) if callable(value) else value)

        def public(key):
            return {"x963": b64(point(key.public_key())), "kid": kid_of(key)}
        for name in ("schema_version", "client_id", "user", "device_signing_key", "device_encryption_key"):
            yield f"{name} removed", "invalid_request", lambda l, w, n=name: l.document.remove(n)
            yield f"{name} twice", "invalid_request", lambda l, w, n=name: l.document.again(n, l.document[n])
            for what, value in (("null", None), ("true", True), ("a list", []), ("an object", {})):
                yield f"{name} {what}", "invalid_request", put(name, value)
        for what, name, value, check in (
                ("schema_version 2", "schema_version", 2, "invalid_request"), ("of another client", "client_id", "another-client", "invalid_client"),
                ("of a user that nobody knows", "user", "mallory", "access_denied"), ("of a user in another case", "user", "Alice", "access_denied"),
                ("with an attestation", "attestation", ["AAAA"], "invalid_request"), ("with a member more", "more", 1, "invalid_request"),
                ("with another encryption key for alice's device", "device_signing_key", lambda l, w: public(w.alices.signing), "invalid_request"),
                ("with one key twice", "device_encryption_key", lambda l, w: l.document["device_signing_key"], "invalid_request"),
                ("with the kid of another key", "device_signing_key", lambda l, w: {**public(ec_key()), "kid": kid_of(w.alices.signing)}, "invalid_request"),
                ("with a point beside the curve", "device_encryption_key", lambda l, w: off_curve(), "invalid_request"),
                ("with bob's user_key", "user_key", lambda l, w: public(self.methods.bobs_key), "invalid_request"),
                ("with alice's user_key of another device", "user_key", lambda l, w: public(self.methods.key), "invalid_request"),
                ("with its signing key as user_key", "user_key", lambda l, w: l.document["device_signing_key"], "invalid_request"),
                ("with bob's certificate", "user_certificate", lambda l, w: b64(w.bobs_card.der), "access_denied"),
                ("with a stranger's certificate", "user_certificate", lambda l, w: b64(Card(w.authority, issuer_key=ec_key()).der), "access_denied"),
                ("with an expired certificate", "user_certificate", lambda l, w: b64(Card(w.authority, days=(-30, -1)).der), "access_denied"),
                ("with half a certificate", "user_certificate", lambda l, w: b64(w.card.der[:200]), "access_denied"),
                ("with a certificate in base64url", "user_certificate", lambda l, w: "-_-_", "invalid_request")):
            yield what, check, put(name, value)
        for what, raw in (("empty", b""), ("a list", b"[]"), ("cut off", b'{"schema_version":1'), ("as a form", JWT_BEARER.encode())):
            yield what, "invalid_request", lambda l, w, r=raw: setattr(l, "raw", r)


def become(login, other):
    """Sends another request instead, of whatever kind."""
    login.__class__ = type(other)
    adopt(login, other)


def off_curve():
    bad = bytearray(point(ec_key().public_key()))
    bad[40] ^= 1
    return {"x963": b64(bytes(bad)), "kid": key_id(bytes(bad))}


def flipped(which):
    """A bit in the middle of one part of a token flipped."""
    def finish(token):
        parts = token.split(".")
        data = bytearray(from_b64url(parts[which]))
        data[len(data) // 2] ^= 1
        parts[which] = b64url(bytes(data))
        return ".".join(parts)
    return finish
