"""Login responses and key responses, in all the forms that the documentation leaves open, one after the other."""

import base64
import datetime
import itertools
import json
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from .. import padding
from ..layouts import KEY_RESPONSE, LOGIN_RESPONSE, b64, b64url, device_apv, kid_of, point
from ..tokens import sealed, signed
from .profiles import GROUPS

TURN = itertools.count()
SESSION_KEY = bytes(range(32))
# An AS-REP would be ASN.1; nobody here looks into it.
MESSAGE = b"\x6b" * 700


def new_key():
    return ec.generate_private_key(ec.SECP256R1())


def ephemeral(turn, recipient):
    """A new key. In every eighth answer X, Y or Z has to be padded."""
    wanted = {
        1: lambda key: point(key.public_key())[1] == 0,
        3: lambda key: point(key.public_key())[33] == 0,
        5: lambda key: key.exchange(ec.ECDH(), recipient)[0] == 0,
    }.get(turn % 8 if turn % 64 < 8 else None, lambda key: True)
    return padding.until(wanted, new_key)


def padded_signature(turn):
    """In a few answers, r or s has to be padded."""
    if turn % 64 == 2:
        return lambda signature: any(half[0] == 0 for half in padding.halves(signature))
    return lambda signature: True


def seal(request, typ, content):
    turn = next(TURN)
    # `typ` and `apv` are optional in a response; SDK 13 writes JWT; what `kid` means is contradictory.
    header = [{"typ": typ}, {}, {"typ": "JWT"}, {"typ": typ, "kid": kid_of(request.device.encryption)}][turn % 4]
    apv = device_apv(request.device.encryption, request.claims["nonce"])
    recipient = request.device.encryption
    return sealed("response", recipient, json.dumps(content).encode(), apv, header, ephemeral(turn, recipient), turn % 3 > 0)


def id_token(state, profile, user, nonce):
    turn = next(TURN)
    now = int(time.time())
    claims = {"iss": profile.url, "aud": profile.client_id, "sub": user, "nonce": nonce, "iat": now, "exp": now + 600,
              "preferred_username": user, "upn": f"{user}@example.test"}
    if turn % 3 == 0:
        claims |= {"aud": ["somebody-else", profile.client_id], "azp": profile.client_id}
    if turn % 2:
        claims["nbf"] = now
    if profile.groups_name:
        claims[profile.groups_name] = GROUPS
    alg = "RS256" if turn % 4 == 3 else "ES256"
    wanted = padded_signature(turn) if alg == "ES256" else lambda signature: True
    token = signed({"alg": alg, "kid": f"stand-in-{alg}", "typ": "JWT"}, claims, state.keys[alg], wanted)
    if alg == "ES256":
        signature = token.split(".")[2]
        padding.signature("id_token: ES256", base64.urlsafe_b64decode(signature + "=="))
    return token


def login_response(request, user, refresh_token):
    turn = next(TURN)
    content = {"id_token": id_token(request.state, request.profile, user, request.claims["nonce"]),
               "refresh_token": refresh_token, "token_type": "Bearer"}
    content |= {"refresh_token_expires_in": 3600, "expires_in": 600} if turn % 2 else {"expires_in": 3600}
    names = request.profile.kerberos
    if names:
        content[names["ticket_key_path"]] = {
            names["message_buffer_key"]: b64(MESSAGE), names["realm_key"]: "EXAMPLE.TEST",
            names["service_name_key"]: "krbtgt/EXAMPLE.TEST", names["client_name_key"]: user,
            names["encryption_key_type_key"]: 18, names["session_key_key"]: b64(SESSION_KEY)}
    return seal(request, LOGIN_RESPONSE, content)


def key_response(request, user, other, context):
    """A certificate for a new key, or what the key and the other one agree on."""
    now = int(time.time())
    content = {"iat": now, "exp": now + 300}
    if other is None:
        key = new_key()
        content["certificate"] = b64url(certificate(request.state, user, key))
        content["key_context"] = request.state.seal_key(user, key)
    else:
        shared = request.state.open_key(user, context).exchange(ec.ECDH(), other)
        padding.number("key exchange: Z", shared)
        content["key"] = b64(shared)
        content["key_context"] = context
    return seal(request, KEY_RESPONSE, content)


def certificate(state, user, key):
    now = datetime.datetime.now(datetime.timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"unlock {user}")]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "stand-in key service")]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=365))
        .sign(state.keys["ES256"], hashes.SHA256())
        .public_bytes(Encoding.DER)
    )
