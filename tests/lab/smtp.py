"""Mail servers on loopback: aiosmtpd, honest, with TLS and logins; and one of our own that breaks off where told to.

with mail_server(tmp_path) as server:                 # STARTTLS, logins required
with mail_server(tmp_path, implicit=True) as server:  # TLS from the first byte
with odd_server(replies={"RCPT": ["450 later"]}) as server:   # no TLS: for `security = "none"`
"""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from auditor.mailing.compose import parsed
from tests.lab.ports import free_port
from tests.lab.wsman.certificates import CertificateKind, Certificates

USER = "rapports@infogerance.example"
PASSWORD = "Pläin-Pass1!"  # letters beyond ASCII: smtplib's own login cannot send them
HANG, CLOSE = "<hang>", "<close>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One message as it came: envelope and content; `user` logged in for it, over TLS or not."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    user: str = ""
    tls: bool = False

    @property
    def message(self) -> EmailMessage:
        """Read by Python's own parser."""
        return parsed(self.content)


@dataclass  # no slots: aiosmtpd looks at every attribute of its handler, and trips over those of slots on Python 3.11.2
class MailServer:
    """A running server. `rcpt` and `data` are answers to give instead of acceptance, by recipient and in turn."""

    port: int = 0
    ca_file: Path | None = None
    received: list[Received] = field(default_factory=list)
    rcpt: dict[str, list[str]] = field(default_factory=dict)
    data: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.rcpt.get(address):
            return self.rcpt[address].pop(0)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.data:
            return self.data.pop(0)
        user = session.auth_data.login.decode() if session.auth_data else ""
        self.received.append(
            Received(
                sender=envelope.mail_from,
                recipients=tuple(envelope.rcpt_tos),
                content=envelope.original_content,
                user=user,
                tls=bool(session.ssl) or bool(server.transport.get_extra_info("ssl_object")),
            )
        )
        return "250 2.0.0 Ok: queued as LAB1"

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        if isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode()):
            self.logins.append(mechanism)
            return AuthResult(success=True, auth_data=data)
        return AuthResult(success=False, handled=False)  # handled=True would leave the client without an answer


@contextlib.contextmanager
def mail_server(
    folder: Path,
    *,
    implicit: bool = False,
    kind: CertificateKind = CertificateKind.GOOD,
    logins: bool = True,
    size_limit: int = 33_554_432,
    without: tuple[str, ...] = (),
) -> Iterator[MailServer]:
    """Run aiosmtpd on a free port; `without` are ways to log in that it does not offer."""
    folder.mkdir(parents=True, exist_ok=True)
    certificates = Certificates(folder)
    pem = certificates.server(kind)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem.certificate, pem.key)
    server = MailServer(port=free_port(), ca_file=certificates.ca_file)
    how: dict[str, Any] = {"hostname": "127.0.0.1", "port": server.port, "data_size_limit": size_limit}
    if implicit:
        how |= {"ssl_context": context}
    else:
        how |= {"tls_context": context, "require_starttls": True}
    if logins:
        # Over TLS from the first byte aiosmtpd does not know that it is safe, and would offer no login (its #281).
        how |= {"authenticator": server.authenticate, "auth_required": True, "auth_require_tls": not implicit}
        how |= {"auth_exclude_mechanism": without}
    controller = Controller(server, ready_timeout=60.0, **how)
    controller.start()
    try:
        yield server
    finally:
        controller.stop()


@dataclass(slots=True)
class OddServer:
    """A server without TLS; `heard` are its clients' commands, `messages` what it was sent."""

    port: int
    heard: list[str] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)


@contextlib.contextmanager
def odd_server(
    *,
    greeting: str = "220 odd.lab.test ESMTP",
    features: Sequence[str] = ("SIZE 33554432",),
    replies: Mapping[str, Sequence[str]] | None = None,
    after_data: Sequence[str] = (),
) -> Iterator[OddServer]:
    """Run a server that answers as told: by command in turn, then as an ordinary one would; HANG and CLOSE are acts.

    `after_data` are the answers to whole messages.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    server = OddServer(port=listener.getsockname()[1])
    script = {name: list(answers) for name, answers in (replies or {}).items()}
    script[""] = list(after_data)
    ended = threading.Event()
    threads: list[threading.Thread] = []

    def serve() -> None:
        while not ended.is_set():
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            talk = threading.Thread(
                target=_converse, args=(peer, server, greeting, features, script, ended), daemon=True
            )
            threads.append(talk)
            talk.start()

    accepting = threading.Thread(target=serve, daemon=True)
    accepting.start()
    try:
        yield server
    finally:
        ended.set()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in (accepting, *threads):
            thread.join(timeout=5)


def _converse(
    peer: socket.socket,
    server: OddServer,
    greeting: str,
    features: Sequence[str],
    script: dict[str, list[str]],
    ended: threading.Event,
) -> None:
    ordinary = {"MAIL": "250 Ok", "RCPT": "250 Ok", "DATA": "354 go ahead", "QUIT": "221 Bye", "RSET": "250 Ok"}
    hello = "\r\n".join(["250-odd.lab.test", *(f"250-{feature}" for feature in features), "250 8BITMIME"])
    with peer, peer.makefile("rb") as lines, contextlib.suppress(OSError):
        if not _say(peer, greeting, ended):
            return
        for line in lines:
            text = line.decode("ascii", "replace").strip()
            verb = text.split(" ")[0].upper()
            server.heard.append(text)
            told = script.get(verb, [])
            answer = told.pop(0) if told else hello if verb == "EHLO" else ordinary.get(verb, "502 what?")
            if not _say(peer, answer, ended):
                return
            if verb == "DATA" and answer.startswith("354"):
                content = bytearray()
                for part in lines:
                    if part == b".\r\n":
                        break
                    content += part
                server.messages.append(bytes(content))
                if not _say(peer, script[""].pop(0) if script[""] else "250 2.0.0 Ok: queued as ODD1", ended):
                    return


def _say(peer: socket.socket, answer: str, ended: threading.Event) -> bool:
    """Answer; false where the conversation ends with that."""
    if answer == HANG:
        ended.wait(30)
    if answer in (HANG, CLOSE):
        return False
    peer.sendall(f"{answer}\r\n".encode())
    return True
