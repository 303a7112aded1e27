"""An identity provider as its psso.toml describes it."""

import json
import uuid

from jwcrypto import jwk

from .. import configuration
from ..layouts import Wrong, equal, read_b64, read_json, read_point, require
from .http import FORM, Http, Refused, form


class Provider:
    def __init__(self, url):
        self.http, self.url = Http(), url
        self.config = configuration.read(self.http.get(url + "/psso.toml"))
        self.keys = None

    def __getitem__(self, name):
        return self.config[name]

    @property
    def refresh_endpoint(self):
        return self.config.get("refresh_endpoint", self["token_endpoint"])

    @property
    def kerberos(self):
        """The names of the Kerberos dictionaries."""
        return [mapping["ticket_key_path"] for mapping in self.config.get("kerberos_ticket_mappings", [])]

    @property
    def encryption_key(self):
        return read_point("login_request_encryption_key",
                              read_b64("login_request_encryption_key", self["login_request_encryption_key"]))

    @property
    def apv_prefix(self):
        return self.config.get("login_request_encryption_apv_prefix", "APPLEEMBEDDED")

    def nonce(self, request_id):
        status, media_type, text = self.http.post(
            self["nonce_endpoint"], form({"grant_type": "srv_challenge"}), FORM, request_id)
        equal("answer to the nonce request", (status, media_type), (200, "application/json"))
        answer = read_json("nonce", text)
        for name in self.config.get("nonce_response_keypath", "Nonce").split("."):
            answer = answer[name]
        require(isinstance(answer, str) and answer, "the nonce is no text")
        return answer

    def post_request(self, endpoint, token, version, response, request_id):
        """Sends a request that a device signed, and returns the JWE; anything but one is a refusal."""
        body = form({"platform_sso_version": version, "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
                     self.config.get("jwt_parameter", "assertion"): token})
        status, media_type, text = self.http.post(endpoint, body, FORM, request_id, f"application/{response}")
        if status != 200:
            equal("media type of a refusal", media_type, "application/json")
            raise Refused(status, text, read_json("refusal", text))
        equal("media type", media_type, f"application/{response}")
        return text

    def signing_key(self, kid):
        """A key of the JWKS, fetched again when there is none of this name."""
        if self.keys is None or self.keys.get_key(kid) is None:
            self.keys = jwk.JWKSet.from_json(self.http.get(self["jwks_endpoint"]))
        key = self.keys.get_key(kid)
        if key is None:
            raise Wrong(f"no key {kid!r} is in the JWKS")
        return key.get_op_key("verify")

    def metadata(self):
        """OpenID metadata must agree with psso.toml."""
        found = read_json("metadata", self.http.get(self["issuer"] + "/.well-known/openid-configuration"))
        equal("issuer", found["issuer"], self["issuer"])
        equal("token_endpoint", found["token_endpoint"], self["token_endpoint"])
        equal("jwks_uri", found["jwks_uri"], self["jwks_endpoint"])
        for name in ("nonce_endpoint", "key_endpoint", "registration_endpoint", "client_id", "audience"):
            equal(name, found[f"platform_sso_{name}"], self[name])
        require(set(found["id_token_signing_alg_values_supported"]) <= {"ES256", "RS256"}, "algorithms nobody documents")
        return found

    def register(self, document, request_id):
        status, media_type, text = self.http.post(
            self["registration_endpoint"], json.dumps(document).encode(), "application/json", request_id)
        if status not in (200, 201):
            raise Refused(status, text, read_json("refusal", text))
        equal("media type", media_type, "application/json")
        return status, read_json("registration", text)


def new_id():
    return str(uuid.uuid4()).upper()
