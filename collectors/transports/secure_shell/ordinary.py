"""The ordinary way: paramiko's public interface, one step after the other, every way to authenticate.

Taken for agents, passwords, keyboard-interactive, jump hosts and whenever the fast way met a surprise. Every wait is
bounded by the guarded socket below. No credential is offered twice.
"""

import contextlib
import re
import selectors
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import paramiko

from collectors.credentials import Credential, Secret
from collectors.errors import HostError, LoginDenied, NotSupported
from collectors.transports.base import Deadline, ScriptOutput
from collectors.transports.become import Speech
from collectors.transports.outcome import Visit, sudo_deadline
from collectors.transports.secure_shell.keys import KeyWay
from collectors.transports.secure_shell.wire import Wire, explain

_Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)  # select() ends at 1,024 open files
_READ_BYTES = 64 * 1024
_AFTERMATH_S = 5.0
_SECOND_FACTOR = re.compile(
    r"verification|one.?time|code|otp|token|duo|passcode|yubikey|new password|retype", re.IGNORECASE
)
_CAUSES = (paramiko.SSHException, OSError, EOFError, HostError)


@dataclass(frozen=True, slots=True)
class Way:
    """One way to authenticate: its SSH method, a label for people, and the attempt itself.

    The attempt answers the methods still required (none when logged in), or raises AuthenticationException.
    """

    method: str
    label: str
    attempt: Callable[[Wire, str], list[str]]


def ways_of(keys: tuple[KeyWay, ...], credential: Credential, deadline: Deadline) -> Iterator[Way]:
    """Ways in the order of `Credential`: keys, the agent's keys, the password (in either method the server allows)."""
    for way in keys:
        yield Way("publickey", way.label, lambda wire, user, key=way.key: wire.auth_publickey(user, key))  # type: ignore[misc]
    if credential.agent:
        yield from _agent_ways(deadline)
    if credential.password is not None:
        secret = credential.password
        yield Way("password", "password", lambda wire, user: wire.auth_password(user, secret.reveal(), fallback=False))
        yield Way("keyboard-interactive", "password", lambda wire, user: _interactive(wire, user, secret))


def _agent_ways(deadline: Deadline) -> Iterator[Way]:
    try:
        agent = paramiko.Agent()
    except (paramiko.SSHException, OSError):
        return
    connection = getattr(agent, "_conn", None)
    if connection is not None:
        with contextlib.suppress(AttributeError):
            connection.settimeout(deadline.remaining_s())
    for key in agent.get_keys():
        label = f"agent key {key.comment or key.fingerprint}"
        yield Way("publickey", label, lambda wire, user, key=key: wire.auth_publickey(user, key))  # type: ignore[misc]


def _interactive(wire: Wire, user: str, secret: Secret) -> list[str]:
    """Answer one question for a password, once; anything else a server may ask is not ours to answer."""
    asked = False

    def answer(_title: str, _instructions: str, prompts: list[tuple[str, bool]]) -> list[str]:
        nonlocal asked
        if not prompts:
            return []
        text, echo = prompts[0]
        if asked or len(prompts) > 1 or echo or _SECOND_FACTOR.search(text):
            raise paramiko.AuthenticationException(f"the server asks {text.strip()[:80]!r}")
        asked = True
        return [secret.reveal()]

    return wire.auth_interactive(user, answer)


def log_in(
    wire: Wire, user: str, ways: Iterator[Way], *, deadline: Deadline, refused: tuple[str, ...] = (), where: str = ""
) -> None:
    """Exchange keys, then authenticate. `refused` are labels already refused; `where` names a jump host in errors.

    Raises `LoginDenied` naming each way tried, or whatever `explain()` makes of a broken connection.
    """
    subject = wire.check.subject
    try:
        wire.start_client()
    except _CAUSES as error:
        raise explain(subject, wire, error, deadline, during=f"the key exchange{where}") from None
    wire.verify_host()
    wire.guarded.greeted()
    wire.guarded.deadline = deadline
    _Login(wire, user, deadline, list(refused), where).run(ways)


