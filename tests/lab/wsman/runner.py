"""What stands behind the shell: functions that act like a program.

A runner is called with a `Process` and yields `Chunk`s, and an `Exit` where the exit code is not 0. It runs in the
peer's event loop: waiting is `await asyncio.sleep`, and reading standard input waits until the client ended it, as a
real `[Console]::In.ReadToEnd()` does.
"""

import asyncio
import base64
import binascii
import gzip
import hashlib
import re
import shutil
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tests.lab.wsman.settings import Fault

CMD_LIMIT = 8191
CREATE_PROCESS_LIMIT = 32767
_ENCODED = re.compile(r"\s-e(?:nc|ncodedcommand|c)?\s+(\S+)", re.IGNORECASE)
_POWERSHELL = re.compile(r'^"?(?:[^"\s]*\\)?(powershell|pwsh)(?:\.exe)?"?(?=\s|$)', re.IGNORECASE)
_REG_QUERY = re.compile(r'^"?(?:[^"\s]*\\)?reg(?:\.exe)?"?\s+query\s+(?:"([^"]+)"|(\S+))', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes a program wrote to "stdout" or "stderr"."""

    data: bytes
    stream: str = "stdout"


@dataclass(frozen=True, slots=True)
class Exit:
    """The program ended with this code."""

    code: int


Output = Chunk | Exit


class CannotStart(Exception):
    """The program cannot be started at all: the Command message is answered with a fault."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.reason)
        self.fault = fault


@dataclass(slots=True)
class Stdin:
    """Standard input of a process; `received` grows as Send messages come."""

    received: bytearray = field(default_factory=bytearray)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self) -> bytes:
        """All of it, once the client has ended it."""
        await self.ended.wait()
        return bytes(self.received)


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """What a Command message asked for. `line` is command and arguments joined by spaces; `host` is the address."""

    line: str
    host: str
    stdin: Stdin
    skip_cmd_shell: bool = False
    console_stdin: bool = False
    codepage: int = 437
    noprofile: bool = True


class Runner(Protocol):
    """A program. May raise CannotStart before its first yield."""

    def __call__(self, process: Process) -> AsyncIterator[Output]:
        """See the class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a program prints and how it ends; `steps` are bytes for stdout and pauses in seconds, in order."""

    stdout: bytes = b""
    stderr: bytes = b""
    exit_code: int = 0
    steps: tuple[bytes | float, ...] = ()

    async def play(self) -> AsyncIterator[Output]:
        """Print it."""
        if self.stderr:
            yield Chunk(self.stderr, "stderr")
        for step in (self.stdout, *self.steps):
            if isinstance(step, bytes):
                if step:
                    yield Chunk(step)
            else:
                await asyncio.sleep(step)
        yield Exit(self.exit_code)


