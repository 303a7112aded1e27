"""HTTP on one connection that stays open."""

import http.client
import urllib.parse

from ..layouts import Wrong

FORM = "application/x-www-form-urlencoded"
LIMIT = 30


class Refused(Exception):
    """The provider said no; `check` is the name that pivkit-idp gives the reason."""

    def __init__(self, status, text, document):
        super().__init__(f"{status}: {text}")
        self.status, self.document = status, document
        self.check = document.get("check")


class Http:
    def __init__(self):
        self.connections = {}

    def exchange(self, method, url, headers=None, body=None):
        """(status, media type, text)"""
        address = urllib.parse.urlsplit(url)
        if address.scheme != "http":
            raise Wrong(f"{url} is not http")
        connection = self.connections.setdefault(address.netloc, http.client.HTTPConnection(address.netloc, timeout=LIMIT))
        connection.request(method, address.path or "/", body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers.get_content_type(), answer.read().decode()

    def get(self, url):
        status, _, text = self.exchange("GET", url)
        if status != 200:
            raise Wrong(f"GET {url}: {status} {text}")
        return text

    def post(self, url, body, media_type, request_id, accept="application/json"):
        headers = {"Content-Type": media_type, "Accept": accept, "client-request-id": request_id}
        return self.exchange("POST", url, headers, body)


def form(fields):
    return urllib.parse.urlencode(fields).encode()