class _Login:
    """One login: remembers what the server still accepts and what it refused."""

    def __init__(self, wire: Wire, user: str, deadline: Deadline, refused: list[str], where: str) -> None:
        self._wire = wire
        self._user = user
        self._deadline = deadline
        self._refused = refused
        self._where = where
        self._accepted: tuple[str, ...] = ()
        self._offered: set[str] = set(refused)

    def run(self, ways: Iterator[Way]) -> None:
        if self._ask_methods():
            return
        for way in ways:
            if way.label in self._offered or (self._accepted and way.method not in self._accepted):
                continue
            self._offered.add(way.label)
            if self._attempt(way):
                return
        raise self._denied()

    def _ask_methods(self) -> bool:
        """Ask what the server accepts, as ssh(1) does; true when it wants nothing at all."""
        try:
            self._accepted = tuple(self._wire.auth_none(self._user))
        except paramiko.BadAuthenticationType as error:
            self._accepted = tuple(error.allowed_types)
        except _CAUSES as error:
            self._broken(error)
        return self._wire.is_authenticated()

    def _attempt(self, way: Way) -> bool:
        try:
            still_required = way.attempt(self._wire, self._user)
        except paramiko.BadAuthenticationType as error:
            self._accepted = tuple(error.allowed_types)
        except _CAUSES as error:
            self._broken(error, way)
        else:
            if self._wire.is_authenticated():
                return True
            self._accepted = tuple(still_required)
            self._refused.append(f"{way.label} (accepted, but not enough alone)")
            return False
        self._refused.append(way.label)
        return False

    def _broken(self, error: Exception, way: Way | None = None) -> None:
        """Tell a refusal, after which the next way may be tried, from a connection that ended."""
        if self._wire.is_active() and isinstance(error, paramiko.AuthenticationException):
            return
        asked = isinstance(error, paramiko.AuthenticationException) and "asks" in str(error)
        if asked:
            raise LoginDenied(
                self._wire.check.subject,
                f"{error}{self._where}, which auditor cannot answer.",
                hint="Use a key for this account, or renew its password if it has expired.",
            ) from None
        if way is not None and self._wire.refused_login():
            self._refused.append(f"{way.label}: {self._wire.farewell}")
        if self._wire.guarded.expired or not self._refused:
            raise explain(
                self._wire.check.subject, self._wire, error, self._deadline, during=f"the login{self._where}"
            ) from None
        raise self._denied() from None

    def _denied(self) -> LoginDenied:
        tried = ", ".join(dict.fromkeys(self._refused)) or "nothing that the server accepts was configured"
        accepted = f" It accepts: {', '.join(self._accepted)}." if self._accepted else ""
        return LoginDenied(
            self._wire.check.subject,
            f"login as {self._user} was refused{self._where} ({tried}).{accepted}",
            hint="Check user, key and password; nothing was tried twice.",
        )


def hold(wire: Wire, visit: Visit, *, deadline: Deadline, window_bytes: int) -> ScriptOutput:
    """Hold the dialogues in turn over a connection that is logged in."""
    while True:
        channel = _open(wire, visit, deadline, window_bytes)
        lost = _listen(wire, visit, channel, deadline)
        with contextlib.suppress(*_CAUSES):  # a connection that is lost cannot be told good-bye
            channel.close()
        if lost is not None:
            if wire.guarded.expired and visit.sudo_is_silent(deadline):
                raise SudoSilent
            return visit.cut_off(timed_out=wire.guarded.expired or deadline.passed, error=lost)
        if visit.ended or visit.close():
            return visit.output()


class SudoSilent(Exception):
    """sudo did not answer; the connection is spent, and a new one shall do without."""


def _open(wire: Wire, visit: Visit, deadline: Deadline, window_bytes: int) -> paramiko.Channel:
    subject = wire.check.subject
    try:
        channel = wire.open_session(window_size=window_bytes)
    except paramiko.ChannelException as error:
        raise NotSupported(subject, f"the login works, but the server opens no session ({error.text}).") from None
    except _CAUSES as error:
        raise explain(subject, wire, error, deadline, during="the start of sh") from None
    try:
        channel.exec_command(visit.dialogue.command)
    except _CAUSES as error:
        if wire.is_active() and not wire.guarded.expired:
            raise NotSupported(
                subject, "the login works, but the server runs no command for this user.", hint="Use another account."
            ) from None
        raise explain(subject, wire, error, deadline, during="the start of sh") from None
    visit.begin()
    return channel


def _listen(wire: Wire, visit: Visit, channel: paramiko.Channel, deadline: Deadline) -> BaseException | None:
    """Talk until the command ends or the limit is reached; answers what broke the connection, None when nothing did."""
    try:
        _speak(channel, visit.dialogue.opening(), deadline)
        selector = _Selector()
        selector.register(channel.fileno(), selectors.EVENT_READ)
        patience = sudo_deadline(deadline)
        while True:
            limit = deadline if visit.dialogue.started else patience
            selector.select(limit.remaining_s())
            if limit.passed:
                wire.guarded.expired = True
                return TimeoutError()
            if not _hear(visit, channel, deadline):
                visit.ended = True
                return None
            if channel.eof_received and not channel.recv_ready() and not channel.recv_stderr_ready():
                break
            if channel.closed and not channel.recv_ready() and not channel.recv_stderr_ready():
                break
    except _CAUSES as error:
        return error
    channel.status_event.wait(deadline.remaining_s(_AFTERMATH_S))
    visit.exit_status = channel.exit_status if channel.exit_status >= 0 else None
    if visit.exit_status is None and not wire.is_active():
        return wire.saved_exception or EOFError()
    return None


def _hear(visit: Visit, channel: paramiko.Channel, deadline: Deadline) -> bool:
    """Take what has come; False when the limit is reached."""
    while channel.recv_ready():
        if not visit.hear_output(channel.recv(_READ_BYTES)):
            return False
    while channel.recv_stderr_ready():
        speech = visit.hear_error(channel.recv_stderr(_READ_BYTES))
        if speech is None:
            return False
        _speak(channel, speech, deadline)
    return True


def _speak(channel: paramiko.Channel, speech: Speech, deadline: Deadline) -> None:
    if speech.data:
        channel.settimeout(deadline.remaining_s())
        with contextlib.suppress(ConnectionError):
            _send(channel, speech.data)
    if speech.end and not channel.closed:
        channel.shutdown_write()


def _send(channel: paramiko.Channel, data: bytes) -> None:
    """Send as long as the command listens; one that does not read its input (ForceCommand) is no failure."""
    while data and not channel.closed:
        try:
            sent = channel.send(data)
        except TimeoutError:
            raise
        except OSError:
            return
        if not sent:
            return
        data = data[sent:]
