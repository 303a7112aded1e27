"""An identity provider that shares no code with pivkit: it verifies a login request with jwcrypto, and answers it.

    stand_in_idp.py DEVICE_KEYS_JSON CA_PEM

DEVICE_KEYS_JSON is the output of `pivkit psso keys --json`. Prints where it listens, and one line of JSON for every login:
{"accepted": true, "alg": ..., "kid": ..., "outer": {...}, "embedded": {...}} or {"accepted": false, "why": "..."}.
"""

import base64
import http.server
import json
import os
import sys
import time
import urllib.parse
import uuid

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwcrypto import jwk, jws, jwt

from platform_sso import (ASSERTION_TYP, JWT_BEARER, REQUEST_TYP, RESPONSE_TYP, UPN, b64url, from_b64url,
                          key_from_point, key_id, point, prefixed)

AUDIENCE = "urn:stand-in:psso"
CLIENT_ID = "stand-in-client"
SCOPE = "openid offline_access urn:apple:platformsso"


class Refused(Exception):
    pass


def require(condition, why):
    if not condition:
        raise Refused(why)


def equal(what, found, wanted):
    require(found == wanted, f"{what} is {found!r} and not {wanted!r}")


def public_jwk(public_key):
    return jwk.JWK.from_pem(public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def verified(token, public_key, algorithms):
    """The claims of a JWS that jwcrypto verifies."""
    message = jws.JWS()
    message.allowed_algs = algorithms
    message.deserialize(token)
    message.verify(public_jwk(public_key))
    return json.loads(message.payload)


def header_of(token):
    require(token.count(".") == 2, "not a compact JWS")
    return json.loads(from_b64url(token.split(".")[0]))


class StandIn:
    def __init__(self, device_keys, authority):
        self.signing = base64.b64decode(device_keys["device_signing_key"]["x963"])
        self.encryption = base64.b64decode(device_keys["device_encryption_key"]["x963"])
        for name in ("device_signing_key", "device_encryption_key"):
            key = device_keys[name]
            equal("kid of " + name, key["kid"], key_id(base64.b64decode(key["x963"])))
        self.authority = authority
        self.key = jwk.JWK.generate(kty="EC", crv="P-256", kid="stand-in-1", use="sig", alg="ES256")
        self.nonces = set()
        self.url = None

    def configuration(self):
        return "".join(f'{name} = "{value}"\n' for name, value in {
            "issuer": self.url, "client_id": CLIENT_ID, "audience": AUDIENCE, "nonce_endpoint": self.url + "/nonce",
            "token_endpoint": self.url + "/token", "jwks_endpoint": self.url + "/jwks"}.items())

    def new_nonce(self):
        nonce = b64url(os.urandom(32))
        self.nonces.add(nonce)
        return nonce

    def verify(self, form):
        """The checks of an identity provider, from the outside in; returns (header, outer, header, embedded)."""
        equal("grant_type", form["grant_type"], [JWT_BEARER])
        equal("platform_sso_version", form["platform_sso_version"], ["1.0"])
        (request,) = form["assertion"]
        header = header_of(request)
        equal("typ", header["typ"], REQUEST_TYP)
        equal("kid", header["kid"], key_id(self.signing))
        outer = verified(request, key_from_point(self.signing), ["ES256"])
        require(outer["request_nonce"] in self.nonces, "the nonce is not ours")
        self.nonces.remove(outer["request_nonce"])
        for name, wanted in (("iss", CLIENT_ID), ("client_id", CLIENT_ID), ("aud", self.url + "/token"),
                             ("grant_type", JWT_BEARER), ("scope", SCOPE)):
            equal("outer " + name, outer[name], wanted)
        equal("username", outer["username"], outer["sub"])
        equal("nonce", outer["nonce"], str(uuid.UUID(outer["nonce"])).upper())
        equal("jwe_crypto", outer["jwe_crypto"], {
            "alg": "ECDH-ES", "enc": "A256GCM",
            "apv": b64url(prefixed(b"Apple", self.encryption, outer["nonce"].encode()))})

        assertion = outer["assertion"]
        inner_header = header_of(assertion)
        equal("typ of the assertion", inner_header["typ"], ASSERTION_TYP)
        (leaf,) = inner_header["x5c"]
        leaf = x509.load_der_x509_certificate(base64.b64decode(leaf))
        leaf.verify_directly_issued_by(self.authority)
        public_key = leaf.public_key()
        if isinstance(public_key, rsa.RSAPublicKey):
            algorithm = {2048: "RS256", 3072: "RS384", 4096: "RS512"}[public_key.key_size]
            encoded = public_key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
        else:
            algorithm = {"secp256r1": "ES256", "secp384r1": "ES384"}[public_key.curve.name]
            encoded = point(public_key)
        equal("alg of the assertion", inner_header["alg"], algorithm)
        equal("kid of the assertion", inner_header["kid"], key_id(encoded))
        embedded = verified(assertion, public_key, [algorithm])
        for name, wanted in (("iss", outer["sub"]), ("sub", outer["sub"]), ("aud", AUDIENCE), ("nonce", outer["nonce"]),
                             ("request_nonce", outer["request_nonce"]), ("scope", outer["scope"])):
            equal("embedded " + name, embedded[name], wanted)
        for claims in (outer, embedded):
            require(abs(claims["iat"] - time.time()) < 60, "iat is not now")
            equal("lifetime", claims["exp"] - claims["iat"], 300)
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        upns = [name.value for name in names.get_values_for_type(x509.OtherName) if name.type_id.dotted_string == UPN]
        equal("user principal names", [upn.split(b"@")[0][2:].decode() for upn in upns], [outer["sub"]])
        return inner_header, outer, embedded

    def answer(self, outer):
        """The login response: ECDH-ES and A256GCM straight from the primitives (RFC 7518 4.6)."""
        now = int(time.time())
        token = jwt.JWT(header={"alg": "ES256", "kid": "stand-in-1", "typ": "JWT"}, claims={
            "iss": self.url, "aud": CLIENT_ID, "sub": outer["sub"], "nonce": outer["nonce"], "iat": now, "exp": now + 600,
            "preferred_username": outer["sub"]})
        token.make_signed_token(self.key)
        plaintext = json.dumps({"id_token": token.serialize(), "refresh_token": b64url(os.urandom(32)),
                                "refresh_token_expires_in": 3600, "token_type": "Bearer"}).encode()
        ephemeral = ec.generate_private_key(ec.SECP256R1())
        epk = point(ephemeral.public_key())
        apu, apv = prefixed(b"APPLE", epk), from_b64url(outer["jwe_crypto"]["apv"])
        z = ephemeral.exchange(ec.ECDH(), key_from_point(self.encryption))
        info = prefixed(b"A256GCM", apu, apv) + (256).to_bytes(4, "big")
        cek = ConcatKDFHash(SHA256(), 32, info).derive(z)
        header = b64url(json.dumps({
            "typ": RESPONSE_TYP, "alg": "ECDH-ES", "enc": "A256GCM", "apu": b64url(apu),
            "epk": {"kty": "EC", "crv": "P-256", "x": b64url(epk[1:33]), "y": b64url(epk[33:])}}).encode())
        iv = os.urandom(12)
        sealed = AESGCM(cek).encrypt(iv, plaintext, header.encode())
        return ".".join([header, "", b64url(iv), b64url(sealed[:-16]), b64url(sealed[-16:])])


class Handler(http.server.BaseHTTPRequestHandler):
    stand_in = None

    def do_GET(self):
        if self.path == "/psso.toml":
            self.reply(200, "application/toml", self.stand_in.configuration())
        elif self.path == "/jwks":
            keys = {"keys": [self.stand_in.key.export_public(as_dict=True)]}
            self.reply(200, "application/json", json.dumps(keys))
        else:
            self.reply(404, "text/plain", "not here")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = urllib.parse.parse_qs(body, strict_parsing=True)
        if self.path == "/nonce" and form == {"grant_type": ["srv_challenge"]}:
            self.reply(200, "application/json", json.dumps({"Nonce": self.stand_in.new_nonce()}))
        elif self.path == "/token":
            self.token(form)
        else:
            self.reply(404, "text/plain", "not here")

    def token(self, form):
        try:
            header, outer, embedded = self.stand_in.verify(form)
        except Exception as error:  # whatever is wrong with it, it is refused
            print(json.dumps({"accepted": False, "why": f"{type(error).__name__}: {error}"}), flush=True)
            self.reply(401, "application/json", json.dumps({"error": "invalid_grant", "error_description": str(error)}))
            return
        print(json.dumps({"accepted": True, "alg": header["alg"], "kid": header["kid"], "outer": outer,
                          "embedded": embedded}), flush=True)
        self.reply(200, f"application/{RESPONSE_TYP}; charset=utf-8", self.stand_in.answer(outer))

    def reply(self, status, media_type, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        device_keys = json.load(file)
    with open(sys.argv[2], "rb") as file:
        authority = x509.load_pem_x509_certificate(file.read())
    Handler.stand_in = StandIn(device_keys, authority)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Handler.stand_in.url = f"http://127.0.0.1:{server.server_port}"
    print(f"stand-in identity provider listening on {Handler.stand_in.url}", flush=True)
    server.serve_forever()


main()
