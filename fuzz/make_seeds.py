"""Writes fuzz/seeds anew, from the vectors in tests/data and crates/*/tests/data. Run it when a target or a vector changes.

    python3 fuzz/make_seeds.py
"""

import base64
import json
import os
import struct

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
NOW = 1_800_000_000
NONCE = "DDF68171-409D-4E2C-91F0-9E42D7745365"
# Bob of RFC 7518 appendix C, the receiver of src/tokens.rs.
X, Y = "weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ", "e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck"


def from_url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def to_url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def write(target, name, data):
    folder = os.path.join(ROOT, "fuzz", "seeds", target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as file:
        file.write(data)


def read(*path):
    with open(os.path.join(ROOT, *path), "rb") as file:
        return file.read()


def tokens():
    apple = json.loads(read("tests", "data", "psso.json"))
    rfc = json.loads(read("crates", "jose", "tests", "data", "rfc.json"))
    login = apple["apple_login_request_with_keys"]
    jws = {"apple-assertion": apple["smartcard_embedded_assertion"]["jws"], "apple-login": login["login_request_jws"],
           **{name: value["jws"] for name, value in rfc.items() if "jws" in value}}
    jwe = {"apple-response": login["login_response_jwe"], **{name: value["jwe"] for name, value in rfc.items() if "jwe" in value}}
    for name, token in {**jws, **jwe}.items():
        parts = b"p" + b"\xff".join(from_url(part) for part in token.split("."))
        for target in ["jws_parse", "psso_inspect", "psso_verify"] if name in jws else ["jwe_parse", "psso_inspect"]:
            write(target, name, b"r" + token.encode())
            write(target, name + "-parts", parts)
    write("login_response", "apple-response", b"r" + login["login_response_jwe"].encode())
    write("jws_parse", "jwks", b"r" + json.dumps({"keys": [{"kty": "EC", "crv": "P-256", "x": X, "y": Y, "kid": "1"}]}).encode())


def messages():
    point = b"\x04" + from_url(X) + from_url(Y)
    prefixed = lambda *parts: b"".join(struct.pack(">I", len(part)) + part for part in parts)
    crypto = {"alg": "ECDH-ES", "enc": "A256GCM", "apv": to_url(prefixed(b"Apple", point, NONCE.encode()))}
    device = {"iss": "c1", "iat": NOW, "exp": NOW + 300, "nonce": NONCE, "request_nonce": "R1", "jwe_crypto": crypto}
    scope = "openid offline_access urn:apple:platformsso"
    login = {**device, "client_id": "c1", "sub": "alice", "username": "alice", "aud": "https://idp.example/token", "scope": scope,
             "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}
    inner = {"iss": "alice", "sub": "alice", "aud": "urn:a", "iat": NOW, "exp": NOW + 300, "nonce": NONCE,
             "request_nonce": "R1", "scope": scope}
    key = {**device, "version": "1.0", "request_type": "key_request", "key_purpose": "user_unlock", "sub": "alice",
           "username": "alice", "refresh_token": "T1"}
    text = lambda value: json.dumps(value, separators=(",", ":")).encode()
    part = lambda typ, *claims: b"s" + b"\xff".join([text({"typ": typ}), *map(text, claims)])
    requests = {
        "login": part("platformsso-login-request+jwt", login, inner),
        "login-of-13": part("JWT", {**login, "iat": str(NOW)}, inner),
        "password": part("platformsso-login-request+jwt", {**login, "grant_type": "password", "password": "correct horse"}),
        "refresh": part("platformsso-refresh-request+jwt",
                        {**device, "client_id": "c1", "aud": "https://idp.example/token", "scope": scope,
                         "grant_type": "refresh_token", "refresh_token": "T1"}),
        "key-request": part("platformsso-key-request+jwt", key),
        "key-exchange": part("platformsso-key-request+jwt",
                             {**key, "request_type": "key_exchange", "key_context": "opaque",
                              "other_publickey": base64.b64encode(point).decode()}),
    }
    for name, data in requests.items():
        write("psso_verify", name, data)
        write("psso_inspect", name, data)
    ticket = {"realm": "EXAMPLE", "serviceName": "krbtgt/EXAMPLE", "clientName": "alice", "encryptionKeyType": 18,
              "messageBuffer": base64.b64encode(b"AS-REP").decode(), "sessionKey": base64.b64encode(b"k" * 32).decode()}
    tokens = {"token_type": "Bearer", "id_token": "eyJhbGciOiJFUzI1NiIsImtpZCI6IjEifQ.e30.AAAA", "refresh_token": "T2",
              "refresh_token_expires_in": 3600, "login_tgt": ticket}
    answers = {
        "tokens": tokens,
        "tokens-as-text": {**tokens, "refresh_token_expires_in": "3600"},
        "key": {"key": base64.b64encode(b"k" * 32).decode(), "iat": NOW, "exp": NOW + 300, "key_context": "opaque"},
        "certificate": {"certificate": to_url(card_certificate()), "iat": NOW, "exp": NOW + 300},
    }
    for name, answer in answers.items():
        for target in ["psso_inspect", "jwe_parse", "login_response"]:
            write(target, name, b"c" + text(answer))
    write("psso_inspect", "nonce", b'r{"Nonce":"AwABAAAA"}')


def card_certificate():
    pem = read("crates", "psso", "tests", "data", "p256.crt").decode()
    return base64.b64decode("".join(line for line in pem.splitlines() if not line.startswith("-")))


def tlv(tag, value):
    length = len(value)
    size = bytes([length]) if length < 128 else b"\x81" + bytes([length]) if length < 256 else b"\x82" + struct.pack(">H", length)
    return bytes.fromhex(tag) + size + value


def card():
    der = card_certificate()
    for name in ["p256", "p384", "rsa2048"]:
        pem = read("crates", "psso", "tests", "data", name + ".crt")
        write("certificate", name + ".pem", pem)
        write("certificate", name, base64.b64decode("".join(l for l in pem.decode().splitlines() if not l.startswith("-"))))
    icam = os.path.join("tests", "data", "icam", "01_Golden_PIV")
    write("certificate", "icam-authentication", read(icam, "3-ICAM_PIV_Auth_SP_800-73-4.crt"))
    write("certificate", "icam-card-authentication", read(icam, "6-ICAM_PIV_Card_Auth_SP_800-73-4.crt"))
    write("chuid", "icam", read(icam, "8-CHUID_Object"))
    write("tlv", "icam-chuid", read(icam, "8-CHUID_Object"))
    write("tlv", "icam-security", read(icam, "2-Security_Object"))
    chuid = tlv("30", bytes(25)) + tlv("34", bytes(range(1, 17))) + tlv("35", b"20300101") + tlv("3e", b"") + tlv("fe", b"")
    write("chuid", "chuid", chuid)
    write("tlv", "chuid", tlv("53", chuid))
    write("tlv", "public-key", tlv("7f49", tlv("86", b"\x04" + bytes(64))))
    write("tlv", "long-form", b"\x5f\xc1\x02\x82\x00\x03abc")
    certificate = tlv("70", der) + tlv("71", b"\x00") + tlv("fe", b"")
    for which, name, data in [
        (0, "discovery", tlv("7e", tlv("4f", bytes.fromhex("a000000308000010000100")) + tlv("5f2f", b"\x40\x00"))),
        (1, "key-history", tlv("c1", b"\x05") + tlv("c2", b"\x00") + tlv("fe", b"")),
        (2, "admin-data", tlv("80", tlv("81", b"\x01") + tlv("82", bytes(16)))),
        (3, "certificate", certificate),
        (4, "response", b"abc\x90\x00"),
    ]:
        write("piv_objects", name, bytes([which]) + data)
    integer = lambda value: tlv("02", value)
    write("ecdsa_der", "usual", tlv("30", integer(b"\x00\x80" + bytes(31)) + integer(b"\x7f" * 32)))
    write("ecdsa_der", "short", tlv("30", integer(b"\x01") + integer(b"\x00\xff")))
    write("ecdsa_der", "long-form", b"\x30\x81\x06\x02\x01\x01\x02\x01\x01")
    write("ecdsa_der", "negative", tlv("30", integer(b"\x80") + integer(b"\x01")))
    write("ecdsa_der", "raw", b"\x01" * 64)


def configurations():
    example = read("crates", "psso", "src", "config", "example.toml").decode()
    write("psso_config", "example", example.encode())
    lines = (line[1:] if line.startswith("#") and not line.startswith("# ") else line for line in example.splitlines())
    write("psso_config", "everything", "\n".join(lines).encode())
    minimal = "".join(f'{name} = "https://idp.example/{name}"\n' for name in
                      ["issuer", "client_id", "audience", "nonce_endpoint", "token_endpoint", "jwks_endpoint"])
    write("psso_config", "minimal", minimal.encode())
    write("psso_config", "predicate", (minimal + "invalid_credential_predicate = \"errorCode = 'C0000006' AND "
                                       "(suberror == 'x' OR NOT a.b != 'y')\"\n").encode())
    write("psso_config", "custom", (minimal + "[custom_login_request_body_claims]\nsignKeyId = [1, {a = true}]\n").encode())


tokens()
messages()
card()
configurations()
