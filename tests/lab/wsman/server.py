"""The peer itself: HTTP/1.1 over TCP and TLS on as many loopback addresses as wanted, in one event loop."""

import asyncio
import contextlib
import hashlib
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

from tests.lab.wsman import messages
from tests.lab.wsman.authentication import Gate, SealBroken
from tests.lab.wsman.certificates import CertificateKind, Certificates, Pem
from tests.lab.wsman.runner import Runner, stdin_report
from tests.lab.wsman.settings import Account, Counters, Drop, Fault, Hang, HttpError, Settings
from tests.lab.wsman.shells import Machine

PATH = "/wsman"
SOAP = "application/soap+xml"
_PER_NET = 250
_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 411: "Length Required"}
_REASONS |= {413: "Request Entity Too Large", 500: "Internal Server Error", 503: "Service Unavailable"}
_SEALED = "multipart/encrypted"


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer."""

    status: int
    body: bytes = b""
    content_type: str = ""
    authenticate: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """An HTTP request; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""


class Gone(Exception):
    """The connection is to be closed without another word."""


@dataclass(slots=True, eq=False)
class Peer:
    """A running peer. `port` serves HTTP and `tls_port` HTTPS on every address; 0 where that is off."""

    settings: Settings
    machines: list[Machine] = field(default_factory=list)
    port: int = 0
    tls_port: int = 0
    certificates: Certificates | None = None
    certificate: Pem | None = None
    defect: BaseException | None = None

    @property
    def failure(self) -> BaseException | None:
        """What the peer or a runner broke on."""
        return self.defect or next((one.failure for one in self.machines if one.failure is not None), None)

    @property
    def machine(self) -> Machine:
        """The first machine; most tests have one."""
        return self.machines[0]

    @property
    def address(self) -> str:
        """Its address."""
        return self.machine.address

    @property
    def url(self) -> str:
        """Its plain endpoint."""
        return f"http://{_bracketed(self.address)}:{self.port}{PATH}"

    @property
    def tls_url(self) -> str:
        """Its TLS endpoint."""
        return f"https://{_bracketed(self.address)}:{self.tls_port}{PATH}"

    @property
    def counters(self) -> Counters:
        """What all machines together saw."""
        return reduce(add, (machine.counters for machine in self.machines), Counters())

    @property
    def open_shells(self) -> int:
        """Shells of all machines that nobody deleted."""
        return sum(machine.open_shells for machine in self.machines)

    @property
    def ca_file(self) -> Path:
        """The lab's authority, PEM."""
        assert self.certificates is not None, "started without TLS"
        return self.certificates.ca_file


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


@contextmanager
def serve(
    *,
    runner: Runner = stdin_report,
    hosts: int = 1,
    address: str = "127.0.0.1",
    port: int = 0,
    http: bool = True,
    tls: bool = False,
    tls_port: int = 0,
    certificate: CertificateKind = CertificateKind.GOOD,
    settings: Settings | None = None,
    **changes: Any,
) -> Iterator[Peer]:
    """Run a peer in a thread of its own until the block is left.

    `hosts` above 1 gives so many machines on 127.0.10.1, 127.0.10.2, ... with the same ports; one machine listens on
    `address` ("::1" for IPv6). Ports 0 are free ones. `changes` are fields of `Settings`. Raises what the peer itself
    failed on (a runner that raised, a defect of the peer) at the end of the block.
    """
    with tempfile.TemporaryDirectory(prefix="wsman-") as made:
        peer = Peer(settings=settings or Settings(**changes))
        addresses = [address] if hosts == 1 else addresses_of(hosts)
        peer.machines = [Machine(address=one, settings=peer.settings, runner=runner) for one in addresses]
        directory = Path(made)
        if tls:
            peer.certificates = Certificates(directory)
            peer.certificate = peer.certificates.server(certificate, tuple(addresses))
        service = _Service(peer, directory)
        service.bind(http=http, tls=tls, port=port, tls_port=tls_port)
        thread = threading.Thread(target=service.run, name="wsman-peer", daemon=True)
        thread.start()
        try:
            service.ready.wait()
            yield peer
        except BaseException as error:
            if peer.failure is not None:
                error.add_note(f"the peer itself failed: {peer.failure!r}")
            raise
        finally:
            service.stop()
            thread.join()
        if peer.failure is not None:
            raise peer.failure


