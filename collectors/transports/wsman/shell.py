"""One remote shell, through pywinrm's `Protocol` on a session of ours: opened, used, and closed whatever happens."""

import binascii
import contextlib
import functools
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from xml.etree.ElementTree import ParseError  # parsing itself is pywinrm's; envelopes with a DTD do not reach it

from winrm.exceptions import WinRMOperationTimeoutError, WinRMTransportError, WSManFaultError

from collectors.errors import ConversationFailed, HostError
from collectors.transports.base import Deadline
from collectors.transports.capture import Capture
from collectors.transports.wsman import envelopes, faults
from collectors.transports.wsman.session import Session

LOG = logging.getLogger(__name__)
CODEPAGE = 65001
STDIN_CHUNK_BYTES = 90_000  # a base64 envelope of it stays below the 150 kB that old services take (P5)
FAREWELL_S = 3.0
_OPERATION_S = 60
_RECEIVE_S = 5
_LEAST_RECEIVE_S = 1.0
_IDLE_MARGIN_S = 180
_IN_VAIN = 10
_PAUSE_S = 0.25
_Result = TypeVar("_Result")


class Verbs(envelopes.PROTOCOL):  # type: ignore[misc]
    """pywinrm's messages without its transport: merely making one changes the process's filters of warnings."""

    def __init__(self, session: Session) -> None:
        self.transport: Any = session
        self.operation_timeout_sec = _OPERATION_S
        self.read_timeout_sec = _OPERATION_S + 1


class Refused(Exception):
    """The service answered with a fault; `code` is None when it names none."""

    def __init__(self, code: int | None, reason: str, during: str) -> None:
        super().__init__(faults.sentence(code, reason))
        self.code = code
        self.reason = reason
        self.during = during

    def explained(self, subject: str) -> HostError:
        """The error a person can act on."""
        return faults.explained(subject, self.code, self.reason, during=self.during)


