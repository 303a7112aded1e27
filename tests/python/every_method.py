"""A Platform SSO client that shares no code with pivkit: every method, with new keys again and again.

    every_method.py URL CA_PEM CA_KEY_PEM USER PASSWORD_FILE ROUNDS [MORE]

A round is a new device, new cards on P-256 and P-384, a new user key and new ephemeral keys; it logs in with each method,
refreshes, and asks for a key and exchanges with it. Every fifth round has cards with RSA keys too. Every 50th also does what
must be refused: the same request twice, a wrong password, a used refresh token. Prints one line of JSON: how many logins,
refreshes and so on, and how many numbers of each kind there were and how many of them began with a zero byte.

MORE is JSON: {"registration_token": what a registration needs, "groups": [those to ask for], "member_of": [those to get]}.
"""

import collections
import json
import sys

from cryptography.hazmat.primitives.asymmetric import ec

from platform_sso import padding
from platform_sso.cards import NEW_KEYS, Authority
from platform_sso.client.device import Device, any_signature, new_key, padded_signature
from platform_sso.client.http import Refused
from platform_sso.client.provider import Provider
from platform_sso.layouts import equal, point, require

REFUSALS_EVERY = 50
RSA_EVERY = 5
# A provider takes its time over a password.
PLAIN_EVERY = 10
done = collections.Counter()


def pick(turn):
    """How this round makes its keys and signatures: in a few, all of them have to be padded."""
    letter = {1: 0, 2: 1}.get(turn % 100)

    def make(kind="P-256"):
        new = NEW_KEYS[kind]
        return new() if letter is None else padding.until(
            lambda key: padding.halves(point(key.public_key())[1:])[letter][0] == 0, new)

    return make, padded_signature if turn % 100 == 3 else any_signature


def refused(check, attempt):
    """A refusal is what must come, with status 401 and, from pivkit-idp, with this check."""
    try:
        attempt()
    except Refused as error:
        equal("status", error.status, 401)
        require(error.check in (None, check), f"refused because of {error.check}, not of {check}")
        done["refusals"] += 1
        return
    require(False, f"accepted, in spite of {check}")


class Round:
    def __init__(self, provider, authority, user, password, turn, rsa, more):
        make, wanted = pick(turn)
        self.more = more
        self.provider, self.turn, self.password, self.make = provider, turn, password, make
        self.device = Device(provider, user, make, wanted)
        keys = [make(), make("P-384"), *rsa]
        for key in keys[:2]:
            padding.coordinates(f"card key {key.curve.name}", point(key.public_key()))
        self.cards = [authority.issue(user, key) for key in keys]

    def run(self):
        self.register()
        content = None
        for card in self.cards:
            _, content = self.device.with_card(card)
            done["SmartCard"] += 1
        self.device.with_user_key()
        done["Secure Enclave key"] += 1
        if "login_request_encryption_key" in self.provider.config:
            self.device.with_encrypted_password(self.password, ephemeral=self.ephemeral)
            done["encrypted password"] += 1
        if self.turn % PLAIN_EVERY == 0:
            self.plain_password()
        if self.turn % REFUSALS_EVERY == 0 and "groups" in self.more:
            self.groups()
        if self.turn % REFUSALS_EVERY == 0:
            refused("outer.request_nonce", self.device.send_again)
            refused("password.match", lambda: self.device.with_password(self.password + "x"))
        self.key_service(self.refresh(content["refresh_token"]))

    def register(self):
        token = self.more.get("registration_token")
        if token and self.turn % REFUSALS_EVERY == 0:
            for wrong in (None, token + "x"):
                refused(None, lambda: self.device.register(token=wrong))
        equal("status of the registration", self.device.register(with_user_key=True, token=token), 201)
        equal("status of the same again", self.device.register(with_user_key=True, token=token), 200)

    def groups(self):
        """Only who asks for groups is told any."""
        configured, self.device.groups = self.device.groups, None
        claims, _ = self.device.with_user_key()
        require("groups" not in claims, "groups, although nobody asked")
        self.device.groups = self.more["groups"]
        claims, _ = self.device.with_user_key()
        equal("groups", claims["groups"], self.more["member_of"])
        self.device.groups = configured
        done["groups"] += 1

    def plain_password(self):
        """Where there is a key to encrypt it, a provider need not take one in the clear."""
        try:
            self.device.with_password(self.password)
            done["password"] += 1
        except Refused as error:
            equal("status", error.status, 401)
            done["password in the clear refused"] += 1

    def refresh(self, token):
        _, content = self.device.refresh(token)
        done["refresh"] += 1
        if self.turn % REFUSALS_EVERY == 0:
            # Who comes with a used token has stolen it, or was stolen from: nobody of the family gets in any more.
            _, content = self.device.refresh(content["refresh_token"])
            refused("refresh.reuse", lambda: self.device.refresh(token))
            refused("refresh.revoked", lambda: self.device.refresh(content["refresh_token"]))
            _, content = self.device.with_card(self.cards[0])
        return content["refresh_token"]

    def key_service(self, token):
        certificate, context = self.device.key_request(token)
        done["key request"] += 1
        held = certificate.public_key()
        padding.coordinates("key of the provider", point(held))
        other = self.other_key(held)
        key = self.device.key_exchange(token, other.public_key(), context)
        equal("exchanged key", key, other.exchange(ec.ECDH(), held))
        done["key exchange"] += 1

    def ephemeral(self):
        return self.other_key(self.provider.encryption_key)

    def other_key(self, held):
        """In a few rounds the two keys agree on a number that has to be padded."""
        if self.turn % 100 == 4:
            return padding.until(lambda key: key.exchange(ec.ECDH(), held)[0] == 0, new_key)
        return self.make()


def main():
    url, certificate, key, user, password, rounds = sys.argv[1:7]
    with open(password, encoding="utf-8") as file:
        password = file.read().rstrip("\n")
    provider, authority = Provider(url), Authority.load(certificate, key)
    provider.metadata()
    more = json.loads(sys.argv[7]) if len(sys.argv) > 7 else {}
    # A card with an RSA key takes long to make, and its signature is another one every time.
    rsa = [NEW_KEYS[kind]() for kind in ("RSA-2048", "RSA-3072", "RSA-4096")]
    for turn in range(int(rounds)):
        Round(provider, authority, user, password, turn, [] if turn % RSA_EVERY else rsa, more).run()
    print(json.dumps({"done": done, "padding": padding.summary()}))


main()
