"""Logging in: NTLM, Kerberos, Basic or a client certificate, each tried once and never twice.

NTLM and Kerberos tokens travel under the scheme Negotiate, unwrapped, as pywinrm's do; the first one leaves with the
first request instead of waiting to be asked for. The same context then seals the messages.

Source: RFC 4559; [MS-NLMP] for what a password becomes.
"""

import base64
import binascii
import functools
import hashlib
import logging
import os
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from collectors.credentials import Credential, Secret
from collectors.errors import ConversationFailed, HostError, LoginDenied, NotSupported, UnsafeProtocol
from collectors.transports.base import Deadline
from collectors.transports.marks import mark
from collectors.transports.wsman import faults, kerberos, lockout
from collectors.transports.wsman.endpoint import Endpoint
from collectors.transports.wsman.http import Answer, Http

_SCHEME = "Negotiate"
_MUTUAL = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"
_MAX_LEGS = 4
# Flags of an NTLM challenge: signed, sealed, extended session security, 128 bit. Without the third a checksum anyone
# can correct stands for the signature, without the fourth 40 bits of the key do.
_CHALLENGE = b"NTLMSSP\0\x02\0\0\0"
_STRONG = 0x00000010 | 0x00000020 | 0x00080000 | 0x20000000
_NTLM_V2 = (None, "3", "4", "5")
_TITLES = {"ntlm": "NTLM", "kerberos": "Kerberos", "basic": "Basic", "certificate": "client certificate"}

