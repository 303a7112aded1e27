"""Cards that are no PIV cards: they connect to a virtual reader and answer every command the same way.

    stub_card.py HOST:PORT KIND

KIND: foreign   another application: 6A82 to everything
      mute      an ATR, and then no answer to any command
      short     one byte where at least two are due
      chatty    61FF for ever: an answer without end
      garbage   9000 to SELECT and VERIFY, and nonsense in BER-TLV's clothes from then on

Prints one line whenever a reader has powered it on. It stays until it is killed, and connects again after each reader.
"""

import functools
import operator
import socket
import sys
import time

ANSWERS = {
    "foreign": lambda apdu: b"\x6a\x82",
    "mute": lambda apdu: None,
    "short": lambda apdu: b"\x90",
    "chatty": lambda apdu: b"\xaa" * 255 + b"\x61\xff",
    "garbage": lambda apdu: b"\x90\x00" if apdu[1] in (0xA4, 0x20) else b"\x53\x84\xff\xff\xff\xff\x70\x90\x00",
}
# Direct convention, T=1, and five historical bytes that no driver knows; the check byte is added below.
ATR = b"\x3b\x85\x80\x01" + b"stub."


def with_check_byte(atr):
    return atr + bytes([functools.reduce(operator.xor, atr[1:])])


def exactly(reader, length):
    data = b""
    while len(data) < length:
        part = reader.recv(length - len(data))
        if not part:
            raise ConnectionError
        data += part
    return data


def serve(reader, answer):
    while True:
        message = exactly(reader, int.from_bytes(exactly(reader, 2), "big"))
        if len(message) == 1:
            if message[0] == 4:
                reply = with_check_byte(ATR)
            else:
                if message[0] == 1:
                    print("in the reader", flush=True)
                continue
        else:
            reply = answer(message)
            if reply is None:
                continue
        reader.sendall(len(reply).to_bytes(2, "big") + reply)


def main():
    host, port = sys.argv[1].rsplit(":", 1)
    answer = ANSWERS[sys.argv[2]]
    while True:
        try:
            with socket.create_connection((host, int(port))) as reader:
                reader.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                serve(reader, answer)
        except OSError:
            time.sleep(0.01)  # no reader listens yet


main()
