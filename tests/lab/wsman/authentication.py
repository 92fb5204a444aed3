"""Who the client is: NTLM, SPNEGO, Kerberos, Basic, client certificate; and the sealing of messages.

One context per connection, as WinRM does it. The acceptor is pyspnego's; looking up accounts, channel bindings and
lockout are decided here. Source: MS-WSMV 2.2.9.1 (encrypted messages), MS-NLMP 2.2.1.3 (AUTHENTICATE_MESSAGE).
"""

import base64
import binascii
import functools
import hashlib
import os
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import spnego
from spnego._ntlm_raw.crypto import ntowfv1
from spnego.channel_bindings import GssChannelBindings

from tests.lab.wsman.settings import MACHINE, Account, Authentication, Counters, Hardening, Settings

MUTUAL = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"
_NTLMSSP = b"NTLMSSP\x00"
_AUTHENTICATE = _NTLMSSP + b"\x03\x00\x00\x00"
_SPNEGO_OID = bytes.fromhex("06062b0601050502")
_KERBEROS_OID = bytes.fromhex("06092a864886f712010202")
_CHANNEL_BINDINGS = 10  # MsvAvChannelBindings
_PROTOCOLS = {"negotiate": "application/HTTP-SPNEGO-session-encrypted"}
_PROTOCOLS["kerberos"] = "application/HTTP-Kerberos-session-encrypted"
_BOUNDARY = b"--Encrypted Boundary"
_environment = threading.Lock()


class SealBroken(Exception):
    """A sealed message that cannot be opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What an Authorization header came to: an account, a further token to send, or (neither) a refusal."""

    account: Account | None = None
    token: bytes | None = None
    scheme: str = "Negotiate"

    @property
    def challenge(self) -> str:
        """Value for WWW-Authenticate; "" when there is nothing to say."""
        return f"{self.scheme} {base64.b64encode(self.token).decode()}" if self.token else ""


REFUSED = Verdict()


