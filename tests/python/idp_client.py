"""A Platform SSO client that shares no code with pivkit: it logs in at pivkit-idp with a card in software.

    idp_client.py URL CARD_CERTIFICATE_PEM CARD_KEY_PEM USER [SPOIL]

jwcrypto signs the request, opens the response and verifies the id_token. Prints the id_token's claims as JSON.
SPOIL names one thing to do wrong (see SPOILS); then the answer must be a refusal, and its "check" is printed.
"""

import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwcrypto import jwe, jwk, jws

from platform_sso import (ASSERTION_TYP, JWT_BEARER, REQUEST_TYP, RESPONSE_TYP, b64, b64url, from_b64url, key_id, point,
                          prefixed)

SPOILS = {
    "embedded-nonce": lambda outer, embedded: embedded.update(nonce=str(uuid.uuid4()).upper()),
    "embedded-aud": lambda outer, embedded: embedded.update(aud="urn:somebody:else"),
    "embedded-exp": lambda outer, embedded: embedded.update(iat=embedded["iat"] - 900, exp=embedded["exp"] - 900),
    "embedded-sub": lambda outer, embedded: embedded.update(sub="bob", iss="bob"),
    "outer-aud": lambda outer, embedded: outer.update(aud="https://somebody.else/token"),
    "outer-nonce-reuse": lambda outer, embedded: None,
    "none": lambda outer, embedded: None,
}


def post(url, body, media_type, request_id, accept="application/json"):
    request = urllib.request.Request(url, data=body, method="POST", headers={
        "Content-Type": media_type, "Accept": accept, "client-request-id": request_id})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers.get_content_type(), answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get_content_type(), error.read().decode()


def form(**fields):
    return urllib.parse.urlencode(fields).encode()


FORM = "application/x-www-form-urlencoded"


def signed(header, claims, key):
    message = jws.JWS(json.dumps(claims))
    message.allowed_algs = [header["alg"]]
    message.add_signature(key, None, json.dumps(header), None)
    return message.serialize(compact=True)


class Device:
    def __init__(self):
        self.signing = jwk.JWK.generate(kty="EC", crv="P-256")
        self.encryption = jwk.JWK.generate(kty="EC", crv="P-256")

    @staticmethod
    def public(key):
        data = point(key.get_op_key("verify"))
        return {"x963": b64(data), "kid": key_id(data)}


def main():
    url, certificate, card_key, user = sys.argv[1:5]
    spoil = sys.argv[5] if len(sys.argv) > 5 else "none"
    with urllib.request.urlopen(url + "/psso.toml", timeout=30) as answer:
        # Every line of it is NAME = TEXT, where TOML and JSON write the same. (tomllib needs Python 3.11.)
        lines = (line.split(" = ", 1) for line in answer.read().decode().splitlines())
        config = {name: json.loads(value) for name, value in lines}
    with open(certificate, "rb") as file:
        certificate = x509.load_pem_x509_certificate(file.read())
    with open(card_key, "rb") as file:
        card_key = jwk.JWK.from_pem(file.read())

    device = Device()
    registration = {"schema_version": 1, "client_id": config["client_id"], "user": user,
                    "device_signing_key": device.public(device.signing),
                    "device_encryption_key": device.public(device.encryption), "attestation": None}
    request_id = str(uuid.uuid4()).upper()
    status, _, text = post(config["registration_endpoint"], json.dumps(registration).encode(), "application/json", request_id)
    assert status == 201, (status, text)

    status, _, text = post(config["nonce_endpoint"], form(grant_type="srv_challenge"), FORM, request_id)
    assert status == 200, (status, text)
    server_nonce = json.loads(text)["Nonce"]

    now = int(time.time())
    nonce = str(uuid.uuid4()).upper()
    shared = {"iat": now, "exp": now + 300, "nonce": nonce, "request_nonce": server_nonce,
              "scope": "openid offline_access urn:apple:platformsso"}
    embedded = {"iss": user, "sub": user, "aud": config["audience"], **shared}
    apv = prefixed(b"Apple", point(device.encryption.get_op_key("verify")), nonce.encode())
    outer = {"iss": config["client_id"], "client_id": config["client_id"], "sub": user, "username": user,
             "aud": config["token_endpoint"], "grant_type": JWT_BEARER,
             "jwe_crypto": {"alg": "ECDH-ES", "enc": "A256GCM", "apv": b64url(apv)}, **shared}
    SPOILS[spoil](outer, embedded)
    public_key = certificate.public_key()
    if isinstance(public_key, rsa.RSAPublicKey):
        algorithm, encoded = "RS256", public_key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    else:
        algorithm = {"secp256r1": "ES256", "secp384r1": "ES384"}[public_key.curve.name]
        encoded = point(public_key)
    outer["assertion"] = signed({"typ": ASSERTION_TYP, "alg": algorithm, "kid": key_id(encoded),
                                 "x5c": [b64(certificate.public_bytes(Encoding.DER))]}, embedded, card_key)
    request = signed({"typ": REQUEST_TYP, "alg": "ES256", "kid": device.public(device.signing)["kid"]}, outer, device.signing)

    body = form(platform_sso_version="1.0", grant_type=JWT_BEARER, assertion=request)
    for _ in range(2 if spoil == "outer-nonce-reuse" else 1):
        status, media_type, text = post(config["token_endpoint"], body, FORM, request_id, "application/" + RESPONSE_TYP)
    if spoil != "none":
        assert status == 401, (status, text)
        print(json.loads(text)["check"])
        return
    assert status == 200, (status, text)
    assert media_type == "application/" + RESPONSE_TYP, media_type

    message = jwe.JWE()
    message.allowed_algs = ["ECDH-ES", "A256GCM"]
    message.deserialize(text, device.encryption)
    header = json.loads(message.objects["protected"])
    epk = jwk.JWK(**header["epk"]).get_op_key("verify")
    assert from_b64url(header["apu"]) == prefixed(b"APPLE", point(epk)), header
    assert from_b64url(header["apv"]) == apv, header
    tokens = json.loads(message.payload)
    assert tokens["token_type"] == "Bearer" and tokens["refresh_token"] and tokens["refresh_token_expires_in"] > 0, tokens.keys()

    with urllib.request.urlopen(config["jwks_endpoint"], timeout=30) as answer:
        keys = jwk.JWKSet.from_json(answer.read().decode())
    id_token = jws.JWS()
    id_token.allowed_algs = ["ES256"]
    id_token.deserialize(tokens["id_token"])
    id_token.verify(keys.get_key(json.loads(id_token.objects["protected"])["kid"]))
    claims = json.loads(id_token.payload)
    assert (claims["iss"], claims["aud"], claims["nonce"]) == (config["issuer"], config["client_id"], nonce), claims
    assert claims["iat"] <= time.time() + 60 and claims["exp"] > time.time(), claims
    print(json.dumps(claims))


main()
