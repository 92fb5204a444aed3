"""Real OpenSSH daemons on loopback: unprivileged ports, keys of their own, accounts made for the purpose.

Running them as root gives password logins, several accounts and chroots; `require_lab()` skips the test with a reason
elsewhere. Every daemon is stopped by its own pid. Accounts are made once under a lock and stay: they are recognized by
their prefix, log in from loopback only because no daemon of ours listens elsewhere.
"""

import contextlib
import fcntl
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.lab.ports import free_port

SSHD = "/usr/sbin/sshd"
PREFIX = "auditlab-"
PASSWORD = "Plain-Pass1!"
_LOCK = Path(tempfile.gettempdir()) / "auditlab.lock"
_SUDOERS = Path("/etc/sudoers.d/auditlab")
_SHELLS = {
    "user": "/bin/sh",
    "bash": "/bin/bash",
    "limited": "/bin/sh",
    "nologin": "/usr/sbin/nologin",
    "fish": "/usr/bin/fish",
    "csh": "/bin/csh",
    "sudo": "/bin/sh",
    "sudopw": "/bin/sh",
}
_RIGHTS = {"sudo": "NOPASSWD: ALL", "fish": "NOPASSWD: ALL", "csh": "ALL", "sudopw": "ALL"}


def user(kind: str) -> str:
    """Name of the lab account of that kind ("user", "fish", "sudopw", ...)."""
    return PREFIX + kind


def require_lab(*programs: str) -> None:
    """Skip, saying why, where no real sshd can be run with accounts of its own."""
    if os.geteuid() != 0:
        pytest.skip("needs root to make accounts for a real sshd")
    for program in (SSHD, "ssh-keygen", *programs):
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}")


def make_accounts() -> None:
    """Make the lab's accounts and their sudo rights; does nothing where they stand already."""
    with _LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = [kind for kind in _SHELLS if not _exists(user(kind))]
        for kind in missing:
            shell = _SHELLS[kind] if Path(_SHELLS[kind]).exists() else "/bin/sh"
            subprocess.run(["useradd", "-m", "-s", shell, user(kind)], check=True, capture_output=True)
        if missing:
            lines = "".join(f"{user(kind)}:{PASSWORD}\n" for kind in missing)
            subprocess.run(["chpasswd"], input=lines, text=True, check=True, capture_output=True)
        rights = "".join(f"{user(kind)} ALL=(ALL) {right}\n" for kind, right in _RIGHTS.items())
        if _SUDOERS.parent.is_dir() and (not _SUDOERS.exists() or _SUDOERS.read_text() != rights):
            aside = _SUDOERS.parent / ".auditlab"  # names with a dot are not read by sudo
            aside.write_text(rights)
            aside.chmod(0o440)
            aside.replace(_SUDOERS)


def _exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def make_key(path: Path, kind: str = "ed25519", passphrase: str = "", *, bits: int | None = None) -> Path:
    """Make a key pair with ssh-keygen and give back the private file."""
    size = ["-b", str(bits)] if bits else []
    command = ["ssh-keygen", "-q", "-t", kind, *size, "-N", passphrase, "-C", path.name, "-f", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path


def sign_user_key(authority: Path, key: Path, principals: str, *options: str) -> Path:
    """Have the authority certify a user's key; gives back the certificate."""
    command = ["ssh-keygen", "-q", "-s", str(authority), "-I", "lab", "-n", principals, *options, f"{key}.pub"]
    subprocess.run(command, check=True, capture_output=True)
    return Path(f"{key}-cert.pub")


def fingerprint(public: Path) -> str:
    """SHA256 fingerprint as ssh-keygen prints it: the answer of another program than ours."""
    out = subprocess.run(["ssh-keygen", "-lf", str(public)], check=True, capture_output=True, text=True).stdout
    return out.split()[1]


@dataclass(slots=True)
class Sshd:
    """One running daemon."""

    port: int
    addresses: tuple[str, ...]
    host_keys: tuple[Path, ...]
    process: subprocess.Popen[bytes]
    log: Path
    authorized_keys: Path
    _stopped: bool = field(default=False)
    _probes: list[int] = field(default_factory=list)

    @property
    def address(self) -> str:
        return self.addresses[0]

    def known_hosts_lines(self, *names: str) -> str:
        """Lines for known_hosts, for every address listened on and every further name."""
        wanted = [f"[{address}]:{self.port}" for address in self.addresses] + list(names)
        keys = [Path(f"{key}.pub").read_text().split()[:2] for key in self.host_keys]
        return "".join(f"{name} {kind} {key}\n" for name in wanted for kind, key in keys)

    def authorize(self, account: str, *publics: Path) -> None:
        """Let the account in with these public keys."""
        file = self.authorized_keys / account
        file.write_text("".join(public.read_text() for public in publics))
        file.chmod(0o644)

    def connections(self) -> int:
        """How many connections it has logged so far, without those that waited for it to start."""
        ports = re.findall(r"Connection from \S+ port (\d+)", self.log.read_text(errors="replace"))
        return sum(int(port) not in self._probes for port in ports)

    def stop(self) -> None:
        if not self._stopped:
            self._stopped = True
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=60)


