"""TLS certificates of the lab: an authority, server certificates good and bad, client certificates.

All keys are P-256, made anew for every peer and valid on loopback only.
"""

import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.lab.wsman.settings import MACHINE

NAMES = ("localhost", "winlab01.lab.test")
_DAY = timedelta(days=1)


class CertificateKind(StrEnum):
    """How a server certificate is good or bad."""

    GOOD = "good"  # signed by the lab's authority, names localhost, 127.0.0.1, ::1 and every address served
    EXPIRED = "expired"
    WRONG_NAME = "wrong_name"
    SELF_SIGNED = "self_signed"
    OTHER_AUTHORITY = "other_authority"


@dataclass(frozen=True, slots=True)
class Pem:
    """A certificate and its key, in files."""

    certificate: Path
    key: Path

    @property
    def der(self) -> bytes:
        """The certificate itself."""
        return x509.load_pem_x509_certificate(self.certificate.read_bytes()).public_bytes(serialization.Encoding.DER)

    @property
    def sha256(self) -> str:
        """Its fingerprint, hexadecimal."""
        return hashlib.sha256(self.der).hexdigest()


class Certificates:
    """Makes certificates in `directory`; `ca_file` is the authority to trust."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._key, self._authority = _authority("Lab Root")
        self.ca_file = directory / "ca.pem"
        self.ca_file.write_bytes(self._authority.public_bytes(serialization.Encoding.PEM))

    def server(self, kind: CertificateKind = CertificateKind.GOOD, addresses: tuple[str, ...] = ()) -> Pem:
        """A server certificate of that kind."""
        key, authority = (
            _authority("Other Root") if kind is CertificateKind.OTHER_AUTHORITY else (self._key, self._authority)
        )
        if kind is CertificateKind.WRONG_NAME:
            names: list[x509.GeneralName] = [x509.DNSName("other.lab.test")]
        else:
            names = [x509.DNSName(name) for name in NAMES]
            every = dict.fromkeys(("127.0.0.1", "::1", *addresses))
            names += [x509.IPAddress(ipaddress.ip_address(address)) for address in every]
        own = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        ends = now - _DAY if kind is CertificateKind.EXPIRED else now + 30 * _DAY
        self_signed = kind is CertificateKind.SELF_SIGNED
        subject = _name(f"{MACHINE}.lab.test")
        built = (
            _builder(subject, own.public_key(), now - 60 * _DAY, ends)
            .issuer_name(subject if self_signed else authority.subject)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(
                    own.public_key() if self_signed else key.public_key()
                ),
                critical=False,
            )
            .sign(own if self_signed else key, hashes.SHA256())
        )
        return self._write(f"server-{kind}", built, own)

    def client(self, name: str) -> Pem:
        """A client certificate whose common name is `name`."""
        own = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        built = (
            _builder(_name(name), own.public_key(), now - _DAY, now + 30 * _DAY)
            .issuer_name(self._authority.subject)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return self._write(f"client-{name}", built, own)

    def _write(self, stem: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pem:
        pem = Pem(self._directory / f"{stem}.pem", self._directory / f"{stem}.key")
        pem.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        pem.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        pem.key.chmod(0o600)
        return pem


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name, public_key: ec.EllipticCurvePublicKey, begins: datetime, ends: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
    )


def _authority(name: str) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    certificate = (
        _builder(_name(name), key.public_key(), now - 90 * _DAY, now + 90 * _DAY)
        .issuer_name(_name(name))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                key_cert_sign=True,
                crl_sign=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .sign(key, hashes.SHA256())
    )
    return key, certificate