def script_of(line: str, stdin: bytes) -> str:
    """The PowerShell script that a command line and its standard input amount to.

    The encoded command itself, unless it reads its standard input: then that is base64 of gzip of the script. Raises
    ValueError where either cannot be decoded: the peer has no other way to understand a bootstrap.
    """
    match = _ENCODED.search(line)
    if match is None:
        raise ValueError("no -EncodedCommand")
    try:
        command = base64.b64decode(match[1], validate=True).decode("utf-16-le")
        if "ReadToEnd" not in command:
            return command
        return gzip.decompress(base64.b64decode(stdin, validate=True)).decode("utf-8")
    except (binascii.Error, OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error


@dataclass(frozen=True, slots=True)
class RecordedPowerShell:
    """powershell.exe that hands the script it was given to `answer`; every other program is `otherwise`."""

    answer: Callable[[str], bytes | Answer]
    otherwise: Runner | None = None

    async def __call__(self, process: Process) -> AsyncIterator[Output]:
        """See Runner."""
        if not _POWERSHELL.match(process.line):
            async for output in (self.otherwise or CommandPrompt())(process):
                yield output
            return
        match = _ENCODED.search(process.line)
        reads = match is not None and "ReadToEnd" in _peek(match[1])
        stdin = await process.stdin.read() if reads else b""
        try:
            script = script_of(process.line, stdin)
        except ValueError as error:
            yield Chunk(clixml_error(str(error)), "stderr")
            yield Exit(1)
            return
        answer = self.answer(script)
        if isinstance(answer, bytes):
            answer = Answer(stdout=answer)
        async for output in answer.play():
            yield output


def _peek(encoded: str) -> str:
    try:
        return base64.b64decode(encoded).decode("utf-16-le", "replace")
    except binascii.Error:
        return ""


def clixml_error(text: str) -> bytes:
    """An error as powershell.exe writes it to a redirected stderr."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return (
        '#< CLIXML\r\n<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">'
        f'<S S="Error">{escaped}_x000D__x000A_</S></Objs>'
    ).encode()


@dataclass(frozen=True, slots=True)
class CommandPrompt:
    """cmd.exe with `reg query` answered from `registry` and whole lines from `programs`.

    Registry keys are compared without regard to case. A key that is not there, a program that is not there and a
    line without cmd.exe whose program does not exist fail as on Windows.
    """

    registry: Mapping[str, bytes] = field(default_factory=dict)
    programs: Mapping[str, bytes | Answer] = field(default_factory=dict)

    async def __call__(self, process: Process) -> AsyncIterator[Output]:
        """See Runner."""
        async for output in self._answer(process).play():
            yield output

    def _answer(self, process: Process) -> Answer:
        line = process.line.strip()
        if line in self.programs:
            found = self.programs[line]
            return found if isinstance(found, Answer) else Answer(stdout=found)
        query = _REG_QUERY.match(line)
        if query is not None:
            keys = {key.lower(): value for key, value in self.registry.items()}
            value = keys.get((query[1] or query[2]).lower())
            if value is not None:
                return Answer(stdout=value)
            return Answer(
                stderr=b"ERROR: The system was unable to find the specified registry key or value.\r\n", exit_code=1
            )
        if not process.skip_cmd_shell and line.lower().startswith("echo "):
            return Answer(stdout=line[5:].encode("utf-8" if process.codepage == 65001 else "cp437") + b"\r\n")
        name = line.split()[0]
        if process.skip_cmd_shell:
            raise CannotStart(Fault(code=2, reason="The system cannot find the file specified."))
        text = f"'{name}' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n"
        return Answer(stderr=text.encode("cp437", "replace"), exit_code=1)


async def stdin_report(process: Process) -> AsyncIterator[Output]:
    """Print size and SHA-256 of what came on standard input."""
    data = await process.stdin.read()
    yield Chunk(f"{len(data)} {hashlib.sha256(data).hexdigest()}\r\n".encode())


@dataclass(frozen=True, slots=True)
class Flood:
    """Print `chunk` over and over, `times` times; 0: without end."""

    chunk: bytes = b"x" * 65536
    times: int = 0

    async def __call__(self, process: Process) -> AsyncIterator[Output]:
        """See Runner."""
        printed = 0
        while not self.times or printed < self.times:
            yield Chunk(self.chunk)
            printed += 1


@dataclass(frozen=True, slots=True)
class Played:
    """The same answer to everything, standard input left unread."""

    answer: Answer

    async def __call__(self, process: Process) -> AsyncIterator[Output]:
        """See Runner."""
        async for output in self.answer.play():
            yield output


def pwsh() -> str | None:
    """Path of a real PowerShell, None where there is none."""
    return shutil.which("pwsh")


@dataclass(frozen=True, slots=True)
class RealPowerShell:
    """Our bootstrap run by a real `pwsh`; `preamble` goes before the script, for functions that stand in for Windows.

    Standard output arrives whole, at the end.
    """

    program: str
    preamble: str = ""

    async def __call__(self, process: Process) -> AsyncIterator[Output]:
        """See Runner."""
        match = _ENCODED.search(process.line)
        if match is None:
            raise CannotStart(Fault(code=2, reason="The system cannot find the file specified."))
        stdin = await process.stdin.read()
        if self.preamble:
            script = f"{self.preamble}\n{script_of(process.line, stdin)}"
            stdin = base64.b64encode(gzip.compress(script.encode()))
        child = await asyncio.create_subprocess_exec(
            self.program,
            *("-NoProfile", "-NonInteractive", "-EncodedCommand", match[1]),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            stdout, stderr = await child.communicate(stdin)
        finally:
            if child.returncode is None:
                child.kill()
        yield Chunk(stdout)
        yield Chunk(stderr, "stderr")
        yield Exit(child.returncode or 0)


def split(data: bytes, sizes: Iterable[int]) -> tuple[bytes, ...]:
    """`data` cut at the given sizes, the rest in one piece: for Answer.steps."""
    pieces, start = [], 0
    for size in sizes:
        pieces.append(data[start : start + size])
        start += size
    return (*pieces, data[start:])
