"""A login in pieces, to be changed at will before it is put together: straight from the primitives of `cryptography`, so that
nothing stands in the way of what no JOSE library would write."""

import datetime
import hmac
import json
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from platform_sso import (ASSERTION_TYP, JWT_BEARER, REQUEST_TYP, UPN, b64, b64url, from_b64url, key_from_point, key_id, point,
                          prefixed)

FORM = "application/x-www-form-urlencoded"
HASHES = {"RS256": SHA256, "RS384": SHA384, "RS512": SHA512}
_RSA_KEYS = []
# Stands where the assertion goes, until the request is put together.
EMBEDDED = "(the assertion)"


class Pairs(list):
    """The members of a JSON object in their order, where a name may occur twice."""

    def __init__(self, **members):
        super().__init__([name, value] for name, value in members.items())

    def __getitem__(self, name):
        return next(value for found, value in self if found == name)

    def __setitem__(self, name, value):
        for pair in self:
            if pair[0] == name:
                pair[1] = value
                return
        self.append([name, value])

    def remove(self, name):
        super().__setitem__(slice(None), [pair for pair in self if pair[0] != name])

    def again(self, name, value):
        self.append([name, value])

    def json(self):
        return ("{" + ",".join(f"{json.dumps(name)}:{json.dumps(value)}" for name, value in self) + "}").encode()


def ec_key(curve=None):
    return ec.generate_private_key(curve or ec.SECP256R1())


def rsa_key(number=0):
    """One of two keys for all cases: making one takes a while."""
    while len(_RSA_KEYS) <= number:
        _RSA_KEYS.append(rsa.generate_private_key(65537, 2048))
    return _RSA_KEYS[number]


def algorithm_of(key):
    if isinstance(key, rsa.RSAPrivateKey):
        return "RS256"
    return {"secp256r1": "ES256", "secp384r1": "ES384"}[key.curve.name]


def signature(key, algorithm, message):
    """As JOSE writes it (RFC 7518 3.3 and 3.4)."""
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(message, padding.PKCS1v15(), HASHES.get(algorithm, SHA256)())
    size = key.curve.key_size // 8
    digest = SHA384() if size == 48 else SHA256()
    r, s = utils.decode_dss_signature(key.sign(message, ec.ECDSA(digest)))
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def kid_of(key):
    public = key.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        return key_id(public.public_bytes(Encoding.DER, PublicFormat.PKCS1))
    return key_id(point(public))


class Token:
    """A compact JWS in the making. `sign` makes the third part of the first two; `finish` changes the whole."""

    def __init__(self, header, claims, key):
        self.header, self.claims, self.key = header, claims, key
        self.payload = None
        self.sign = None
        self.finish = None

    def __str__(self):
        payload = self.claims.json() if self.payload is None else self.payload
        signed = f"{b64url(self.header.json())}.{b64url(payload)}"
        if self.sign:
            made = self.sign(signed.encode())
        else:
            made = signature(self.key, dict(self.header).get("alg"), signed.encode())
        token = f"{signed}.{b64url(made)}"
        return self.finish(token) if self.finish else token


class Device:
    def __init__(self):
        self.signing, self.encryption = ec_key(), ec_key()

    def registration(self, client_id, user, user_key=None):
        def public(key):
            return {"x963": b64(point(key.public_key())), "kid": kid_of(key)}
        more = {"user_key": public(user_key)} if user_key else {}
        return {**more, "schema_version": 1, "client_id": client_id, "user": user, "device_signing_key": public(self.signing),
                "device_encryption_key": public(self.encryption), "attestation": None}


class Card:
    """A key and a certificate; what is not said is as it should be."""

    def __init__(self, authority, upn="alice@example.test", key=None, subject="Alice Example", days=(-1, 30), usages=None,
                 key_usage=("digital_signature",), upns=None, mail=None, more=(), issuer=None, issuer_key=None):
        self.key = key or ec_key()
        now = datetime.datetime.now(datetime.timezone.utc)
        certificate = (x509.CertificateBuilder()
                       .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
                       .issuer_name(issuer or authority.certificate.subject)
                       .public_key(self.key.public_key()).serial_number(x509.random_serial_number())
                       .not_valid_before(now + datetime.timedelta(days[0])).not_valid_after(now + datetime.timedelta(days[1])))
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH] if usages is None else [ObjectIdentifier(usage) for usage in usages]
        if usages:
            certificate = certificate.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        if key_usage is not None:
            names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
                     "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
            certificate = certificate.add_extension(x509.KeyUsage(**{name: name in key_usage for name in names}), critical=True)
        upns = [upn] if upns is None else upns
        names = [x509.OtherName(ObjectIdentifier(UPN), b"\x0c" + bytes([len(name)]) + name.encode()) for name in upns]
        names += [x509.RFC822Name(mail)] if mail else []
        if names:
            certificate = certificate.add_extension(x509.SubjectAlternativeName(names), critical=False)
        for oid, value, critical in more:
            certificate = certificate.add_extension(x509.UnrecognizedExtension(ObjectIdentifier(oid), value), critical=critical)
        self.certificate = certificate.sign(issuer_key or authority.key, SHA256())
        self.der = self.certificate.public_bytes(Encoding.DER)
        self.kid = kid_of(self.key)


