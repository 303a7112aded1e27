"""Another program at the same reader: takes the card for itself, says so, and keeps it until it is killed.

    hold_card.py transaction|exclusive

Speaks to pcscd through its C library, as every program does.
"""

import ctypes
import signal
import sys

pcsc = ctypes.CDLL("libpcsclite.so.1")
SCOPE_SYSTEM, EXCLUSIVE, SHARED, T0_OR_T1 = 2, 1, 2, 3


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
if sys.argv[1] == "transaction":
    call("SCardBeginTransaction", card)
print("holding the card", flush=True)
signal.pause()
