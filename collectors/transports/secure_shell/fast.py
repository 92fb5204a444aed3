"""One visit in as few round trips as OpenSSH allows, in the caller's own thread.

Once the host key is verified, the service request, the signed public-key request, the opening of the channel and the
command leave in one flight: the answers come back together. The channel's number on the server has to be guessed (0,
as OpenSSH and Dropbear give the first one); whatever does not go as guessed is a `Surprise`, and the ordinary way,
which waits for each answer, is taken instead. The login is only believed when the server says so.

paramiko's receive loop is run directly, without its thread: no lock is waited for, no thread switched per packet.

Source: RFC 4252, RFC 4253, RFC 4254.
"""

import contextlib
from collections.abc import Callable

from paramiko import Message, Transport
from paramiko.common import (
    MSG_CHANNEL_CLOSE,
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_EOF,
    MSG_CHANNEL_EXTENDED_DATA,
    MSG_CHANNEL_FAILURE,
    MSG_CHANNEL_OPEN,
    MSG_CHANNEL_OPEN_FAILURE,
    MSG_CHANNEL_OPEN_SUCCESS,
    MSG_CHANNEL_REQUEST,
    MSG_CHANNEL_SUCCESS,
    MSG_CHANNEL_WINDOW_ADJUST,
    MSG_DISCONNECT,
    MSG_SERVICE_ACCEPT,
    MSG_SERVICE_REQUEST,
    MSG_USERAUTH_BANNER,
    MSG_USERAUTH_FAILURE,
    MSG_USERAUTH_REQUEST,
    MSG_USERAUTH_SUCCESS,
)

from collectors.errors import HostError
from collectors.transports.base import Deadline, ScriptOutput
from collectors.transports.become import Speech
from collectors.transports.outcome import Visit, sudo_deadline
from collectors.transports.secure_shell.keys import KeyWay
from collectors.transports.secure_shell.known_hosts import HostKeyCheck
from collectors.transports.secure_shell.sockets import GuardedSocket
from collectors.transports.secure_shell.wire import Wire, explain

_MAX_PACKET_BYTES = 32 * 1024
_BY_APPLICATION = 11
_INNER_PARTS = ("run", "_parse_newkeys", "_send_message", "_auth_trigger")


class Surprise(Exception):
    """The server did not go along; `refused` tells that it refused the key, which is then not tried again."""

    def __init__(self, reason: str, *, refused: bool = False) -> None:
        super().__init__(reason)
        self.refused = refused


def require_inner_parts() -> None:
    """Raise `Surprise` when this paramiko lacks an inner part the fast way stands on (another version of it)."""
    lacking = [name for name in _INNER_PARTS if not callable(getattr(Transport, name, None))]
    if lacking:
        raise Surprise(f"this paramiko has no {', '.join(lacking)}")


