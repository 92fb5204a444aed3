"""SSH fan-out over real sshd on loopback: our transport beside what a user would pick instead.

Every pair is measured in turn within one run and printed as a ratio (minimum, median, maximum). Client CPU is this
process for paramiko and us, and the waited-for children for ansible (its ssh masters that linger are not counted, in
its favour). Needs root and sshd; `ansible-core` is installed into a throw-away environment when pip can have it.

    python benchmarks/bench_ssh.py --hosts 100 --width 50
"""

import argparse
import contextlib
import json
import os
import queue
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import venv
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import paramiko

from collectors.credentials import Credential
from collectors.model import Target
from collectors.transports import ssh
from collectors.transports.base import ConnectionPolicy, Deadline
from tests.lab import sshd as lab

COMMAND = (
    r"dpkg-query -W -f='${binary:Package}\t${Architecture}\t${db:Status-Abbrev}\t${Version}\t"
    r"${source:Package}\t${source:Version}\n'"
)
ONE_WAY_DELAY_S = 0.025


@dataclass(frozen=True)
class Estate:
    """The hosts, and how to get in."""

    addresses: tuple[str, ...]
    port: int
    key: Path
    known_hosts: Path
    user: str


@dataclass(frozen=True)
class Cost:
    """Per host: seconds of wall clock and of client CPU."""

    wall_s: float
    cpu_s: float


@contextlib.contextmanager
def estate(number: int) -> Iterator[Estate]:
    lab.make_accounts()
    with lab.lab_directory() as directory, contextlib.ExitStack() as stack:
        key, host_key = lab.make_key(directory / "user"), lab.make_key(directory / "host")
        addresses = tuple(f"127.1.{index // 250}.{index % 250 + 1}" for index in range(number))
        port = lab.free_port()
        started = time.perf_counter()
        known = ""
        for index, address in enumerate(addresses):
            daemon = stack.enter_context(
                lab.sshd(directory / str(index), addresses=(address,), port=port, host_keys=(host_key,))
            )
            daemon.authorize(lab.user("user"), Path(f"{key}.pub"))
            known += daemon.known_hosts_lines()
        known_hosts = directory / "known_hosts"
        known_hosts.write_text(known)
        print(f"{number} sshd started in {time.perf_counter() - started:.1f} s; {os.cpu_count()} cores for both sides")
        yield Estate(addresses, port, key, known_hosts, lab.user("user"))


def ours(one: Estate) -> Callable[[str], int]:
    credential = Credential(key_file=one.key)
    policy = ConnectionPolicy(known_hosts=(one.known_hosts,))

    def visit(address: str, port: int | None = None) -> int:
        target = Target(name=address, address=address, port=port or one.port, user=one.user)
        script = f"{COMMAND}\n".encode()
        return len(ssh.run(target, script, credential=credential, policy=policy, deadline=Deadline.after(300)).stdout)

    return visit


def sshclient(one: Estate) -> Callable[[str], int]:
    def visit(address: str, port: int | None = None) -> int:
        with paramiko.SSHClient() as client:
            client.load_host_keys(str(one.known_hosts))
            client.connect(
                address,
                port or one.port,
                one.user,
                key_filename=str(one.key),
                look_for_keys=False,
                allow_agent=False,
            )
            _, output, _ = client.exec_command(COMMAND)
            data = output.read()
            output.channel.recv_exit_status()
            return len(data)

    return visit


def over(visit: Callable[[str], int], hosts: Sequence[str], width: int) -> Cost:
    """Visit every host and check that each gave the same, full answer."""
    expected = len(subprocess.run(["sh", "-c", COMMAND], capture_output=True, check=True).stdout)
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    if width == 1:
        sizes = [visit(host) for host in hosts]
    else:
        with ThreadPoolExecutor(width) as pool:
            sizes = list(pool.map(visit, hosts))
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    assert sizes == [expected] * len(hosts), set(sizes)
    return Cost(wall / len(hosts), cpu(after, before) / len(hosts))


def cpu(after: resource.struct_rusage, before: resource.struct_rusage) -> float:
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def find_ansible(scratch: Path) -> str | None:
    """The `ansible` on PATH, or one installed into `scratch`; None when it cannot be had."""
    if found := shutil.which("ansible"):
        return found
    venv.create(scratch / "venv", with_pip=True)
    command = [str(scratch / "venv/bin/pip"), "install", "-q", "--disable-pip-version-check", "ansible-core"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"ansible-core cannot be had here, its comparisons are left out: {done.stderr.strip()[-200:]}")
        return None
    return str(scratch / "venv/bin/ansible")