def start_sshd(
    directory: Path,
    *,
    addresses: Sequence[str] = ("127.0.0.1",),
    port: int | None = None,
    host_keys: Sequence[Path] = (),
    options: Mapping[str, str] | None = None,
    lines: Sequence[str] = (),
    chroot: Path | None = None,
    prefix: Sequence[str] = (),
    use_pam: bool = False,
) -> Sshd:
    """Start a daemon and wait until it answers.

    `options` replace ours, `lines` are appended (Match blocks). With `chroot` the daemon of that system runs inside it,
    with its own accounts; `directory` must then be a folder below the chroot. `prefix` are the words that enter it
    (default `chroot DIR`); they must end by replacing themselves with the daemon, so that its pid is theirs.
    """
    Path("/run/sshd").mkdir(parents=True, exist_ok=True)
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o755)
    port = port or free_port(addresses[0])
    keys = tuple(host_keys) or (make_key(directory / f"host_{port}"),)
    authorized = directory / f"authorized_{port}"
    authorized.mkdir()
    authorized.chmod(0o755)

    def inside(path: Path) -> str:
        return f"/{path.relative_to(chroot)}" if chroot is not None else str(path)

    settings = {
        "PidFile": "none",
        "AuthorizedKeysFile": f"{inside(authorized)}/%u",
        "UsePAM": "yes" if use_pam else "no",
        "PasswordAuthentication": "yes",
        "KbdInteractiveAuthentication": "no",
        "PermitRootLogin": "prohibit-password",
        "MaxStartups": "300:30:600",
        "UseDNS": "no",
        "StrictModes": "no",
        "PrintMotd": "no",
        "LogLevel": "VERBOSE",
    } | dict(options or {})
    config = directory / f"sshd_{port}.conf"
    text = "".join(f"{name} {value}\n" for name, value in settings.items())
    text += "".join(f"ListenAddress {_bracketed(address)}:{port}\n" for address in addresses)
    text += "".join(f"HostKey {inside(key)}\n" for key in keys)
    config.write_text(text + "".join(f"{line}\n" for line in lines))
    log = directory / f"sshd_{port}.log"
    command = [SSHD, "-D", "-e", "-f", inside(config)]
    if chroot is not None:
        (chroot / "run/sshd").mkdir(parents=True, exist_ok=True)
        command = [*(prefix or ("chroot", str(chroot))), *command]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    running = Sshd(
        port=port, addresses=tuple(addresses), host_keys=keys, process=process, log=log, authorized_keys=authorized
    )
    _await(running)
    return running


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _await(running: Sshd, patience_s: float = 60.0) -> None:
    until = time.monotonic() + patience_s
    for address in running.addresses:
        while True:
            try:
                with socket.create_connection((address, running.port), timeout=1.0) as probe:
                    running._probes.append(probe.getsockname()[1])
            except OSError:
                if running.process.poll() is not None or time.monotonic() > until:
                    running.process.kill()
                    raise RuntimeError(f"sshd does not start: {running.log.read_text(errors='replace')}") from None
                time.sleep(0.05)
            else:
                break


@contextlib.contextmanager
def sshd(directory: Path, **settings: object) -> Iterator[Sshd]:
    """`start_sshd`, stopped at the end of the block."""
    running = start_sshd(directory, **settings)  # type: ignore[arg-type]
    try:
        yield running
    finally:
        running.stop()


@contextlib.contextmanager
def lab_directory() -> Iterator[Path]:
    """A folder every account can look into (pytest's own are closed to others), removed afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="auditlab-"))
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
