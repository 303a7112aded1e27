"""The table: what is done to a good login, and the check that has to refuse it.

A row is (what, check, change); change gets the login and the world. The rows for removed, changed, mistyped and repeated
members are made from the two lists of members below; all others are written out."""

import base64
import time
import uuid

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from platform_sso import ASSERTION_TYP, REQUEST_TYP, b64, b64url, from_b64url, key_id
from tamper_login import Card, Device, Pairs, ec_key, hs256, kid_of, rsa_key, signature

# Member, the check that refuses it when it is missing or of another type, another value of the right type, and the check that
# refuses that.
OUTER_HEADER = [
    ("typ", "outer.typ", ASSERTION_TYP, "outer.typ"),
    ("alg", "outer.alg", "ES384", "outer.alg"),
    ("kid", "outer.kid", key_id(b"another key"), "outer.kid"),
]
OUTER_CLAIMS = [
    ("iss", "outer.iss", "alice", "outer.iss"),
    ("client_id", "outer.client_id", "another-client", "outer.client_id"),
    ("aud", "outer.aud", "https://idp.example/psso/token", "outer.aud"),
    ("iat", "outer.iat", int(time.time()) + 3600, "outer.iat"),
    ("exp", "outer.exp", int(time.time()) - 1, "outer.exp"),
    ("request_nonce", "outer.request_nonce", b64url(bytes(32)), "outer.request_nonce"),
    ("grant_type", "outer.grant_type", "urn:ietf:params:oauth:grant-type:saml2-bearer", "outer.grant_type"),
    # The nonce is in apv as well, which is looked at before the assertion.
    ("nonce", "outer.nonce", str(uuid.uuid4()).upper(), "outer.apv"),
    ("scope", "outer.scope", "openid", "assertion.scope"),
    ("jwe_crypto", "outer.jwe_crypto", {"alg": "ECDH-ES+A256KW", "enc": "A256GCM", "apv": ""}, "outer.jwe_crypto"),
    ("username", "outer.username", "bob", "outer.username"),
    ("sub", "outer.username", "bob", "outer.username"),
    ("assertion", "assertion.format", "e30.e30.e30", "assertion.typ"),
]
INNER_HEADER = [
    ("typ", "assertion.typ", REQUEST_TYP, "assertion.typ"),
    ("alg", "assertion.alg", "ES384", "assertion.alg"),
    ("kid", "assertion.kid", key_id(b"another key"), "assertion.kid"),
    ("x5c", "assertion.x5c", ["AAAA"], "assertion.x5c"),
]
INNER_CLAIMS = [
    ("iss", "assertion.iss", "bob", "assertion.iss"),
    ("sub", "assertion.sub", "bob", "assertion.sub"),
    ("aud", "assertion.aud", "urn:another:audience", "assertion.aud"),
    ("iat", "assertion.iat", int(time.time()) + 3600, "assertion.iat"),
    ("exp", "assertion.exp", int(time.time()) - 1, "assertion.exp"),
    ("nonce", "assertion.nonce", str(uuid.uuid4()).upper(), "assertion.nonce"),
    ("request_nonce", "assertion.request_nonce", b64url(bytes(32)), "assertion.request_nonce"),
    ("scope", "assertion.scope", "openid", "assertion.scope"),
]
WRONG_TYPES = [("null", None), ("true", True), ("a fraction", 1.5), ("a negative number", -7), ("an empty text", ""),
               ("an empty list", []), ("an empty object", {}), ("a list with an object", [{"a": 1}])]


def member_rows():
    yield from members_of("outer", "header", OUTER_HEADER, "outer.format")
    yield from members_of("outer", "claims", OUTER_CLAIMS, "outer.format")
    yield from members_of("inner", "header", INNER_HEADER, "assertion.format")
    yield from members_of("inner", "claims", INNER_CLAIMS, "assertion.format")


