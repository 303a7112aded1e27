"""Has the kernel forget a key of the user's persistent keyring, by its description (keyctl(2)).

    forget_kernel_key.py DESCRIPTION
"""

import ctypes
import os
import platform
import sys

SESSION = -3
SEARCH, INVALIDATE, GET_PERSISTENT = 10, 21, 22
KEYCTL = {"x86_64": 250, "aarch64": 219}[platform.machine()]


def keyctl(*arguments):
    library = ctypes.CDLL(None, use_errno=True)
    result = library.syscall(KEYCTL, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


keyctl(GET_PERSISTENT, ctypes.c_int(-1), ctypes.c_int(SESSION))
key = keyctl(SEARCH, ctypes.c_int(SESSION), b"user", sys.argv[1].encode(), 0)
keyctl(INVALIDATE, key)
