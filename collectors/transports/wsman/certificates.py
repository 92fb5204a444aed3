"""TLS: who answers is known by an authority we trust or by its pinned fingerprint, or nothing is said to it.

Source: RFC 5929 (tls-server-end-point), openssl-verification-options(1) for the numbers of verification errors.
"""

import hashlib
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collectors.credentials import Credential
from collectors.errors import (
    CertificateChanged,
    CertificateUnknown,
    ConversationFailed,
    HostError,
    LoginDenied,
    NotSupported,
)
from collectors.transports.base import ConnectionPolicy
from collectors.transports.marks import mark
from collectors.transports.wsman import pins
from collectors.transports.wsman.connection import Connection
from collectors.transports.wsman.endpoint import Endpoint

_SELF_SIGNED = "it is signed by itself, by no authority"
_NO_AUTHORITY = "no authority that is trusted here has signed it"
_WHY = {
    2: _NO_AUTHORITY,
    9: "it is not valid yet",
    10: "it has expired",
    18: _SELF_SIGNED,
    19: _NO_AUTHORITY,
    20: _NO_AUTHORITY,
    21: _NO_AUTHORITY,
    62: "it names another host",
    64: "it does not name this address",
    66: "its key is too short",
    67: "the key of its authority is too short",
    68: "it is signed with a broken algorithm",
}
_CURE = {
    9: "Check the clocks of both machines.",
    10: "Renew the certificate of the machine's HTTPS listener.",
    62: "Use a name that the certificate carries as the address, or have one issued with this name.",
    64: "Use a name that the certificate carries as the address, or have one issued with this address.",
    66: "Have one issued with an RSA key of at least 2048 bits.",
    67: "Have one issued by an authority with an RSA key of at least 2048 bits.",
    68: "Have one issued that is signed with SHA-256.",
}
_OLD = ("UNSUPPORTED_PROTOCOL", "PROTOCOL_VERSION", "VERSION_TOO_LOW")
_NOTHING_COMMON = ("HANDSHAKE_FAILURE", "NO_SHARED_CIPHER", "INSUFFICIENT_SECURITY", "DH_KEY_TOO_SMALL")
_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE", "RECORD_TYPE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Opens TLS connections to one endpoint; `connect` makes the TCP connection underneath."""

    subject: str
    where: Endpoint
    policy: ConnectionPolicy
    credential: Credential
    connect: Callable[[], Connection]

    def open(self) -> Connection:
        """A connection to a host whose certificate is the right one.

        Raises `CertificateUnknown`, `CertificateChanged` and everything a connection can raise.
        """
        known = self._pinned()
        if known:
            connection = self._handshake(verified=False)
            self._compare(connection, known)
            return connection
        try:
            return self._handshake(verified=True)
        except ssl.SSLCertVerificationError as error:
            return self._first_visit(error)

    def _pinned(self) -> list[pins.Pin]:
        path = self.policy.known_certificates
        try:
            return pins.pinned(path, self.where.place)
        except OSError as error:
            raise CertificateUnknown(
                self.subject,
                f"its certificate cannot be checked: {path} cannot be read ({error.strerror}).",
                hint="Make the file readable for the user who runs auditor.",
            ) from error

    def _handshake(self, *, verified: bool, own_certificate: bool = True) -> Connection:
        context = _context(self.subject, self.policy, self.credential if own_certificate else None, verified=verified)
        connection = self.connect()
        try:
            connection.start_tls(context, self.where.name)
        except ssl.SSLCertVerificationError:
            connection.close()
            raise
        except ssl.SSLError as error:
            connection.close()
            raise self._no_tls(error) from None
        except BaseException:
            connection.close()
            raise
        return connection

    def _compare(self, connection: Connection, known: list[pins.Pin]) -> None:
        shown = fingerprint(connection.certificate)
        if any(one.fingerprint == shown for one in known):
            return
        connection.close()
        recorded = known[0]
        raise CertificateChanged(
            self.subject,
            f"ITS CERTIFICATE HAS CHANGED: {recorded.where} records {recorded.fingerprint or 'nothing readable'}, the "
            f"machine shows {shown}. It was renewed, another machine answers, or someone stands in between; no "
            "password was sent to it.",
            hint=f"If it was renewed, compare the new fingerprint on the machine, then remove {recorded.where}.",
        )

    def _first_visit(self, error: ssl.SSLCertVerificationError) -> Connection:
        """Nobody vouches for the certificate: pin it where that is allowed, else say what would."""
        path = self.policy.known_certificates
        accept = self.policy.accept_new_certificates and path is not None
        # OpenSSL ends a failed handshake before the certificate can be looked at: it is asked for again.
        connection = self._handshake(verified=False, own_certificate=accept)
        shown = fingerprint(connection.certificate)
        try:
            if not accept or path is None:
                raise self._unknown(error, shown)
            already = pins.pin(path, self.where.place, shown)
        except OSError as problem:
            connection.close()
            raise CertificateUnknown(
                self.subject,
                f"its certificate {shown} cannot be recorded in {path} ({problem.strerror}).",
                hint="Make the file and its folder writable for the user who runs auditor.",
            ) from problem
        except HostError:
            connection.close()
            raise
        if already:
            self._compare(connection, already)
        return connection

    def _unknown(self, error: ssl.SSLCertVerificationError, shown: str) -> CertificateUnknown:
        why = _WHY.get(error.verify_code, error.verify_message)
        cure = _CURE.get(error.verify_code, "")
        if error.verify_code in (2, 18, 19, 20, 21):
            cure = "Name the file of your authority's certificate (ca_file, --ca-file)."
        command = self.policy.accept_certificates_command or (
            f"auditor scan winrm://{self.where.place} --accept-new-certificates"
        )
        return CertificateUnknown(
            self.subject,
            f"its certificate is not trusted: {why} ({shown}).",
            hint=f"{cure} Or compare this fingerprint with the one on the machine and record it: run again once with "
            f"--accept-new-certificates (`{command}`).".strip(),
        )

    def _no_tls(self, error: ssl.SSLError) -> HostError:
        reason = error.reason or ""
        if any(word in reason for word in _OLD):
            return NotSupported(
                self.subject,
                "it speaks no TLS 1.2, only older versions, which are not used here.",
                hint="Enable TLS 1.2 on the machine, or visit it over sealed HTTP (port 5985) with NTLM or Kerberos.",
            )
        if any(word in reason for word in _NOTHING_COMMON):
            return NotSupported(
                self.subject,
                "it offers no cipher that is used here.",
                hint="Enable AES-GCM cipher suites on the machine, or visit it over sealed HTTP (port 5985).",
            )
        if any(word in reason for word in _NO_TLS):
            return ConversationFailed(
                self.subject,
                "what answers there speaks no TLS.",
                hint="Check the port: WinRM speaks HTTPS on 5986; for HTTP on 5985 set tls = false.",
            )
        if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError) or "EOF" in reason:
            return ConversationFailed(
                self.subject,
                "it ended the connection during the TLS handshake.",
                hint="Check that a certificate is bound to its HTTPS listener (winrm enumerate winrm/config/listener).",
            )
        words = reason.lower().replace("_", " ") or str(error)
        return ConversationFailed(self.subject, f"the TLS handshake failed ({words}).", hint="Check its listener.")


def fingerprint(der: bytes) -> str:
    """SHA-256 fingerprint of a certificate: "sha256:" and hex, as files of pinned certificates hold it."""
    return "sha256:" + hashlib.sha256(der).hexdigest()


def channel_binding(der: bytes) -> Any:
    """Channel bindings for a server's certificate: they tie a login to this one TLS connection (P16)."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from spnego.channel_bindings import GssChannelBindings

    name = "sha256"
    try:
        algorithm = x509.load_der_x509_certificate(der).signature_hash_algorithm
    except (UnsupportedAlgorithm, ValueError):
        algorithm = None
    if algorithm is not None and algorithm.name not in ("md5", "sha1"):
        name = algorithm.name
    return GssChannelBindings(application_data=b"tls-server-end-point:" + hashlib.new(name, der).digest())


