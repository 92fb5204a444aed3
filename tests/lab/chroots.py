"""Real Debian systems to visit: minimal chroots made with debootstrap from the mirror this machine itself uses.

A chroot takes 35-100 s to make, so it is kept under the system's temporary directory and shared by all test runs and
workers. A lock holds the others back while one makes it, another (`alone`) while one looks at what its own visits leave
behind. Commands run in a mount namespace of their own: /proc is there while they run and nothing stays mounted. Tests
must not install or remove packages in a shared chroot.

"rocky9" is a bookworm with the tools, the os-release and a package repository of an Enterprise Linux 9: the real dnf
and rpm as a plain user meets them.

AUDITOR_LAB_SUITES names the suites to test on, separated by commas (default: bookworm); AUDITOR_LAB_DIR where to keep
them.
"""

import fcntl
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.lab import rpm_repo
from tests.lab.ports import free_port

ROCKY = "rocky9"
PACKAGES = "openssh-server,sudo,python3-minimal,locales"
_ROCKY_FILES = {
    "usr/lib/os-release": (
        'NAME="Rocky Linux"\nVERSION="9.4 (Blue Onyx)"\nID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"\n'
        'PLATFORM_ID="platform:el9"\nPRETTY_NAME="Rocky Linux 9.4 (Blue Onyx)"\n'
    ),
    "etc/yum.repos.d/lab.repo": "[lab]\nname=Lab\nbaseurl=file:///srv/repo\ngpgcheck=0\n",
    "etc/rpm/macros": "%_dbpath /var/lib/rpm\n",  # Debian's rpm keeps a database per user otherwise
    "etc/dnf/vars/releasever": "9\n",
    "etc/dnf/plugins/local.conf": "[main]\nenabled=0\n",
}
_LISTS_MAX_AGE_S = 24 * 3600
_TIMEOUT_S = 600


@dataclass(frozen=True, slots=True)
class Chroot:
    """One Debian system on disk; `suite` is its codename."""

    suite: str
    path: Path

    def prefix(self) -> tuple[str, ...]:
        """Words to put before a command so that it runs inside, as root, with /proc, in its own mount namespace."""
        script = 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"'
        return ("unshare", "--mount", "--propagation", "private", "sh", "-c", script, str(self.path))

    def run(self, *command: str, stdin: bytes = b"", check: bool = True) -> bytes:
        """Standard output of a command inside, run as root; raises CalledProcessError when it fails."""
        done = subprocess.run(
            (*self.prefix(), *command), input=stdin, capture_output=True, check=False, timeout=_TIMEOUT_S
        )
        if check and done.returncode != 0:
            raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
        return done.stdout


@contextmanager
def ssh_server(chroot: Chroot) -> Iterator[tuple[int, Path, Path]]:
    """The chroot's own sshd on 127.0.0.1: its port, a key that lets the user `audit` in, and a known_hosts file."""
    with tempfile.TemporaryDirectory(prefix="lab-", dir=chroot.path / "run") as made:
        directory = Path(made)
        directory.chmod(0o755)
        key = directory / "key"
        subprocess.run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)), check=True)
        subprocess.run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(directory / "host")), check=True)
        port = free_port()
        host_key = (directory / "host.pub").read_text().split()
        (directory / "known_hosts").write_text(f"[127.0.0.1]:{port} {host_key[0]} {host_key[1]}\n")
        inside = f"/run/{directory.name}"
        options = {
            "Port": port,
            "ListenAddress": "127.0.0.1",
            "HostKey": f"{inside}/host",
            "AuthorizedKeysFile": f"{inside}/key.pub",
            "UsePAM": "no",
            "StrictModes": "no",
            "PidFile": "none",
        }
        words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        daemon = subprocess.Popen(
            (*chroot.prefix(), "/usr/sbin/sshd", "-D", "-e", "-f", "/dev/null", *words), stderr=subprocess.PIPE
        )
        try:
            _wait_for(port, daemon)
            yield port, key, directory / "known_hosts"
        finally:
            daemon.terminate()
            daemon.communicate()


def _wait_for(port: int, daemon: subprocess.Popen[bytes]) -> None:
    while daemon.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"sshd in the chroot ended: {daemon.communicate()[1].decode()}")


