"""WinRM fan-out over the loopback WS-Man peer: our transport beside stock pywinrm, NTLM with sealing on both sides.

The peer is a process of its own (`python -m tests.lab.wsman`), one process for all hosts. Both sides ask the same: one
shell, our bootstrap, a script twenty times longer than `run_ps` can carry on standard input (compressed the same way,
since stock pywinrm has no other way to send it), 200 kB of answer; the stock side through `Protocol` with its own
transport, as its own `run_cmd` calls it: it ends the command before the shell, which ends it anyway. They are measured
in turn within one run and printed as a ratio (median, minimum, maximum). Client CPU is this process alone. The last
part visits a thousand hosts once with ours and prints the peak memory of a client process of its own.

    python benchmarks/bench_winrm.py --hosts 300 --width 100
"""

import argparse
import base64
import contextlib
import gzip
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from collectors.credentials import Credential, Secret
from collectors.model import Protocol, Target
from collectors.transports import winrm
from collectors.transports.base import ConnectionPolicy, Deadline
from collectors.transports.wsman.bootstrap import COMMAND
from tests.lab.wsman.server import addresses_of

ROOT = Path(__file__).resolve().parent.parent
RUN_PS_LIMIT = 3040  # characters; above it run_ps fails with "The command line is too long." (P1)
OUTPUT_BYTES = 200_000
CHUNK_BYTES = 90_000
GOAL_RATE = 2.5
GOAL_CPU = 0.4
GOAL_MEMORY_MB = 300


def script_of(characters: int) -> bytes:
    """PowerShell-like text of that length that compresses about as well as a collector script does."""
    chance = random.Random(3)
    names = [
        f"{verb}-{noun}{number}" for verb in ("Get", "Read", "Open") for noun in ("Item", "Key") for number in range(9)
    ]
    lines, size = [], 0
    while size < characters:
        line = f"  $v{chance.randrange(999)} = {chance.choice(names)} -Name 'k{chance.randrange(10**6)}' -Scope Machine"
        lines.append(line)
        size += len(line) + 1
    return "\n".join(lines)[:characters].encode()


SCRIPT = script_of(20 * RUN_PS_LIMIT)


@dataclass(frozen=True)
class Estate:
    """The hosts, and how to get in."""

    addresses: tuple[str, ...]
    port: int
    user: str
    password: str
    process: Any

    def ask(self) -> dict[str, int]:
        """The peer's counters."""
        self.process.stdin.write("counters\n")
        self.process.stdin.flush()
        answer: dict[str, int] = json.loads(self.process.stdout.readline())
        return answer


@contextlib.contextmanager
def estate(hosts: int) -> Iterator[Estate]:
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.lab.wsman", "--hosts", str(hosts), "--output", str(OUTPUT_BYTES)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        print(f"{hosts} hosts in one process in {time.perf_counter() - started:.1f} s; {os.cpu_count()} cores for both")
        yield Estate(tuple(addresses_of(hosts)), told["port"], told["user"], told["password"], process)
    finally:
        process.communicate("stop\n", timeout=60)


def ours(one: Estate) -> Callable[[str], int]:
    credential = Credential(user=one.user, password=Secret(one.password), auth="ntlm")
    policy = ConnectionPolicy()

    def visit(address: str) -> int:
        target = Target(name=address, address=address, port=one.port, protocol=Protocol.WINRM, tls=False)
        output = winrm.run(target, SCRIPT, credential=credential, policy=policy, deadline=Deadline.after(300))
        assert output.exit_status == 0, output
        return len(output.stdout)

    return visit


def stock(one: Estate) -> Callable[[str], int]:
    from winrm.protocol import Protocol as WinRM

    payload = base64.b64encode(gzip.compress(SCRIPT, 6, mtime=0))

    def visit(address: str) -> int:
        protocol = WinRM(
            endpoint=f"http://{address}:{one.port}/wsman",
            transport="ntlm",
            username=one.user,
            password=one.password,
            message_encryption="auto",
            read_timeout_sec=300,
            operation_timeout_sec=60,
        )
        shell = protocol.open_shell(codepage=65001, noprofile=True)
        try:
            command = protocol.run_command(shell, COMMAND, console_mode_stdin=False, skip_cmd_shell=False)
            for begin in range(0, len(payload), CHUNK_BYTES):
                chunk = payload[begin : begin + CHUNK_BYTES]
                protocol.send_command_input(shell, command, chunk, end=begin + CHUNK_BYTES >= len(payload))
            stdout, _, status = protocol.get_command_output(shell, command)
            protocol.cleanup_command(shell, command)
            assert status == 0
        finally:
            protocol.close_shell(shell)
        return len(stdout)

    return visit