_contexts: dict[tuple[object, ...], ssl.SSLContext] = {}
_lock = threading.Lock()


def _context(
    subject: str, policy: ConnectionPolicy, credential: Credential | None, *, verified: bool
) -> ssl.SSLContext:
    """One context for all hosts: loading the trust store costs more than a whole visit."""
    own = credential if credential is not None and credential.auth == "certificate" else None
    identity = (policy.ca_file if verified else None, verified, _identity(own))
    with _lock:
        context = _contexts.get(identity)
        if context is None:
            context = _contexts[identity] = _make_context(subject, policy.ca_file, own, verified=verified)
        return context


def _identity(own: Credential | None) -> tuple[object, ...]:
    return () if own is None else (own.certificate_file, own.key_file, mark(own.passphrase))


def _make_context(subject: str, ca_file: Path | None, own: Credential | None, *, verified: bool) -> ssl.SSLContext:
    if verified:
        try:
            context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
        except (OSError, ssl.SSLError) as error:
            raise CertificateUnknown(
                subject,
                f"the file of trusted authorities {ca_file} cannot be used ({_file_words(error)}).",
                hint="It must hold certificates in PEM form.",
            ) from error
        if ca_file is not None:
            # Whoever names the authority that issues the machines' certificates need not name the one above it, too.
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    else:
        # The certificate is compared with its pin (or only looked at) before anything is said over the connection.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if own is not None:
        _load_own(subject, context, own)
    return context


def _load_own(subject: str, context: ssl.SSLContext, own: Credential) -> None:
    # Windows asks for the client's certificate only once it has read the request.
    context.post_handshake_auth = True
    passphrase = own.passphrase
    certificate = str(own.certificate_file)
    try:
        context.load_cert_chain(
            certificate,
            None if own.key_file is None else str(own.key_file),
            # A function: without one OpenSSL would ask at the terminal.
            lambda: "" if passphrase is None else passphrase.reveal(),
        )
    except (OSError, ssl.SSLError) as error:
        raise LoginDenied(
            subject,
            f"the client certificate {certificate} cannot be used ({_file_words(error)}).",
            hint="Check certificate_file, key_file and the passphrase.",
        ) from None


def _file_words(error: OSError) -> str:
    """Why OpenSSL cannot use a file, without its error's number and the line of its source."""
    reason = getattr(error, "reason", None) or error.strerror or "not in PEM form"
    return str(reason).lower().replace("_", " ")


def forget() -> None:
    """Drop contexts and pinned fingerprints, so that the next visit reads the files again."""
    with _lock:
        _contexts.clear()
    pins.forget()
