"""Makes a factory-fresh PIV card somebody's: keys of its own making, and certificates for them.

    personalise_card.py DIRECTORY SLOT=ALGORITHM...

ALGORITHM: RSA-2048, RSA-3072, RSA-4096, P-256 or P-384. Writes the authority's certificate to DIRECTORY/ca.pem, and those of
the slots to DIRECTORY/SLOT.pem. Speaks the commands of SP 800-73-4 Part 2 alone, through pcscd, to the first reader that has
a card; shares no code with pivkit.
"""

import datetime
import pathlib
import sys

from cryptography import x509
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.serialization import Encoding
from smartcard.CardRequest import CardRequest

PIV = bytes.fromhex("a000000308000010000100")
FACTORY_KEY = bytes.fromhex("0102030405060708" * 3)
NUMBERS = {"RSA-2048": 0x07, "RSA-3072": 0x05, "RSA-4096": 0x16, "P-256": 0x11, "P-384": 0x14}
CURVES = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1()}
OBJECTS = {"9a": 0x5FC105, "9c": 0x5FC10A, "9d": 0x5FC10B, "9e": 0x5FC101}
OBJECTS |= {f"{slot:02x}": 0x5FC10D + slot - 0x82 for slot in range(0x82, 0x96)}
UPN = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")


def tlv(tag, *values):
    value = b"".join(values)
    size = len(value)
    length = [size] if size < 0x80 else [0x81, size] if size < 0x100 else [0x82, size >> 8, size & 0xFF]
    return tag.to_bytes((tag.bit_length() + 7) // 8, "big") + bytes(length) + value


def values(data):
    """The values of a sequence of TLVs with tags of one byte."""
    found = {}
    while data:
        tag, length, rest = data[0], data[1], data[2:]
        if length >= 0x80:
            count = length & 0x7F
            length, rest = int.from_bytes(rest[:count], "big"), rest[count:]
        found[tag], data = rest[:length], rest[length:]
    return found


class Card:
    def __init__(self):
        # Kept: the connection ends with it.
        self.service = CardRequest(timeout=10).waitforcard()
        self.connection = self.service.connection
        self.connection.connect()

    def send(self, ins, p1, p2, data=b""):
        """One command, chained if it is long; the whole answer. Anything but 9000 is the end."""
        parts = [data[start:start + 255] for start in range(0, len(data), 255)] or [b""]
        for part in parts:
            cla = 0x00 if part is parts[-1] else 0x10
            command = [cla, ins, p1, p2] + ([len(part), *part] if part else [])
            answer, sw1, sw2 = self.connection.transmit(command)
        while sw1 == 0x61:
            more, sw1, sw2 = self.connection.transmit([0x00, 0xC0, 0x00, 0x00, sw2])
            answer += more
        if (sw1, sw2) != (0x90, 0x00):
            sys.exit(f"{ins:02x} {p1:02x} {p2:02x}: {sw1:02x}{sw2:02x}")
        return bytes(answer)

    def administer(self):
        """External authentication with 9B: the card's challenge comes back encrypted (Appendix A.1.2)."""
        challenge = values(values(self.send(0x87, 0x03, 0x9B, tlv(0x7C, b"\x81\x00")))[0x7C])[0x81]
        encryptor = Cipher(TripleDES(FACTORY_KEY), modes.ECB()).encryptor()
        response = encryptor.update(challenge) + encryptor.finalize()
        self.send(0x87, 0x03, 0x9B, tlv(0x7C, tlv(0x82, response)))

    def generate(self, slot, algorithm):
        answer = self.send(0x47, 0x00, int(slot, 16), tlv(0xAC, tlv(0x80, bytes([NUMBERS[algorithm]]))))
        key = values(values(answer[1:])[0x49])
        if algorithm in CURVES:
            return ec.EllipticCurvePublicKey.from_encoded_point(CURVES[algorithm], key[0x86])
        return rsa.RSAPublicNumbers(*(int.from_bytes(key[tag], "big") for tag in (0x82, 0x81))).public_key()

    def put_certificate(self, slot, certificate):
        content = tlv(0x70, certificate.public_bytes(Encoding.DER)) + tlv(0x71, b"\x00") + tlv(0xFE)
        self.send(0xDB, 0x3F, 0xFF, tlv(0x5C, OBJECTS[slot].to_bytes(3, "big")) + tlv(0x53, content))


def name(common_name):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])


def issue(subject, public_key, issuer, key, ca):
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer)).public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if not ca:
        upn = x509.OtherName(UPN, b"\x0c" + bytes([len("alice@example.test")]) + b"alice@example.test")
        usages = [x509.ExtendedKeyUsageOID.CLIENT_AUTH, x509.ExtendedKeyUsageOID.SMARTCARD_LOGON]
        builder = (
            builder.add_extension(x509.SubjectAlternativeName([upn]), critical=False)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(x509.KeyUsage(True, *[False] * 8), critical=True)
        )
    return builder.sign(key, hashes.SHA256())


def main():
    directory, wanted = pathlib.Path(sys.argv[1]), [word.split("=") for word in sys.argv[2:]]
    directory.mkdir(parents=True, exist_ok=True)
    authority = ec.generate_private_key(ec.SECP256R1())
    root = issue("ca", authority.public_key(), "ca", authority, ca=True)
    (directory / "ca.pem").write_bytes(root.public_bytes(Encoding.PEM))
    card = Card()
    card.send(0xA4, 0x04, 0x00, PIV)
    card.administer()
    for slot, algorithm in wanted:
        certificate = issue(f"alice {slot}", card.generate(slot, algorithm), "ca", authority, ca=False)
        card.put_certificate(slot, certificate)
        (directory / f"{slot}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))


main()