def members_of(token, part, members, doubled):
    """Each member of a part of a token removed, changed, mistyped and repeated."""
    def pairs(login):
        return getattr(getattr(login, token), part)

    for name, check, other, other_check in members:
        where = f"{token} {part} {name}"
        yield f"{where}: removed", check, lambda l, w, n=name: pairs(l).remove(n)
        yield f"{where}: another value", other_check, lambda l, w, n=name, v=other: pairs(l).__setitem__(n, v)
        yield f"{where}: its name in upper case", check, lambda l, w, n=name: renamed(pairs(l), n, n.upper())
        for what, value in WRONG_TYPES:
            yield f"{where}: {what}", check, lambda l, w, n=name, v=value: pairs(l).__setitem__(n, v)
        yield f"{where}: twice the same", doubled, lambda l, w, n=name: pairs(l).again(n, pairs(l)[n])
        yield f"{where}: twice, the second another", doubled, lambda l, w, n=name, v=other: pairs(l).again(n, v)
        yield f"{where}: twice, the first another", doubled, lambda l, w, n=name, v=other: list.insert(pairs(l), 0, [n, v])


def renamed(pairs, old, new):
    pairs[new] = pairs[old]
    pairs.remove(old)


def parts(token):
    return token.split(".")


def signature_rows():
    """What is wrong with the third part, in both tokens alike."""
    def flipped(token, which, bit=1):
        cut = parts(token)
        data = bytearray(from_b64url(cut[which]))
        data[len(data) // 2] ^= bit
        return ".".join(cut[:which] + [b64url(bytes(data))] + cut[which + 1:])

    def replaced(third):
        return lambda token: ".".join(parts(token)[:2] + [third(from_b64url(parts(token)[2]))])

    def der(raw):
        from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
        return b64url(encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")))

    broken = [
        ("a bit of it flipped", lambda token: flipped(token, 2), "signature"),
        ("its first half zero", replaced(lambda raw: b64url(bytes(32) + raw[32:])), "signature"),
        ("all zero", replaced(lambda raw: b64url(bytes(64))), "signature"),
        ("its halves swapped", replaced(lambda raw: b64url(raw[32:] + raw[:32])), "signature"),
        ("in DER", replaced(der), "signature"),
        ("a byte short", replaced(lambda raw: b64url(raw[:-1])), "signature"),
        ("a byte long", replaced(lambda raw: b64url(raw + b"\0")), "signature"),
        ("with zeros in front", replaced(lambda raw: b64url(bytes(2) + raw)), "signature"),
        ("empty", replaced(lambda raw: ""), "signature"),
        ("in padded base64", lambda token: token + "==", "format"),
        ("in standard base64", replaced(lambda raw: b64(b"\xff\xef\xbe" + raw).rstrip("=")), "format"),
        ("with a line feed behind it", lambda token: token + "\n", "format"),
        ("missing with its dot", lambda token: ".".join(parts(token)[:2]), "format"),
        ("followed by a fourth part", lambda token: token + ".AAAA", "format"),
    ]
    for token, family in (("outer", "outer"), ("inner", "assertion")):
        for what, finish, check in broken:
            yield f"{token} signature {what}", f"{family}.{check}", lambda l, w, t=token, f=finish: setattr(getattr(l, t), "finish", f)
        for what, key in (("a new key", lambda l, w: ec_key()), ("the other user's device", lambda l, w: w.bobs.signing),
                          ("the device's encryption key", lambda l, w: l.device.encryption),
                          ("the other user's card", lambda l, w: w.bobs_card.key),
                          ("the authority", lambda l, w: w.authority.key)):
            yield f"{token} signed by {what}", f"{family}.signature", lambda l, w, t=token, k=key: setattr(getattr(l, t), "key", k(l, w))
    yield "outer signed by the card", "outer.signature", lambda l, w: setattr(l.outer, "key", w.card.key)
    yield "inner signed by the device", "assertion.signature", lambda l, w: setattr(l.inner, "key", l.device.signing)
    yield "outer of a device that nobody knows", "outer.kid", lambda l, w: stranger(l)
    yield "outer payload exchanged after signing", "outer.signature", lambda l, w: setattr(l.outer, "finish", exchanged(1))
    yield "inner payload exchanged after signing", "assertion.signature", lambda l, w: setattr(l.inner, "finish", exchanged(1))
    yield "outer with the key in jwk", "outer.signature", with_own_jwk
    yield "outer with the certificate of a new key", "outer.signature", with_own_x5c
    yield "outer kid of the other user's device", "outer.signature", lambda l, w: l.outer.header.__setitem__("kid", kid_of(w.bobs.signing))
    yield "inner kid of the device", "assertion.kid", lambda l, w: l.inner.header.__setitem__("kid", kid_of(l.device.signing))
    for token, family in (("outer", "outer"), ("inner", "assertion")):
        for what, payload in (("empty", b""), ("a list", b"[]"), ("a text", b'"x"'), ("not JSON", b"{"), ("not UTF-8", b'{"a":"\xff"}'),
                              ("two objects", b"{}{}"), ("with a byte order mark", b"\xef\xbb\xbf{}"),
                              ("nested a thousand deep", b'{"a":' + b"[" * 1000 + b"]" * 1000 + b"}")):
            yield f"{token} payload {what}", f"{family}.format", lambda l, w, t=token, p=payload: setattr(getattr(l, t), "payload", p)
        for name, value in (("crit", ["exp"]), ("crit", ["b64"]), ("crit", [])):
            yield (f"{token} header {name} = {value}", f"{family}.format",
                   lambda l, w, t=token, n=name, v=value: getattr(l, t).header.__setitem__(n, v))


def stranger(login):
    device = Device()
    login.outer.header["kid"], login.outer.key = kid_of(device.signing), device.signing


def exchanged(which):
    """Puts the part of a token with one member more in the place of the signed one."""
    def finish(token):
        cut = parts(token)
        cut[which] = b64url(from_b64url(cut[which])[:-1] + b',"more":1}')
        return ".".join(cut)
    return finish


def with_own_jwk(login, world):
    login.outer.key = ec_key()
    numbers = login.outer.key.public_key().public_numbers()
    login.outer.header["jwk"] = {"kty": "EC", "crv": "P-256", "x": b64url(numbers.x.to_bytes(32, "big")),
                                 "y": b64url(numbers.y.to_bytes(32, "big"))}


def with_own_x5c(login, world):
    card = Card(world.authority)
    login.outer.key, login.outer.header["x5c"] = card.key, [b64(card.der)]


def algorithm_rows():
    for alg in ("none", "None", "HS256", "HS384", "ES384", "ES512", "ES256K", "RS256", "PS256", "EdDSA", "es256", "ES256 "):
        yield f"outer alg {alg!r}", "outer.alg", lambda l, w, a=alg: l.outer.header.__setitem__("alg", a)
        yield f"inner alg {alg!r}", "assertion.alg", lambda l, w, a=alg: l.inner.header.__setitem__("alg", a)
    for token, check in (("outer", "outer.alg"), ("inner", "assertion.alg")):
        yield f"{token} alg none without a signature", check, lambda l, w, t=token: unsigned(getattr(l, t))
        for what, secret in (("the point", lambda key: key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)),
                             ("the PEM", lambda key: key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)),
                             ("nothing", lambda key: b"")):
            yield f"{token} HS256 with {what} of the key as secret", check, lambda l, w, t=token, s=secret: with_hmac(getattr(l, t), s)
    for card, alg, check in (("rsa_card", "ES256", "assertion.alg"), ("rsa_card", "PS256", "assertion.alg"),
                             ("rsa_card", "none", "assertion.alg"), ("rsa_card", "HS256", "assertion.alg"),
                             ("p384_card", "ES256", "assertion.alg"), ("p384_card", "RS384", "assertion.alg"),
                             ("p384_card", "ES512", "assertion.alg")):
        yield f"{card}, alg {alg}", check, lambda l, w, c=card, a=alg: (l.use(getattr(w, c)), l.inner.header.__setitem__("alg", a))
    for alg in ("RS384", "RS512"):
        yield f"rsa_card, alg {alg} over an RS256 signature", "assertion.signature", lambda l, w, a=alg: misnamed(l, w, a)
    yield "rsa_card, signed by another RSA key", "assertion.signature", lambda l, w: (l.use(w.rsa_card), setattr(l.inner, "key", rsa_key(1)))
    yield "rsa_card, a signature that is short", "assertion.signature", lambda l, w: (l.use(w.rsa_card), setattr(l.inner, "sign", lambda m: b"\1"))
    yield "rsa_card, a signature of zeros", "assertion.signature", lambda l, w: (l.use(w.rsa_card), setattr(l.inner, "sign", lambda m: bytes(256)))
    yield "p384_card, signed by a P-256 key", "assertion.signature", lambda l, w: (l.use(w.p384_card), setattr(l.inner, "key", ec_key()))