@dataclass(slots=True, eq=False)
class Gate:
    """Authentication of one connection. `tls_certificate` is the server's own (DER), b"" without TLS.

    `client_certificate` is the common name of a client certificate that TLS has verified.
    """

    settings: Settings
    counters: Counters
    wrong_passwords: dict[str, int]
    directory: Path
    tls_bindings: bytes = b""
    client_certificate: str = ""
    account: Account | None = None
    _context: Any = None
    _sealing: str = ""
    _claimed: str = ""
    _stores: dict[str, Path] = field(default_factory=dict)

    @property
    def offers(self) -> tuple[str, ...]:
        """Values of WWW-Authenticate in a refusal."""
        enabled = self.settings.authentication
        found = []
        if enabled & {Authentication.NTLM, Authentication.NEGOTIATE}:
            found.append("Negotiate")
        if Authentication.KERBEROS in enabled:
            found.append("Kerberos")
        if Authentication.BASIC in enabled:
            found.append('Basic realm="WSMAN"')
        return tuple(found)

    def offer(self, authorization: str) -> Verdict:
        """Judge an Authorization header; on success `account` is set for the connection (Basic: per request)."""
        self.account = None
        scheme, _, value = authorization.strip().partition(" ")
        enabled = self.settings.authentication
        match scheme.lower():
            case "basic" if Authentication.BASIC in enabled:
                verdict = self._basic(value)
            case "negotiate" if enabled & {Authentication.NTLM, Authentication.NEGOTIATE}:
                verdict = self._token(value, "Negotiate")
            case "kerberos" if Authentication.KERBEROS in enabled:
                verdict = self._token(value, "Kerberos")
            case _ if authorization.strip() == MUTUAL and Authentication.CERTIFICATE in enabled:
                verdict = self._certificate()
            case _:
                verdict = REFUSED
        if verdict.account is not None:
            self.counters.logins += 1
            self.account = verdict.account
        elif verdict.token is None:
            self.counters.failed_logins += 1
            self._context = None
        return verdict

    def _admitted(self, account: Account | None, *, right: bool) -> Account | None:
        """The account, unless it is locked; counts wrong passwords towards the lockout."""
        if account is None or account.locked:
            return None
        threshold = self.settings.lockout_threshold
        if threshold and self.wrong_passwords.get(account.name, 0) >= threshold:
            return None
        if not right:
            self.wrong_passwords[account.name] = self.wrong_passwords.get(account.name, 0) + 1
            return None
        self.wrong_passwords[account.name] = 0
        return account

    def _find(self, user: str, domain: str) -> Account | None:
        """The account a client named; a name with @ carries its domain itself."""
        if "@" in user and not domain:
            user, _, domain = user.partition("@")
            domain = domain.partition(".")[0]
        for account in self.settings.accounts:
            domains = {account.domain.lower()} if account.domain else {"", ".", MACHINE.lower(), "localhost"}
            if account.name.lower() == user.lower() and domain.lower() in domains:
                return account
        return None

    def _basic(self, value: str) -> Verdict:
        try:
            user, _, password = base64.b64decode(value, validate=True).decode("utf-8").partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return REFUSED
        domain, separator, name = user.rpartition("\\")
        account = self._find(name if separator else user, domain)
        right = account is not None and account.password == password
        return Verdict(account=self._admitted(account, right=right))

    def _certificate(self) -> Verdict:
        for account in self.settings.accounts:
            if account.certificate and account.name == self.client_certificate:
                return Verdict(account=self._admitted(account, right=True))
        return REFUSED

    def _token(self, value: str, scheme: str) -> Verdict:
        self.counters.auth_legs += 1
        try:
            token = base64.b64decode(value, validate=True)
        except binascii.Error:
            return REFUSED
        kind = self._kind(token, scheme)
        if not self._allowed(kind, scheme):
            return REFUSED
        with _user_file(self.directory, ""):
            if self._context is None or self._context.complete:
                self._context = _acceptor(kind)
                self._sealing = scheme.lower()
        account = None
        bindings = self._bindings()
        store = ""
        if _AUTHENTICATE in token:
            claim = _Claim.read(token[token.index(_AUTHENTICATE) :])
            account = self._find(claim.user, claim.domain)
            if bindings is not None and not claim.bindings:
                if self.settings.hardening is Hardening.STRICT:
                    return REFUSED
                bindings = None  # Relaxed: not sent, not checked
            if account is None:
                return REFUSED
            store = _smbpasswd(claim.domain, claim.user, account.password)
        try:
            with _user_file(self.directory, store):
                answer = self._context.step(token, channel_bindings=bindings)
        except (spnego.exceptions.SpnegoError, AttributeError):
            # AttributeError: MIT answered a bad ticket with an error token, and pyspnego asks the context for more.
            self._admitted(account, right=False)
            return REFUSED
        if not self._context.complete:
            return Verdict(token=answer, scheme=scheme)
        if account is None:
            account = self._principal(self._context.client_principal)
        account = self._admitted(account, right=True)
        return Verdict(account=account, token=answer if account else None, scheme=scheme)

    def _principal(self, name: str | None) -> Account | None:
        user, _, realm = (name or "").partition("@")
        for account in self.settings.accounts:
            if account.name.lower() == user.lower() and account.domain.lower() in {"", realm.partition(".")[0].lower()}:
                return account
        return None

    def _kind(self, token: bytes, scheme: str) -> str:
        if token.startswith(_NTLMSSP):
            return "ntlm"
        if _KERBEROS_OID in token[:32] and _SPNEGO_OID not in token[:16]:
            return "kerberos"
        return "negotiate"

    def _allowed(self, kind: str, scheme: str) -> bool:
        enabled = self.settings.authentication
        if kind == "ntlm":
            return scheme == "Negotiate" and Authentication.NTLM in enabled
        if kind == "kerberos":
            return Authentication.KERBEROS in enabled
        return Authentication.NEGOTIATE in enabled or scheme == "Kerberos"

    def _bindings(self) -> GssChannelBindings | None:
        if not self.tls_bindings or self.settings.hardening is Hardening.NONE:
            return None
        return GssChannelBindings(application_data=self.tls_bindings)

    def unseal(self, content_type: str, body: bytes) -> bytes:
        """The message within a multipart/encrypted body. Raises SealBroken."""
        protocol = _PROTOCOLS.get(self._sealing)
        if self._context is None or protocol is None or not self._context.complete:
            raise SealBroken("no security context")
        if f'protocol="{protocol}"' not in content_type or 'boundary="Encrypted Boundary"' not in content_type:
            raise SealBroken("content type")
        parts = body.replace(b"-- Encrypted Boundary", _BOUNDARY).split(_BOUNDARY, 2)
        if len(parts) != 3 or parts[0]:
            raise SealBroken("boundaries")
        headers = dict(line.strip().split(b": ", 1) for line in parts[1].split(b"\r\n") if line.startswith(b"\t"))
        kind, separator, data = parts[2].lstrip(b"\r\n").partition(b"\r\n")
        end = data.rfind(_BOUNDARY + b"--")
        if (
            headers.get(b"Content-Type") != protocol.encode()
            or kind != b"\tContent-Type: application/octet-stream"
            or not separator
            or end < 4
        ):
            raise SealBroken("metadata")
        sealed = data[:end]
        size = struct.unpack("<I", sealed[:4])[0]
        try:
            plain: bytes = self._context.unwrap_winrm(sealed[4 : 4 + size], sealed[4 + size :])
        except spnego.exceptions.SpnegoError as error:
            raise SealBroken(str(error)) from error
        original = headers.get(b"OriginalContent", b"").replace(b" ", b"")
        if not original.startswith(b"type=application/soap+xml;charset=") or not original.endswith(
            f";Length={len(plain)}".encode()
        ):
            raise SealBroken(f"OriginalContent {original!r} for {len(plain)} bytes")
        return plain

    def seal(self, plain: bytes) -> tuple[str, bytes]:
        """Content type and body of a sealed answer."""
        protocol = _PROTOCOLS[self._sealing]
        header, data, padding = self._context.wrap_winrm(plain)
        body = (
            f"--Encrypted Boundary\r\n\tContent-Type: {protocol}\r\n"
            f"\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length={len(plain) + padding}\r\n"
            f"--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n"
        ).encode()
        body += struct.pack("<I", len(header)) + header + data + b"--Encrypted Boundary--\r\n"
        return f'multipart/encrypted;protocol="{protocol}";boundary="Encrypted Boundary"', body


