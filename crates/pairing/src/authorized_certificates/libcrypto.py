"""Reads lists of certificates as pam_p11 does: PEM_read_bio_X509 of libcrypto until it fails.

Prints a line for each file given: the pairing hashes (SHA-1 of the subjectPublicKey bit string) of the
certificates that libcrypto reads, separated by blanks.
"""

import ctypes
import hashlib
import sys

NAMES = [
    "libcrypto.so.3",
    "libcrypto.so.1.1",
    "libcrypto.so",
    "/opt/homebrew/opt/openssl/lib/libcrypto.dylib",
    "/usr/local/opt/openssl/lib/libcrypto.dylib",
]


def load():
    for name in NAMES:
        try:
            return ctypes.CDLL(name)
        except OSError:
            pass
    sys.exit("OpenSSL's libcrypto is needed for this test")


crypto = load()
pointer = ctypes.c_void_p
for function, arguments in {
    "BIO_new_file": [ctypes.c_char_p, ctypes.c_char_p],
    "PEM_read_bio_X509": [pointer, pointer, pointer, pointer],
    "X509_get0_pubkey_bitstr": [pointer],
    "ASN1_STRING_get0_data": [pointer],
}.items():
    getattr(crypto, function).restype = pointer
    getattr(crypto, function).argtypes = arguments
crypto.ASN1_STRING_length.argtypes = [pointer]
crypto.X509_free.argtypes = [pointer]
crypto.BIO_free.argtypes = [pointer]

for path in sys.argv[1:]:
    bio = crypto.BIO_new_file(path.encode(), b"r")
    if not bio:
        sys.exit(f"cannot open {path}")
    hashes = []
    while True:
        certificate = crypto.PEM_read_bio_X509(bio, None, None, None)
        if not certificate:
            break
        key = crypto.X509_get0_pubkey_bitstr(certificate)
        bits = ctypes.string_at(crypto.ASN1_STRING_get0_data(key), crypto.ASN1_STRING_length(key))
        hashes.append(hashlib.sha1(bits).hexdigest().upper())
        crypto.X509_free(certificate)
    crypto.BIO_free(bio)
    print(" ".join(hashes))
