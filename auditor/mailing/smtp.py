"""A mail server: smtplib over verified TLS, step by step, so that each failure is told apart and in words.

Source: RFC 5321 (SMTP), RFC 3207 (STARTTLS), RFC 4954 (AUTH), RFC 1870 (SIZE), RFC 3463 (status codes).
"""

import binascii
import logging
import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from auditor.errors import SettingsError
from auditor.mail_settings import Security, SmtpSettings
from auditor.mailing.carrier import Fate, Parcel, Receipt
from collectors.credentials import Secret

_log = logging.getLogger(__name__)
_HELLO = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]+")
_POLICY = re.compile(r"\b5\.7\.\d")  # "not from you", whatever the address (RFC 3463)
_ANSWER_LIMIT = 300
_CUT_AGAIN_S = 0.5
_READY, _GO_AHEAD, _DONE, _CONTINUE, _AUTHENTICATED = 220, 354, 250, 334, 235
_BUSY = range(400, 500)
_NEEDS_LOGIN = {530, 550, 551, 553, 554}


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Seconds: for each step, for the answer after the message itself (servers may scan it first), for everything."""

    step_s: float = 30.0
    answer_s: float = 300.0
    all_s: float = 900.0


class SmtpCarrier:
    """A mail server as a way out; a connection of its own for each message."""

    def __init__(self, settings: SmtpSettings, password: Secret | None = None, times: Times | None = None) -> None:
        if settings.ca_file is not None and not settings.ca_file.is_file():
            raise SettingsError("mail.ca_file", f"there is no file {settings.ca_file}.")
        self._settings = settings
        self._password = password
        self._times = times or Times()
        self.place = f"{settings.server}:{settings.port}"

    def carry(self, parcel: Parcel, committing: Callable[[], None]) -> Receipt:
        """See `Carrier`."""
        try:
            with self._conversation() as talk:
                return talk.hand_over(parcel, committing)
        except _Ended as ended:
            return ended.receipt

    def reach(self) -> Receipt:
        """Connect and log in, and send nothing: whether a message could be handed over now."""
        try:
            with self._conversation():
                return Receipt(fate=Fate.ACCEPTED)
        except _Ended as ended:
            return ended.receipt

    @contextmanager
    def _conversation(self) -> "Iterator[_Conversation]":
        talk = _Conversation(self._settings, self._password, self._times, self.place)
        try:
            talk.begin()
            yield talk
        except (OSError, smtplib.SMTPException) as error:
            raise _Ended(talk.failure(error)) from error
        finally:
            talk.end()


class _Plain(smtplib.SMTP):
    """Not connected when made, so that whoever made it can end the connection from its first moment on."""

    def __init__(self, server: str, timeout_s: float) -> None:
        super().__init__(local_hostname=_own_name(), timeout=timeout_s)
        self._host = server  # the name that the certificate must hold


class _Secured(smtplib.SMTP_SSL):
    """The same with TLS from the first byte."""

    def __init__(self, server: str, timeout_s: float, context: ssl.SSLContext) -> None:
        super().__init__(local_hostname=_own_name(), timeout=timeout_s, context=context)
        self._host = server


class _Ended(Exception):
    """The conversation is over; `receipt` says how."""

    def __init__(self, receipt: Receipt) -> None:
        super().__init__(receipt.problem)
        self.receipt = receipt


class _Conversation:
    """One connection, from the first word to the last. `handed_over` tells whether the server has all it needs."""

    def __init__(self, settings: SmtpSettings, password: Secret | None, times: Times, place: str) -> None:
        self._settings = settings
        self._password = password
        self._times = times
        self._place = place
        self._smtp: smtplib.SMTP | None = None
        self._late = False
        self._ended = threading.Event()
        self._watch = threading.Thread(target=self._cut, daemon=True)
        self.handed_over = False

    @property
    def smtp(self) -> smtplib.SMTP:
        """The connection, which `begin` made."""
        if self._smtp is None:
            raise smtplib.SMTPServerDisconnected("not connected")
        return self._smtp

    def begin(self) -> None:
        """Connect, secure the connection and log in."""
        settings, context = self._settings, self._context()
        self._watch.start()
        self._smtp = (
            _Secured(settings.server, self._times.step_s, context)
            if settings.security is Security.TLS
            else _Plain(settings.server, self._times.step_s)
        )
        self._expect(*self.smtp.connect(settings.server, settings.port), good=_READY, what="a connection")
        self.smtp.ehlo_or_helo_if_needed()
        if settings.security is Security.STARTTLS:
            if not self.smtp.has_extn("starttls"):
                hint = 'Is it the right port? With port 465: security = "tls".'
                raise _Ended(self._ours("offers no STARTTLS; nothing is sent in clear.", hint))
            try:
                self.smtp.starttls(context=context)
            except smtplib.SMTPResponseException as error:
                self._expect(error.smtp_code, error.smtp_error, good=_READY, what="STARTTLS")
            self.smtp.ehlo()
        if settings.user:
            self._log_in()

    def end(self) -> None:
        """Say goodbye where somebody listens."""
        self._ended.set()
        if self._smtp is not None:
            with suppress(OSError, smtplib.SMTPException):
                if self._smtp.sock is not None and not self._late:
                    self._smtp.sock.settimeout(min(self._times.step_s, 5.0))
                    self._smtp.docmd("QUIT")
            self._smtp.close()

    def hand_over(self, parcel: Parcel, committing: Callable[[], None]) -> Receipt:
        """Name sender and recipients, then send the message itself."""
        self._check_size(len(parcel.content))
        self._expect(*self.smtp.mail(parcel.sender), good=_DONE, what=f"the sender {parcel.sender}")
        refused: dict[str, str] = {}
        later: dict[str, str] = {}
        for address in parcel.recipients:
            code, words = self.smtp.rcpt(address)
            if code in (250, 251, 252):
                continue
            (later if code in _BUSY else refused)[address] = _said(code, words)
        taken = [address for address in parcel.recipients if address not in refused and address not in later]
        if not taken:
            return self._nobody(refused, later)
        code, words = self.smtp.docmd("DATA")
        self._expect(code, words, good=_GO_AHEAD, what="the message")
        committing()
        self.smtp.send(_dotted(parcel.content))
        self.handed_over = True
        if self.smtp.sock is not None:
            self.smtp.sock.settimeout(self._times.answer_s)
        code, words = self.smtp.getreply()
        self.handed_over = False  # it answered: what became of the message is known
        self._expect(code, words, good=_DONE, what="the message")
        return Receipt(fate=Fate.ACCEPTED, answer=_said(code, words), refused=refused, later=later)

    def failure(self, error: Exception) -> Receipt:
        """What became of the message when the conversation broke."""
        _log.debug("%s: %s", self._place, type(error).__name__)
        reason = self._reason(error)
        if self.handed_over:
            problem = f"{self._place}: after the whole message had been sent, {reason}; it may have been accepted."
            return Receipt(fate=Fate.UNCLEAR, problem=problem, answer=reason)
        if isinstance(error, ssl.SSLCertVerificationError):
            return self._ours(
                f"its certificate is not accepted ({error.verify_message}).", self._certificate_hint(error)
            )
        if isinstance(error, ssl.SSLError):
            hint = 'Does security fit the port? 587 goes with "starttls", 465 with "tls".'
            return self._ours(f"no secure connection could be made ({error.reason or 'no TLS'}).", hint)
        if isinstance(error, UnicodeError):
            return self._ours("this host name cannot be looked up.", "Check mail.server.")
        return Receipt(fate=Fate.LATER, problem=f"{self._place}: {reason}.", hint=_connection_hint(error))

    def _nobody(self, refused: dict[str, str], later: dict[str, str]) -> Receipt:
        told = "; ".join(f"{address}: {words}" for address, words in {**later, **refused}.items())
        problem = f"{self._place} takes this message for nobody: {told}."
        if later:
            hint = "A server that asks strangers to come back later (greylisting) takes it in a few minutes."
            return Receipt(fate=Fate.LATER, problem=problem, hint=hint, refused=refused, later=later)
        if not self._settings.user and all(_POLICY.search(words) for words in refused.values()):
            hint = "Does the server want a login? mail.user and mail.password are not set."
            return Receipt(fate=Fate.OURS, problem=problem, hint=hint)
        return Receipt(fate=Fate.REFUSED, problem=problem, hint="Check the addresses.", refused=refused)

    def _log_in(self) -> None:
        """AUTH PLAIN or LOGIN, in UTF-8; smtplib's own knows only ASCII."""
        if not self.smtp.has_extn("auth"):
            hint = "Remove mail.user and mail.password, or check server and port."
            raise _Ended(self._ours("takes no login on this port.", hint))
        offered = self.smtp.esmtp_features["auth"].upper().split()
        password = self._password.reveal() if self._password is not None else ""
        user = self._settings.user
        plain = _base64(f"{chr(0)}{user}{chr(0)}{password}")
        secrets = (plain, _base64(password), password)
        if "PLAIN" in offered:
            code, words = self.smtp.docmd("AUTH", f"PLAIN {plain}")
        elif "LOGIN" in offered:
            code, words = self.smtp.docmd("AUTH", f"LOGIN {_base64(user)}")
            if code == _CONTINUE:
                code, words = self.smtp.docmd(_base64(password))
        else:
            problem = f"offers no login we know ({', '.join(offered) or 'none'})."
            raise _Ended(self._ours(problem, "PLAIN or LOGIN is needed; for Microsoft 365 use mail.graph."))
        if code == _AUTHENTICATED:
            return
        if code in _BUSY:
            problem = f"{self._place}: cannot check logins at the moment ({_said(code, words, secrets)})."
            raise _Ended(Receipt(fate=Fate.LATER, problem=problem))
        hint = "Check mail.user and what mail.password refers to."
        if self._settings.server.lower().endswith((".office365.com", ".outlook.com")):
            hint += " Microsoft 365 takes passwords only where SMTP AUTH is turned on for the mailbox: use mail.graph."
        raise _Ended(self._ours(f"refuses user {user} or the password ({_said(code, words, secrets)}).", hint))

    def _expect(self, code: int, words: bytes | str, *, good: int, what: str) -> None:
        """Go on where the server agrees; else end with what it means."""
        if code == good:
            return
        said = _said(code, words)
        if code in _BUSY:
            problem = f"{self._place}: cannot take {what} now ({said})."
            raise _Ended(Receipt(fate=Fate.LATER, problem=problem, answer=said))
        hint = ""
        if code in _NEEDS_LOGIN and not self._settings.user:
            hint = "Does the server want a login? mail.user and mail.password are not set."
        if what == "STARTTLS":
            raise _Ended(self._ours(f"refuses STARTTLS ({said}).", hint))
        raise _Ended(
            Receipt(fate=Fate.REFUSED, problem=f"{self._place} refuses {what}: {said}.", hint=hint, answer=said)
        )

    def _check_size(self, size: int) -> None:
        limit = self.smtp.esmtp_features.get("size", "").strip()
        if limit.isdecimal() and 0 < int(limit) < size:
            problem = f"{self._place} takes messages up to {int(limit):,} bytes, this one has {size:,}."
            hint = "Ask for a higher limit, or hand the workbook over another way."
            raise _Ended(Receipt(fate=Fate.REFUSED, problem=problem, hint=hint))

    def _context(self) -> ssl.SSLContext:
        file = self._settings.ca_file
        try:
            context = ssl.create_default_context(cafile=str(file) if file is not None else None)
        except (ssl.SSLError, OSError) as error:
            raise SettingsError("mail.ca_file", f"{file}: no certificates in PEM form ({error}).") from None
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    def _ours(self, problem: str, hint: str = "") -> Receipt:
        return Receipt(fate=Fate.OURS, problem=f"{self._place} {problem}", hint=hint)

    def _certificate_hint(self, error: ssl.SSLCertVerificationError) -> str:
        if "mismatch" in str(error.verify_message).lower():
            return "Write the name that stands in the certificate as mail.server."
        return "Name the authority that signed it as mail.ca_file, or have the server's certificate renewed."

    def _reason(self, error: Exception) -> str:
        if self._late:
            return f"it was not done within {self._times.all_s:g} s"
        if isinstance(error, TimeoutError):
            return "no answer came in time"
        if isinstance(error, smtplib.SMTPServerDisconnected):
            return "the server hung up" if "timed out" not in str(error) else "no answer came in time"
        if isinstance(error, smtplib.SMTPResponseException):
            return f"the server answered {_said(error.smtp_code, error.smtp_error)}"
        if isinstance(error, ConnectionRefusedError):
            return "nothing listens there (connection refused)"
        if isinstance(error, socket.gaierror):
            return "the name is not known"
        if isinstance(error, OSError) and error.strerror:
            return error.strerror
        return type(error).__name__

    def _cut(self) -> None:
        """End a conversation that lasts too long, whatever the server drips."""
        wait_s = self._times.all_s
        while not self._ended.wait(wait_s):
            self._late = True
            wait_s = _CUT_AGAIN_S  # there is no socket yet while it is being connected
            smtp = self._smtp
            if smtp is not None and smtp.sock is not None:
                with suppress(OSError):
                    smtp.sock.shutdown(socket.SHUT_RDWR)


def _connection_hint(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError | socket.gaierror):
        return "Check mail.server and mail.port, and that the server runs."
    return "Is a firewall in between, or the server busy?"


def _said(code: int, words: bytes | str, secrets: Sequence[str] = ()) -> str:
    """A server's answer on one line, printable, of bounded length, without `secrets`: some repeat what they got."""
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    for secret in filter(None, secrets):
        text = re.sub(re.escape(secret), "***", text, flags=re.IGNORECASE)
    text = _UNPRINTABLE.sub(" ", text)
    return f"{code} {text[:_ANSWER_LIMIT]}".strip()


def _dotted(content: bytes) -> bytes:
    """The message as DATA wants it: CRLF line ends, leading dots doubled, a lone dot at the end."""
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", content)
    lines = re.sub(rb"(?m)^\.", b"..", lines)
    return (lines if lines.endswith(b"\r\n") else lines + b"\r\n") + b".\r\n"


def _base64(text: str) -> str:
    return binascii.b2a_base64(text.encode(), newline=False).decode()


def _own_name() -> str:
    """What we call ourselves; never asked of a name server, which may take its time."""
    name = socket.gethostname()
    return name if _HELLO.fullmatch(name) else "localhost"
