"""As much of HTTP/1.1 as WS-Management needs: one POST after another on one connection.

Source: RFC 9112; [MS-WSMV] 2.2.9.
"""

import re
from dataclasses import dataclass

from collectors.errors import ConversationFailed
from collectors.transports.wsman.connection import Connection
from collectors.transports.wsman.endpoint import Endpoint

SOAP = "application/soap+xml;charset=UTF-8"
_HEAD_LIMIT_BYTES = 64 * 1024
_BODY_LIMIT_BYTES = 1024 * 1024  # we ask for envelopes of 150 kB at most; parsed, hostile ones grow twentyfold
_INTERIM_LIMIT = 16
_MOST_DIGITS = 15
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?: ([^\r\n]*))?")
_BODYLESS = (204, 304)
_TLS_RECORDS = (0x15, 0x16)  # an alert, a handshake


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response; header names in lower case, repeated ones joined with ", "."""

    status: int
    headers: dict[str, str]
    body: bytes

    def offered(self) -> str:
        """Names of the authentication schemes of a 401, as the server writes them ("" when it names none)."""
        # A comma also parts the parameters of one challenge; those have "=" in their first word.
        firsts = [words[0] for words in map(str.split, self.headers.get("www-authenticate", "").split(",")) if words]
        return ", ".join(dict.fromkeys(printable(first, 20) for first in firsts if "=" not in first))

    def token(self, scheme: str) -> str | None:
        """The base64 token behind the scheme in WWW-Authenticate; None when there is none."""
        for challenge in self.headers.get("www-authenticate", "").split(","):
            words = challenge.split()
            if len(words) == 2 and words[0].lower() == scheme.lower():
                return words[1]
        return None


class Http:
    """Requests and answers in turn over a connection.

    `spent` becomes true once the server has announced to close the connection: what was negotiated on it is lost.
    """

    def __init__(self, connection: Connection, where: Endpoint) -> None:
        self.connection = connection
        self.spent = False
        self._buffer = bytearray()
        self._head = f"POST /wsman HTTP/1.1\r\nHost: {where.header}\r\nUser-Agent: auditor\r\n".encode()

    def post(self, body: bytes, *, content_type: str = SOAP, authorization: str = "") -> Answer:
        """Send one request and read its answer whole."""
        if self.spent:
            raise self.connection.lost("closed by the server")
        header = f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
        if authorization:
            header += f"Authorization: {authorization}\r\n"
        self.connection.send(self._head + header.encode("latin-1") + b"\r\n" + body)
        return self._answer()

    def _answer(self) -> Answer:
        for _ in range(_INTERIM_LIMIT):
            status, headers = self._read_head()
            if status >= 200:
                break
        else:
            raise self._nonsense("it announces an answer without end")
        body = b"" if status in _BODYLESS else self._read_body(headers)
        if headers.get("connection", "").lower() == "close":
            self.spent = True
        return Answer(status, headers, body)

    def _read_head(self) -> tuple[int, dict[str, str]]:
        end = self._find(b"\r\n\r\n")
        lines = bytes(self._buffer[:end]).split(b"\r\n")
        del self._buffer[: end + 4]
        match = _STATUS.match(lines[0])
        if match is None:
            raise self._no_http(lines[0])
        headers: dict[str, str] = {}
        for line in lines[1:]:
            name, _, value = line.decode("latin-1").partition(":")
            key, value = name.strip().lower(), value.strip()
            headers[key] = f"{headers[key]}, {value}" if key in headers else value
        return int(match[1]), headers

    def _find(self, mark: bytes) -> int:
        begin = 0
        while (found := self._buffer.find(mark, begin)) < 0:
            if len(self._buffer) > 5 and not self._buffer.startswith(b"HTTP/"):
                raise self._no_http(bytes(self._buffer))
            if len(self._buffer) > _HEAD_LIMIT_BYTES:
                raise self._nonsense("it sends headers without end")
            begin = max(len(self._buffer) - len(mark) + 1, 0)
            self._more()
        return found

    def _read_body(self, headers: dict[str, str]) -> bytes:
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return self._read_chunks()
        length = headers.get("content-length")
        if length is None:
            return self._read_to_end()
        if not (length.isascii() and length.isdigit() and len(length) <= _MOST_DIGITS):
            raise self._nonsense(f"it states the length {length[:20]!r}")
        return self._take(int(length))

    def _read_chunks(self) -> bytes:
        body = bytearray()
        while True:
            size = self._line().partition(b";")[0].strip()
            try:
                length = int(size, 16)
            except ValueError:
                raise self._nonsense("its chunks are damaged") from None
            if length == 0:
                break
            self._check_size(len(body) + length)
            body += self._take(length)
            self._line()
        while self._line():
            pass  # trailers
        return bytes(body)

    def _line(self) -> bytes:
        begin = 0
        while (end := self._buffer.find(b"\r\n", begin)) < 0:
            if len(self._buffer) > _HEAD_LIMIT_BYTES:
                raise self._nonsense("its chunks are damaged")
            begin = max(len(self._buffer) - 1, 0)
            self._more()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _read_to_end(self) -> bytes:
        self.spent = True
        while data := self.connection.receive():
            self._buffer += data
            self._check_size(len(self._buffer))
        return self._take(len(self._buffer))

    def _take(self, length: int) -> bytes:
        self._check_size(length)
        while len(self._buffer) < length:
            self._more()
        if len(self._buffer) == length:
            data = bytes(self._buffer)
            self._buffer.clear()
        else:
            data = bytes(memoryview(self._buffer)[:length])
            del self._buffer[:length]
        return data

    def _check_size(self, length: int) -> None:
        if not 0 <= length <= _BODY_LIMIT_BYTES:
            raise self._nonsense("it sends more than any answer can be")

    def _more(self) -> None:
        data = self.connection.receive()
        if not data:
            raise self.connection.lost("closed by the server")
        self._buffer += data

    def _no_http(self, said: bytes) -> ConversationFailed:
        if said[1:2] == b"\x03" and said[0] in _TLS_RECORDS:
            return ConversationFailed(
                self.connection.subject,
                "it speaks TLS, where plain HTTP was expected.",
                hint="Use HTTPS for this port (tls = true), or port 5985.",
            )
        words = printable(said.partition(b"\n")[0].decode("utf-8", "replace"))
        return ConversationFailed(
            self.connection.subject,
            f"what answers there speaks no HTTP; it said {words!r}.",
            hint="Check the port: WinRM listens on 5985 (HTTP) and 5986 (HTTPS).",
        )

    def _nonsense(self, what: str) -> ConversationFailed:
        return ConversationFailed(
            self.connection.subject,
            f"its answer during {self.connection.during} is not valid HTTP: {what}.",
            hint="Check that this is the port of WinRM and that no proxy stands in between.",
        )


def printable(text: str, limit: int = 300) -> str:
    """Words of a server made fit to be shown: one line, nothing that moves a cursor, not too long."""
    clean = " ".join("".join(char if char.isprintable() else " " for char in text[: 4 * limit]).split())
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"