def unsigned(token):
    token.header["alg"], token.sign = "none", lambda message: b""


def with_hmac(token, secret):
    token.header["alg"], token.sign = "HS256", hs256(secret(token.key.public_key()))


def misnamed(login, world, alg):
    login.use(world.rsa_card)
    login.inner.header["alg"] = alg
    login.inner.sign = lambda message: signature(world.rsa_card.key, "RS256", message)


def certificate_rows():
    """x5c with another leaf: of another key, another person, another authority; and leaves that do not entitle."""
    def leaf(**changes):
        # The card's own key in another certificate.
        return lambda l, w: l.inner.header.__setitem__("x5c", [b64(Card(w.authority, key=w.card.key, **changes).der)])

    def raw(make):
        return lambda l, w: l.inner.header.__setitem__("x5c", make(w.card.der, w))

    rows = [
        ("of another card of alice", "assertion.signature", raw(lambda der, w: [b64(Card(w.authority).der)])),
        ("of bob's card", "assertion.signature", raw(lambda der, w: [b64(w.bobs_card.der)])),
        ("of the authority", "assertion.signature", raw(lambda der, w: [b64(w.authority.certificate.public_bytes(Encoding.DER))])),
        ("of the card with bob's name", "certificate.upn", leaf(upn="bob@example.test")),
        ("with alice as the domain", "certificate.upn", leaf(upn="bob@alice")),
        ("with a name without domain", "certificate.upn", leaf(upn="alice")),
        ("with two @", "certificate.upn", leaf(upn="alice@bob@example.test")),
        ("with alice's name and bob's", "certificate.upn", leaf(upns=["alice@example.test", "bob@example.test"])),
        ("with an e-mail address only", "certificate.upn", leaf(upns=[], mail="alice@example.test")),
        ("without a name", "certificate.upn", leaf(upns=[])),
        ("expired yesterday", "certificate.validity", leaf(days=(-30, -1))),
        ("valid from tomorrow", "certificate.validity", leaf(days=(1, 30))),
        ("without extended key usage", "certificate.extended_key_usage", leaf(usages=[])),
        ("for servers", "certificate.extended_key_usage", leaf(usages=["1.3.6.1.5.5.7.3.1"])),
        ("for Windows logon only", "certificate.extended_key_usage", leaf(usages=["1.3.6.1.4.1.311.20.2.2"])),
        ("for any usage", "certificate.extended_key_usage", leaf(usages=["2.5.29.37.0"])),
        ("for key agreement, as in 9d", "certificate.key_usage", leaf(key_usage=("key_agreement",))),
        ("for non-repudiation only", "certificate.key_usage", leaf(key_usage=("content_commitment",))),
        ("with a critical extension", "certificate.critical_extension", leaf(more=[("1.2.3.4", b"\5\0", True)])),
        ("signed by itself", "certificate.chain", lambda l, w: l.inner.header.__setitem__(
            "x5c", [b64(Card(w.authority, key=w.card.key, issuer_key=w.card.key).der)])),
        ("signed by a stranger under our name", "certificate.chain", leaf(issuer_key=ec_key())),
        ("signed by bob's card", "certificate.chain", lambda l, w: l.inner.header.__setitem__(
            "x5c", [b64(Card(w.authority, key=w.card.key, issuer=w.bobs_card.certificate.subject, issuer_key=w.bobs_card.key).der)])),
        ("with another name after signing", "certificate.chain", raw(lambda der, w: [b64(der.replace(b"Alice Example", b"Elice Example"))])),
        ("twice", "assertion.x5c", raw(lambda der, w: [b64(der), b64(der)])),
        ("with its authority", "assertion.x5c", raw(lambda der, w: [b64(der), b64(w.authority.certificate.public_bytes(Encoding.DER))])),
        ("in PEM", "assertion.x5c", raw(lambda der, w: [w.card.certificate.public_bytes(Encoding.PEM).decode()])),
        ("in base64url", "assertion.x5c", raw(lambda der, w: [base64.urlsafe_b64encode(der + b"\xff\xff\xff").decode()])),
        ("with a byte behind it", "assertion.x5c", raw(lambda der, w: [b64(der + b"\0")])),
        ("cut off", "assertion.x5c", raw(lambda der, w: [b64(der[:-1])])),
        ("that is a key only", "assertion.x5c", raw(lambda der, w: [b64(w.card.key.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo))])),
        ("in a list in a list", "assertion.x5c", raw(lambda der, w: [[b64(der)]])),
        ("with a number beside it", "assertion.x5c", raw(lambda der, w: [b64(der), 7])),
        ("of 40 KiB", "assertion.x5c", raw(lambda der, w: [b64(der + bytes(40_000))])),
        ("with a P-521 key", "assertion.x5c", raw(lambda der, w: [b64(Card(w.authority, key=ec_key(ec.SECP521R1())).der)])),
    ]
    for what, check, change in rows:
        yield f"x5c {what}", check, change