def addresses_of(count: int) -> list[str]:
    """So many loopback addresses, 250 to a network, from 127.0.10.1 on."""
    return [f"127.0.{10 + i // _PER_NET}.{i % _PER_NET + 1}" for i in range(count)]


class _Service:
    """Sockets and event loop of a peer."""

    def __init__(self, peer: Peer, directory: Path) -> None:
        self.peer = peer
        self.directory = directory
        self.ready = threading.Event()
        self._listeners: list[tuple[socket.socket, Machine, bool]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped: asyncio.Event | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._tls = self._tls_context() if peer.certificate is not None else None
        self._bindings = b""
        if peer.certificate is not None:
            self._bindings = b"tls-server-end-point:" + hashlib.sha256(peer.certificate.der).digest()

    def _tls_context(self) -> ssl.SSLContext:
        assert self.peer.certificate is not None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.peer.certificate.certificate, self.peer.certificate.key)
        context.load_verify_locations(self.peer.ca_file)
        context.verify_mode = ssl.CERT_OPTIONAL
        return context

    def bind(self, *, http: bool, tls: bool, port: int, tls_port: int) -> None:
        """Open every listening socket; ports are known afterwards."""
        for machine in self.peer.machines:
            if http:
                self._listen(machine, port or self.peer.port, tls=False)
                self.peer.port = self._listeners[-1][0].getsockname()[1]
                machine.url = f"http://{_bracketed(machine.address)}:{self.peer.port}{PATH}"
            if tls:
                self._listen(machine, tls_port or self.peer.tls_port, tls=True)
                self.peer.tls_port = self._listeners[-1][0].getsockname()[1]

    def _listen(self, machine: Machine, port: int, *, tls: bool) -> None:
        family = socket.AF_INET6 if ":" in machine.address else socket.AF_INET
        listener = socket.create_server((machine.address, port), family=family, backlog=128)
        self._listeners.append((listener, machine, tls))

    def run(self) -> None:
        """The thread's work."""
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        servers = []
        for listener, machine, tls in self._listeners:
            handler = self._handler(machine, tls=tls)
            servers.append(await asyncio.start_server(handler, sock=listener, ssl=self._tls if tls else None))
        self.ready.set()
        await self._stopped.wait()
        for server in servers:
            server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for machine in self.peer.machines:
            await machine.close()

    def stop(self) -> None:
        """End the loop from another thread."""
        assert self._loop is not None
        assert self._stopped is not None
        self._loop.call_soon_threadsafe(self._stopped.set)

    def _handler(self, machine: Machine, *, tls: bool) -> Any:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            connection = _Connection(self, machine, reader, writer, tls=tls)
            try:
                await connection.run()
            except (Gone, ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, asyncio.CancelledError):
                pass
            except BaseException as error:  # noqa: BLE001  # told by serve() to the test
                self.peer.defect = self.peer.defect or error
            finally:
                writer.transport.abort()

        return handle

    def gate(self, machine: Machine, writer: asyncio.StreamWriter, *, tls: bool) -> Gate:
        """Authentication of a new connection."""
        subject: Any = (writer.get_extra_info("peercert") or {}).get("subject", ())
        names = {key: value for part in subject for key, value in part}
        return Gate(
            settings=self.peer.settings,
            counters=machine.counters,
            wrong_passwords=machine.wrong_passwords,
            directory=self.directory,
            tls_bindings=self._bindings if tls else b"",
            client_certificate=names.get("commonName", ""),
        )


