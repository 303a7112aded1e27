"""JWS through jwcrypto. JWE through jwcrypto as far as it goes: it draws its ephemeral key itself, and Apple's PartyUInfo
has to name that key before; so sealing is written from RFC 7518 section 4.6, and opening is done both ways."""

import functools
import json
import os

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from jwcrypto import jwe, jwk, jws

from . import padding
from .layouts import b64url, equal, read_b64url, read_json, read_point, members, point, prefixed, require


@functools.lru_cache(maxsize=16)
def private_jwk(key):
    """jwcrypto checks an RSA key whenever it takes one, for a tenth of a second."""
    return jwk.JWK.from_pyca(key)


def signed(header, claims, key, wanted=lambda signature: True):
    """A compact JWS; signed again until `wanted` likes the signature."""
    while True:
        message = jws.JWS(json.dumps(claims))
        message.allowed_algs = [header["alg"]]
        message.add_signature(private_jwk(key), None, json.dumps(header), None)
        token = message.serialize(compact=True)
        if wanted(read_b64url("signature", token.split(".")[2])):
            return token


def header_of(what, token):
    require(isinstance(token, str) and token.count(".") in (2, 4), f"{what} is not a compact token")
    return read_json(f"header of {what}", read_b64url(f"header of {what}", token.split(".")[0]))


def verified(what, token, public_key, algorithm):
    """The claims of a JWS whose signature is as long as it must be and which jwcrypto verifies."""
    require(token.count(".") == 2, f"{what} is not a compact JWS")
    parts = [read_b64url(what, part) for part in token.split(".")]
    signature = parts[2]
    if isinstance(public_key, rsa.RSAPublicKey):
        equal(f"length of the signature of {what}", len(signature), public_key.key_size // 8)
        padding.number(f"{what}: RSA signature", signature)
    else:
        equal(f"length of the signature of {what}", len(signature), 2 * (public_key.curve.key_size // 8))
        padding.signature(f"{what}: {algorithm}", signature)
    message = jws.JWS()
    message.allowed_algs = [algorithm]
    message.deserialize(token)
    message.verify(jwk.JWK.from_pyca(public_key))
    equal(what, message.payload, parts[1])
    return read_json(what, message.payload)


def content_key(private_key, public_key, apu, apv, name):
    z = private_key.exchange(ec.ECDH(), public_key)
    padding.number(f"{name}: Z", z)
    return ConcatKDFHash(SHA256(), 32, prefixed(b"A256GCM", apu, apv) + (256).to_bytes(4, "big")).derive(z)


def sealed(name, recipient, plaintext, apv, header, ephemeral, apv_in_header=True):
    """A compact JWE: ECDH-ES, A256GCM, empty encrypted key, the header as additional data."""
    epk = point(ephemeral.public_key())
    padding.coordinates(f"{name}: epk", epk)
    apu = prefixed(b"APPLE", epk)
    header = {**header, "alg": "ECDH-ES", "enc": "A256GCM", "apu": b64url(apu),
              "epk": {"kty": "EC", "crv": "P-256", "x": b64url(epk[1:33]), "y": b64url(epk[33:])}}
    if apv_in_header:
        header["apv"] = b64url(apv)
    protected = b64url(json.dumps(header).encode())
    iv = os.urandom(12)
    content = AESGCM(content_key(ephemeral, recipient, apu, apv, name)).encrypt(iv, plaintext, protected.encode())
    return ".".join([protected, "", b64url(iv), b64url(content[:-16]), b64url(content[-16:])])


def opened(name, token, private_key, apv, required=(), optional=()):
    """The header and the plaintext of a JWE whose header has these members beside those of ECDH-ES."""
    parts = token.split(".")
    equal(f"number of parts of {name}", len(parts), 5)
    header = header_of(name, token)
    members(f"header of {name}", header, {"alg", "enc", "epk", "apu", *required}, optional)
    equal("alg", header["alg"], "ECDH-ES")
    equal("enc", header["enc"], "A256GCM")
    epk = header["epk"]
    members("epk", epk, {"kty", "crv", "x", "y"})
    equal("kty", epk["kty"], "EC")
    equal("crv", epk["crv"], "P-256")
    x, y = (read_b64url(f"{letter} of epk", epk[letter]) for letter in "xy")
    equal("lengths of x and y", (len(x), len(y)), (32, 32))
    encoded = b"\x04" + x + y
    padding.coordinates(f"{name}: epk", encoded)
    apu = read_b64url("apu", header["apu"])
    equal("apu", apu, prefixed(b"APPLE", encoded))
    if "apv" in header:
        equal("apv", read_b64url("apv", header["apv"]), apv)
    encrypted_key, iv, content, tag = (read_b64url(name, part) for part in parts[1:])
    equal("lengths of encrypted key, IV and tag", (len(encrypted_key), len(iv), len(tag)), (0, 12, 16))
    cek = content_key(private_key, read_point("epk", encoded), apu, apv, name)
    plaintext = AESGCM(cek).decrypt(iv, content + tag, parts[0].encode())
    if "apv" in header:
        message = jwe.JWE()
        message.allowed_algs = ["ECDH-ES", "A256GCM"]
        message.deserialize(token, jwk.JWK.from_pyca(private_key))
        equal("the plaintext, opened by jwcrypto", message.payload, plaintext)
    return header, plaintext