def ansible(program: str, one: Estate, hosts: Sequence[str], scratch: Path, forks: int, *module: str) -> Cost:
    inventory = scratch / "inventory"
    options = f"-o UserKnownHostsFile={one.known_hosts} -o IdentitiesOnly=yes"
    variables = {
        "ansible_port": one.port,
        "ansible_user": one.user,
        "ansible_ssh_private_key_file": str(one.key),
        "ansible_ssh_common_args": options,
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    inventory.write_text(json.dumps({"all": {"hosts": {host: {} for host in hosts}, "vars": variables}}))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    environment |= {"HOME": str(scratch), "ANSIBLE_LOCALHOST_WARNING": "False", "LC_ALL": "C.UTF-8"}
    environment["ANSIBLE_SSH_ARGS"] = "-C -o ControlMaster=auto -o ControlPersist=5s"
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [program, "all", "-i", str(inventory), "-f", str(forks), *module],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    answered = done.stdout.count("| CHANGED") + done.stdout.count("| SUCCESS")
    assert answered == len(hosts), f"{answered} of {len(hosts)} answered: {done.stdout[-500:]}{done.stderr[-500:]}"
    time.sleep(6)  # its lingering ssh masters end before the other side is measured
    return Cost(wall / len(hosts), cpu(after, before) / len(hosts))


@contextlib.contextmanager
def delay(one: Estate, delay_s: float) -> Iterator[int]:
    """A port that leads to the first host with `delay_s` of latency each way."""
    with socket.create_server((one.addresses[0], 0)) as listener:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    near, _ = listener.accept()
                    far = socket.create_connection((one.addresses[0], one.port))
                    for source, sink in ((near, far), (far, near)):
                        source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                        threading.Thread(target=_carry, args=(source, sink, delay_s), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        port: int = listener.getsockname()[1]
        yield port
        listener.shutdown(socket.SHUT_RDWR)


def _carry(source: socket.socket, sink: socket.socket, delay_s: float) -> None:
    waiting: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()

    def deliver() -> None:
        with contextlib.suppress(OSError):
            while True:
                due, data = waiting.get()
                time.sleep(max(due - time.perf_counter(), 0))
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
                sink.sendall(data)

    threading.Thread(target=deliver, daemon=True).start()
    data = b"-"
    while data:
        try:
            source.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)  # as a distant kernel would acknowledge
            data = source.recv(65536)
        except OSError:
            data = b""
        waiting.put((time.perf_counter() + delay_s, data))


def round_trips(one: Estate, visit: Callable[..., int], repeats: int) -> float:
    """Waits for the network per visit, told from how much latency lengthens it; plus one for connecting.

    The proxy acknowledges at once: what SSHClient further waits for on a distant host because of Nagle's algorithm, and
    the round trips of TCP's slow start on either side, are not counted.
    """

    def best(port: int) -> float:
        times = []
        for _ in range(repeats):
            started = time.perf_counter()
            visit(one.addresses[0], port)
            times.append(time.perf_counter() - started)
        return min(times)

    with delay(one, 0.0) as near, delay(one, ONE_WAY_DELAY_S) as far:
        with one.known_hosts.open("a") as file:
            key = one.known_hosts.read_text().split()[1:3]
            file.writelines(f"[{one.addresses[0]}]:{port} {' '.join(key)}\n" for port in (near, far))
        return (best(far) - best(near)) / (2 * ONE_WAY_DELAY_S) + 1


def show(
    title: str, theirs: Sequence[Cost], mine: Sequence[Cost], goal_wall: float | None, goal_cpu: float | None
) -> None:
    print(f"\n{title}")
    for name, costs in (("theirs", theirs), ("ours", mine)):
        rates = [1 / cost.wall_s for cost in costs]
        spent = [cost.cpu_s * 1000 for cost in costs]
        print(f"  {name:7} {_span(rates)} hosts/s, {_span(spent)} ms client CPU per host")
    for what, goal, ratios in (
        ("wall time", goal_wall, [a.wall_s / b.wall_s for a, b in zip(theirs, mine, strict=True)]),
        ("client CPU", goal_cpu, [a.cpu_s / b.cpu_s for a, b in zip(theirs, mine, strict=True)]),
    ):
        print(f"  ratio   {what}: {_span(ratios)} x" + (f" (goal >= {goal:g})" if goal else ""))


def _span(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2f} [{min(values):.2f} - {max(values):.2f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, default=100)
    parser.add_argument("--width", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--facts-hosts", type=int, default=20, help="hosts for package_facts, which is slow")
    parser.add_argument("--no-ansible", action="store_true")
    options = parser.parse_args()
    if os.geteuid() != 0 or shutil.which(lab.SSHD) is None:
        sys.exit("bench_ssh: needs root and sshd")
    with estate(options.hosts) as one, tempfile.TemporaryDirectory() as scratch:
        compare_with_sshclient(one, options)
        program = None if options.no_ansible else find_ansible(Path(scratch))
        if program is not None:
            compare_with_ansible(program, one, Path(scratch), options)


def compare_with_sshclient(one: Estate, options: argparse.Namespace) -> None:
    mine, theirs = ours(one), sshclient(one)
    for visit in (mine, theirs):
        over(visit, one.addresses[:4], 2)  # load libraries and keys
    few = one.addresses[:20]
    serial = [(over(theirs, few, 1), over(mine, few, 1)) for _ in range(options.repeats)]
    show("one host after another, against paramiko SSHClient", *zip(*serial, strict=True), 3.0, None)
    wide = [
        (over(theirs, one.addresses, options.width), over(mine, one.addresses, options.width))
        for _ in range(options.repeats)
    ]
    show(f"{options.width} wide, against paramiko SSHClient", *zip(*wide, strict=True), None, None)
    trips = [round_trips(one, visit, options.repeats) for visit in (theirs, mine)]
    print(
        f"\nround trips per visit: SSHClient {trips[0]:.1f}, ours {trips[1]:.1f}, "
        f"ratio {trips[1] / trips[0]:.2f} (goal <= 0.65)"
    )


def compare_with_ansible(program: str, one: Estate, scratch: Path, options: argparse.Namespace) -> None:
    mine = ours(one)
    raw = [
        (
            ansible(program, one, one.addresses, scratch, options.width, "-m", "raw", "-a", COMMAND),
            over(mine, one.addresses, options.width),
        )
        for _ in range(options.repeats)
    ]
    show(f"against ansible -m raw, forks {options.width}", *zip(*raw, strict=True), 4.0, 20.0)
    few = one.addresses[: options.facts_hosts]
    facts = [
        (
            ansible(program, one, few, scratch, options.width, "-m", "package_facts"),
            over(mine, one.addresses, options.width),
        )
    ]
    show(f"against ansible -m package_facts, forks {options.width}", *zip(*facts, strict=True), 30.0, None)


if __name__ == "__main__":
    main()