class _Connection:
    """One TCP connection: requests read in turn, each answered before the next."""

    def __init__(
        self,
        service: _Service,
        machine: Machine,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        tls: bool,
    ) -> None:
        self._machine = machine
        self._settings = machine.settings
        self._counters = machine.counters
        self._reader, self._writer, self._tls = reader, writer, tls
        self._gate = service.gate(machine, writer, tls=tls)
        self._client: str = writer.get_extra_info("peername")[0]

    async def run(self) -> None:
        """Serve until the client leaves."""
        self._counters.connections += 1
        if self._down():
            raise Gone
        while True:
            request = await self._read()
            if request is None:
                return
            self._counters.requests += 1
            await self._write(await self._answer(request))
            if request.headers.get("connection", "").lower() == "close":
                return

    def _down(self) -> bool:
        after = self._settings.drop_after
        return self._settings.stay_down and after is not None and self._machine.answered >= after

    async def _read(self) -> HttpRequest | None:
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, _ = (*first.split(" "), "", "")[:3]
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if headers.get("expect", "").lower() == "100-continue":
            self._writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or "chunked" in headers.get("transfer-encoding", ""):
            await self._write(Reply(411))
            raise Gone
        body = await self._reader.readexactly(int(length))
        self._counters.bytes_in += len(head) + len(body)
        return HttpRequest(method, path, headers, body)

    async def _write(self, reply: Reply) -> None:
        lines = [f"HTTP/1.1 {reply.status} {_REASONS.get(reply.status, 'Error')}"]
        if reply.content_type:
            lines.append(f"Content-Type: {reply.content_type}")
        lines += [f"WWW-Authenticate: {value}" for value in reply.authenticate]
        lines += ["Server: Microsoft-HTTPAPI/2.0", f"Content-Length: {len(reply.body)}", "", ""]
        data = "\r\n".join(lines).encode() + reply.body
        self._counters.bytes_out += len(data)
        self._writer.write(data)
        await self._writer.drain()

    async def _answer(self, request: HttpRequest) -> Reply:
        if request.method != "POST" or request.path.partition("?")[0].rstrip("/") != PATH:
            return Reply(404)
        if len(request.body) > self._settings.max_envelope_kb * 1024:
            self._counters.too_large += 1
            return Reply(413)  # unread and not unsealed: the client's sequence number is ahead from now on
        authorization = request.headers.get("authorization")
        challenge: tuple[str, ...] = ()
        if authorization is not None:
            verdict = self._gate.offer(authorization)
            challenge = (verdict.challenge,) if verdict.challenge else ()
            if verdict.account is None:
                return Reply(401, authenticate=challenge or self._gate.offers)
        account = self._gate.account
        if account is None:
            return Reply(401, authenticate=self._gate.offers)
        if authorization is not None and not challenge_based(authorization):
            self._gate.account = None  # told anew with every request
        reply = await self._message(request, account) if request.body else Reply(200)
        return replace(reply, authenticate=challenge)

    async def _message(self, request: HttpRequest, account: Account) -> Reply:
        content_type = request.headers.get("content-type", "")
        sealed = content_type.startswith(_SEALED)
        document = request.body
        if sealed:
            try:
                document = self._gate.unseal(content_type, request.body)
            except SealBroken:
                self._counters.refused_seals += 1
                return Reply(400)
            self._counters.sealed += 1
        else:
            self._counters.plain += 1
            if not self._tls and not self._settings.allow_unencrypted:
                return Reply(500)
            if not content_type.startswith(SOAP):
                return Reply(400)
        await self._misbehave()
        status, envelope = await self._process(document, account)
        self._machine.answered += 1
        if not envelope:
            return Reply(status)
        if sealed:
            kind, body = self._gate.seal(envelope)
            return Reply(status, body, kind)
        return Reply(status, envelope, f"{SOAP};charset=UTF-8")

    async def _misbehave(self) -> None:
        if self._settings.message_delay_s:
            await asyncio.sleep(self._settings.message_delay_s)
        after = self._settings.drop_after
        if after is not None and (self._machine.answered == after or self._down()):
            self._machine.answered += not self._settings.stay_down
            raise Gone

    async def _process(self, document: bytes, account: Account) -> tuple[int, bytes]:
        if self._settings.failures:
            with contextlib.suppress(messages.Refused):
                request = messages.read(document)
                match self._settings.failures.get(request.operation):
                    case Fault() as fault:
                        self._counters.faults += 1
                        return 500, messages.refuse(fault, request.message_id)
                    case HttpError() as error:
                        return error.status, error.body
                    case Drop():
                        raise Gone
                    case Hang():
                        await asyncio.Event().wait()
        return await self._machine.answer(document, account, self._client)


def challenge_based(authorization: str) -> bool:
    """Whether the scheme authenticates the connection rather than the request."""
    return authorization.partition(" ")[0].lower() in {"negotiate", "kerberos"}