def relation_rows():
    """What is right by itself, and belongs to another login, user, device or time."""
    def bobs(change):
        return lambda l, w: change(l, w.login("bob", w.bobs, w.bobs_card))

    def take(name):
        return lambda l, w: l.both(name, getattr(w.login(), "outer").claims[name])

    yield "a login that was accepted before", "outer.request_nonce", lambda l, w: accepted(l)
    yield "the nonce of a login that was accepted", "outer.request_nonce", reused
    yield "a nonce for another client-request-id", "outer.request_nonce", lambda l, w: setattr(l, "request_id", str(uuid.uuid4()).upper())
    yield "a nonce for a client-request-id, and none sent", "outer.request_nonce", lambda l, w: setattr(l, "request_id", None)
    yield "the nonce of another login, in both", "outer.request_nonce", take("request_nonce")
    yield "another good nonce in the request", "assertion.request_nonce", lambda l, w: l.outer.claims.__setitem__("request_nonce", w.nonce())
    yield "another good nonce in the assertion", "assertion.request_nonce", lambda l, w: l.inner.claims.__setitem__("request_nonce", w.nonce())
    yield "a nonce with a blank behind it", "outer.request_nonce", lambda l, w: l.both("request_nonce", l.outer.claims["request_nonce"] + " ")
    yield "bob's assertion in alice's login", "assertion.iss", bobs(lambda l, b: l.outer.claims.__setitem__("assertion", str(b.inner)))
    yield "bob's assertion with alice's nonces", "assertion.iss", bobs(bobs_with_my_nonces)
    yield "bob's card in alice's name", "certificate.upn", lambda l, w: l.use(w.bobs_card)
    yield "alice's assertion of another login", "assertion.nonce", lambda l, w: l.outer.claims.__setitem__("assertion", str(w.login().inner))
    yield "alice's assertion in bob's login", "assertion.iss", in_bobs_login
    yield "alice's card in bob's name", "certificate.upn", lambda l, w: adopt(l, w.login("bob", w.bobs))
    yield "alice on bob's device", "outer.device_user", lambda l, w: adopt(l, w.login("alice", w.bobs))
    yield "bob on alice's device", "outer.device_user", lambda l, w: adopt(l, w.login("bob", w.alices, w.bobs_card))
    yield "a user that nobody knows", "outer.username", lambda l, w: adopt(l, w.login("mallory"))
    yield "a user in another case", "outer.username", lambda l, w: adopt(l, w.login("Alice"))
    yield "a user with a blank", "outer.username", lambda l, w: adopt(l, w.login("alice "))
    yield "a user with a NUL", "outer.username", lambda l, w: adopt(l, w.login("alice\0"))
    yield "a user of a thousand letters", "outer.username", lambda l, w: adopt(l, w.login("a" * 1000))
    yield "the assertion inside the assertion", "assertion.format", lambda l, w: l.outer.claims.__setitem__("assertion", str(l.inner) + "." + str(l.inner))
    yield "the login request as its own assertion", "assertion.typ", lambda l, w: itself(l)
    yield "the assertion as the login request", "outer.typ", lambda l, w: only_inner(l)
    yield "audience and endpoint swapped, outer", "outer.aud", lambda l, w: l.outer.claims.__setitem__("aud", w.config["audience"])
    yield "audience and endpoint swapped, inner", "assertion.aud", lambda l, w: l.inner.claims.__setitem__("aud", w.config["token_endpoint"])
    for what, change in (("with a slash more", lambda u: u + "/"), ("with a query", lambda u: u + "?a=b"), ("in a list", lambda u: [u]),
                         ("of another port", lambda u: u.replace("127.0.0.1:", "127.0.0.1:1")), ("of the nonce endpoint", lambda u: u.replace("token", "nonce")),
                         ("by name", lambda u: u.replace("127.0.0.1", "localhost"))):
        yield f"outer aud {what}", "outer.aud", lambda l, w, c=change: l.outer.claims.__setitem__("aud", c(w.config["token_endpoint"]))
    for what, change in (("in a list", lambda a: [a]), ("in upper case", str.upper), ("with a blank", lambda a: a + " ")):
        yield f"inner aud {what}", "assertion.aud", lambda l, w, c=change: l.inner.claims.__setitem__("aud", c(w.config["audience"]))
    for what, iat, exp, claim in (("issued in a minute", 60, 300, "iat"), ("expired a second ago", -200, -1, "exp"),
                                  ("expired a day ago", -86_700, -86_400, "exp"), ("lives ten minutes", 0, 600, "exp"),
                                  ("expires before it is issued", 3, 2, "exp"), ("issued in the year 3000", 32_503_680_000, 32_503_680_300, "iat")):
        for token, family in (("outer", "outer"), ("inner", "assertion")):
            yield f"{token} {what}", f"{family}.{claim}", lambda l, w, t=token, i=iat, e=exp: lived(getattr(l, t).claims, i, e)
    for what, value in (("in lower case", lambda n: n.lower()), ("without hyphens", lambda n: n.replace("-", "")), ("in braces", lambda n: "{" + n + "}"),
                        ("a byte short", lambda n: n[:-1]), ("not a UUID", lambda n: "CBA6437A-ED3F-438C-B859-078E058F185G")):
        yield f"nonce {what}", "outer.nonce", lambda l, w, v=value: new_nonce(l, v)
    yield "another nonce in request and apv", "assertion.nonce", lambda l, w: new_nonce(l, lambda n: str(uuid.uuid4()).upper())
    for what, check, apv in (
            ("of another device", "outer.apv", lambda l, w: l.apv(device=w.bobs)), ("of another nonce", "outer.apv", lambda l, w: l.apv(nonce=str(uuid.uuid4()).upper())),
            ("with APPLE", "outer.apv", lambda l, w: l.apv(prefix=b"APPLE")), ("with a byte more", "outer.apv", lambda l, w: l.apv() + b"\0"),
            ("with a byte less", "outer.apv", lambda l, w: l.apv()[:-1]), ("that is empty", "outer.apv", lambda l, w: b""),
            ("with little-endian lengths", "outer.apv", lambda l, w: l.apv()[:4][::-1] + l.apv()[4:])):
        yield f"apv {what}", check, lambda l, w, a=apv: l.crypto(apv=b64url(a(l, w)))
    yield "apv in padded base64", "outer.apv", lambda l, w: l.crypto(apv=b64(l.apv()))
    yield "apv that is a list", "outer.apv", lambda l, w: l.crypto(apv=[])
    for name, value in (("alg", "ECDH-ES+A128KW"), ("alg", "RSA-OAEP"), ("alg", "dir"), ("alg", "none"), ("alg", None), ("alg", "HPKE-P256-SHA256-A256GCM"),
                        ("enc", "A128GCM"), ("enc", "A256CBC-HS512"), ("enc", "none"), ("enc", None), ("enc", "dir")):
        yield f"jwe_crypto {name} = {value}", "outer.jwe_crypto", lambda l, w, n=name, v=value: l.crypto(**{n: v})
    for what, scope, check in (("without openid", "offline_access urn:apple:platformsso", "outer.scope"), ("with a word like it", "openid2 offline_access", "outer.scope"),
                               ("in upper case", "OPENID offline_access", "outer.scope")):
        yield f"scope {what}", check, lambda l, w, s=scope: l.both("scope", s)
    for what, scope in (("in another order", "offline_access openid urn:apple:platformsso"), ("with one word more", "openid offline_access urn:apple:platformsso admin"),
                        ("with a blank more", "openid  offline_access urn:apple:platformsso")):
        yield f"inner scope {what}", "assertion.scope", lambda l, w, s=scope: l.inner.claims.__setitem__("scope", s)


