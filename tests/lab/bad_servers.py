"""Servers on loopback that misbehave on purpose, each in one way, and a paramiko server that can be told how."""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import paramiko

Behavior = Callable[[socket.socket, threading.Event], None]


@dataclass(slots=True)
class BadServer:
    """A listener; `visits` counts connections, `heard` keeps what clients sent first."""

    port: int
    visits: int = 0
    heard: list[bytes] = field(default_factory=list)


@contextlib.contextmanager
def serve(behave: Behavior) -> Iterator[BadServer]:
    """Answer every connection with `behave(connection, stop)` in a thread of its own."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = BadServer(port=listener.getsockname()[1])
        connections: list[socket.socket] = []

        def accept() -> None:
            while not stop.is_set():
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                server.visits += 1
                connections.append(connection)
                threading.Thread(target=_run, args=(behave, connection, stop), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield server
        finally:
            stop.set()
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            for connection in connections:
                connection.close()


def _run(behave: Behavior, connection: socket.socket, stop: threading.Event) -> None:
    with contextlib.suppress(OSError):
        behave(connection, stop)


def resets(connection: socket.socket, stop: threading.Event) -> None:
    connection.recv(1)  # a reset during connect() would be a port that nobody answers
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def closes_at_once(connection: socket.socket, stop: threading.Event) -> None:
    connection.close()


def says_nothing(connection: socket.socket, stop: threading.Event) -> None:
    stop.wait()


def drips_its_banner(connection: socket.socket, stop: threading.Event) -> None:
    """One byte of a banner that never ends, again and again: every single read succeeds."""
    connection.sendall(b"SSH-2.0-")
    while not stop.wait(0.05):
        connection.sendall(b"x")


def floods_before_its_banner(connection: socket.socket, stop: threading.Event) -> None:
    while not stop.is_set():
        connection.sendall(b"x" * 65536)


def talks_lines_without_end(connection: socket.socket, stop: threading.Event) -> None:
    while not stop.is_set():
        connection.sendall(b"welcome to this very talkative server\r\n" * 100)


def speaks_http(connection: socket.socket, stop: threading.Event) -> None:
    connection.recv(1024)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nConnection: close\r\n\r\n<html></html>")
    connection.close()


def speaks_ssh_1(connection: socket.socket, stop: threading.Event) -> None:
    connection.sendall(b"SSH-1.5-OldBox\r\n")
    stop.wait()


def turns_to_garbage(connection: socket.socket, stop: threading.Event) -> None:
    connection.sendall(b"SSH-2.0-Garbage\r\n" + b"\xff" * 4096)
    stop.wait()


def hangs_in_key_exchange(connection: socket.socket, stop: threading.Event) -> None:
    connection.sendall(b"SSH-2.0-Sleepy\r\n")
    stop.wait()


@contextlib.contextmanager
def unanswered_port() -> Iterator[int]:
    """A port whose queue is full: connecting to it gets no answer at all, as behind a dropping firewall."""
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        time.sleep(0.1)
        yield listener.getsockname()[1]


class Manners(paramiko.ServerInterface):
    """How the paramiko server below behaves after the key exchange; the default accepts any key and runs nothing."""

    def __init__(
        self,
        *,
        accept_keys: bool = True,
        first_channel: int = 0,
        run_commands: bool = True,
        hang: str = "",
        questions: tuple[tuple[str, bool], ...] = (),
        password: str = "",
    ) -> None:
        self.accept_keys = accept_keys
        self.first_channel = first_channel
        self.run_commands = run_commands
        self.hang = hang
        self.questions = questions
        self.password = password
        self.stop = threading.Event()
        self.attempts: list[str] = []
        self.answers: list[str] = []

    def get_allowed_auths(self, username: str) -> str:
        methods = ["publickey"]
        if self.password:
            methods.append("password")
        if self.questions:
            methods.append("keyboard-interactive")
        return ",".join(methods)

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self.attempts.append(f"publickey {key.fingerprint}")
        if self.hang == "login":
            self.stop.wait()
        return paramiko.AUTH_SUCCESSFUL if self.accept_keys else paramiko.AUTH_FAILED

    def check_auth_password(self, username: str, password: str) -> int:
        self.attempts.append("password")
        return paramiko.AUTH_SUCCESSFUL if password == self.password else paramiko.AUTH_FAILED

    def check_auth_interactive(self, username: str, submethods: str) -> int | paramiko.InteractiveQuery:
        self.attempts.append("keyboard-interactive")
        query = paramiko.InteractiveQuery("", "")
        for text, echo in self.questions:
            query.add_prompt(text, echo)
        return query

    def check_auth_interactive_response(self, responses: list[str]) -> int:
        self.answers.extend(responses)
        return paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        if self.hang == "channel":
            self.stop.wait()
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self.attempts.append(f"exec {command.decode()}")
        if not self.run_commands:
            return False
        if self.hang == "command":
            return True
        threading.Thread(target=self._answer, args=(channel,), daemon=True).start()
        return True

    def _answer(self, channel: paramiko.Channel) -> None:
        script = b""
        while data := channel.recv(4096):
            script += data
        channel.sendall(b"heard " + script)
        channel.send_exit_status(0)
        channel.close()


@contextlib.contextmanager
def paramiko_server(manners: Manners, host_key: paramiko.PKey) -> Iterator[BadServer]:
    """An SSH server whose manners after the key exchange can be chosen."""
    transports: list[paramiko.Transport] = []

    def behave(connection: socket.socket, stop: threading.Event) -> None:
        transport = paramiko.Transport(connection)
        transport.add_server_key(host_key)
        transport._channel_counter = manners.first_channel  # type: ignore[attr-defined]
        transports.append(transport)
        with contextlib.suppress(paramiko.SSHException, EOFError):
            transport.start_server(server=manners)
            stop.wait()

    try:
        with serve(behave) as server:
            yield server
    finally:
        manners.stop.set()
        for transport in transports:
            transport.close()