@dataclass(frozen=True, slots=True)
class _Claim:
    """What an NTLM AUTHENTICATE message says of its sender; `bindings` whether it holds channel bindings."""

    domain: str
    user: str
    bindings: bool

    @classmethod
    def read(cls, token: bytes) -> "_Claim":
        def field_at(offset: int) -> bytes:
            size, _, start = struct.unpack_from("<HHI", token, offset)
            return token[start : start + size]

        return cls(
            domain=field_at(28).decode("utf-16-le"),
            user=field_at(36).decode("utf-16-le"),
            bindings=any(value.strip(b"\x00") for key, value in _av_pairs(field_at(20)) if key == _CHANNEL_BINDINGS),
        )


def _av_pairs(response: bytes) -> Iterator[tuple[int, bytes]]:
    """Attributes of an NTLMv2 response: 16 bytes of proof, 28 of fixed fields, then pairs up to id 0."""
    position = 44
    while position + 4 <= len(response):
        key, size = struct.unpack_from("<HH", response, position)
        if key == 0:
            return
        yield key, response[position + 4 : position + 4 + size]
        position += 4 + size


def _acceptor(kind: str) -> Any:
    options = spnego.NegotiateOptions.use_ntlm if kind == "ntlm" else spnego.NegotiateOptions.none
    return spnego.server(service="HTTP", hostname="", protocol=kind, options=options)


def _smbpasswd(domain: str, user: str, password: str) -> str:
    """A line of pyspnego's user file with the hash in it: from a password it would work out both hashes per login."""
    name = f"{domain}\\{user}" if domain else user
    return f"{name}:0:{'0' * 32}:{_nt_hash(password)}:[U]:LCT-0"


@functools.lru_cache
def _nt_hash(password: str) -> str:
    return ntowfv1(password).hex().upper()


@contextmanager
def _user_file(directory: Path, line: str) -> Iterator[None]:
    """pyspnego's acceptor finds its users through the environment only: set for the one step, put back after it."""
    path = directory / f"{hashlib.sha256(line.encode()).hexdigest()}.users"
    with _environment:
        if not path.exists():
            path.write_text(f"{line}\n", encoding="utf-8")
        before = os.environ.get("NTLM_USER_FILE")
        os.environ["NTLM_USER_FILE"] = str(path)
        try:
            yield
        finally:
            if before is None:
                del os.environ["NTLM_USER_FILE"]
            else:
                os.environ["NTLM_USER_FILE"] = before
