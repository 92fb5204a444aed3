"""Keys and certificates an application signs in with, made anew for each test."""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class AppCertificate:
    """A key and its self-signed certificate, as they are written to files."""

    key: Key
    certificate: x509.Certificate

    @property
    def pem(self) -> bytes:
        """The certificate alone."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def sha1(self) -> str:
        """What Entra calls the thumbprint."""
        return self.certificate.fingerprint(hashes.SHA1()).hex().upper()

    @property
    def jwk(self) -> dict[str, Any]:
        """The public key as JSON."""
        assert isinstance(self.key, rsa.RSAPrivateKey)
        numbers = self.key.public_key().public_numbers()
        return {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e), "use": "sig"}

    def key_pem(self, passphrase: str = "") -> bytes:
        """The private key, locked when there is a passphrase."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, _lock(passphrase))

    def pfx(self, passphrase: str = "", *, with_key: bool = True) -> bytes:
        """Both as PKCS #12."""
        key = self.key if with_key else None
        return pkcs12.serialize_key_and_certificates(b"lab", key, self.certificate, None, _lock(passphrase))

    def written(self, folder: Path, passphrase: str = "") -> tuple[Path, Path]:
        """Certificate and key in two files."""
        certificate, key = folder / "app.pem", folder / "app.key"
        certificate.write_bytes(self.pem)
        key.write_bytes(self.key_pem(passphrase))
        return certificate, key


def app_certificate(*, days: int = 30, age_days: int = 1, kind: str = "rsa") -> AppCertificate:
    """A certificate that began `age_days` ago (negative: in the future) and ends in `days`."""
    key = _rsa() if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "auditor lab")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=age_days))
        .not_valid_after(now + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    return AppCertificate(key, certificate)


@cache
def _rsa() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)  # the slow part: one for all tests of a process


def other_key() -> bytes:
    """The PEM of a private key that belongs to no certificate here."""
    key = rsa.generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _lock(passphrase: str) -> KeySerializationEncryption:
    return BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()


def _number(value: int) -> str:
    return base64.urlsafe_b64encode(value.to_bytes((value.bit_length() + 7) // 8, "big")).rstrip(b"=").decode()
