"""What pywinrm's `Protocol` sends its messages through: one authenticated connection, never silently opened anew.

Three defects of pywinrm's own transport are met here: an answer to another question is never taken (P7), what should be
sealed and is not is never believed, and after HTTP 413 nothing more is said on the connection (P12), since the other
side has not counted the message that it refused to read.
"""

import contextlib
import re
from collections.abc import Callable
from typing import Any

from collectors.errors import ConversationFailed, HostError
from collectors.transports.base import Deadline
from collectors.transports.wsman import authentication, faults, lockout, sealing
from collectors.transports.wsman.authentication import Way
from collectors.transports.wsman.certificates import channel_binding
from collectors.transports.wsman.connection import Connection
from collectors.transports.wsman.endpoint import Endpoint
from collectors.transports.wsman.http import SOAP, Answer, Http

_MESSAGE_ID = re.compile(r"<a:MessageID>uuid:([0-9A-Fa-f-]{36})</a:MessageID>")
_RELATES_TO = re.compile(rb"RelatesTo[^<>]{0,400}>\s{0,9}(?:urn:)?(?:uuid:)?\s{0,9}([0-9A-Fa-f-]{36})", re.IGNORECASE)
_HEADER_BYTES = 16 * 1024  # SOAP's header comes first; no further is searched, hostile envelopes are long
_ENVELOPE = re.compile(rb"\s*<")


class Session:
    """One connection to a WinRM service, logged in and, without TLS, sealed.

    `alive` is false once nothing more can be asked over it; the shell it opened lives on in the service. `refused`
    tells that the service turned the login down in mid-conversation: the password must not be shown to it again.
    """

    def __init__(self, subject: str, where: Endpoint, chosen: Way, connection: Connection) -> None:
        self._subject = subject
        self._way = chosen
        self._tls = where.tls
        self._http = Http(connection, where)
        self._context: Any = None
        self.connection = connection
        self.alive = True
        self.refused = False

    def log_in(self, deadline: Deadline) -> None:
        """Authenticate. Raises a `HostError`; the credential is not tried again."""
        self.connection.during = "the login"
        certificate = self.connection.certificate
        bindings = channel_binding(certificate) if certificate and self._way.new_context else None
        self._context = authentication.log_in(self._subject, self._http, self._way, bindings, deadline)
        if not self._tls and not sealing.can_seal(self._context):
            raise authentication.unprotected(self._subject, self._way)

    def send_message(self, message: str | bytes) -> bytes:
        """Send an envelope and return the one that answers it; the seam between pywinrm's `Protocol` and us.

        Raises `WinRMTransportError` with the envelope of a fault, which `Protocol` reads, else a `HostError`.
        """
        from winrm.exceptions import WinRMTransportError

        text = message if isinstance(message, str) else message.decode()
        try:
            answer = self._post(text.encode())
            envelope = self._envelope(answer)
            self._check_relation(text, envelope, fault=answer.status != 200)
        except HostError:
            self.alive = False
            raise
        if answer.status != 200:
            raise WinRMTransportError("http", answer.status, envelope.decode("utf-8", "replace"))
        return envelope

    def _post(self, envelope: bytes) -> Answer:
        if self._context is not None and not self._tls:
            try:
                sealed = sealing.seal(self._context, envelope)
            except sealing.Damaged as damage:
                raise self._nonsense(str(damage)) from None
            answer = self._http.post(sealed, content_type=sealing.CONTENT_TYPE)
        else:
            answer = self._http.post(envelope, content_type=SOAP, authorization=self._way.authorization)
        if answer.status == 401:
            self.refused = True
            raise authentication.refused(self._subject, self._way, answer, first=self._context is None)
        return answer

    def _envelope(self, answer: Answer) -> bytes:
        """The envelope in an answer; anything but 200 and a fault is an error of its own."""
        body = answer.body
        if self._context is not None and not self._tls:
            if sealing.is_sealed(answer.headers.get("content-type", "")):
                try:
                    body = sealing.unseal(self._context, body)
                except sealing.Damaged as damage:
                    raise self._nonsense(f"{damage}; what it says is not believed") from None
            elif answer.status == 200:
                raise self._nonsense("it is not sealed; what it says is not believed")
            else:
                body = b""  # nobody vouches for the words of a fault that is not sealed
        if answer.status == 200 or (answer.status == 500 and _ENVELOPE.match(body)):
            if b"<!DOCTYPE" in body or b"\0" in body:  # SOAP has neither; both are ways to trouble a parser
                raise self._nonsense("it is no SOAP message")
            return body
        raise faults.unexpected_status(self._subject, answer, during=self.connection.during)

    def _check_relation(self, message: str, envelope: bytes, *, fault: bool) -> None:
        """An answer names the message it answers (P7); a fault may not have got as far as reading its name."""
        asked, answered = _MESSAGE_ID.search(message), _RELATES_TO.search(envelope, 0, _HEADER_BYTES)
        if answered is None and fault:
            return
        if asked is None or answered is None or asked[1].lower() != answered[1].decode().lower():
            raise self._nonsense("it belongs to another question")

    def _nonsense(self, what: str) -> ConversationFailed:
        return ConversationFailed(
            self._subject,
            f"its answer during {self.connection.during} cannot be used: {what}.",
            hint="Try again; if it stays so, something stands in between and changes what is said.",
        )

    def close_session(self) -> None:
        """Close the connection (under the name that `Protocol` calls)."""
        self.alive = False
        self.connection.close()


def opened(
    subject: str,
    where: Endpoint,
    chosen: Way,
    connect: Callable[[], Connection],
    *,
    patience_s: float,
    deadline: Deadline,
) -> Session:
    """A session that is logged in, within `patience_s` once it is its turn.

    Raises a `HostError`, with nothing left open.
    """
    connection = connect()
    try:
        session = Session(subject, where, chosen, connection)
        password = chosen.password if chosen.new_context else None  # else it travels with the first message
        with lockout.attempt(subject, where, chosen.user, password, deadline):
            connection.limit = Deadline.after(deadline.remaining_s(patience_s))
            session.log_in(connection.limit)
        connection.limit = deadline
    except BaseException:
        with contextlib.suppress(OSError):
            connection.close()
        raise
    return session