def accepted(login):
    status, text = login.send()
    assert status == 200, (status, text)


def reused(login, world):
    before = world.login()
    accepted(before)
    login.request_id = before.request_id
    login.both("request_nonce", before.outer.claims["request_nonce"])


def bobs_with_my_nonces(mine, bobs):
    for name in ("nonce", "request_nonce", "scope"):
        bobs.inner.claims[name] = mine.outer.claims[name]
    mine.outer.claims["assertion"] = str(bobs.inner)


def in_bobs_login(login, world):
    bobs = world.login("bob", world.bobs, world.bobs_card)
    bobs.outer.claims["assertion"] = str(login.inner)
    adopt(login, bobs)


def adopt(login, other):
    """Sends another login instead."""
    login.__dict__.update(other.__dict__)


def itself(login):
    outer = login.outer.claims
    outer["assertion"] = "x"
    whole = str(login.outer)
    outer["assertion"] = whole


def only_inner(login):
    token = str(login.inner)
    login.request = lambda: token


def lived(claims, iat, exp):
    now = int(time.time())
    claims["iat"], claims["exp"] = now + iat, now + exp


def new_nonce(login, change):
    login.outer.claims["nonce"] = change(login.outer.claims["nonce"])
    login.crypto(apv=b64url(login.apv()))


