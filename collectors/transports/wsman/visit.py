"""One visit over WinRM: connect, log in, one shell, one command, and the shell is gone again."""

import base64
import dataclasses
import gzip
import logging

from collectors.credentials import Credential
from collectors.errors import DeadlineExceeded, HostError
from collectors.model import Target
from collectors.transports.base import ConnectionPolicy, Deadline, ScriptOutput
from collectors.transports.capture import Capture
from collectors.transports.sockets import dial, handshake_deadline
from collectors.transports.wsman import authentication, faults, lockout
from collectors.transports.wsman.authentication import Way
from collectors.transports.wsman.bootstrap import COMMAND
from collectors.transports.wsman.certificates import Trust
from collectors.transports.wsman.connection import Connection, stops
from collectors.transports.wsman.endpoint import check, endpoint, user_of
from collectors.transports.wsman.session import Session, opened
from collectors.transports.wsman.shell import FAREWELL_S, Refused, Shell, closing

LOG = logging.getLogger(__name__)
_SILENT = (
    "Check that the machine is on, that WinRM is enabled (winrm quickconfig) and that no firewall stands in between."
)
_COMMAND_LIMIT = 8191
_NOT_FOUND = 9009


def run_script(
    target: Target, script: bytes, *, credential: Credential, policy: ConnectionPolicy, deadline: Deadline
) -> ScriptOutput:
    """Run a PowerShell script of any size; see `RunScript`."""
    visit = _Visit(target, credential, policy, deadline)
    # The quickest level: a better one saves two packets and costs as much as the whole login.
    payload = base64.b64encode(gzip.compress(script, 1, mtime=0))
    return visit.run(COMMAND, payload)


def run_line(
    target: Target, line: bytes, *, credential: Credential, policy: ConnectionPolicy, deadline: Deadline
) -> ScriptOutput:
    """Run one line of cmd.exe; see `Transport.run_command`."""
    text = line.decode("ascii", "strict").strip()
    if "\n" in text or len(text) > _COMMAND_LIMIT:
        raise ValueError(f"not one line of at most {_COMMAND_LIMIT} characters")
    return _Visit(target, credential, policy, deadline).run(text, b"")


class _Visit:
    def __init__(self, target: Target, credential: Credential, policy: ConnectionPolicy, deadline: Deadline) -> None:
        self._subject = target.name
        self._where = endpoint(target)
        self._user = user_of(target, credential)
        self._credential = credential
        self._policy = policy
        self._deadline = deadline
        self._since = stops()

    def run(self, line: str, stdin: bytes) -> ScriptOutput:
        """Make the visit."""
        check(self._subject, self._where, self._user, self._credential)
        way = authentication.way(self._subject, self._where, self._user, self._credential, self._deadline)
        LOG.debug("%s: visiting %s as %s by %s", self._subject, self._where.place, way.user, way.title)
        session = self._open(way, self._deadline, self._policy, self._since)
        # The end of the shell needs a moment, too, and the machine should not wait for its own deadline.
        listening = Deadline(self._deadline.at - min(2.0, self._deadline.remaining_s() / 10))
        shell = Shell(self._subject, session, lambda: self._reopen(way), listening)
        with closing(shell):
            return self._converse(shell, way, line, stdin)

    def _converse(self, shell: Shell, way: Way, line: str, stdin: bytes) -> ScriptOutput:
        try:
            self._open_shell(shell, way)
            command = shell.start(line)
        except Refused as refusal:
            code = faults.win32(refusal.code or 0)
            if refusal.during == "the start of the command" and code in faults.NOT_STARTABLE:
                return ScriptOutput(stdout=b"", exit_status=code, notes=(f"{faults.NOT_STARTABLE[code]} ({code})",))
            raise refusal.explained(self._subject) from None
        capture = Capture(self._policy.output_limit_bytes)
        try:
            shell.feed(command, stdin)
        except (Refused, HostError) as error:
            return self._listen(shell, command, capture, unfed=error)
        return self._listen(shell, command, capture)

    def _open_shell(self, shell: Shell, way: Way) -> None:
        """Where every message carries the password (Basic), the first one is the login."""
        password = None if way.new_context else way.password
        refusal = None
        with lockout.attempt(self._subject, self._where, way.user, password, self._deadline):
            try:
                shell.open()
            except Refused as error:  # a fault is the answer to somebody whose password was taken
                refusal = error
        if refusal is not None:
            raise refusal

    def _listen(
        self, shell: Shell, command: str, capture: Capture, *, unfed: Refused | HostError | None = None
    ) -> ScriptOutput:
        """What the command prints until it ends or something ends it."""
        if isinstance(unfed, HostError):
            return self._cut_off(capture, unfed)
        try:
            # A program that does not read its input (PowerShell missing) refuses it; what it prints says why.
            status = shell.hear(command, capture)
        except TimeoutError:
            return self._cut_off(capture, DeadlineExceeded(self._subject, "the deadline of the host passed."))
        except (Refused, HostError) as error:
            return self._cut_off(capture, error)
        output = ScriptOutput(
            stdout=capture.stdout,
            stderr=capture.stderr,
            exit_status=status,
            truncated=status is None,
        )
        notes: tuple[str, ...] = ()
        if unfed is not None:
            notes += (f"its input was refused: {unfed}",)
        if status is None:
            notes += ("it printed more than is kept",)
        if status == _NOT_FOUND:
            notes += ("cmd.exe found no powershell.exe",)
        return dataclasses.replace(output, notes=notes)

    def _cut_off(self, capture: Capture, error: Refused | HostError) -> ScriptOutput:
        timed_out = isinstance(error, DeadlineExceeded)
        notes: tuple[str, ...] = ()
        if not timed_out:
            if isinstance(error, Refused):
                problem, hint = f"the run of the script was ended: {error}.", error.explained(self._subject).hint
            else:
                problem, hint = error.problem, error.hint
            notes = (f"{problem} {hint}".strip(),)
        return ScriptOutput(
            stdout=capture.stdout,
            stderr=capture.stderr,
            timed_out=timed_out,
            truncated=not timed_out,
            notes=notes,
        )

    # ---- connecting

    def _open(self, way: Way, deadline: Deadline, policy: ConnectionPolicy, since: int | None) -> Session:
        return opened(
            self._subject,
            self._where,
            way,
            lambda: self._connect(deadline, policy, since),
            patience_s=policy.connect_timeout_s,
            deadline=deadline,
        )

    def _reopen(self, way: Way) -> Session:
        """Another session, to delete the shell that the first one left: in little time, and with known certificates."""
        policy = dataclasses.replace(self._policy, accept_new_certificates=False)
        return self._open(way, Deadline.after(FAREWELL_S), policy, None)

    def _connect(self, deadline: Deadline, policy: ConnectionPolicy, since: int | None) -> Connection:
        def connect() -> Connection:
            where = self._where
            sock = dial(self._subject, where.host, where.port, policy=policy, deadline=deadline, hint=_SILENT)
            limit = handshake_deadline(policy, deadline)
            return Connection(self._subject, sock, limit=limit, host_deadline=deadline, since=since)

        if not self._where.tls:
            return connect()
        return Trust(
            subject=self._subject, where=self._where, policy=policy, credential=self._credential, connect=connect
        ).open()