def suites() -> tuple[str, ...]:
    """The suites to test on."""
    return tuple(name.strip() for name in os.environ.get("AUDITOR_LAB_SUITES", "bookworm").split(",") if name.strip())


def why_not() -> str:
    """Why no chroot can be made here; "" when one can."""
    if os.geteuid() != 0:
        return "making a chroot needs root"
    missing = [tool for tool in ("debootstrap", "unshare", "chroot", "apt-get") if shutil.which(tool) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    if "main" not in _mirrors():
        return "apt on this machine names no Debian mirror"
    return ""


def make(suite: str) -> Chroot:
    """Return the chroot of a suite, made now when it is not there yet, its package lists at most a day old.

    Raises CalledProcessError when debootstrap fails (no mirror, suite gone).
    """
    root = Path(os.environ.get("AUDITOR_LAB_DIR") or Path(tempfile.gettempdir()) / "auditor-lab") / "chroots"
    root.mkdir(parents=True, exist_ok=True)
    chroot = Chroot(suite, root / suite)
    with _locked(root / f"{suite}.lock"):
        if not chroot.path.is_dir():
            (_derive_rocky if suite == ROCKY else _bootstrap)(chroot)
        stamp = chroot.path / "var/lib/auditor-lab-refreshed"
        if not stamp.exists() or time.time() - stamp.stat().st_mtime > _LISTS_MAX_AGE_S:
            chroot.run("apt-get", "-q", "update")
            stamp.touch()
    return chroot


@contextmanager
def alone(chroot: Chroot) -> Iterator[None]:
    """Hold back every other test run on this machine that asks for the same chroot; not to be nested."""
    with _locked(chroot.path.with_name(f"{chroot.suite}.in-use")):
        yield


def _bootstrap(chroot: Chroot) -> None:
    mirrors = _mirrors()
    partial = chroot.path.with_name(f"{chroot.suite}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    subprocess.run(
        ("debootstrap", "--variant=minbase", f"--include={PACKAGES}", chroot.suite, str(partial), mirrors["main"]),
        check=True,
        capture_output=True,
        timeout=_TIMEOUT_S,
    )
    if "security" in mirrors:
        with (partial / "etc/apt/sources.list").open("a") as sources:
            sources.write(f"deb {mirrors['security']} {chroot.suite}-security main\n")
    inside = Chroot(chroot.suite, partial)
    inside.run("ssh-keygen", "-A")
    inside.run("useradd", "-m", "-s", "/bin/sh", "audit")
    inside.run("usermod", "-p", "*", "audit")  # a locked account ("!") is refused under UsePAM=no, even by key
    (partial / "run/sshd").mkdir(parents=True, exist_ok=True)
    partial.rename(chroot.path)


def _derive_rocky(chroot: Chroot) -> None:
    base = make("bookworm")
    partial = chroot.path.with_name(f"{chroot.suite}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    subprocess.run(("cp", "-a", "--reflink=auto", str(base.path), str(partial)), check=True, timeout=_TIMEOUT_S)
    inside = Chroot(chroot.suite, partial)
    install = "DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends dnf rpm dnf-plugins-core"
    inside.run("sh", "-c", install)
    lab = rpm_repo.make(partial / "srv" / "lab")
    lab.repository.rename(partial / "srv" / "repo")
    for path, text in _ROCKY_FILES.items():
        (partial / path).parent.mkdir(parents=True, exist_ok=True)
        (partial / path).write_text(text)
    inside.run("dnf", "-q", "-y", "install", "labssl-1.0-1.el9", "labtool-2.1-1.el9")
    inside.run("dnf", "-q", "makecache")
    partial.rename(chroot.path)


def _mirrors() -> dict[str, str]:
    """Where this machine gets Debian itself from: "main" and, when configured, "security"."""
    form = "$(LABEL)|$(REPO_URI)"
    listed = subprocess.run(
        ("apt-get", "indextargets", "--format", form, "Created-By: Packages", "Origin: Debian"),
        capture_output=True,
        check=False,
        text=True,
    ).stdout
    found = dict(line.split("|", 1) for line in listed.splitlines() if "|" in line)
    names = {"Debian": "main", "Debian-Security": "security"}
    return {names[label]: uri for label, uri in found.items() if label in names}


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
