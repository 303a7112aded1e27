"""Tampers with requests at pivkit-idp, and expects each to be refused by the right check, with nothing stored but a line of the
log that names this check and no secret of the request.

    tamper.py URL STATE CA_PEM CA_KEY

The server at URL trusts the authority, knows the users alice and bob and their passwords (see tamper_methods.PASSWORDS), and keeps
its database in STATE. Shares no code with pivkit.
Prints a line for each row of the table that is not as expected, and then `refusals: N of M`. A good login stands at the
beginning, in the middle and at the end: a server that refuses everything proves nothing.
"""

import json
import pathlib
import sqlite3
import sys
import urllib.parse

import tamper_cases
from tamper_keys import Keys
from tamper_login import Authority, World
from tamper_methods import PASSWORDS, Methods


class Database:
    """What is stored, apart from the log of the requests; and the log."""

    def __init__(self, state):
        (self.path,) = pathlib.Path(state).glob("*.sqlite")

    def tables(self):
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=30)
        try:
            names = [name for name, in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
            assert {"requests", "nonces", "devices"} <= set(names), names
            return {name: sorted(map(repr, connection.execute(f'SELECT * FROM "{name}"'))) for name in names if name != "requests"}
        finally:
            connection.close()


    def newest(self):
        """The newest row of the log: its id, its check, and all of it as a text."""
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=30)
        try:
            found = connection.execute('SELECT id, "check", * FROM requests ORDER BY id DESC LIMIT 1').fetchone()
            return found[0], found[1], "\n".join(map(str, found[2:]))
        finally:
            connection.close()


def secrets(login):
    """What was sent and must not be in the log: passwords, tokens, contexts, our nonce, and the ends of signed tokens."""
    found = set(PASSWORDS.values())
    for part in ("outer", "inner"):
        for name, value in getattr(getattr(login, part, None), "claims", None) or []:
            if name in ("password", "refresh_token", "key_context", "request_nonce", "assertion") and isinstance(value, str):
                found.update({value, value.rsplit(".", 1)[-1]})
    sent = urllib.parse.parse_qs(login.body().decode("latin-1")).get("assertion", [""])[0]
    found.update({sent, sent.rsplit(".", 1)[-1]})
    return {secret for secret in found if len(secret) >= 10}


def logged(check, before, after, login):
    """What is wrong with the line in the log."""
    (old, *_), (new, found, text) = before, after
    if check == "request_too_large":
        return [] if new == old else ["it is in the log"]
    if "." in check:
        expected = check
    else:
        expected = "registration" if hasattr(login, "document") else "form"
    wrong = [] if new > old and found == expected else [f"the log has {found}, in row {new} after {old}"]
    return wrong + ["a secret is in the log" for secret in secrets(login) if secret in text]


def difference(before, after):
    """What was stored; the nonce of the request may be gone, and that is all."""
    before, after = dict(before), dict(after)
    gone = set(before.pop("nonces"))
    left = set(after.pop("nonces"))
    changed = [name for name in before if before[name] != after.get(name)]
    if left - gone or len(gone - left) > 1:
        changed.append("nonces")
    return changed


def refused_by(text):
    answer = json.loads(text)
    return answer.get("check") or answer.get("error")


def main():
    url, state, certificate, key = sys.argv[1:5]
    world, database = World(url, Authority(certificate, key)), Database(state)
    methods = Methods(world)
    keys = Keys(world, methods)
    rows = list(tamper_cases.rows()) + list(methods.rows()) + list(keys.rows())
    assert len({what for what, *_ in rows}) == len(rows), "two rows have one name"
    right = 0

    def good():
        for card in (world.card, world.rsa_card, world.p384_card):
            before = database.tables()
            status, text = world.login(card=card).send()
            assert status == 200, (status, text)
            # What is found unchanged below would be found changed.
            assert before != database.tables(), "nothing is stored after a good login"
        methods.good()
        keys.good()

    good()
    for number, (what, check, change) in enumerate(rows):
        if number == len(rows) // 2:
            good()
        login = world.login()
        change(login, world)
        login.body()
        before, newest = database.tables(), database.newest()
        status, text = login.send()
        log = logged(check, newest, database.newest(), login)
        stored = difference(before, database.tables())
        # A copy of a refresh token is about: that ends the session, and says so.
        if check == "refresh.reuse" and stored == ["families"]:
            stored = []
        found = refused_by(text) if status != 200 else "accepted"
        if found == check and 400 <= status < 500 and not stored and not log:
            right += 1
        else:
            print(f"WRONG: {what}: {status} {found} instead of {check}; stored: {stored}; log: {log}")
    good()
    print(f"refusals: {right} of {len(rows)}")
    sys.exit(right != len(rows))


if __name__ == "__main__":
    main()
