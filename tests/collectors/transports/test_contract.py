"""One contract for every way to run a script: over SSH (fast and ordinary way), over WinRM, here, and replayed."""

import asyncio
import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import IO, Any

import pytest

from collectors.credentials import Credential, Secret
from collectors.model import Protocol, Target
from collectors.transports import discover, local, replay, ssh, winrm
from collectors.transports.base import ConnectionPolicy, Deadline, ScriptOutput
from tests.collectors.transports.conftest import within_patience
from tests.lab import sshd as lab_sshd
from tests.lab import wsman

Run = Callable[..., ScriptOutput]
EVERY_BYTE = bytes(range(256))
PRINT_EVERY_BYTE = b"".join(b"printf '\\%03o'\n" % byte for byte in EVERY_BYTE)


def _over_ssh(request: pytest.FixtureRequest, **credential: Any) -> Run:
    lab = request.getfixturevalue("lab")
    daemon = lab.daemon()
    credential.setdefault("key_file", lab.key) if "password" not in credential else None
    known_hosts = lab.policy(daemon).known_hosts

    def run(script: bytes, *, limit_bytes: int = 1 << 20, deadline_s: float = 40.0) -> ScriptOutput:
        policy = ConnectionPolicy(known_hosts=known_hosts, output_limit_bytes=limit_bytes)
        return ssh.run(
            lab.target(daemon),
            script,
            credential=Credential(**credential),
            policy=policy,
            deadline=Deadline.after(deadline_s),
        )

    return run


async def _sh(process: wsman.Process) -> AsyncIterator[wsman.Output]:
    """Stands for PowerShell behind the WS-Man peer: the scripts of this contract are written for sh."""
    script = wsman.script_of(process.line, await process.stdin.read())
    loop, heard = asyncio.get_running_loop(), asyncio.Queue[wsman.Chunk | None]()
    room = threading.Semaphore(8)
    pipe = subprocess.PIPE
    child = subprocess.Popen(
        ["sh", "-s"], stdin=pipe, stdout=pipe, stderr=pipe, env={"PATH": os.defpath}, start_new_session=True
    )

    def listen(stream: IO[bytes], name: str) -> None:
        data = b"-"
        while data:
            room.acquire()
            data = os.read(stream.fileno(), 65536)
            with contextlib.suppress(RuntimeError):  # the peer has ended
                loop.call_soon_threadsafe(heard.put_nowait, wsman.Chunk(data, name) if data else None)

    def feed(stream: IO[bytes]) -> None:
        with contextlib.suppress(BrokenPipeError), stream:
            stream.write(script.encode())

    assert child.stdin
    assert child.stdout
    assert child.stderr
    works = [(feed, child.stdin), (listen, child.stdout, "stdout"), (listen, child.stderr, "stderr")]
    threads = [threading.Thread(target=work, args=arguments, daemon=True) for work, *arguments in works]
    for thread in threads:
        thread.start()
    try:
        ended = 0
        while ended < 2:
            chunk = await heard.get()
            room.release()
            if chunk is None:
                ended += 1
            else:
                yield chunk
        yield wsman.Exit(child.wait())
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        for _ in range(9):
            room.release()
        for thread in threads:
            thread.join()
        child.wait()
        child.stdout.close()
        child.stderr.close()


def _over_winrm(request: pytest.FixtureRequest, *, tls: bool) -> Run:
    serving = wsman.serve(runner=_sh, tls=tls)
    peer = serving.__enter__()
    request.addfinalizer(lambda: serving.__exit__(None, None, None))
    credential = Credential(user="audit", password=Secret(wsman.PASSWORD), auth="ntlm")
    target = Target(
        name="pc1",
        protocol=Protocol.WINRM,
        address=peer.address,
        port=peer.tls_port if tls else peer.port,
        tls=tls,
    )

    def run(script: bytes, *, limit_bytes: int = 1 << 20, deadline_s: float = 40.0) -> ScriptOutput:
        policy = ConnectionPolicy(output_limit_bytes=limit_bytes, ca_file=peer.ca_file if tls else None)
        return winrm.run(target, script, credential=credential, policy=policy, deadline=Deadline.after(deadline_s))

    return run


