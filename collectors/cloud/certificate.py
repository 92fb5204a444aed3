"""The certificate or secret of a credential, in the form msal takes it, with every way it can be wrong in words."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collectors.cloud.credentials import CloudCredential
from collectors.errors import SignInFailed

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.x509 import Certificate

_MAX_FILE_BYTES = 1 << 20
_RENEW = "Make a new certificate and upload it under App registrations > the application > Certificates & secrets."


def key_of(credential: CloudCredential, tenant: str, now: datetime) -> Any:
    """What msal calls `client_credential`: a secret, or key and certificate as PEM.

    A certificate at hand signs with PS256 and travels along (x5c); a key with a SHA-1 thumbprint signs with RS256.
    Raises SignInFailed, before anything is sent, for a file that cannot be read, a key that is absent, locked, not RSA
    or another certificate's, and a certificate that is not valid now.
    """
    if credential.pfx_file is not None:
        key, chain = _from_pfx(credential, tenant)
    elif credential.certificate_file is not None:
        key, chain = _from_pem(credential, tenant)
    elif credential.key_file is not None and credential.thumbprint:
        key = _private_key(_read(credential.key_file, tenant), credential, tenant, credential.key_file)
        return {"private_key": _pem_of(key), "thumbprint": credential.thumbprint.replace(":", "").upper()}
    elif credential.secret is not None:
        return credential.secret.reveal()
    else:
        raise SignInFailed(
            tenant,
            "the credential has neither a certificate with its key nor a secret.",
            hint="Name a pfx file, a certificate file, or a key file with its thumbprint.",
        )
    _check(key, chain, tenant, now)
    from cryptography.hazmat.primitives.serialization import Encoding

    texts = [certificate.public_bytes(Encoding.PEM).decode() for certificate in chain]
    return {"private_key": _pem_of(key), "public_certificate": "".join(texts)}


def _from_pfx(credential: CloudCredential, tenant: str) -> "tuple[RSAPrivateKey, list[Certificate]]":
    from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

    path = credential.pfx_file
    assert path is not None
    passphrase = credential.passphrase.reveal().encode() if credential.passphrase is not None else None
    try:
        bundle = load_pkcs12(_read(path, tenant), passphrase)
    except (ValueError, TypeError) as error:
        raise SignInFailed(
            tenant, f"{path} cannot be opened: it is no PFX, or its passphrase is missing or wrong."
        ) from error
    if bundle.key is None or bundle.cert is None:
        absent = "private key" if bundle.key is None else "certificate"
        raise SignInFailed(tenant, f"{path} holds no {absent}.", hint="Export it again, with its private key included.")
    others = [extra.certificate for extra in bundle.additional_certs]
    return _rsa(bundle.key, tenant, path), [bundle.cert.certificate, *others]


def _from_pem(credential: CloudCredential, tenant: str) -> "tuple[RSAPrivateKey, list[Certificate]]":
    from cryptography.x509 import load_pem_x509_certificates

    path = credential.certificate_file
    assert path is not None
    text = _read(path, tenant)
    try:
        chain = load_pem_x509_certificates(text)
    except ValueError as error:
        raise SignInFailed(tenant, f"{path} holds no certificate in PEM form.") from error
    key_file = credential.key_file or path
    key = _private_key(text if key_file == path else _read(key_file, tenant), credential, tenant, key_file)
    return key, chain


def _private_key(text: bytes, credential: CloudCredential, tenant: str, path: Path) -> "RSAPrivateKey":
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if b"PRIVATE KEY-----" not in text:
        raise SignInFailed(
            tenant,
            f"{path} holds no private key: a certificate alone cannot sign in.",
            hint="Name the file with the private key (key_file), or use a PFX that includes it.",
        )
    passphrase = credential.passphrase.reveal().encode() if credential.passphrase is not None else None
    try:
        return _rsa(load_pem_private_key(text, passphrase), tenant, path)
    except TypeError as error:  # a passphrase for a key that has none, or none for one that has
        if passphrase is None:
            raise SignInFailed(tenant, f"the private key in {path} is locked, and no passphrase is given.") from error
        return _rsa(load_pem_private_key(text, None), tenant, path)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SignInFailed(tenant, f"the private key in {path} is damaged, or its passphrase is wrong.") from error


def _rsa(key: object, tenant: str, path: Path) -> "RSAPrivateKey":
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    if not isinstance(key, RSAPrivateKey):
        raise SignInFailed(
            tenant, f"the private key in {path} is not RSA, which Microsoft Entra requires.", hint=_RENEW
        )
    return key


def _check(key: "RSAPrivateKey", chain: "list[Certificate]", tenant: str, now: datetime) -> None:
    """The first certificate must be the key's, and valid now: refused here, it says so plainly."""
    public = key.public_key()
    if chain[0].public_key() != public:
        chain.sort(key=lambda certificate: certificate.public_key() != public)  # a chain that begins at its root
    if chain[0].public_key() != public:
        raise SignInFailed(
            tenant, "the private key is not the certificate's.", hint="Name the two that belong together."
        )
    ends, begins = chain[0].not_valid_after_utc, chain[0].not_valid_before_utc
    if now > ends:
        raise SignInFailed(tenant, f"the certificate expired on {ends:%Y-%m-%d}.", hint=_RENEW)
    if now < begins:
        raise SignInFailed(
            tenant, f"the certificate is valid from {begins:%Y-%m-%d} only.", hint="Check the clock of this machine."
        )


def _pem_of(key: "RSAPrivateKey") -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _read(path: Path, tenant: str) -> bytes:
    try:
        with path.open("rb") as source:
            content = source.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise SignInFailed(tenant, f"{path} cannot be read: {error.strerror}.") from error
    if len(content) > _MAX_FILE_BYTES:
        raise SignInFailed(tenant, f"{path} is too large to be a key or certificate.")
    return content
