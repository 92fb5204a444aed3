"""What every transport agrees on: one script in, raw bytes out, within one deadline."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol as Interface

from collectors.credentials import Credential
from collectors.model import Protocol, Target


@dataclass(frozen=True, slots=True)
class Deadline:
    """One moment on the monotonic clock after which nothing of a host is awaited any more."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """Deadline `seconds` from now."""
        return cls(time.monotonic() + seconds)

    def remaining_s(self, at_most: float | None = None) -> float:
        """Seconds left, never below 0.001 (so that it can serve as a timeout), capped by `at_most`."""
        left = max(self.at - time.monotonic(), 0.001)
        return left if at_most is None else min(left, at_most)

    @property
    def passed(self) -> bool:
        """Whether the moment is over."""
        return time.monotonic() >= self.at


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptOutput:
    """What came back from one script, complete or not.

    `exit_status` is None when the channel died first. `timed_out` and `truncated` (output limit or lost connection)
    say why `stdout` may be incomplete; it is handed over all the same, nothing read is lost. `privileged` tells
    whether it ran as root.
    """

    stdout: bytes
    stderr: bytes = b""
    exit_status: int | None = None
    timed_out: bool = False
    truncated: bool = False
    privileged: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionPolicy:
    """How careful and how patient to be; the same for all hosts of a run.

    `known_hosts` are files in known_hosts(5) form, read in order, the first one receives newly accepted keys.
    `output_limit_bytes` caps standard output and standard error of a host together. `accept_command` is the command
    line that would accept an unknown key of this run, for the refusal ("": one made of the address alone).
    TLS certificates (WinRM): `ca_file` holds the authorities trusted (None: those of this machine's trust store),
    `known_certificates` is the file of pinned fingerprints, `accept_new_certificates` pins unknown ones on a first
    visit and `accept_certificates_command` is the command line that would.
    """

    known_hosts: tuple[Path, ...] = ()
    accept_new_host_keys: bool = False
    accept_command: str = ""
    probe_timeout_s: float = 3.0
    connect_timeout_s: float = 15.0
    host_deadline_s: float = 120.0
    output_limit_bytes: int = 32 * 1024 * 1024
    ca_file: Path | None = None
    known_certificates: Path | None = None
    accept_new_certificates: bool = False
    accept_certificates_command: str = ""


class Interpreter(StrEnum):
    """What runs the script on the machine."""

    SH = "sh"
    POWERSHELL = "powershell"


class RunScript(Interface):
    """Run `script` with the transport's interpreter on the target's machine and return its output.

    Raises a `collectors.errors.HostError` when nothing could be run. After the script has started, a failure is
    returned in the `ScriptOutput` together with what had arrived.
    """

    def __call__(
        self, target: Target, script: bytes, *, credential: Credential, policy: ConnectionPolicy, deadline: Deadline
    ) -> ScriptOutput:
        """See the class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """A transport module's `TRANSPORT`: the protocol it serves and the function that runs a script.

    `interpreter` says in which language scripts are written. `run_command`, where there is one, runs one cmd.exe line
    (at most 8,191 characters, ASCII) instead, for machines whose PowerShell runs nothing (W31).
    """

    protocol: Protocol
    run: RunScript
    interpreter: Interpreter = Interpreter.SH
    run_command: RunScript | None = None
    default_port: int | None = None
    close: Callable[[], None] = field(default=lambda: None)
