"""What every request that a device signs has in common; refresh requests and key requests, which have little more."""

import time
import uuid

from ..layouts import (KEY_REQUEST, LOGIN_REQUEST, REFRESH_REQUEST, b64url, device_apv, equal, read_b64, read_point,
                       members, require)
from ..tokens import header_of, verified


class Request:
    """A request whose device, signature, times, nonces and encryption parameters hold."""

    def __init__(self, state, profile, url, form, request_id):
        self.state, self.profile, self.url = state, profile, url
        token = form.get(profile.parameter)
        require(token is not None, f"the form has no {profile.parameter}")
        self.header = header_of("request", token)
        require("kid" in self.header and "typ" in self.header, "the header lacks kid or typ")
        self.device = state.devices.get(self.header["kid"])
        require(self.device is not None, "kid names no device that is registered")
        self.claims = verified("request", token, self.device.signing, "ES256")
        self.kind = self._kind()
        self._check_envelope(form)
        self._check_shared(request_id)

    def _kind(self):
        kinds = {LOGIN_REQUEST: "login", REFRESH_REQUEST: "refresh", KEY_REQUEST: "key"}
        kind = kinds.get(self.header["typ"])
        require(kind is not None, f"typ {self.header['typ']!r} is not documented")
        if kind == "key" and self.claims.get("request_type") == "key_exchange":
            return "key_exchange"
        return kind

    def _check_envelope(self, form):
        """Where it was sent, the form around it, and its header."""
        endpoint = {"login": "token", "refresh": "refresh"}.get(self.kind, "key")
        equal("endpoint", self.url, self.profile.endpoints[endpoint])
        fields = dict(form)
        del fields[self.profile.parameter]
        wanted = {"platform_sso_version": "2.0" if endpoint == "key" else "1.0",
                  "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", **self.profile.form[self.kind]}
        equal("form", fields, wanted)
        extra = self.profile.header[self.kind]
        members("header", self.header, {"typ", "alg", "kid", *extra})
        equal("alg", self.header["alg"], "ES256")
        for name, value in extra.items():
            equal(f"header {name}", self.header[name], value)

    def _check_shared(self, request_id):
        claims, profile = self.claims, self.profile
        require(isinstance(claims.get(profile.nonce_claim), str), f"{profile.nonce_claim} is missing")
        self.state.take_nonce(claims[profile.nonce_claim], request_id)
        equal("iss", claims.get("iss"), profile.client_id)
        check_times("request", claims)
        require(isinstance(claims.get("nonce"), str), "nonce is missing")
        equal("nonce", claims["nonce"], str(uuid.UUID(claims["nonce"])).upper())
        equal("jwe_crypto", claims.get("jwe_crypto"), {
            "alg": "ECDH-ES", "enc": "A256GCM", "apv": b64url(device_apv(self.device.encryption, claims["nonce"]))})

    def check_names(self, *names, optional=()):
        """These claims, those that every request has, and the configured ones."""
        extra = self.profile.body[self.kind]
        shared = {"iss", "iat", "exp", "nonce", self.profile.nonce_claim, "jwe_crypto"}
        members("claims", self.claims, {*shared, *names, *extra}, optional)
        for name, value in extra.items():
            equal(f"claim {name}", self.claims[name], value)

    def check_user(self):
        user = self.claims["username"]
        equal("sub", self.claims["sub"], user)
        require(self.device.users is None or user in self.device.users, "the device is not registered for this user")
        return user


def check_times(what, claims):
    for name in ("iat", "exp"):
        require(type(claims.get(name)) is int, f"{name} of {what} is not an integer")
    require(abs(claims["iat"] - time.time()) < 60, f"iat of {what} is not now")
    equal(f"lifetime of {what}", claims["exp"] - claims["iat"], 300)


def refresh(request):
    """The token that is to be exchanged, and what is known of it."""
    request.check_names("client_id", "scope", "aud", "grant_type", "refresh_token")
    for name, wanted in (("client_id", request.profile.client_id), ("scope", request.profile.scope),
                         ("aud", request.url), ("grant_type", "refresh_token")):
        equal(name, request.claims[name], wanted)
    token = request.claims["refresh_token"]
    found = request.state.token(token)
    require(request.device.users is None or found["user"] in request.device.users, "the device is another user's")
    found["used"] = True
    return found


def key_service(request):
    """The user, for whom the device asks; for an exchange also the other key and the context."""
    names = ["version", "request_type", "key_purpose", "username", "sub", "refresh_token"]
    exchange = request.kind == "key_exchange"
    # `aud` is required by the table and absent in every sample.
    request.check_names(*names, *(["other_publickey"] if exchange else []),
                        optional={"aud", "key_context"} if exchange else {"aud"})
    claims = request.claims
    for name, wanted in (("version", "1.0"), ("key_purpose", "user_unlock"),
                         ("request_type", "key_exchange" if exchange else "key_request")):
        equal(name, claims[name], wanted)
    if "aud" in claims:
        equal("aud", claims["aud"], request.profile.audience)
    user = request.check_user()
    request.state.token(claims["refresh_token"], user)
    if not exchange:
        return user, None, None
    other = read_point("other_publickey", read_b64("other_publickey", claims["other_publickey"]))
    return user, other, claims.get("key_context")
