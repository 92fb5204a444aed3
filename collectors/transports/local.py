"""This machine, without SSH: `sh -s` in a clean environment, in a session of its own that is killed at the deadline."""

import contextlib
import os
import selectors
import signal
import subprocess
from collections.abc import Iterator
from typing import IO

from collectors.credentials import Credential
from collectors.errors import ConversationFailed, DeadlineExceeded, NotSupported
from collectors.model import Protocol, Target
from collectors.transports import become
from collectors.transports.base import ConnectionPolicy, Deadline, ScriptOutput, Transport
from collectors.transports.outcome import Visit, sudo_deadline

_READ_BYTES = 64 * 1024
_POLL_S = 0.1
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_KEPT = ("HOME", "USER", "LOGNAME")


def run(
    target: Target, script: bytes, *, credential: Credential, policy: ConnectionPolicy, deadline: Deadline
) -> ScriptOutput:
    """Run `script` with `sh -s` here; see `RunScript`. Nothing of our own environment but the user's names goes in."""
    if os.name != "posix":
        raise NotSupported(target.name, "only Linux can be read locally so far.")
    if deadline.passed:
        raise DeadlineExceeded(target.name, "the deadline of the host passed before the script could start.")
    root = os.geteuid() == 0
    dialogues = become.attempts(script, sudo_mode=credential.sudo, sudo_password=credential.sudo_password, root=root)
    visit = Visit(target.name, dialogues, limit_bytes=policy.output_limit_bytes, root=root)
    while True:
        limit = deadline if visit.dialogue.started else sudo_deadline(deadline)
        with _shell(target.name, visit.dialogue.command) as process:
            timed_out = _Conversation(process, visit, limit, deadline).hold()
        if timed_out:
            if visit.sudo_is_silent(deadline):
                continue
            return visit.cut_off(timed_out=True, error=None)
        if visit.ended or visit.close():
            return visit.output()


_running: set[subprocess.Popen[bytes]] = set()


def close() -> None:
    """Kill what runs still: an interrupted run does not wait for it."""
    for process in list(_running):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


@contextlib.contextmanager
def _shell(subject: str, command: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment |= {"PATH": _PATH, "LANG": "C", "LC_ALL": "C"}
    try:
        process = subprocess.Popen(
            ["/bin/sh", "-c", command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd="/",
            start_new_session=True,
            bufsize=0,
        )
    except OSError as error:
        raise ConversationFailed(subject, f"sh cannot be started ({error.strerror}).") from error
    _running.add(process)
    try:
        yield process
    finally:
        _running.discard(process)
        _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the script and whatever it left behind in its session."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=1.0)


class _Conversation:
    """Feeds the script and takes what comes, without ever blocking on one of the three pipes."""

    def __init__(self, process: subprocess.Popen[bytes], visit: Visit, limit: Deadline, deadline: Deadline) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        self._visit = visit
        self._limit = limit
        self._deadline = deadline
        self._stdin, self._stdout, self._stderr = process.stdin, process.stdout, process.stderr
        self._outgoing = b""
        self._end_wanted = False
        self._selector = selectors.DefaultSelector()

    def hold(self) -> bool:
        """Talk until both outputs end or their limit is reached (the visit is then ended); True when time is up."""
        self._visit.begin()
        with self._selector:
            for pipe in (self._stdout, self._stderr):
                os.set_blocking(pipe.fileno(), False)
                self._selector.register(pipe, selectors.EVENT_READ)
            os.set_blocking(self._stdin.fileno(), False)
            self._speak(self._visit.dialogue.opening())
            while len(self._selector.get_map()) > (self._stdin in self._watched()):
                if self._limit.passed:
                    return True
                events = self._selector.select(self._limit.remaining_s(_POLL_S))
                if not all(self._serve(key.fileobj) for key, _ in events):
                    self._visit.ended = True
                    return False
                if not events and self._process.poll() is not None:
                    break  # sh is gone; what it left running still holds the pipes
        return self._finish()

    def _watched(self) -> set[object]:
        return {key.fileobj for key in self._selector.get_map().values()}

    def _finish(self) -> bool:
        try:
            self._visit.exit_status = self._process.wait(timeout=self._limit.remaining_s())
        except subprocess.TimeoutExpired:
            return True
        if self._visit.exit_status < 0:
            self._visit.note(f"the script was ended by signal {-self._visit.exit_status}")
            self._visit.exit_status = None
        return False

    def _serve(self, pipe: object) -> bool:
        if pipe is self._stdin:
            self._write()
            return True
        assert pipe in (self._stdout, self._stderr)
        return self._read(self._stdout if pipe is self._stdout else self._stderr)

    def _read(self, pipe: IO[bytes]) -> bool:
        data = os.read(pipe.fileno(), _READ_BYTES)
        if not data:
            self._selector.unregister(pipe)
            return True
        if pipe is self._stdout:
            return self._visit.hear_output(data)
        speech = self._visit.hear_error(data)
        if self._visit.dialogue.started:
            self._limit = self._deadline
        if speech is None:
            return False
        self._speak(speech)
        return True

    def _speak(self, speech: become.Speech) -> None:
        self._outgoing += speech.data
        self._end_wanted = self._end_wanted or speech.end
        self._write()

    def _write(self) -> None:
        if self._stdin.closed:
            return
        try:
            while self._outgoing:
                self._outgoing = self._outgoing[os.write(self._stdin.fileno(), self._outgoing) :]
        except BlockingIOError:
            pass
        except BrokenPipeError:
            self._outgoing, self._end_wanted = b"", True
        watched = self._stdin in self._watched()
        if self._outgoing and not watched:
            self._selector.register(self._stdin, selectors.EVENT_WRITE)
        elif not self._outgoing and watched:
            self._selector.unregister(self._stdin)
        if self._end_wanted and not self._outgoing:
            self._stdin.close()


TRANSPORT = Transport(protocol=Protocol.LOCAL, run=run, close=close)