@dataclass(frozen=True)
class Cost:
    """Per host: seconds of wall clock, of client CPU and of the peer's CPU."""

    wall_s: float
    cpu_s: float
    peer_s: float


def over(visit: Callable[[str], int], hosts: Sequence[str], width: int, peer: int = 0) -> Cost:
    """Visit every host and check that each gave the same, full answer."""
    peer_before = cpu_of(peer)
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    with ThreadPoolExecutor(width) as pool:
        sizes = list(pool.map(visit, hosts))
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    assert sizes == [OUTPUT_BYTES] * len(hosts), set(sizes)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall / len(hosts), cpu_s / len(hosts), (cpu_of(peer) - peer_before) / len(hosts))


def cpu_of(process: int) -> float:
    """Seconds of CPU another process has used; 0 where that cannot be told."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def compare(options: argparse.Namespace) -> None:
    with estate(options.hosts) as one:
        mine, theirs = ours(one), stock(one)
        for visit in (mine, theirs):
            over(visit, one.addresses[:4], 2)  # load libraries, hash the password
        pairs = []
        for number in range(options.repeats):
            order = (theirs, mine) if number % 2 == 0 else (mine, theirs)  # whoever goes first has no advantage
            costs = {visit: over(visit, one.addresses, options.width, one.process.pid) for visit in order}
            pairs.append((costs[theirs], costs[mine]))
        show(options.width, *zip(*pairs, strict=True))
        counters = one.ask()
        assert counters["open_shells"] == 0, counters
        assert counters["plain"] == 0, counters
        print(f"  peer    {counters['logins']} logins, every message sealed, no shell left open")


def show(width: int, theirs: Sequence[Cost], mine: Sequence[Cost]) -> None:
    print(f"\n{len(SCRIPT):,} characters of script, {OUTPUT_BYTES:,} bytes of answer, NTLM, sealed, {width} wide")
    for name, costs in (("pywinrm", theirs), ("ours", mine)):
        rates = [1 / cost.wall_s for cost in costs]
        spent = [cost.cpu_s * 1000 for cost in costs]
        peer_ms = statistics.median(cost.peer_s * 1000 for cost in costs)
        print(
            f"  {name:7} {_span(rates)} hosts/s, {_span(spent)} ms client CPU per host (the peer's: {peer_ms:.1f} ms)"
        )
    rate = [a.wall_s / b.wall_s for a, b in zip(theirs, mine, strict=True)]
    cpu = [b.cpu_s / a.cpu_s for a, b in zip(theirs, mine, strict=True)]
    print(f"  ratio   hosts/s: {_span(rate)} x (goal >= {GOAL_RATE:g})")
    print(f"  ratio   client CPU: {_span(cpu)} x (goal <= {GOAL_CPU:g})")


def _span(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2f} [{min(values):.2f} - {max(values):.2f}]"


def thousand(options: argparse.Namespace) -> None:
    """Visit them all once from a fresh process, so that its peak memory is that of these visits."""
    with estate(options.many) as one:
        told = json.dumps({"hosts": options.many, "port": one.port, "user": one.user, "password": one.password})
        done = subprocess.run(
            [sys.executable, __file__, "--width", str(options.width), "--client"],
            input=told,
            capture_output=True,
            text=True,
            check=True,
        )
        print(done.stdout, end="")
        assert one.ask()["open_shells"] == 0


def client(width: int) -> None:
    told = json.load(sys.stdin)
    one = Estate(tuple(addresses_of(told["hosts"])), told["port"], told["user"], told["password"], None)
    started = time.perf_counter()
    cost = over(ours(one), one.addresses, width)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{len(one.addresses)} hosts in one run, {width} wide: {time.perf_counter() - started:.1f} s, "
        f"{1 / cost.wall_s:.0f} hosts/s, {cost.cpu_s * 1000:.1f} ms client CPU per host, "
        f"peak memory {peak_mb:.0f} MB (goal < {GOAL_MEMORY_MB})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, default=300)
    parser.add_argument("--width", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--many", type=int, default=1000, help="hosts of the run that measures memory; 0 leaves it out")
    parser.add_argument("--client", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.client:
        client(options.width)
        return
    compare(options)
    if options.many:
        print()
        thousand(options)


if __name__ == "__main__":
    main()