class Shell:
    """A text shell of one host, with one command at a time.

    `reopen` makes another session in little time, for one purpose: to delete the shell after the first one broke.
    """

    def __init__(self, subject: str, session: Session, reopen: Callable[[], Session], deadline: Deadline) -> None:
        self._subject = subject
        self._session = session
        self._reopen = reopen
        self._deadline = deadline
        self._verbs: Any = Verbs(session)
        self._id = ""

    def open(self) -> None:
        """Create it. Raises `Refused` or a `HostError`."""
        idle_s = int(self._deadline.remaining_s()) + _IDLE_MARGIN_S
        self._id = self._ask(
            "the start of the shell",
            lambda: self._verbs.open_shell(codepage=CODEPAGE, noprofile=True, idle_timeout=f"PT{idle_s}S"),
        )

    def start(self, line: str) -> str:
        """Start a command line through cmd.exe, its standard input a pipe; answers the command's id.

        Through cmd.exe, because Windows has honored WINRS_SKIP_CMD_SHELL only before Server 2012 R2, and then without
        a search of PATH. Raises `Refused` or a `HostError`.
        """
        command: str = self._ask(
            "the start of the command",
            lambda: self._verbs.run_command(self._id, line, console_mode_stdin=False, skip_cmd_shell=False),
        )
        return command

    def feed(self, command: str, data: bytes) -> None:
        """Write standard input and end it."""
        for begin in range(0, max(len(data), 1), STDIN_CHUNK_BYTES):
            end = begin + STDIN_CHUNK_BYTES
            # Bytes: pywinrm would encode a text in code page 437 (P4).
            send = functools.partial(
                self._verbs.send_command_input, self._id, command, data[begin:end], end=end >= len(data)
            )
            self._ask("the sending of the script", send)

    def hear(self, command: str, capture: Capture) -> int | None:
        """Listen until the command ends; answers its exit status, None when the limit of output was reached.

        Raises `TimeoutError` at the deadline, `Refused` or a `HostError` when it broke; what came is in `capture`.
        """
        asked, in_vain = False, 0
        while True:
            left_s = self._deadline.remaining_s()
            if asked and left_s < _LEAST_RECEIVE_S:
                raise TimeoutError
            if in_vain > _IN_VAIN:
                time.sleep(_PAUSE_S)
            # pywinrm would ask again for ever (P6); the service answers soon, so that our deadline is never overslept.
            patience_s = max(1, min(int(left_s), _RECEIVE_S))
            asked = True
            begun = time.monotonic()
            try:
                stdout, stderr, status, done = self._ask(
                    "the run of the script",
                    lambda: self._verbs.get_command_output_raw(self._id, command),
                    operation_s=patience_s,
                )
            except WinRMOperationTimeoutError:
                stdout = stderr = b""
                status, done = -1, False
            # A service that should wait for output and says at once that there is none would keep us busy for nothing.
            in_vain = in_vain + 1 if not (stdout or stderr) and time.monotonic() - begun < _PAUSE_S else 0
            if not (capture.output(stdout) and capture.error(stderr)):
                return None
            if done:
                return int(status)

    def _ask(self, during: str, call: Callable[[], _Result], *, operation_s: int = _OPERATION_S) -> _Result:
        self._session.connection.during = during
        self._verbs.operation_timeout_sec = operation_s
        try:
            return call()
        except WSManFaultError as fault:
            code = fault.wsman_fault_code if fault.wsman_fault_code is not None else fault.wmierror_code
            # Some services write the number with a sign.
            raise Refused(None if code is None else code & 0xFFFFFFFF, _reason(fault), during) from None
        except WinRMTransportError as error:
            raise self._nonsense(during, f"HTTP {error.code} without a fault") from None
        except WinRMOperationTimeoutError:
            if during != "the run of the script":
                raise Refused(faults.OPERATION_TIMEOUT, "", during) from None
            raise
        except (ParseError, StopIteration, binascii.Error, ValueError, KeyError, AttributeError, TypeError) as error:
            raise self._nonsense(during, f"not the answer it should be ({type(error).__name__})") from None

    def _nonsense(self, during: str, what: str) -> ConversationFailed:
        self._session.alive = False
        return ConversationFailed(
            self._subject,
            f"its answer during {during} makes no sense: {what}.",
            hint="Check that it is a WinRM service.",
        )

    def close(self) -> None:
        """Delete the shell with all that runs in it, over a fresh session when the first one broke; never raises.

        A shell that stays counts against MaxShellsPerUser (P2). Where even this fails, its idle timeout ends it.
        """
        if not self._id:
            self._session.close_session()
            return
        shell, self._id = self._id, ""
        if self._session.alive and self._delete(self._session, shell):
            return
        self._session.close_session()
        if self._session.refused:
            LOG.debug("%s: its shell was left behind: the login was refused in the middle", self._subject)
            return
        try:
            session = self._reopen()
        except HostError as error:
            LOG.debug("%s: its shell was left behind: %s", self._subject, error)
            return
        self._delete(session, shell)

    def _delete(self, session: Session, shell: str) -> bool:
        verbs: Any = Verbs(session)
        connection = session.connection
        connection.during = "the end of the shell"
        connection.limit = connection.host_deadline = Deadline.after(FAREWELL_S)
        try:
            verbs.close_shell(shell, close_session=False)
        except WSManFaultError as fault:
            LOG.debug("%s: its shell could not be deleted: %s", self._subject, fault.reason)
        except (HostError, WinRMTransportError, WinRMOperationTimeoutError, *_MISREAD) as error:
            LOG.debug("%s: its shell could not be deleted: %s", self._subject, error)
            return False
        finally:
            session.close_session()
        return True


_MISREAD = (ParseError, StopIteration, ValueError, KeyError, AttributeError, TypeError, AssertionError)


def _reason(fault: WSManFaultError) -> str:
    return "" if fault.reason.startswith("(no error") else fault.reason


@contextlib.contextmanager
def closing(shell: Shell) -> Iterator[Shell]:
    """The shell, closed at the end also when that end is Ctrl-C."""
    try:
        yield shell
    finally:
        shell.close()
