"""One Windows machine behind the peer: its shells, its quotas, and the six operations on them."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from tests.lab.wsman import messages
from tests.lab.wsman.messages import CommandState, Refused, Request, StreamData
from tests.lab.wsman.runner import (
    CMD_LIMIT,
    CREATE_PROCESS_LIMIT,
    CannotStart,
    Chunk,
    Exit,
    Output,
    Process,
    Runner,
    Stdin,
)
from tests.lab.wsman.settings import Account, Counters, Fault, Operation, Settings

# Codes: wsmerror.h of the Windows SDK; subcodes: DSP0226 14.6.
ACCESS_DENIED = Fault(code=5, subcode="w:AccessDenied", reason="Access is denied.", sender=True)
OPERATION_TIMEOUT = Fault(
    code=2150858793,
    subcode="w:TimedOut",
    reason="The WS-Management service cannot complete the operation within the time specified in OperationTimeout.",
)
MAX_SHELLS = Fault(
    code=2150859173,
    subcode="w:QuotaLimit",
    reason=(
        "The WS-Management service cannot process the request. This user is allowed a maximum number of concurrent "
        "shells, which has been exceeded. Close existing shells or raise the quota for this user."
    ),
)
MAX_OPERATIONS = Fault(
    code=2150859174,
    subcode="w:QuotaLimit",
    reason=(
        "The WS-Management service cannot process the request. This user has exceeded the maximum number of "
        "concurrent operations. Close existing operations for this user, or raise the quota for this user."
    ),
)
MAX_USERS = Fault(
    code=2150859179,
    subcode="w:QuotaLimit",
    reason=(
        "The Windows Remote Shell cannot process the request. The server exceeded the maximum number of users "
        "concurrently performing remote operations on the same system. Retry later."
    ),
)
MAX_PROCESSES = Fault(
    code=2150859241,
    subcode="w:QuotaLimit",
    reason=(
        "The Windows Remote Shell cannot process the request. The shell is already executing the maximum number of "
        "processes."
    ),
)
ABORTED = Fault(
    code=995,
    subcode="w:InternalError",
    reason="The I/O operation has been aborted because of either a thread exit or an application request.",
)
NAME_TOO_LONG = Fault(code=206, reason="The filename or extension is too long.")
NO_COMMAND = Fault(code=87, subcode="w:InvalidParameter", reason="The parameter is incorrect.", sender=True)
_TOO_LONG = b"The command line is too long.\r\n"
_ENVELOPE_OVERHEAD = 4096
_BUFFER_LIMIT = 1 << 20  # a process blocks when so much output waits, as on a full pipe
_INTERRUPTED = -1073741510  # 0xC000013A, STATUS_CONTROL_C_EXIT


@dataclass(slots=True, eq=False)
class Command:
    """A process of a shell and the output nobody has asked for yet."""

    id: str
    process: Process
    waiting: list[Chunk] = field(default_factory=list)
    waiting_bytes: int = 0
    exit_code: int | None = None
    ended: bool = False  # Done was told
    gone: bool = False  # terminated, or its shell deleted
    refused: Fault | None = None  # why it could not be started
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    drained: asyncio.Event = field(default_factory=asyncio.Event)
    task: "asyncio.Task[None] | None" = None

    def stop(self) -> None:
        """Kill the process and let go whoever waits for its output."""
        self.gone = True
        if self.task is not None:
            self.task.cancel()
        self.changed.set()


@dataclass(slots=True, eq=False)
class Shell:
    """An open shell; `used_at` on the monotonic clock."""

    id: str
    owner: str
    idle_s: float
    codepage: int
    noprofile: bool
    used_at: float
    started: int = 0
    busy: int = 0  # messages being answered: no idle shell
    commands: dict[str, Command] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Machine:
    """One machine: `address` it listens on, its counters, its open shells."""

    address: str
    settings: Settings
    runner: Runner
    url: str = ""
    counters: Counters = field(default_factory=Counters)
    shells: dict[str, Shell] = field(default_factory=dict)
    wrong_passwords: Counter[str] = field(default_factory=Counter)
    answered: int = 0
    failure: Exception | None = None  # of a runner

    @property
    def open_shells(self) -> int:
        """Shells not deleted and not expired."""
        self._expire()
        return len(self.shells)

    @property
    def running_commands(self) -> int:
        """Commands not terminated, finished or not."""
        return sum(len(shell.commands) for shell in list(self.shells.values()))

    def _expire(self) -> None:
        now = time.monotonic()
        for shell in list(self.shells.values()):
            if not shell.busy and now - shell.used_at > shell.idle_s:
                self.counters.expired_shells += 1
                self._close(shell)

    def _close(self, shell: Shell) -> None:
        self.shells.pop(shell.id, None)
        for command in list(shell.commands.values()):
            command.stop()

    async def answer(self, document: bytes, account: Account, client: str) -> tuple[int, bytes]:
        """HTTP status and envelope for one message of an authenticated user."""
        try:
            request = messages.read(document)
            self._expire()
            return 200, await self._dispatch(request, account, client)
        except Refused as refused:
            self.counters.faults += 1
            self.counters.timeouts += refused.fault is OPERATION_TIMEOUT
            return 500, messages.refuse(refused.fault, refused.relates_to)

    async def _dispatch(self, request: Request, account: Account, client: str) -> bytes:
        if not account.shell_right:
            raise Refused(ACCESS_DENIED, request.message_id)
        if request.operation is Operation.CREATE:
            return self._create(request, account, client)
        shell = self._shell(request, account)
        shell.busy += 1
        try:
            return await self._within(request, shell, account)
        finally:
            shell.busy -= 1
            shell.used_at = time.monotonic()

    async def _within(self, request: Request, shell: Shell, account: Account) -> bytes:
        match request.operation:
            case Operation.COMMAND:
                return await self._command(request, shell, account)
            case Operation.SEND:
                return self._send(request, shell)
            case Operation.RECEIVE:
                return await self._receive(request, shell)
            case Operation.SIGNAL:
                return self._signal(request, shell)
            case _:
                self.counters.deletes += 1
                self._close(shell)
                return messages.respond(request, "")

    def _shell(self, request: Request, account: Account) -> Shell:
        shell = self.shells.get(request.shell_id)
        if shell is None:
            raise Refused(messages.selector_fault(request.shell_id), request.message_id)
        if shell.owner != account.name:
            raise Refused(ACCESS_DENIED, request.message_id)
        return shell

    def _create(self, request: Request, account: Account, client: str) -> bytes:
        self.counters.shells += 1
        owners = Counter(shell.owner for shell in self.shells.values())
        if owners[account.name] >= self.settings.max_shells_per_user:
            raise Refused(MAX_SHELLS, request.message_id)
        if account.name not in owners and len(owners) >= self.settings.max_concurrent_users:
            raise Refused(MAX_USERS, request.message_id)
        asked = request.element("Shell").findtext(f"{{{messages.RSP}}}IdleTimeOut", "").strip()
        idle_s = messages.duration(asked, request.message_id) if asked else self.settings.idle_timeout_s
        codepage = request.options.get("WINRS_CODEPAGE", "437")
        if not codepage.isdecimal():
            raise Refused(messages.schema_fault(f"WINRS_CODEPAGE {codepage!r}"), request.message_id)
        shell = Shell(
            id=messages.new_id(),
            owner=account.name,
            idle_s=min(idle_s, self.settings.idle_timeout_s),
            codepage=int(codepage),
            noprofile=_flag(request, "WINRS_NOPROFILE", default=True),
            used_at=time.monotonic(),
        )
        answer = messages.created(request, shell.id, account.name, client, shell.idle_s, self.url)
        self.shells[shell.id] = shell
        return answer

    async def _command(self, request: Request, shell: Shell, account: Account) -> bytes:
        self.counters.commands += 1
        command, arguments = messages.command_line(request)
        # Terminate does not give the place back on Windows (MS-WSMV note 118): only closing the shell does.
        started = sum(one.started for one in self.shells.values() if one.owner == account.name)
        if started >= self.settings.max_operations_per_user:
            raise Refused(MAX_OPERATIONS, request.message_id)
        if sum(one.exit_code is None for one in shell.commands.values()) >= self.settings.max_processes_per_shell:
            raise Refused(MAX_PROCESSES, request.message_id)
        process = Process(
            line=" ".join((command, *arguments)),
            host=self.address,
            stdin=Stdin(),
            skip_cmd_shell=_flag(request, "WINRS_SKIP_CMD_SHELL", default=False),
            console_stdin=_flag(request, "WINRS_CONSOLEMODE_STDIN", default=False),
            codepage=shell.codepage,
            noprofile=shell.noprofile,
        )
        if process.skip_cmd_shell and len(process.line) > CREATE_PROCESS_LIMIT:
            raise Refused(NAME_TOO_LONG, request.message_id)
        shell.started += 1
        running = Command(id=messages.new_id(), process=process)
        # The first step is taken at once: a program that cannot start is told by the answer to Command.
        running.task = asyncio.create_task(self._run(running))
        await asyncio.sleep(0)
        if running.refused is not None:
            raise Refused(running.refused, request.message_id)
        shell.commands[running.id] = running
        return messages.respond(
            request, f"<rsp:CommandResponse><rsp:CommandId>{running.id}</rsp:CommandId></rsp:CommandResponse>"
        )

    async def _outputs(self, process: Process) -> AsyncIterator[Output]:
        if not process.skip_cmd_shell and len(process.line) > CMD_LIMIT:
            yield Chunk(_TOO_LONG, "stderr")
            yield Exit(1)
            return
        if self.settings.stderr_noise:
            yield Chunk(self.settings.stderr_noise, "stderr")
        if self.settings.stdout_prefix:
            yield Chunk(self.settings.stdout_prefix)
        async for output in self.runner(process):
            yield output

    async def _run(self, command: Command) -> None:
        try:
            command.exit_code = await self._play(command)
        except CannotStart as error:
            command.refused = error.fault
        except Exception as error:  # noqa: BLE001  # a broken runner, told by serve() to the test
            self.failure = self.failure or error
            command.gone = True
        command.changed.set()

    async def _play(self, command: Command) -> int:
        left = self.settings.stall_after_bytes
        code = 0
        async for output in self._outputs(command.process):
            if isinstance(output, Exit):
                code = output.code
                continue
            data = output.data
            if left is not None and output.stream == "stdout":
                data = data[:left]
                left -= len(data)
            if data:
                command.waiting.append(Chunk(data, output.stream))
                command.waiting_bytes += len(data)
                command.changed.set()
            if left == 0:
                await asyncio.Event().wait()  # hangs until it is killed
            while command.waiting_bytes > _BUFFER_LIMIT:
                command.drained.clear()
                await command.drained.wait()
        return code

    def _find(self, request: Request, shell: Shell, command_id: str) -> Command:
        command = shell.commands.get(command_id)
        if command is None:
            raise Refused(NO_COMMAND, request.message_id)
        return command

    def _send(self, request: Request, shell: Shell) -> bytes:
        self.counters.sends += 1
        for stream in messages.sent_streams(request):
            stdin = self._find(request, shell, stream.command_id).process.stdin
            if stdin.ended.is_set() and stream.data:
                raise Refused(messages.schema_fault("stdin was ended before"), request.message_id)
            stdin.received += stream.data
            if stream.end:
                stdin.ended.set()
        return messages.respond(request, "<rsp:SendResponse/>")

    async def _receive(self, request: Request, shell: Shell) -> bytes:
        self.counters.receives += 1
        command_id, wanted = messages.desired_stream(request)
        command = self._find(request, shell, command_id)
        if command.ended:
            raise Refused(NO_COMMAND, request.message_id)
        deadline = asyncio.get_running_loop().time() + request.timeout_s
        while not command.waiting and command.exit_code is None and not command.gone:
            command.changed.clear()
            try:
                async with asyncio.timeout_at(deadline):
                    await command.changed.wait()
            except TimeoutError:
                raise Refused(OPERATION_TIMEOUT, request.message_id) from None
        if command.gone:
            raise Refused(ABORTED, request.message_id)
        streams = self._take(command, wanted, request.max_envelope)
        finished = command.exit_code is not None and not command.waiting
        if finished and not (streams and self.settings.done_apart):
            command.ended = True
            ends = [StreamData(name=name, command_id=command_id, data=b"", end=True) for name in wanted]
            return messages.received(
                request, command_id, [*streams, *ends], CommandState(state="Done", exit_code=command.exit_code)
            )
        return messages.received(request, command_id, streams, CommandState(state="Running"))

    def _take(self, command: Command, wanted: tuple[str, ...], max_envelope: int) -> list[StreamData]:
        """Output for one answer, in the order it was printed, within the envelope both sides agreed on."""
        envelope = min(max_envelope, self.settings.max_envelope_kb * 1024)
        room = max((envelope - _ENVELOPE_OVERHEAD) * 3 // 4, 512)
        taken: list[StreamData] = []
        while command.waiting and room > 0:
            if self.settings.streams_per_response and len(taken) >= self.settings.streams_per_response:
                break
            chunk = command.waiting.pop(0)
            size = min(room, self.settings.stream_bytes or room, len(chunk.data))
            if size < len(chunk.data):
                command.waiting.insert(0, Chunk(chunk.data[size:], chunk.stream))
            command.waiting_bytes -= size
            room -= size + 150  # the element around it
            if chunk.stream in wanted:
                taken.append(StreamData(name=chunk.stream, command_id=command.id, data=chunk.data[:size], end=False))
        command.drained.set()
        return taken

    def _signal(self, request: Request, shell: Shell) -> bytes:
        self.counters.signals += 1
        command_id, code = messages.signal(request)
        command = self._find(request, shell, command_id)
        if code == messages.TERMINATE:
            del shell.commands[command_id]
            command.stop()
        elif command.exit_code is None:
            if command.task is not None:
                command.task.cancel()
            command.exit_code = _INTERRUPTED
            command.changed.set()
        return messages.respond(request, "<rsp:SignalResponse/>")

    async def close(self) -> None:
        """Kill every process and forget every shell."""
        tasks = [one.task for shell in self.shells.values() for one in shell.commands.values() if one.task is not None]
        for shell in list(self.shells.values()):
            self._close(shell)
        await asyncio.gather(*tasks, return_exceptions=True)


def _flag(request: Request, name: str, *, default: bool) -> bool:
    text = request.options.get(name, str(default)).upper()
    if text not in {"TRUE", "FALSE", "1", "0"}:
        raise Refused(messages.schema_fault(f"{name} {text!r}"), request.message_id)
    return text in {"TRUE", "1"}