class FastWire(Wire):
    """A connection that logs in with one key and holds the dialogues in turn until one starts the script."""

    def __init__(
        self,
        sock: GuardedSocket,
        check: HostKeyCheck,
        *,
        user: str,
        way: KeyWay,
        visit: Visit,
        deadline: Deadline,
        window_bytes: int,
    ) -> None:
        super().__init__(sock, check, window_bytes=window_bytes)
        self._user = user
        self._way = way
        self._visit = visit
        self._host_deadline = deadline
        self._window_bytes = window_bytes
        self._flown = False
        self._logged_in = False
        self._surprise: Surprise | None = None
        self._unsent: list[Message] = []
        self._begin_channel()
        self._handler_table.update(self._handlers())  # type: ignore[attr-defined]

    def _begin_channel(self, number: int = 0) -> None:
        self._number = number
        self._peer_number: int | None = None
        self._running = False
        self._room = 0
        self._packet_bytes = _MAX_PACKET_BYTES
        self._outgoing = b""
        self._end_wanted = False
        self._end_sent = False

    def _handlers(self) -> dict[int, Callable[[Message], None]]:
        return {
            MSG_SERVICE_ACCEPT: _ignore,
            MSG_USERAUTH_BANNER: _ignore,
            MSG_USERAUTH_SUCCESS: self._on_login,
            MSG_USERAUTH_FAILURE: self._on_refusal,
            MSG_CHANNEL_OPEN_SUCCESS: self._on_open,
            MSG_CHANNEL_OPEN_FAILURE: self._on_open_failure,
            MSG_CHANNEL_SUCCESS: self._on_running,
            MSG_CHANNEL_FAILURE: self._on_command_refused,
            MSG_CHANNEL_WINDOW_ADJUST: self._on_window,
            MSG_CHANNEL_DATA: self._on_output,
            MSG_CHANNEL_EXTENDED_DATA: self._on_error_output,
            MSG_CHANNEL_REQUEST: self._on_request,
            MSG_CHANNEL_EOF: _ignore,
            MSG_CHANNEL_CLOSE: self._on_close,
        }

    def converse(self) -> ScriptOutput:
        """Hold the whole conversation. Raises `Surprise` when the ordinary way should be tried, else a `HostError`."""
        self.active = True
        try:
            self.run()
        finally:
            self.guarded.close()
            self._handler_table.clear()  # type: ignore[attr-defined]  # it refers to us: what we hold is freed at once
        if self._surprise is not None:
            raise self._surprise
        if self._visit.ended:
            return self._visit.output()
        error = self.saved_exception
        if isinstance(error, AttributeError | TypeError) and not self._visit.running:
            raise Surprise(f"this paramiko works otherwise inside ({error})")
        if self._visit.running:
            if self.guarded.expired and self._visit.sudo_is_silent(self._host_deadline):
                raise Surprise("sudo gave no answer")
            return self._visit.cut_off(timed_out=self.guarded.expired, error=error)
        if self._flown and not (self.guarded.expired or self.guarded.hung_up or isinstance(error, HostError)):
            raise Surprise(self.farewell or str(error), refused=not self._logged_in and self.refused_login())
        during = "the key exchange" if not self._flown else "the login" if not self._logged_in else "the start of sh"
        raise explain(self.check.subject, self, error, self._host_deadline, during=during)

    # ---- the flight

    def _parse_newkeys(self, m: Message) -> None:
        super()._parse_newkeys(m)  # type: ignore[misc]
        if not self._flown:
            self.verify_host()
            self._flown = True
            self.guarded.deadline = self._host_deadline
            self.guarded.hold()
            self._tell(_message(MSG_SERVICE_REQUEST, "ssh-userauth"))
            self._tell(self._login_request())
            self._open_channel()
            self._run_command(0)
            self.guarded.release()
        elif self._unsent:
            waiting, self._unsent = self._unsent, []
            for message in waiting:
                self._tell(message)

    def _tell(self, message: Message) -> None:
        """Send, unless keys are being renewed: then nothing but key exchange may be sent."""
        if self.in_kex:
            self._unsent.append(message)
        else:
            self._send_message(message)  # type: ignore[attr-defined]

    def _login_request(self) -> Message:
        key = self._way.key
        blob = key.public_blob
        algorithm = blob.key_type if blob else key.get_name()
        # Servers that understand neither rsa-sha2-512 nor a hint of it are too old for anything else we offer.
        algorithm = algorithm.replace("ssh-rsa", "rsa-sha2-512")
        request = _message(MSG_USERAUTH_REQUEST, self._user, "ssh-connection", "publickey")
        request.add_boolean(b=True)
        request.add_string(algorithm)
        request.add_string(blob.key_blob if blob else key.asbytes())
        assert self.session_id is not None
        signed = Message()
        signed.add_string(self.session_id)
        signed.add_bytes(request.asbytes())
        request.add_string(key.sign_ssh_data(signed.asbytes(), algorithm).asbytes())
        return request

    def _open_channel(self) -> None:
        request = _message(MSG_CHANNEL_OPEN, "session")
        request.add_int(self._number)
        request.add_int(self._window_bytes)
        request.add_int(_MAX_PACKET_BYTES)
        self._tell(request)

    def _run_command(self, peer_number: int) -> None:
        request = Message()
        request.add_byte(bytes([MSG_CHANNEL_REQUEST]))
        request.add_int(peer_number)
        request.add_string("exec")
        request.add_boolean(b=True)
        request.add_string(self._visit.dialogue.command)
        self._tell(request)

    # ---- login

    def _on_login(self, _: Message) -> None:
        self._logged_in = True
        self._auth_trigger()  # type: ignore[attr-defined]

    def _on_refusal(self, m: Message) -> None:
        allowed, partial = m.get_text(), m.get_boolean()
        words = "is not enough" if partial else "was refused"
        self._give_up(Surprise(f"the {self._way.label} {words}; the server accepts {allowed}", refused=not partial))

    def _give_up(self, surprise: Surprise) -> None:
        self._surprise = surprise
        self.active = False

    # ---- channel

    def _ours(self, m: Message) -> bool:
        return m.get_int() == self._number

    def _on_open(self, m: Message) -> None:
        if not self._ours(m):
            return
        self._peer_number, self._room = m.get_int(), m.get_int()
        self._packet_bytes = max(min(m.get_int(), _MAX_PACKET_BYTES), 1)
        if not self._logged_in:
            self._give_up(Surprise("a channel was opened before the login"))
        elif self._number == 0 and self._peer_number != 0:
            self._give_up(Surprise("the first channel is not number 0"))
        elif self._number:
            self._run_command(self._peer_number)

    def _on_open_failure(self, _: Message) -> None:
        self._give_up(Surprise("the server opens no channel"))

    def _on_command_refused(self, _: Message) -> None:
        self._give_up(Surprise("the server runs no command"))

    def _on_running(self, m: Message) -> None:
        if self._ours(m) and self._logged_in and not self._running:
            self._running = True
            self._visit.begin()
            if not self._visit.dialogue.started:
                self.guarded.deadline = sudo_deadline(self._host_deadline)
            self._speak(self._visit.dialogue.opening())

    def _on_window(self, m: Message) -> None:
        if self._ours(m):
            self._room += m.get_int()
            self._pump()

    def _speak(self, speech: Speech) -> None:
        self._outgoing += speech.data
        self._end_wanted = self._end_wanted or speech.end
        self._pump()

    def _pump(self) -> None:
        if not self._running or self._end_sent or self._peer_number is None:
            return
        self.guarded.hold()
        while self._outgoing and self._room:
            part = self._outgoing[: min(self._room, self._packet_bytes)]
            self._outgoing = self._outgoing[len(part) :]
            self._room -= len(part)
            data = _message(MSG_CHANNEL_DATA, number=self._peer_number)
            data.add_string(part)
            self._tell(data)
        if self._end_wanted and not self._outgoing:
            self._end_sent = True
            self._tell(_message(MSG_CHANNEL_EOF, number=self._peer_number))
        self.guarded.release()

    def _on_output(self, m: Message) -> None:
        if self._ours(m) and self._running and not self._visit.hear_output(m.get_binary()):
            self._finish()

    def _on_error_output(self, m: Message) -> None:
        if not (self._ours(m) and self._running and m.get_int() == 1):
            return
        speech = self._visit.hear_error(m.get_binary())
        if self._visit.dialogue.started:
            self.guarded.deadline = self._host_deadline
        if speech is None:
            self._finish()
        else:
            self._speak(speech)

    def _on_request(self, m: Message) -> None:
        if not self._ours(m):
            return
        kind = m.get_text()
        m.get_boolean()
        if kind == "exit-status":
            self._visit.exit_status = m.get_int()
        elif kind == "exit-signal":
            self._visit.note(f"the script was ended by signal {m.get_text()}")

    def _on_close(self, m: Message) -> None:
        if not self._ours(m) or not self._running:
            return
        if self._visit.close():
            self._finish()
            return
        self.guarded.deadline = self._host_deadline
        if self._peer_number is not None:
            self._tell(_message(MSG_CHANNEL_CLOSE, number=self._peer_number))
        self._begin_channel(self._number + 1)
        self._open_channel()

    def _finish(self) -> None:
        self._visit.ended = True
        self.active = False
        farewell = Message()
        farewell.add_byte(bytes([MSG_DISCONNECT]))
        farewell.add_int(_BY_APPLICATION)
        farewell.add_string("done")
        farewell.add_string("")
        # Everything is here already; a peer that hangs up first changes nothing.
        with contextlib.suppress(OSError, EOFError, HostError):
            self._tell(farewell)


def _message(kind: int, *texts: str, number: int | None = None) -> Message:
    message = Message()
    message.add_byte(bytes([kind]))
    if number is not None:
        message.add_int(number)
    for text in texts:
        message.add_string(text)
    return message


def _ignore(m: Message) -> None:
    """Nothing to learn from it."""
