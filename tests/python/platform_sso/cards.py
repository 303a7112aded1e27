"""An authority, and the cards that it issues: keys in software with certificates."""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from .layouts import UPN, b64, kid_of
from .tokens import signed

NEW_KEYS = {
    "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "RSA-2048": lambda: rsa.generate_private_key(65537, 2048),
    "RSA-3072": lambda: rsa.generate_private_key(65537, 3072),
    "RSA-4096": lambda: rsa.generate_private_key(65537, 4096),
}


def algorithm_of(public_key):
    """ES256 for P-256 is documented; which length of an RSA key goes with which hash, and ES384, are pivkit's choice."""
    if isinstance(public_key, rsa.RSAPublicKey):
        return {2048: "RS256", 3072: "RS384", 4096: "RS512"}[public_key.key_size]
    return {"secp256r1": "ES256", "secp384r1": "ES384"}[public_key.curve.name]


class Card:
    def __init__(self, certificate, key):
        self.certificate, self.key = certificate, key
        self.der = certificate.public_bytes(Encoding.DER)

    @classmethod
    def load(cls, certificate, key):
        with open(certificate, "rb") as certificate, open(key, "rb") as key:
            return cls(x509.load_pem_x509_certificate(certificate.read()), load_pem_private_key(key.read(), None))

    def sign(self, typ, claims, wanted=lambda signature: True):
        public_key = self.certificate.public_key()
        if isinstance(public_key, rsa.RSAPublicKey):
            # It would be the same signature again.
            wanted = lambda signature: True
        header = {"typ": typ, "alg": algorithm_of(public_key), "kid": kid_of(public_key), "x5c": [b64(self.der)]}
        return signed(header, claims, self.key, wanted)


class Authority(Card):
    def issue(self, user, key):
        """A card of this user."""
        name = f"{user}@example.test".encode()
        now = datetime.datetime.now(datetime.timezone.utc)
        usages = [x509.ExtendedKeyUsageOID.CLIENT_AUTH, x509.ExtendedKeyUsageOID.SMARTCARD_LOGON]
        upn = x509.OtherName(x509.ObjectIdentifier(UPN), b"\x0c" + bytes([len(name)]) + name)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, user)]))
            .issuer_name(self.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.KeyUsage(True, *[False] * 8), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(x509.SubjectAlternativeName([upn]), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return Card(certificate, key)


def users_of(certificate):
    """Whom a certificate names: the user principal names, without the domain."""
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    upns = [name.value for name in names.get_values_for_type(x509.OtherName) if name.type_id.dotted_string == UPN]
    return [upn[2:].decode().split("@")[0] for upn in upns]