class Authority:
    def __init__(self, certificate, key):
        with open(certificate, "rb") as file:
            self.certificate = x509.load_pem_x509_certificate(file.read())
        with open(key, "rb") as file:
            self.key = load_pem_private_key(file.read(), None)


class World:
    """A running pivkit-idp with the users alice and bob, a device for each, and cards."""

    def __init__(self, url, authority):
        self.url, self.authority = url, authority
        with urllib.request.urlopen(url + "/psso.toml", timeout=30) as answer:
            lines = (line.split(" = ", 1) for line in answer.read().decode().splitlines() if " = " in line)
            self.config = {name: json.loads(value) for name, value in lines if value.startswith('"')}
        self.alices, self.bobs = Device(), Device()
        self.card, self.bobs_card = Card(authority), Card(authority, "bob@example.test", subject="Bob")
        self.rsa_card = Card(authority, key=rsa_key())
        self.p384_card = Card(authority, key=ec_key(ec.SECP384R1()))
        self.register(self.alices, "alice")
        self.register(self.bobs, "bob")

    def register(self, device, user, user_key=None):
        document = device.registration(self.config["client_id"], user, user_key)
        status, text = self.post(self.config["registration_endpoint"], json.dumps(document).encode(), "application/json")
        assert status == 201, (status, text)

    @staticmethod
    def post(url, body, media_type=FORM, request_id=None):
        headers = {"Content-Type": media_type}
        if request_id is not None:
            headers["client-request-id"] = request_id
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body, headers, method="POST"), timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def nonce(self, request_id=None):
        status, text = self.post(self.config["nonce_endpoint"], b"grant_type=srv_challenge", request_id=request_id)
        assert status == 200, (status, text)
        return json.loads(text)["Nonce"]

    def login(self, user="alice", device=None, card=None):
        return Login(self, user, device or self.alices, card or self.card)


class Login:
    """A login that is right in every point, until somebody changes it."""

    endpoint = "token_endpoint"

    def __init__(self, world, user, device, card):
        self.world, self.device = world, device
        self.request_id = str(uuid.uuid4()).upper()
        config, now, nonce = world.config, int(time.time()), str(uuid.uuid4()).upper()
        shared = {"iat": now, "exp": now + 300, "nonce": nonce, "request_nonce": world.nonce(self.request_id),
                  "scope": "openid offline_access urn:apple:platformsso"}
        self.inner = Token(Pairs(typ=ASSERTION_TYP), Pairs(iss=user, sub=user, aud=config["audience"], **shared), None)
        self.use(card)
        self.outer = Token(
            Pairs(typ=REQUEST_TYP, alg="ES256", kid=kid_of(device.signing)),
            Pairs(iss=config["client_id"], client_id=config["client_id"], sub=user, username=user, aud=config["token_endpoint"],
                  grant_type=JWT_BEARER, jwe_crypto={}, assertion=EMBEDDED, **shared),
            device.signing)
        self.outer.claims["jwe_crypto"] = {"alg": "ECDH-ES", "enc": "A256GCM", "apv": b64url(self.apv())}
        self.fields = {"platform_sso_version": "1.0", "grant_type": JWT_BEARER}
        self.raw = None

    def use(self, card):
        """Signs the assertion with this card."""
        self.inner.key = card.key
        for name, value in (("alg", algorithm_of(card.key)), ("kid", card.kid), ("x5c", [b64(card.der)])):
            self.inner.header[name] = value

    def apv(self, device=None, nonce=None, prefix=b"Apple"):
        nonce = nonce or self.outer.claims["nonce"]
        return prefixed(prefix, point((device or self.device).encryption.public_key()), nonce.encode())

    def crypto(self, **changes):
        self.outer.claims["jwe_crypto"] = {**self.outer.claims["jwe_crypto"], **changes}

    def both(self, name, value):
        """Changes a claim in both tokens."""
        self.outer.claims[name] = value
        self.inner.claims[name] = value

    def request(self):
        for pair in self.outer.claims:
            if pair[1] is EMBEDDED:
                pair[1] = str(self.inner)
        return str(self.outer)

    def body(self):
        """What is posted. Made once: a signature is different each time."""
        if self.raw is None:
            self.raw = urllib.parse.urlencode({**self.fields, "assertion": self.request()}).encode()
        return self.raw

    def send(self):
        return self.world.post(self.world.config[self.endpoint], self.body(), request_id=self.request_id)

    def tokens(self):
        """Logs in, and opens the answer as the device: ECDH-ES and A256GCM from the primitives (RFC 7518 4.6)."""
        status, text = self.send()
        assert status == 200, (status, text)
        header, _, iv, ciphertext, tag = text.split(".")
        members = json.loads(from_b64url(header))
        epk = key_from_point(b"\4" + from_b64url(members["epk"]["x"]) + from_b64url(members["epk"]["y"]))
        z = self.device.encryption.exchange(ec.ECDH(), epk)
        info = prefixed(b"A256GCM", from_b64url(members["apu"]), self.apv()) + (256).to_bytes(4, "big")
        key = ConcatKDFHash(SHA256(), 32, info).derive(z)
        return json.loads(AESGCM(key).decrypt(from_b64url(iv), from_b64url(ciphertext) + from_b64url(tag), header.encode()))


def hs256(secret):
    return lambda message: hmac.new(secret, message, "sha256").digest()
