"""HTTP on one connection that stays open."""

import http.client
import time
import urllib.parse

from ..layouts import Wrong

FORM = "application/x-www-form-urlencoded"
LIMIT = 30
# A server need not keep a connection longer on which nobody says anything.
IDLE = 2


class Refused(Exception):
    """The provider said no; `check` is the name that pivkit-idp gives the reason."""

    def __init__(self, status, text, document):
        super().__init__(f"{status}: {text}")
        self.status, self.document = status, document
        self.check = document.get("check")


class Http:
    def __init__(self):
        self.connections, self.used = {}, 0

    def exchange(self, method, url, headers=None, body=None):
        """(status, media type, text)"""
        address = urllib.parse.urlsplit(url)
        if address.scheme != "http":
            raise Wrong(f"{url} is not http")
        connection = self.connections.setdefault(address.netloc, http.client.HTTPConnection(address.netloc, timeout=LIMIT))
        if time.monotonic() - self.used > IDLE:
            # The next request opens it again.
            connection.close()
        connection.request(method, address.path or "/", body, headers or {})
        answer = connection.getresponse()
        text = answer.read().decode()
        self.used = time.monotonic()
        return answer.status, answer.headers.get_content_type(), text

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
