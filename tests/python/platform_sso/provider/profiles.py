"""Three ways in which a provider can be configured, each below a path of its own with a psso.toml of its own.

    /           nothing but what is required; refresh goes to the token endpoint
    /full       encrypted passwords, groups, Kerberos, endpoints of their own for refresh and keys
    /custom     every name that can be another one is another one, one endpoint for everything, claims and fields on top
"""

from ..layouts import SCOPE, b64, point

GROUPS = ["admins", "staff"]
KERBEROS = {"ticket_key_path": "login_tgt", "message_buffer_key": "messageBuffer", "realm_key": "realm",
            "service_name_key": "serviceName", "client_name_key": "clientName",
            "encryption_key_type_key": "encryptionKeyType", "session_key_key": "sessionKey"}
KINDS = ("login", "refresh", "key", "key_exchange")


class Profile:
    def __init__(self, url, path, client_id, audience):
        self.url = url + path
        self.client_id, self.audience = client_id, audience
        self.endpoints = {name: f"{self.url}/{name}" for name in ("nonce", "token", "jwks", "register", "key")}
        self.endpoints["refresh"] = self.endpoints["token"]
        self.nonce_path = ["Nonce"]
        self.nonce_claim = "request_nonce"
        self.scope = SCOPE
        self.parameter = "assertion"
        self.x5c = "array"
        self.encryption_key = None
        self.apv_prefix = "APPLEEMBEDDED"
        self.groups_claim = self.groups_name = None
        self.kerberos = None
        self.previous_token_claim = None
        # By kind: form fields, header members and claims on top.
        self.form, self.header, self.body = ({kind: {} for kind in ("nonce", "assertion", *KINDS)} for _ in range(3))
        self.fields = {}

    def configuration(self):
        """What stands in psso.toml."""
        fields = {"issuer": self.url, "client_id": self.client_id, "audience": self.audience}
        fields |= {f"{name}_endpoint": self.endpoints[name] for name in ("nonce", "token", "jwks", "key")}
        fields["registration_endpoint"] = self.endpoints["register"]
        if self.endpoints["refresh"] != self.endpoints["token"]:
            fields["refresh_endpoint"] = self.endpoints["refresh"]
        return {**fields, **self.fields}


def plain(url):
    return Profile(url, "", "stand-in-client", "urn:stand-in:psso")


def full(url, encryption_key):
    profile = Profile(url, "/full", "9b0f3c7e-0000-4000-8000-2d6f5b1a7c11", "urn:stand-in:full")
    profile.endpoints["refresh"] = profile.url + "/refresh"
    profile.encryption_key = encryption_key
    profile.groups_claim = profile.groups_name = "groups"
    profile.kerberos = KERBEROS
    profile.fields = {"groups": GROUPS, "kerberos_ticket_mappings": [KERBEROS],
                      "login_request_encryption_key": b64(point(encryption_key.public_key()))}
    return profile


def custom(url, encryption_key):
    profile = Profile(url, "/custom", "client ünïque", "urn:stand-in:custom")
    profile.endpoints["key"] = profile.endpoints["token"]
    profile.nonce_path = ["data", "challenge"]
    profile.nonce_claim = "srv_nonce"
    profile.scope = "openid offline_access one two"
    profile.parameter = "request"
    profile.x5c = "string"
    profile.encryption_key = encryption_key
    profile.apv_prefix = "STANDIN"
    profile.groups_claim, profile.groups_name = "memberships", "member_of"
    profile.kerberos = {name: f"k_{value}" for name, value in KERBEROS.items()}
    profile.previous_token_claim = "previous"
    profile.form["nonce"] = {"tenant": "blue & green = 1+1"}
    fields = {"custom_nonce_request_values": profile.form["nonce"]}
    for kind in KINDS:
        profile.form[kind] = {"tenant": f"{kind} é"}
        fields[f"custom_{kind}_request_values"] = profile.form[kind]
    for kind in ("assertion", *KINDS):
        profile.header[kind] = {"x-kind": kind}
        profile.body[kind] = {"signKeyId": "a", "nested": {"of": kind, "list": [1, True, "z"]}}
        fields[f"custom_{kind}_request_header_claims"] = profile.header[kind]
        fields[f"custom_{kind}_request_body_claims"] = profile.body[kind]
    profile.fields = {
        "nonce_response_keypath": "data.challenge", "server_nonce_claim": "srv_nonce", "additional_scopes": ["one", "two"],
        "jwt_parameter": "request", "x5c": "string", "groups": GROUPS, "group_request_claim": "memberships",
        "group_response_claim": "member_of", "kerberos_ticket_mappings": [profile.kerberos],
        "login_request_encryption_key": b64(point(encryption_key.public_key())),
        "login_request_encryption_apv_prefix": "STANDIN", "include_previous_refresh_token": True,
        "previous_refresh_token_claim": "previous", "id_token_algorithms": ["RS256", "ES256"],
        "invalid_credential_predicate": "errorCode = 'C0000006' AND suberror = 'invalid_password'", **fields}
    return profile
