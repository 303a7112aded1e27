"""HTTP: one server, one profile below each path."""

import http.server
import json
import threading
import urllib.parse
import uuid

from .. import configuration, padding
from ..layouts import KEY_RESPONSE, LOGIN_RESPONSE, equal, read_json, require
from . import answers, profiles
from .logins import Login, WrongPassword
from .requests import Request, key_service, refresh

FORM = "application/x-www-form-urlencoded"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    state = url = profiles = None
    lock = threading.Lock()

    @classmethod
    def listen(cls, state):
        cls.state = state
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), cls)
        cls.url = f"http://127.0.0.1:{server.server_port}"
        key = state.encryption_key
        cls.profiles = [profiles.full(cls.url, key), profiles.custom(cls.url, key), profiles.plain(cls.url)]
        return server

    def profile(self):
        """The profile whose path this is, and the rest of the path."""
        url = self.url + self.path
        profile = next(profile for profile in self.profiles if url.startswith(profile.url + "/"))
        return profile, url, url[len(profile.url):]

    def do_GET(self):
        profile, _, path = self.profile()
        if path == "/psso.toml":
            self.reply(200, "application/toml", configuration.write(profile.configuration()))
        elif path == "/jwks":
            self.reply(200, "application/json", json.dumps(self.state.jwks()))
        elif path == "/.well-known/openid-configuration":
            self.reply(200, "application/json", json.dumps(self.metadata(profile)))
        elif path == "/padding":
            self.reply(200, "application/json", json.dumps(padding.summary()))
        else:
            self.reply(404, "text/plain", "not here")

    def metadata(self, profile):
        """OpenID metadata, with pivkit's own names for what Platform SSO needs besides."""
        own = {name: profile.endpoints[endpoint] for name, endpoint in (
            ("nonce_endpoint", "nonce"), ("key_endpoint", "key"), ("registration_endpoint", "register"),
            ("refresh_endpoint", "refresh"))}
        own |= {"client_id": profile.client_id, "audience": profile.audience}
        return {"issuer": profile.url, "token_endpoint": profile.endpoints["token"], "jwks_uri": profile.endpoints["jwks"],
                "id_token_signing_alg_values_supported": list(self.state.keys), "response_types_supported": ["id_token"],
                "subject_types_supported": ["public"], "authorization_endpoint": profile.url + "/authorize",
                **{f"platform_sso_{name}": value for name, value in own.items()}}

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        profile, url, path = self.profile()
        try:
            with self.lock:
                answer = self.answer(profile, url, path, body)
        except Exception as error:  # whatever is wrong with it, it is refused
            self.say(accepted=False, why=f"{type(error).__name__}: {error}")
            self.refuse(error, profile)
            return
        self.reply(*answer)

    def answer(self, profile, url, path, body):
        if path == "/register":
            self.expect("Content-Type", "application/json")
            document, new = self.state.register(read_json("registration", body), profile.client_id)
            return 201 if new else 200, "application/json", json.dumps(document)
        self.expect("Content-Type", FORM)
        form = read_form(body)
        request_id = self.headers["client-request-id"]
        equal("client-request-id", request_id, str(uuid.UUID(request_id)).upper())
        if path == "/nonce":
            self.expect("Accept", "application/json")
            equal("form", form, {"grant_type": "srv_challenge", **profile.form["nonce"]})
            answer = self.state.new_nonce(request_id)
            for name in reversed(profile.nonce_path):
                answer = {name: answer}
            return 200, "application/json", json.dumps(answer)
        return self.signed_request(Request(self.state, profile, url, form, request_id))

    def signed_request(self, request):
        if request.kind in ("login", "refresh"):
            self.expect("Accept", f"application/{LOGIN_RESPONSE}")
            if request.kind == "login":
                login = Login(request)
                user, token = login.user, self.state.new_token(login.user)
                self.say(accepted=True, kind="login", method=login.method, alg=login.header.get("alg"),
                         kid=login.header.get("kid"), outer=request.claims, embedded=login.embedded)
            else:
                found = refresh(request)
                user, token = found["user"], self.state.new_token(found["user"], found["family"])
                self.say(accepted=True, kind="refresh", user=user, outer=request.claims)
            answer = answers.login_response(request, user, token)
            return 200, f"application/{LOGIN_RESPONSE}; charset=utf-8", answer
        self.expect("Accept", f"application/{KEY_RESPONSE}")
        user, other, context = key_service(request)
        answer = answers.key_response(request, user, other, context)
        self.say(accepted=True, kind=request.kind, user=user, outer=request.claims)
        return 200, f"application/{KEY_RESPONSE}", answer

    def expect(self, name, wanted):
        equal(name, self.headers[name], wanted)

    def refuse(self, error, profile):
        document = {"error": "invalid_grant", "error_description": str(error)}
        status = 401
        if isinstance(error, WrongPassword) and "invalid_credential_predicate" in profile.fields:
            document |= {"errorCode": "C0000006", "suberror": "invalid_password"}
            status = 400
        self.reply(status, "application/json", json.dumps(document))

    @staticmethod
    def say(**what):
        print(json.dumps(what), flush=True)

    def reply(self, status, media_type, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def read_form(body):
    """Each field once."""
    fields = urllib.parse.parse_qsl(body.decode("ascii"), strict_parsing=True, keep_blank_values=True, errors="strict")
    require(len(fields) == len(dict(fields)), "a field comes twice")
    return dict(fields)
