"""Tampers with logins at pivkit-idp, and expects each to be refused by the right check, with nothing stored.

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

import tamper_cases
from tamper_login import Authority, World
from tamper_methods import Methods


class Database:
    """What is stored, apart from the log of the requests."""

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
    rows = list(tamper_cases.rows()) + list(methods.rows())
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

    good()
    for number, (what, check, change) in enumerate(rows):
        if number == len(rows) // 2:
            good()
        login = world.login()
        change(login, world)
        login.body()
        before = database.tables()
        status, text = login.send()
        stored = difference(before, database.tables())
        # A copy of a refresh token is about: that ends the session, and says so.
        if check == "refresh.reuse" and stored == ["families"]:
            stored = []
        found = refused_by(text) if status != 200 else "accepted"
        if found == check and 400 <= status < 500 and not stored:
            right += 1
        else:
            print(f"WRONG: {what}: {status} {found} instead of {check}; stored: {stored}")
    good()
    print(f"refusals: {right} of {len(rows)}")
    sys.exit(right != len(rows))


if __name__ == "__main__":
    main()