# pyspnego logs the tokens it makes; whoever reads an NTLM answer can guess at the password at leisure.
logging.getLogger("spnego").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How to log in to one host: a header sent with every message, or a context that speaks first.

    `new_context` takes the channel bindings of the TLS connection (None without TLS). `password` is what the host
    checks, None where it checks none (a ticket, a certificate).
    """

    name: str
    user: str
    authorization: str = ""
    password: Secret | None = None
    new_context: Callable[[Any], Any] | None = None

    @property
    def title(self) -> str:
        """Its name as people write it."""
        return _TITLES[self.name]

    def __repr__(self) -> str:
        return f"Way({self.name!r}, {self.user!r})"


def way(subject: str, where: Endpoint, user: str, credential: Credential, deadline: Deadline) -> Way:
    """The way to log in; "auto" is Kerberos where a ticket can be had, else NTLM. Nothing was sent to the host yet.

    Raises `LoginDenied` or `NotSupported` when there is none.
    """
    match credential.auth:
        case "certificate":
            return Way(name="certificate", user=user or "the certificate's account", authorization=_MUTUAL)
        case "basic":
            header = _basic(user, credential.password)
            return Way(name="basic", user=user, authorization=header, password=credential.password)
        case "ntlm":
            return _ntlm_way(subject, where, user, credential.password)
        case "kerberos":
            service = kerberos.service(subject, where, user, credential.password, deadline)
            return Way(name="kerberos", user=user or "the ticket's owner", new_context=service.new_context)
        case _:
            return _best_way(subject, where, user, credential, deadline)


def _best_way(subject: str, where: Endpoint, user: str, credential: Credential, deadline: Deadline) -> Way:
    without = ""
    if not kerberos.may_be_usable(where, user, credential.password):
        without = "it needs a host name, the extra `kerberos`, and a ticket or a user written user@REALM"
    else:
        try:
            service = kerberos.service(subject, where, user, credential.password, deadline)
            return Way(name="kerberos", user=user or "the ticket's owner", new_context=service.new_context)
        except kerberos.NoTicket as error:
            # Only where the password was not refused: no password is tried in two ways.
            if error.password_refused:
                raise
            without = error.problem.removeprefix("no Kerberos ticket: ").rstrip(".")
    if not user or credential.password is None:
        lacking = "user" if not user else "password"
        raise LoginDenied(
            subject,
            f"no {lacking} is configured to log in with, and Kerberos cannot be used instead: {without}.",
            hint="Name a credential for it in the client file, give --user and --password-from, or run kinit.",
        )
    return _ntlm_way(subject, where, user, credential.password)


def _basic(user: str, password: Secret | None) -> str:
    assert password is not None
    # UTF-8, as Windows reads it; pywinrm's latin-1 fails on "€" and is refused for "é" (P8).
    text = f"{user}:{password.reveal()}".encode("utf-8", "surrogatepass")
    return f"Basic {base64.b64encode(text).decode()}"


_seeds: dict[tuple[str, bytes], Any] = {}
_lock = threading.Lock()


def _ntlm_way(subject: str, where: Endpoint, user: str, password: Secret | None) -> Way:
    assert password is not None
    level = os.environ.get("LM_COMPAT_LEVEL")
    if level not in _NTLM_V2:  # pyspnego reads it, and would answer with what can be guessed back to the password
        raise UnsafeProtocol(
            subject,
            f"the environment variable LM_COMPAT_LEVEL={level!r} asks for a broken form of NTLM: refused.",
            hint="Remove it, or set it to 3 or more.",
        )
    if not _has_ntlm_ciphers():
        raise NotSupported(
            subject,
            "NTLM needs MD5 and RC4, which the OpenSSL of the machine that runs auditor does not offer (FIPS mode, or "
            "no legacy provider).",
            hint="Use Kerberos, or over HTTPS a client certificate or Basic.",
        )

    def new_context(bindings: Any) -> Any:
        context = _seed(user, password).new_context()
        context.spn = f"HTTP/{where.name}"
        context.channel_bindings = bindings
        return context

    return Way(name="ntlm", user=user, password=password, new_context=new_context)


@functools.cache
def _has_ntlm_ciphers() -> bool:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4
    from cryptography.hazmat.primitives.ciphers import Cipher

    try:
        hashlib.md5(b"")  # noqa: S324  as pyspnego calls it: the form for other uses works in FIPS mode too
        Cipher(ARC4(bytes(16)), mode=None).encryptor().update(b"")
    except (UnsupportedAlgorithm, ValueError):
        return False
    return True


def _seed(user: str, password: Secret) -> Any:
    """A context that holds the password's hash, worked out once for all hosts (6 % of pywinrm's time is this)."""
    import spnego

    identity = (user, mark(password))
    with _lock:
        seed = _seeds.get(identity)
        if seed is None:
            seed = _seeds[identity] = spnego.client(
                # pyspnego's own NTLM, whatever the platform brings: only it lends its hash to other contexts.
                spnego.Password(username=user, password=password.reveal()),
                service="HTTP",
                protocol="ntlm",
                options=spnego.NegotiateOptions.use_ntlm,
            )
        return seed


def log_in(subject: str, http: Http, chosen: Way, bindings: Any, deadline: Deadline) -> Any:
    """Authenticate the connection; answers the context that seals messages, None where each carries a header instead.

    Raises `LoginDenied` when the host refuses, `NotSupported` when it accepts only other ways.
    """
    if chosen.new_context is None:
        return None
    context = chosen.new_context(bindings)
    token = _step(subject, chosen, context, None, deadline)
    for leg in range(_MAX_LEGS):
        answer = http.post(b"", authorization=f"{_SCHEME} {base64.b64encode(token).decode()}")
        reply = _reply(subject, chosen, answer)
        if answer.status == 401:
            if reply is None or context.complete:
                raise refused(subject, chosen, answer, first=leg == 0)
            if bindings is None and chosen.name == "ntlm":
                _need_strong(subject, chosen, reply)
            token = _step(subject, chosen, context, reply, deadline)
        elif answer.status // 100 == 2:
            if not context.complete and reply is None:
                raise _nonsense(subject, chosen, "the last word is missing")
            if not context.complete:
                _step(subject, chosen, context, reply, deadline)
            break
        else:
            raise faults.unexpected_status(subject, answer, during="the login")
    if not context.complete:
        raise _nonsense(subject, chosen, "it does not come to an end")
    return context


def _need_strong(subject: str, chosen: Way, challenge: bytes) -> None:
    """Without TLS, answer only a challenge that agrees on what protects the messages.

    Whoever stands in between may have taken it out, and pyspnego takes what it is given.
    """
    if challenge.startswith(_CHALLENGE) and len(challenge) >= 24:
        (flags,) = struct.unpack_from("<I", challenge, 20)
        if flags & _STRONG != _STRONG:
            raise unprotected(subject, chosen)


def unprotected(subject: str, chosen: Way) -> UnsafeProtocol:
    """The error for a login that agrees on no encryption worth the name."""
    return UnsafeProtocol(
        subject,
        f"the login by {chosen.title} agrees on no encryption, or a weak one: others could read or change what "
        "follows; refused.",
        hint="Check the policies of the machine about NTLM session security, or use HTTPS.",
    )


def _step(subject: str, chosen: Way, context: Any, reply: bytes | None, deadline: Deadline) -> bytes:
    from spnego.exceptions import SpnegoError

    try:
        if chosen.name == "kerberos":
            return _kerberos_step(subject, chosen, context, reply, deadline)
        token: bytes | None = context.step(reply)
    except HostError:
        raise
    except (SpnegoError, ValueError, struct.error, IndexError, KeyError, UnicodeError) as error:
        raise _nonsense(subject, chosen, f"{type(error).__name__}") from None
    return token or b""


def _kerberos_step(subject: str, chosen: Way, context: Any, reply: bytes | None, deadline: Deadline) -> bytes:
    try:
        return kerberos.step(subject, context, reply, deadline)
    except kerberos.NoTicket as error:
        if reply is None or error.known:
            raise
        raise _nonsense(subject, chosen, "no token of Kerberos") from None


def _reply(subject: str, chosen: Way, answer: Answer) -> bytes | None:
    text = answer.token(_SCHEME)
    if text is None:
        return None
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise _nonsense(subject, chosen, "damaged base64") from None


def _nonsense(subject: str, chosen: Way, what: str) -> ConversationFailed:
    return ConversationFailed(
        subject,
        f"its answer during the login by {chosen.title} makes no sense ({what}).",
        hint="Check that no proxy stands in between.",
    )


def refused(subject: str, chosen: Way, answer: Answer, *, first: bool = False) -> HostError:
    """The error for a 401: the credential was refused, or (when `first`) the way to log in is not offered at all."""
    offered = answer.offered()
    known = {"ntlm": _SCHEME, "kerberos": _SCHEME, "basic": "Basic"}.get(chosen.name, "")
    if first and known and offered and known.lower() not in offered.lower().split(", "):
        return NotSupported(
            subject,
            f"it does not accept {chosen.title}, only {offered}.",
            hint=f"Enable {known} in its WinRM service (winrm/config/service/auth), or use another auth.",
        )
    if first and chosen.name == "ntlm":
        return NotSupported(
            subject,
            "it ended the login by NTLM before any password was looked at.",
            hint="A policy may forbid NTLM on it (Network security: Restrict NTLM): check it, or use Kerberos.",
        )
    if chosen.name == "certificate":
        return LoginDenied(
            subject,
            "the client certificate was refused.",
            hint="Check that certificate logins are enabled (winrm/config/service/auth) and that the certificate is "
            "mapped to an account (winrm/config/service/certmapping); nothing was tried twice.",
        )
    return LoginDenied(
        subject,
        f"login as {chosen.user} by {chosen.title} was refused.",
        hint=_REFUSED[chosen.name],
    )


_REFUSED = {
    "ntlm": "Check user and password, that the account is neither locked nor expired, and that it may log in over the "
    "network; a local account is written MACHINE\\user. Nothing was tried twice.",
    "kerberos": "Check the account and the clock of the machine, and that the name in the service ticket (HTTP/name) "
    "is this machine's; nothing was tried twice.",
    "basic": "Check user and password, and that the account is a local one: Basic accepts no other. Nothing was tried "
    "twice.",
}


def forget() -> None:
    """Drop hashes of passwords, Kerberos tickets and what is known of refusals."""
    with _lock:
        _seeds.clear()
    kerberos.forget()
    lockout.forget()
