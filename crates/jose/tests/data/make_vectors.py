#!/usr/bin/env python3
"""Makes independent.json: JOSE messages from an implementation that shares no code with this crate.

Everything is built from the RFCs on Python's `cryptography` (OpenSSL underneath). Run it again to make new ones:
    python3 make_vectors.py > independent.json
"""

import base64
import hashlib
import json
import os

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def lp(data):
    return len(data).to_bytes(4, "big") + data


def spki(key):
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def ec_jwk(key, width):
    numbers = key.public_key().public_numbers()
    secret = key.private_numbers().private_value
    crv = {32: "P-256", 48: "P-384"}[width]
    return {"kty": "EC", "crv": crv, "x": b64(numbers.x.to_bytes(width, "big")),
            "y": b64(numbers.y.to_bytes(width, "big")), "d": b64(secret.to_bytes(width, "big"))}


def jws(alg, key):
    hash_ = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}[alg[2:]]()
    signing_input = b64(json.dumps({"alg": alg, "typ": "JWT"}).encode()) + "." + b64(b'{"sub":"alice"}')
    if alg.startswith("RS"):
        signature = key.sign(signing_input.encode(), padding.PKCS1v15(), hash_)
        public = key.public_key()
        numbers = public.public_numbers()
        jwk = {"kty": "RSA", "n": b64(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")),
               "e": b64(numbers.e.to_bytes(3, "big"))}
        extra = {"pkcs1": base64.b64encode(public.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.PKCS1)).decode()}
    else:
        width = int(alg[2:]) // 8
        der = key.sign(signing_input.encode(), ec.ECDSA(hash_))
        r, s = utils.decode_dss_signature(der)
        signature = r.to_bytes(width, "big") + s.to_bytes(width, "big")
        jwk = ec_jwk(key, width)
        jwk.pop("d")
        extra = {"der": base64.b64encode(der).decode()}
    return {"alg": alg, "jws": signing_input + "." + b64(signature), "jwk": jwk,
            "spki": base64.b64encode(spki(key.public_key())).decode(), **extra}


def short_signature(alg, key, width, half):
    """An ECDSA signature of which one half begins with a zero byte."""
    while True:
        made = jws(alg, key)
        raw = base64.urlsafe_b64decode(made["jws"].split(".")[2] + "==")
        if raw[half * width] == 0:
            return made


def jwe(name, wanted):
    """A JWE for which `wanted(x, y, z)` holds."""
    recipient = ec.generate_private_key(ec.SECP256R1())
    while True:
        ephemeral = ec.generate_private_key(ec.SECP256R1())
        z = ephemeral.exchange(ec.ECDH(), recipient.public_key())
        numbers = ephemeral.public_key().public_numbers()
        x, y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
        if wanted(x, y, z):
            break
    apu, apv = lp(b"APPLE") + lp(b"\x04" + x + y), b"recipient"
    key = hashlib.sha256(b"\0\0\0\1" + z + lp(b"A256GCM") + lp(apu) + lp(apv) + b"\0\0\1\0").digest()
    header = {"alg": "ECDH-ES", "enc": "A256GCM", "apu": b64(apu), "typ": "JWT",
              "epk": {"kty": "EC", "crv": "P-256", "x": b64(x), "y": b64(y)}}
    head, iv = b64(json.dumps(header).encode()), os.urandom(12)
    plaintext = f"plaintext of {name}".encode()
    sealed = AESGCM(key).encrypt(iv, plaintext, head.encode())
    return {"name": name, "jwe": f"{head}..{b64(iv)}.{b64(sealed[:-16])}.{b64(sealed[-16:])}",
            "recipient": ec_jwk(recipient, 32), "apv": b64(apv), "plaintext": plaintext.decode()}


def main():
    p256, p384 = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP384R1())
    signatures = [jws("ES256", p256), jws("ES384", p384),
                  short_signature("ES256", p256, 32, 0), short_signature("ES256", p256, 32, 1),
                  short_signature("ES384", p384, 48, 0), short_signature("ES384", p384, 48, 1)]
    for alg, bits in [("RS256", 2048), ("RS384", 3072), ("RS512", 4096)]:
        signatures.append(jws(alg, rsa.generate_private_key(65537, bits)))
    encryptions = [jwe("any", lambda x, y, z: True),
                   jwe("x begins with zero", lambda x, y, z: x[0] == 0),
                   jwe("y begins with zero", lambda x, y, z: y[0] == 0),
                   jwe("Z begins with zero", lambda x, y, z: z[0] == 0),
                   jwe("Z begins with two zeros", lambda x, y, z: z[:2] == b"\0\0")]
    print(json.dumps({"jws": signatures, "jwe": encryptions}, indent=1))


main()