def _here(script: bytes, *, limit_bytes: int = 1 << 20, deadline_s: float = 40.0) -> ScriptOutput:
    policy = ConnectionPolicy(output_limit_bytes=limit_bytes)
    target = Target(name="here", protocol=Protocol.LOCAL)
    return local.run(target, script, credential=Credential(), policy=policy, deadline=Deadline.after(deadline_s))


def _replayed(directory: Path) -> Run:
    def run(script: bytes, *, limit_bytes: int = 1 << 20, deadline_s: float = 40.0) -> ScriptOutput:
        target = Target(name="srv/1", protocol=Protocol.LOCAL)
        policy = ConnectionPolicy(output_limit_bytes=limit_bytes)
        recorder = replay.record(local.run, directory)
        recorder(target, script, credential=Credential(), policy=policy, deadline=Deadline.after(deadline_s))
        again = Target(name="srv/1", protocol=Protocol.REPLAY, address=str(directory / replay.file_name("srv/1")))
        return replay.run(
            again, script, credential=Credential(), policy=ConnectionPolicy(), deadline=Deadline.after(deadline_s + 40)
        )

    return run


@pytest.fixture(params=["ssh-fast", "ssh-ordinary", "winrm-sealed", "winrm-tls", "local", "replay"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    match request.param:
        case "ssh-fast":
            return _over_ssh(request)
        case "ssh-ordinary":
            return _over_ssh(request, password=Secret(lab_sshd.PASSWORD))
        case "winrm-sealed":
            return _over_winrm(request, tls=False)
        case "winrm-tls":
            return _over_winrm(request, tls=True)
        case "local":
            return _here
    return _replayed(tmp_path)


pytestmark = pytest.mark.peer


def test_every_byte_of_standard_output_arrives_unchanged(run: Run) -> None:
    assert run(PRINT_EVERY_BYTE).stdout == EVERY_BYTE


def test_standard_error_is_kept_apart(run: Run) -> None:
    output = run(b"printf out; printf 'err\\377' >&2\n")
    assert (output.stdout, output.stderr) == (b"out", b"err\xff")


@pytest.mark.parametrize("status", [0, 1, 100, 255])
def test_the_exit_status_is_the_scripts(run: Run, status: int) -> None:
    output = run(b"exit %d\n" % status)
    assert output.exit_status == status
    assert not output.timed_out
    assert not output.truncated


def test_a_large_script_and_a_large_answer_pass_whole(run: Run) -> None:
    line = b"x" * 997
    script = b"cat <<'END'\n" + (line + b"\n") * 700 + b"END\n"
    assert run(script).stdout == (line + b"\n") * 700


def test_output_beyond_the_limit_is_cut_and_said_to_be(run: Run) -> None:
    output = within_patience(run, b"while :; do echo 0123456789; done\n", limit_bytes=100_000)
    assert len(output.stdout) == 100_000
    assert output.stdout.startswith(b"0123456789\n0123456789\n")
    assert output.truncated
    assert not output.timed_out
    assert output.exit_status is None


def test_the_limit_counts_standard_error_too(run: Run) -> None:
    output = within_patience(run, b"printf kept; while :; do echo 0123456789 >&2; done\n", limit_bytes=50_000)
    assert output.stdout == b"kept"
    assert len(output.stdout) + len(output.stderr) == 50_000
    assert output.truncated


def test_at_the_deadline_what_has_come_is_handed_over(run: Run) -> None:
    output = within_patience(run, b"printf early; sleep 300; printf late\n", deadline_s=5.0)
    assert output.stdout == b"early"
    assert output.timed_out
    assert output.exit_status is None


def test_a_script_that_keeps_its_input_open_still_ends(run: Run) -> None:
    assert run(b"exec 3<&0; echo done; exit 4\n").exit_status == 4


def test_a_script_may_leave_its_input_unread(run: Run) -> None:
    output = within_patience(run, b"echo first; exit 0\n" + b": ignored\n" * 300_000)
    assert output.stdout == b"first\n"


def test_the_environment_of_the_auditor_stays_home(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDITOR_SECRET_FOR_TEST", "hidden")
    assert b"hidden" not in run(b"env\n").stdout


def test_discovery_finds_every_protocol_of_a_machine() -> None:
    assert set(discover()) == set(Protocol) - {Protocol.M365}
    assert all(transport.protocol is protocol for protocol, transport in discover().items())
