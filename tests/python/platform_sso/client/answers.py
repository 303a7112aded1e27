"""What a client must check in an answer, and what this provider promises on top."""

import json
import time

from cryptography import x509

from .. import padding
from ..layouts import KEY_RESPONSE, LOGIN_RESPONSE, equal, read_b64, read_b64url, read_json, members, require
from ..tokens import header_of, opened, verified


def open_answer(typ, text, device, apv):
    header, plaintext = opened("response", text, device.encryption, apv, optional={"typ", "apv", "kid"})
    require(header.get("typ", typ) in (typ, "JWT"), f"typ is {header.get('typ')!r}")
    return read_json("response", plaintext)


def login_response(provider, text, device, apv, nonce, user):
    """The claims of the id_token, and the whole content."""
    content = open_answer(LOGIN_RESPONSE, text, device, apv)
    members("response", content, {"id_token", "refresh_token", "token_type"},
            {"refresh_token_expires_in", "expires_in", "expires_on", *provider.kerberos})
    equal("token_type", content["token_type"], "Bearer")
    require(content["refresh_token"], "the refresh token is empty")
    expires_in = content.get("refresh_token_expires_in", content.get("expires_in"))
    require(type(expires_in) is int and expires_in > 0, "the refresh token has no lifetime")
    return id_token(provider, content["id_token"], nonce, user), content


def id_token(provider, token, nonce, user):
    header = header_of("id_token", token)
    alg = header["alg"]
    require(alg in provider.config.get("id_token_algorithms", ["ES256", "RS256"]), f"alg of the id_token is {alg!r}")
    claims = verified("id_token", token, provider.signing_key(header["kid"]), alg)
    equal("iss", claims["iss"], provider["issuer"])
    equal("nonce", claims["nonce"], nonce)
    audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    require(provider["client_id"] in audiences, f"aud is {claims['aud']!r}")
    require("azp" in claims or not isinstance(claims["aud"], list), "aud is a list, and there is no azp")
    equal("azp", claims.get("azp", provider["client_id"]), provider["client_id"])
    now = time.time()
    require(claims["iat"] <= now + 5 and claims.get("nbf", 0) <= now + 5 < claims["exp"], f"not now: {json.dumps(claims)}")
    equal("sub", claims["sub"], user)
    return claims


def key_certificate(text, device, apv):
    """The public key that the provider holds the private one of, its certificate and the context."""
    content = open_answer(KEY_RESPONSE, text, device, apv)
    members("key response", content, {"certificate", "iat", "exp"}, {"key_context"})
    check_times(content)
    certificate = x509.load_der_x509_certificate(read_b64url("certificate", content["certificate"]))
    return certificate, content.get("key_context")


def exchanged_key(text, device, apv):
    content = open_answer(KEY_RESPONSE, text, device, apv)
    members("key response", content, {"key", "iat", "exp"}, {"key_context"})
    check_times(content)
    key = read_b64("key", content["key"])
    equal("length of the key", len(key), 32)
    padding.number("key exchange: Z", key)
    return key


def check_times(content):
    now = time.time()
    require(type(content["iat"]) is int and type(content["exp"]) is int, "iat or exp is not an integer")
    require(content["iat"] <= now + 5 < content["exp"], "the key response is not of now")
