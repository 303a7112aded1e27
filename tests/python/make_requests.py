"""Requests of every kind, as a Mac would send them, from a device, a card and a user that are made here.

    make_requests.py CONFIG DIRECTORY

Shares no code with pivkit: jwcrypto signs, cryptography encrypts. Writes the requests and the keys to judge them by
(ca.pem, other-ca.pem, device-key.json, user-key.pem, password-key.pem, password.txt, refresh-token.txt), and prints one
JSON list: of each request its file, the arguments it needs, and the verdict, `accepted` or the check that must refuse it.
"""

import datetime
import json
import os
import struct
import sys
import time
import uuid

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from jwcrypto import jwk, jws

from platform_sso import ASSERTION_TYP, JWT_BEARER, REQUEST_TYP, b64, b64url, key_id, point, prefixed

REFRESH_TYP = "platformsso-refresh-request+jwt"
KEY_TYP = "platformsso-key-request+jwt"
PASSWORD_TYP = "platformsso-encrypted-login-assertion+jwt"
NOW = int(time.time())
NONCE = str(uuid.uuid4()).upper()


def authority(name):
    key = ec.generate_private_key(ec.SECP256R1())
    return key, certificate(name, key.public_key(), name, key, ca=True)


def certificate(subject, public_key, issuer, issuer_key, ca=False, upn=None):
    name = lambda text: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
    start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
    builder = (x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer)).public_key(public_key)
               .serial_number(x509.random_serial_number()).not_valid_before(start)
               .not_valid_after(start + datetime.timedelta(days=30))
               .add_extension(x509.BasicConstraints(ca=bool(ca), path_length=None), critical=True))
    if not ca:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    if ca:
        bits = dict.fromkeys(["content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
                              "encipher_only", "decipher_only"], False)
        usage = x509.KeyUsage(digital_signature=ca == "named so", key_cert_sign=ca != "named so", crl_sign=True, **bits)
        builder = builder.add_extension(usage, critical=True)
    if upn is not None:
        text = bytes([0x0C, len(upn)]) + upn.encode()
        other = x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), text)
        builder = builder.add_extension(x509.SubjectAlternativeName([other]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_pem(key):
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def signed(header, claims, key):
    message = jws.JWS(json.dumps({name: value for name, value in claims.items() if value is not None}))
    message.allowed_algs = [header["alg"]]
    message.add_signature(jwk.JWK.from_pem(pem(key)), None, json.dumps(header), None)
    return message.serialize(compact=True)


def der(certificate):
    return b64(certificate.public_bytes(Encoding.DER))


def kid(key):
    return key_id(point(key.public_key()))


def encrypted(claims, recipient, server_nonce):
    ephemeral = ec.generate_private_key(ec.SECP256R1())
    epk = ephemeral.public_key().public_numbers()
    apu = prefixed(b"APPLE", point(ephemeral.public_key()))
    apv = prefixed(b"APPLEEMBEDDED", point(recipient.public_key()), server_nonce.encode())
    header = {"typ": PASSWORD_TYP, "alg": "ECDH-ES", "enc": "A256GCM", "kid": kid(recipient), "apu": b64url(apu),
              "apv": b64url(apv), "epk": {"kty": "EC", "crv": "P-256", "x": b64url(epk.x.to_bytes(32, "big")),
                                          "y": b64url(epk.y.to_bytes(32, "big"))}}
    info = prefixed(b"A256GCM", apu, apv) + struct.pack(">I", 256)
    secret = ephemeral.exchange(ec.ECDH(), recipient.public_key())
    content_key = ConcatKDFHash(hashes.SHA256(), 32, info).derive(secret)
    head, iv = b64url(json.dumps(header).encode()), os.urandom(12)
    sealed = AESGCM(content_key).encrypt(iv, json.dumps(claims).encode(), head.encode())
    return ".".join([head, "", b64url(iv), b64url(sealed[:-16]), b64url(sealed[-16:])])


def main():
    config_file, directory = sys.argv[1:3]
    with open(config_file) as file:
        lines = (line.split(" = ", 1) for line in file.read().splitlines() if " = " in line and line[0] != "#")
        config = {name: json.loads(value.strip()) for name, value in lines}

    new = lambda: ec.generate_private_key(ec.SECP256R1())
    signing, encryption, enclave, card, stranger, password_key = (new() for _ in range(6))
    rsa_card = rsa.generate_private_key(65537, 2048)
    ca_key, ca = authority("ca")
    _, other_ca = authority("other")
    leaf_key = new()
    leaf = certificate("leaf", leaf_key.public_key(), "ca", ca_key)
    unable_key = new()
    unable = certificate("unable", unable_key.public_key(), "unable", unable_key, ca="named so")
    by_leaf = certificate("alice", card.public_key(), "leaf", leaf_key, upn="alice")
    by_unable = certificate("alice", card.public_key(), "unable", unable_key, upn="alice")
    alice = certificate("Alice A.", card.public_key(), "ca", ca_key, upn="alice")
    alice_named = certificate("alice", card.public_key(), "ca", ca_key)
    alice_corp = certificate("x", card.public_key(), "ca", ca_key, upn="alice@corp.example")
    bob_as_alice = certificate("alice", card.public_key(), "ca", ca_key, upn="bob@corp.example")
    alice_rsa = certificate("Alice A.", rsa_card.public_key(), "ca", ca_key, upn="alice")
    bob = certificate("bob", card.public_key(), "ca", ca_key, upn="bob")

    shared = {"iat": NOW, "exp": NOW + 300, "nonce": NONCE, "request_nonce": "R1"}
    scope = "openid offline_access urn:apple:platformsso"
    apv = prefixed(b"Apple", point(encryption.public_key()), NONCE.encode())
    crypto = {"alg": "ECDH-ES", "enc": "A256GCM", "apv": b64url(apv)}
    device = {"iss": config["client_id"], "jwe_crypto": crypto, **shared}
    inner = {"iss": "alice", "sub": "alice", "aud": config["audience"], "scope": scope, **shared}

    def request(typ, claims, header={}, key=signing):
        return signed({"typ": typ, "alg": "ES256", "kid": kid(signing), **header}, {**device, **claims}, key)

    def login(assertion, header={}, key=signing, **claims):
        return request(REQUEST_TYP, {"client_id": config["client_id"], "sub": "alice", "username": "alice",
                                     "aud": config["token_endpoint"], "scope": scope, "grant_type": JWT_BEARER,
                                     "assertion": assertion, **claims}, header, key)

    def assertion(key=card, leaf=alice, header={}, **claims):
        head = {"typ": ASSERTION_TYP, "alg": "ES256", "kid": kid(card)}
        if leaf is not None:
            head["x5c"] = [der(leaf)]
        return signed({**head, **header}, {**inner, **claims}, key)

    def refresh(**claims):
        return request(REFRESH_TYP, {"client_id": config["client_id"], "aud": config["token_endpoint"], "scope": scope,
                                     "grant_type": "refresh_token", "refresh_token": "T1", **claims})

    def key_service(**claims):
        return request(KEY_TYP, {"version": "1.0", "request_type": "key_request", "key_purpose": "user_unlock",
                                 "sub": "alice", "username": "alice", "refresh_token": "T1", **claims})

    def password(text, nonce="R1"):
        return login(encrypted({**inner, "password": text}, password_key, nonce))

    rsa_id = key_id(rsa_card.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1))
    by_rsa = assertion(rsa_card, alice_rsa, {"alg": "RS256", "kid": rsa_id})
    own = assertion(enclave, None, {"kid": kid(enclave)})
    unpadded = kid(signing).rstrip("=").replace("+", "-").replace("/", "_")
    lower = NONCE.lower()
    msal = {**crypto, "apv": b64url(prefixed(b"MsalClient", point(encryption.public_key()), NONCE.encode()))}
    trust, user = ["--trust-ca", "ca.pem"], ["--user-key", "user-key.pem"]
    secret = ["--decryption-key", "password-key.pem", "--password-file", "password.txt"]
    token = ["--refresh-token-file", "refresh-token.txt"]
    exchange = {"request_type": "key_exchange", "other_publickey": b64(point(stranger.public_key()))}
    cases = [
        # As documented.
        ("login", login(assertion()), trust, "accepted"),
        ("login-nonce", login(assertion()), trust + ["--request-nonce", "R1"], "accepted"),
        ("login-strict", login(assertion()), trust + ["--strict"], "accepted"),
        ("login-named", login(assertion(leaf=alice_named)), trust + ["--binding", "common-name"], "accepted"),
        ("login-corp", login(assertion(leaf=alice_corp)), trust + ["--binding", "upn-name"], "accepted"),
        ("login-rsa", login(by_rsa), trust, "accepted"),
        ("login-enclave", login(own), user, "accepted"),
        ("login-password", login(None, grant_type="password", password="correct horse"), secret, "accepted"),
        ("login-encrypted", password("correct horse"), secret, "accepted"),
        ("refresh", refresh(), token, "accepted"),
        ("key-request", key_service(), token, "accepted"),
        ("key-exchange", key_service(**exchange), token, "accepted"),
        # As seen in the field.
        ("x5c-string", login(assertion(header={"x5c": der(alice)})), trust, "accepted"),
        ("times-as-text", login(assertion(), iat=str(NOW), exp=str(NOW + 300)), trust, "accepted"),
        ("kid-base64url", login(assertion(), {"kid": unpadded}), trust, "accepted"),
        ("typ-of-13", login(assertion(), {"typ": "JWT"}), trust, "accepted"),
        ("typ-misprint", login(assertion(), {"typ": ASSERTION_TYP}), trust, "accepted"),
        ("msal", login(assertion(), jwe_crypto=msal), trust, "accepted"),
        ("x5c-string-strict", login(assertion(header={"x5c": der(alice)})), trust + ["--strict"], "assertion.x5c"),
        ("no-iss-no-sub", login(assertion(), iss=None, sub=None), trust, "accepted"),
        ("no-iss-strict", login(assertion(), iss=None), trust + ["--strict"], "iss"),
        ("no-sub-strict", login(assertion(), sub=None), trust + ["--strict"], "sub"),
        ("two-proofs", login(assertion(), password="correct horse"), trust, "accepted"),
        ("two-proofs-strict", login(assertion(), password="correct horse"), trust + ["--strict"], "password"),
        ("kid-base64url-strict", login(assertion(), {"kid": unpadded}), trust + ["--strict"], "kid"),
        # Wrong.
        ("another-device", login(assertion(), key=stranger), trust, "signature"),
        ("unknown-device", login(assertion(), {"kid": kid(stranger)}), trust, "kid"),
        ("another-nonce", login(assertion()), trust + ["--request-nonce", "R2"], "request_nonce"),
        ("another-client", login(assertion(), iss="x", client_id="x"), trust, "client_id"),
        ("another-server", login(assertion(), aud="https://other.example/token"), trust, "aud"),
        ("no-username", login(assertion(), username=None), trust, "username"),
        ("key-no-sub", key_service(sub=None), token, "sub"),
        ("key-no-username", key_service(username=None), token, "username"),
        ("expired", login(assertion(), iat=NOW - 900, exp=NOW - 600), trust, "exp"),
        ("from-tomorrow", login(assertion(), iat=NOW + 86400, exp=NOW + 86700), trust, "iat"),
        ("spliced-nonce", login(assertion(nonce=lower)), trust, "assertion.nonce"),
        ("spliced-server-nonce", login(assertion(request_nonce="R0")), trust, "assertion.request_nonce"),
        ("spliced-user", login(assertion(iss="bob", sub="bob")), trust, "assertion.sub"),
        ("another-audience", login(assertion(aud="urn:b")), trust, "assertion.aud"),
        ("another-card", login(assertion(stranger)), trust, "assertion.signature"),
        ("bobs-certificate", login(assertion(leaf=bob)), trust, "assertion.x5c.trust"),
        ("bobs-upn", login(assertion(leaf=bob_as_alice)), trust, "assertion.x5c.trust"),
        ("alices-name-only", login(assertion(leaf=alice_named)), trust, "assertion.x5c.trust"),
        ("another-domain", login(assertion(leaf=alice_corp)), trust, "assertion.x5c.trust"),
        ("a-leaf-issued-it", login(assertion(leaf=by_leaf)), ["--trust-ca", "leaf.pem"], "assertion.x5c.trust"),
        ("no-key-cert-sign", login(assertion(leaf=by_unable)), ["--trust-ca", "unable.pem"], "assertion.x5c.trust"),
        ("ten-years", login(assertion(), exp=NOW + 300000000), trust, "exp"),
        ("another-authority", login(assertion()), ["--trust-ca", "other-ca.pem"], "assertion.x5c.trust"),
        ("no-certificate", login(assertion(leaf=None)), trust, "assertion.x5c"),
        ("unknown-enclave", login(own), trust, "assertion.x5c"),
        ("another-enclave", login(assertion(stranger, None, {"kid": kid(enclave)})), user, "assertion.signature"),
        ("wrong-password", login(None, grant_type="password", password="wrong"), secret, "password"),
        ("wrong-encrypted", password("wrong"), secret, "assertion.password"),
        ("old-encrypted", password("correct horse", "R0"), secret, "assertion.apv"),
        ("hpke", login(assertion(), jwe_crypto={"alg": "HPKE-P256-SHA256-A256GCM", "enc": "dir"}), trust, "jwe_crypto"),
        ("wrong-refresh", refresh(refresh_token="T2"), token, "refresh_token"),
        ("key-gift", key_service(request_type="key_gift"), token, "request_type"),
        ("key-off-curve", key_service(**{**exchange, "other_publickey": b64(b"\x04" * 65)}), token, "other_publickey"),
        ("an-assertion", assertion(), trust, "typ"),
        # Nobody said who the user is.
        ("unknown-password", login(None, grant_type="password", password="correct horse"), [], None),
        ("unknown-refresh", refresh(), [], None),
        ("nobody-vouches", login(assertion()), [], None),
    ]

    def write(name, content, mode=0o644):
        with open(os.path.join(directory, name), "wb") as file:
            file.write(content)
        os.chmod(os.path.join(directory, name), mode)

    public = lambda key: {"x963": b64(point(key.public_key())), "kid": kid(key)}
    write("ca.pem", ca.public_bytes(Encoding.PEM))
    write("leaf.pem", leaf.public_bytes(Encoding.PEM))
    write("unable.pem", unable.public_bytes(Encoding.PEM))
    write("other-ca.pem", other_ca.public_bytes(Encoding.PEM))
    write("device-key.json", json.dumps({"schema_version": 1, "device_signing_key": public(signing),
                                         "device_encryption_key": public(encryption)}).encode())
    write("user-key.pem", public_pem(enclave))
    # What follows the first line is not part of it.
    write("password-key.pem", pem(password_key), 0o600)
    write("password.txt", b"correct horse\nthe old one\n", 0o600)
    write("refresh-token.txt", b"T1\n", 0o600)
    for name, message, _, _ in cases:
        write(name + ".jwt", message.encode())
    print(json.dumps([{"file": name + ".jwt", "args": args, "verdict": verdict} for name, _, args, verdict in cases]))


main()
