"""A private Kerberos realm: MIT's KDC on a free loopback port, with a database, principals and keytab of its own.

    with kdc.realm(tmp_path) as realm:          # sets KRB5_CONFIG and its fellows for this process, puts them back
        realm.login()                           # a ticket for audit@LAB.TEST in the realm's credential cache

Everything lives in `directory`, nothing of the machine's Kerberos is read or touched. Environment variables are the
only way to tell libkrb5 where its files are, so one process can be in one realm at a time.

Clock skew is made honestly, without touching the clock: `realm.clock_offset(seconds)` writes the offset into the
client's credential cache, where MIT's library keeps the difference it has seen between its clock and the KDC's;
authenticators made with that cache then carry a time that much off, and an acceptor refuses them (KRB_AP_ERR_SKEW) as
it refuses a machine whose clock is wrong. Source: MIT krb5, file ccache format, header tag 1 (DeltaTime).
"""

import os
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab.ports import free_port

REALM = "LAB.TEST"
HOST = "winlab01.lab.test"
USER = "audit"
PASSWORD = "Plain-Pass1!"
_SBIN = "/usr/sbin:/usr/local/sbin:/sbin"
_PROGRAMS = ("krb5kdc", "kdb5_util", "kadmin.local", "kinit", "klist", "kdestroy")

_KRB5_CONF = """\
[libdefaults]
    default_realm = {realm}
    dns_lookup_realm = false
    dns_lookup_kdc = false
    dns_canonicalize_hostname = false
    rdns = false
    udp_preference_limit = 1
    kdc_timesync = 1
    default_ccache_name = FILE:{directory}/ccache
[realms]
    {realm} = {{
        kdc = 127.0.0.1:{port}
    }}
[domain_realm]
    .lab.test = {realm}
    lab.test = {realm}
"""
_KDC_CONF = """\
[kdcdefaults]
    kdc_listen = 127.0.0.1:{port}
    kdc_tcp_listen = 127.0.0.1:{port}
[realms]
    {realm} = {{
        database_name = {directory}/principal
        key_stash_file = {directory}/stash
        acl_file = {directory}/kadm5.acl
        max_life = 10h
    }}
[logging]
    kdc = FILE:{directory}/kdc.log
"""


def missing() -> str:
    """Why no realm can be made here; "" when it can."""
    absent = [program for program in _PROGRAMS if _which(program) is None]
    return f"not installed: {', '.join(absent)}" if absent else ""


def require() -> None:
    """Skip, saying why, where there is no MIT KDC or no Kerberos for Python."""
    why = missing()
    if why:
        pytest.skip(why)
    for name in ("gssapi", "krb5"):
        pytest.importorskip(name, reason=f"{name} is not installed: make kerberos")


def _which(program: str) -> str | None:
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:{_SBIN}")


@dataclass(frozen=True, slots=True)
class Realm:
    """A running KDC and what it knows."""

    directory: Path
    port: int
    environment: dict[str, str]

    @property
    def keytab(self) -> Path:
        """Key of the service HTTP on the lab's host, for the acceptor."""
        return self.directory / "http.keytab"

    @property
    def cache(self) -> Path:
        """The client's credential cache; absent before a login."""
        return self.directory / "ccache"

    def run(self, *command: str, stdin: str = "") -> str:
        """Output of a Kerberos program in this realm; raises CalledProcessError when it fails."""
        program = _which(command[0])
        assert program is not None, command[0]
        done = subprocess.run(
            (program, *command[1:]),
            input=stdin,
            text=True,
            env={**os.environ, **self.environment},
            capture_output=True,
            check=True,
            timeout=120,
        )
        return done.stdout

    def add(self, user: str, password: str, *options: str) -> None:
        """Make a principal, with kadmin's own options ("-pwexpire", "yesterday", "-allow_tix" for a locked one)."""
        self.run("kadmin.local", "-q", f'addprinc {" ".join(options)} -pw "{password}" {user}@{REALM}')

    def login(self, user: str = USER, password: str = PASSWORD, *options: str) -> None:
        """Get a ticket as kinit does; raises CalledProcessError for a wrong password."""
        self.run("kinit", *options, f"{user}@{REALM}", stdin=f"{password}\n")

    def logout(self) -> None:
        """Forget the tickets."""
        self.cache.unlink(missing_ok=True)

    def clock_offset(self, seconds: int) -> None:
        """Make authenticators of the present tickets that many seconds off; see the module."""
        data = self.cache.read_bytes()
        assert data[:2] == b"\x05\x04", "not a version 4 credential cache"
        size = struct.unpack(">H", data[2:4])[0]
        header = struct.pack(">HHii", 1, 8, seconds, 0)
        self.cache.write_bytes(data[:2] + struct.pack(">H", len(header)) + header + data[4 + size :])


@contextmanager
def realm(directory: Path) -> Iterator[Realm]:
    """Run a KDC with the user `USER`, the service HTTP/`HOST` and its keytab, until the block is left."""
    directory.mkdir(parents=True, exist_ok=True)
    port = free_port()
    names = {"realm": REALM, "directory": directory, "port": port}
    (directory / "krb5.conf").write_text(_KRB5_CONF.format(**names))
    (directory / "kdc.conf").write_text(_KDC_CONF.format(**names))
    environment = {
        "KRB5_CONFIG": str(directory / "krb5.conf"),
        "KRB5_KDC_PROFILE": str(directory / "kdc.conf"),
        "KRB5_KTNAME": str(directory / "http.keytab"),
        "KRB5CCNAME": f"FILE:{directory}/ccache",
        "KRB5RCACHENAME": "none:",  # a replay cache per machine would be shared with other tests
    }
    made = Realm(directory=directory, port=port, environment=environment)
    made.run("kdb5_util", "create", "-r", REALM, "-s", "-P", "master-key-of-the-lab")
    made.add(USER, PASSWORD)
    made.run("kadmin.local", "-q", f"addprinc -randkey HTTP/{HOST}@{REALM}")
    made.run("kadmin.local", "-q", f"ktadd -k {made.keytab} HTTP/{HOST}@{REALM}")
    program = _which("krb5kdc")
    assert program is not None
    daemon = subprocess.Popen((program, "-n"), env={**os.environ, **environment}, stderr=subprocess.DEVNULL)
    before = {name: os.environ.get(name) for name in environment}
    try:
        _wait_for(port, daemon)
        os.environ.update(environment)
        yield made
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        daemon.terminate()
        daemon.wait(60)


def _wait_for(port: int, daemon: "subprocess.Popen[bytes]") -> None:
    for _ in range(1200):
        assert daemon.poll() is None, "krb5kdc ended at once: see kdc.log"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"krb5kdc does not answer on port {port}")
