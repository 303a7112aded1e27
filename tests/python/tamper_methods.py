"""The table for what is not a login with a card: the Secure Enclave's key, the password, the refresh.

A row is (what, check, change), as in tamper_cases; each group begins with the request that its rows change."""

import time
import uuid

from platform_sso import JWT_BEARER, b64, b64url
from tamper_cases import INNER_CLAIMS, OUTER_HEADER, adopt, members_of
from tamper_login import Device, Login, Pairs, Token, ec_key, kid_of

PASSWORDS = {"alice": "correct horse battery staple", "bob": "Tr0ub4dor&3"}
REFRESH_TYP = "platformsso-refresh-request+jwt"

# Without x5c, kid has to name a key that is registered for the user.
ENCLAVE_HEADER = [
    ("typ", "assertion.typ", REFRESH_TYP, "assertion.typ"),
    ("alg", "assertion.alg", "RS256", "assertion.alg"),
    ("kid", "assertion.x5c", b64(bytes(32)), "assertion.x5c"),
]
REFRESH_CLAIMS = [
    ("iss", "outer.iss", "alice", "outer.iss"),
    ("client_id", "outer.client_id", "another-client", "outer.client_id"),
    ("aud", "outer.aud", "https://idp.example/psso/refresh", "outer.aud"),
    ("iat", "outer.iat", int(time.time()) + 3600, "outer.iat"),
    ("exp", "outer.exp", int(time.time()) - 1, "outer.exp"),
    ("request_nonce", "outer.request_nonce", b64url(bytes(32)), "outer.request_nonce"),
    ("grant_type", "outer.grant_type", JWT_BEARER, "outer.grant_type"),
    ("nonce", "outer.nonce", str(uuid.uuid4()).upper(), "outer.apv"),
    ("scope", "outer.scope", "profile", "outer.scope"),
    ("jwe_crypto", "outer.jwe_crypto", {"alg": "RSA-OAEP", "enc": "A256GCM", "apv": ""}, "outer.jwe_crypto"),
    ("refresh_token", "refresh.token", b64url(bytes(32)), "refresh.token"),
]


