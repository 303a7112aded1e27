"""Another program at the same reader: takes the card for itself, says so, and keeps it until it is killed.

    hold_card.py transaction|exclusive
    hold_card.py reset LINES                    resets the card at each line of a file, which may be a pipe
    hold_card.py transaction-and-reset LINES    is in a transaction, and ends it with a reset at the first line

Speaks to pcscd through its C library, as every program does.
"""

import ctypes
import signal
import sys

pcsc = ctypes.CDLL("libpcsclite.so.1")
SCOPE_SYSTEM, EXCLUSIVE, SHARED, T0_OR_T1, RESET_CARD = 2, 1, 2, 3, 1


def call(name, *arguments):
    code = getattr(pcsc, name)(*arguments) & 0xFFFFFFFF
    if code:
        sys.exit(f"{name}: {code:#010x}")


context, card, protocol = ctypes.c_long(), ctypes.c_long(), ctypes.c_ulong()
call("SCardEstablishContext", ctypes.c_ulong(SCOPE_SYSTEM), None, None, ctypes.byref(context))
reader = ctypes.create_string_buffer(256)
length = ctypes.c_ulong(256)
call("SCardListReaders", context, None, reader, ctypes.byref(length))
share = EXCLUSIVE if sys.argv[1] == "exclusive" else SHARED
call(
    "SCardConnect", context, reader.value, ctypes.c_ulong(share), ctypes.c_ulong(T0_OR_T1),
    ctypes.byref(card), ctypes.byref(protocol),
)
mode = sys.argv[1]
if mode.startswith("transaction"):
    call("SCardBeginTransaction", card)
print("holding the card", flush=True)
with open(sys.argv[2]) if mode.endswith("reset") else sys.stdin as lines:
    for _ in lines:
        if mode == "transaction-and-reset":
            call("SCardEndTransaction", card, ctypes.c_ulong(RESET_CARD))
        else:
            call(
                "SCardReconnect", card, ctypes.c_ulong(SHARED), ctypes.c_ulong(T0_OR_T1), ctypes.c_ulong(RESET_CARD),
                ctypes.byref(protocol),
            )
        print("reset the card", flush=True)
signal.pause()