def form_rows():
    """Requests that are none. There is no check for them, only an error of OAuth."""
    yield "no platform_sso_version", "invalid_request", lambda l, w: l.fields.pop("platform_sso_version")
    yield "platform_sso_version 3", "invalid_request", lambda l, w: l.fields.update(platform_sso_version="3.0")
    yield "no grant_type", "unsupported_grant_type", lambda l, w: l.fields.pop("grant_type")
    yield "grant_type authorization_code", "unsupported_grant_type", lambda l, w: l.fields.update(grant_type="authorization_code")
    yield "a field twice", "invalid_request", lambda l, w: setattr(l, "raw", l.body() + b"&grant_type=password")
    yield "the assertion twice", "invalid_request", lambda l, w: setattr(l, "raw", l.body() + b"&" + l.body().split(b"&")[-1])
    yield "no assertion", "invalid_request", lambda l, w: setattr(l, "raw", b"platform_sso_version=1.0&grant_type=" + l.fields["grant_type"].encode())
    yield "an empty assertion", "outer.format", lambda l, w: setattr(l, "request", lambda: "")
    yield "words", "outer.format", lambda l, w: setattr(l, "request", lambda: "let me in")
    yield "dots", "outer.format", lambda l, w: setattr(l, "request", lambda: "..")
    yield "a JWE", "outer.format", lambda l, w: setattr(l, "request", lambda: "e30.AA.AA.AA.AA")
    yield "a body of 200 KiB", "request_too_large", lambda l, w: setattr(l, "raw", l.body() + b"&x=" + b"a" * 200_000)


def rows():
    for group in (member_rows, signature_rows, algorithm_rows, certificate_rows, relation_rows, form_rows):
        yield from group()