class Methods:
    """What these logins need besides a World: keys of users, a second device, sessions."""

    def __init__(self, world):
        self.world = world
        self.key, self.bobs_key = ec_key(), ec_key()
        self.device, self.bobs_device, self.second = Device(), Device(), Device()
        # A user has few sessions on one device, and the oldest ends: this one is not crowded.
        self.refresher = Device()
        world.register(self.device, "alice", self.key)
        world.register(self.bobs_device, "bob", self.bobs_key)
        world.register(self.second, "alice")
        world.register(self.refresher, "alice")
        self.session = world.login(device=self.refresher).tokens()["refresh_token"]
        self.bobs_session = world.login("bob", world.bobs, world.bobs_card).tokens()["refresh_token"]

    def enclave(self, user="alice", device=None, key=None):
        login = Login(self.world, user, device or self.device, self.world.card)
        login.inner.header.remove("x5c")
        login.inner.key = key or self.key
        login.inner.header["alg"], login.inner.header["kid"] = "ES256", kid_of(login.inner.key)
        return login

    def password(self, password=PASSWORDS["alice"], user="alice"):
        login = Login(self.world, user, self.world.alices if user == "alice" else self.world.bobs, self.world.card)
        login.outer.claims.remove("assertion")
        login.outer.claims["grant_type"], login.outer.claims["password"] = "password", password
        return login

    def refresh(self):
        return Refresh(self.world, self.session, self.refresher)

    def rows(self):
        for group, begin, rows in (("enclave", self.enclave, self.enclave_rows), ("password", self.password, self.password_rows),
                                   ("refresh", self.refresh, self.refresh_rows)):
            for what, check, change in rows():
                yield f"{group}: {what}", check, lambda l, w, b=begin, c=change: (adopt(l, b()), c(l, w))

    def good(self):
        """Each of them works, when nobody changes it."""
        self.enclave().tokens()
        self.password().tokens()
        self.session = self.refresh().tokens()["refresh_token"]

    def enclave_rows(self):
        yield from members_of("inner", "header", ENCLAVE_HEADER, "assertion.format")
        yield from members_of("inner", "claims", INNER_CLAIMS, "assertion.format")
        for what, key in (("a new key", ec_key()), ("bob's key", self.bobs_key), ("the device", self.device.signing),
                          ("the card", self.world.card.key)):
            yield f"signed by {what}", "assertion.signature", lambda l, w, k=key: setattr(l.inner, "key", k)
        yield "kid of bob's key", "assertion.x5c", lambda l, w: adopt(l, self.enclave(key=self.bobs_key))
        yield "kid of the device", "assertion.x5c", lambda l, w: adopt(l, self.enclave(key=self.device.signing))
        yield "kid of a card that was never registered", "assertion.x5c", lambda l, w: adopt(l, self.enclave(key=w.card.key))
        yield "on another device of alice", "assertion.user_key", lambda l, w: adopt(l, self.enclave(device=self.second))
        yield "on bob's device", "outer.device_user", lambda l, w: adopt(l, self.enclave(device=self.bobs_device))
        yield "in bob's name, on bob's device", "assertion.x5c", lambda l, w: adopt(l, self.enclave("bob", self.bobs_device))
        yield "with the card's certificate", "assertion.signature", lambda l, w: l.inner.header.__setitem__("x5c", [b64(w.card.der)])
        yield "with an empty x5c", "assertion.x5c", lambda l, w: l.inner.header.__setitem__("x5c", [])

    def password_rows(self):
        right = PASSWORDS["alice"]
        wrong = [("another one", "wrong"), ("bob's", PASSWORDS["bob"]), ("in upper case", right.upper()), ("with a blank", right + " "),
                 ("cut off", right[:-1]), ("with a NUL", right + "\0"), ("empty", ""), ("a number", 7), ("null", None), ("a list", [right]),
                 ("an object", {"password": right}), ("of 50,000 letters", "a" * 50_000)]
        for what, password in wrong:
            yield what, "password.match", lambda l, w, p=password: (self.password().tokens(), l.outer.claims.__setitem__("password", p))
        yield "removed", "password.match", lambda l, w: (self.password().tokens(), l.outer.claims.remove("password"))
        yield "twice", "outer.format", lambda l, w: l.outer.claims.again("password", right)
        yield "of a login with the grant of a card", "outer.grant_type", lambda l, w: l.outer.claims.__setitem__("grant_type", JWT_BEARER)
        yield "in bob's name on alice's device", "outer.device_user", lambda l, w: [l.outer.claims.__setitem__(n, "bob") for n in ("sub", "username")]
        yield "the right one after five wrong ones", "password.tries", self.guessed
        yield "a wrong one after five wrong ones", "password.tries", lambda l, w: adopt(l, self.password("wrong", "bob"))

    def guessed(self, login, world):
        for number in range(5):
            status, text = self.password(f"guess {number}", "bob").send()
            assert status == 401, (status, text)
        adopt(login, self.password(PASSWORDS["bob"], "bob"))

    def refresh_rows(self):
        header = [row if row[0] != "typ" else ("typ", "outer.typ", "platformsso-login-request+jwt", "outer.aud") for row in OUTER_HEADER]
        yield from members_of("outer", "header", header, "outer.format")
        yield from members_of("outer", "claims", REFRESH_CLAIMS, "outer.format")
        yield "of bob's session", "refresh.device", lambda l, w: l.outer.claims.__setitem__("refresh_token", self.bobs_session)
        yield "on another device of alice", "refresh.device", lambda l, w: adopt(l, Refresh(w, self.session, self.second))
        yield "on bob's device", "refresh.device", lambda l, w: adopt(l, Refresh(w, self.session, w.bobs))
        for name in ("username", "sub"):
            yield f"with {name} bob", "refresh.user", lambda l, w, n=name: l.outer.claims.__setitem__(n, "bob")
        yield "with a blank behind the token", "refresh.token", lambda l, w: l.outer.claims.__setitem__("refresh_token", self.session + " ")
        for what, key in (("a new key", ec_key()), ("bob's device", self.world.bobs.signing), ("the card", self.world.card.key)):
            yield f"signed by {what}", "outer.signature", lambda l, w, k=key: setattr(l.outer, "key", k)
        yield "a refresh that was accepted before", "outer.request_nonce", lambda l, w: self.repeated(l)
        # Not a tampering that leaves all as it was: it ends the session. So it comes last.
        yield "a token that was used before", "refresh.reuse", self.used
        yield "the live token of a session in which one was used twice", "refresh.revoked", lambda l, w: l.outer.claims.__setitem__("refresh_token", self.live)

    def repeated(self, login):
        self.session = login.tokens()["refresh_token"]

    def used(self, login, world):
        session = world.login(device=self.refresher).tokens()["refresh_token"]
        self.live = Refresh(world, session, self.refresher).tokens()["refresh_token"]
        login.outer.claims["refresh_token"] = session


class Refresh(Login):
    """A refresh that is right in every point."""

    endpoint = "refresh_endpoint"

    def __init__(self, world, token, device):
        super().__init__(world, "alice", device, world.card)
        shared = {name: self.outer.claims[name] for name in ("iat", "exp", "nonce", "request_nonce", "scope", "jwe_crypto")}
        client = world.config["client_id"]
        claims = Pairs(iss=client, client_id=client, aud=world.config["refresh_endpoint"], grant_type="refresh_token",
                       refresh_token=token, **shared)
        self.outer = Token(Pairs(typ=REFRESH_TYP, alg="ES256", kid=kid_of(self.device.signing)), claims, self.device.signing)
