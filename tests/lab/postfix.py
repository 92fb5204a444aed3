"""A private Postfix on loopback: TLS required, logins by SASL, mail delivered into a Maildir and read back.

Everything of it lives in a folder of its own below the system's temporary one: configuration, queue, users, mail. The
machine's Postfix, if it runs one, is neither read nor touched.
"""

import grp
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import pytest

from auditor.mailing.compose import parsed
from tests.lab.ports import free_port
from tests.lab.smtp import PASSWORD, USER
from tests.lab.wsman.certificates import Certificates

DOMAIN = "contoso.example"
KNOWN = (f"direction@{DOMAIN}", f"compta@{DOMAIN}")
SIZE_LIMIT = 3_000_000
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin:/sbin"
_PROGRAMS = ("postfix", "saslpasswd2")
_MAIN = """\
compatibility_level = 3.6
queue_directory = {lab}/queue
data_directory = {lab}/data
daemon_directory = {daemons}
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {lab}/log
maillog_file_prefixes = {lab}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.lab.test
mydestination =
alias_maps =
local_recipient_maps =
default_transport = error:nothing leaves the lab
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {lab}/mail
virtual_mailbox_maps = texthash:{lab}/pf/boxes
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
message_size_limit = {limit}
virtual_mailbox_limit = 0
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {key}
smtpd_tls_security_level = encrypt
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_path = smtpd
smtpd_sasl_local_domain =
cyrus_sasl_config_path = {lab}/pf/sasl
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
smtpd_error_sleep_time = 0
"""
_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
127.0.0.1:{tls_port} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
tlsmgr unix - - n 1000? 1 tlsmgr
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
"""


def require() -> None:
    """Skip, saying why, where no Postfix can be run."""
    absent = [program for program in _PROGRAMS if _which(program) is None]
    if absent:
        pytest.skip(f"not installed: {', '.join(absent)}")
    if os.geteuid() != 0:
        pytest.skip("Postfix needs root to start")


@dataclass(frozen=True, slots=True)
class Postfix:
    """A running Postfix: `port` with STARTTLS, `tls_port` with TLS from the first byte."""

    lab: Path
    port: int
    tls_port: int
    ca_file: Path

    def mailbox(self, address: str) -> Path:
        """The Maildir of an address."""
        return self.lab / "mail" / address.partition("@")[0]

    def delivered(self, address: str, *, count: int = 1) -> list[EmailMessage]:
        """Messages in a mailbox, once there are that many; AssertionError with the log where they do not come."""
        folder = self.mailbox(address) / "new"
        for _ in range(1800):
            found = sorted(folder.glob("*")) if folder.is_dir() else []
            if len(found) >= count:
                return [parsed(file.read_bytes()) for file in found]
            time.sleep(0.05)
        raise AssertionError((self.lab / "log").read_text(errors="replace")[-3000:])


@contextmanager
def postfix() -> Iterator[Postfix]:
    """Run a Postfix until the block is left."""
    # Not pytest's folder: only its owner may look into that, and paths of sockets are short.
    lab = Path(tempfile.mkdtemp(prefix="pf-"))
    lab.chmod(0o755)
    ports = [free_port(), free_port()]
    try:
        made = _configured(lab, *ports)
        _run(lab, "start")
        try:
            for port in ports:
                _wait_for(port, lab)
            yield made
        finally:
            _run(lab, "stop")
    finally:
        shutil.rmtree(lab, ignore_errors=True)


def _configured(lab: Path, port: int, tls_port: int) -> Postfix:
    for name in ("pf/sasl", "queue", "data", "mail", "tls"):
        (lab / name).mkdir(parents=True)
    owner, nobody = pwd.getpwnam("postfix"), pwd.getpwnam("nobody")
    os.chown(lab / "data", owner.pw_uid, owner.pw_gid)
    os.chown(lab / "mail", nobody.pw_uid, nobody.pw_gid)
    certificates = Certificates(lab / "tls")
    pem = certificates.server()
    (lab / "pf" / "main.cf").write_text(
        _MAIN.format(
            lab=lab,
            daemons=_daemons(),
            domain=DOMAIN,
            uid=nobody.pw_uid,
            gid=nobody.pw_gid,
            limit=SIZE_LIMIT,
            certificate=pem.certificate,
            key=pem.key,
        )
    )
    (lab / "pf" / "master.cf").write_text(_MASTER.format(port=port, tls_port=tls_port))
    (lab / "pf" / "boxes").write_text("".join(f"{address} {address.partition('@')[0]}/\n" for address in KNOWN))
    users = lab / "pf" / "users.db"
    (lab / "pf" / "sasl" / "smtpd.conf").write_text(
        f"pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: {users}\nmech_list: PLAIN LOGIN\n"
    )
    name, _, realm = USER.partition("@")
    subprocess.run(
        [str(_which("saslpasswd2")), "-p", "-c", "-f", str(users), "-u", realm, name],
        input=PASSWORD.encode(),
        check=True,
        capture_output=True,
        timeout=30,
    )
    os.chown(users, 0, grp.getgrnam("postfix").gr_gid)
    users.chmod(0o640)
    return Postfix(lab=lab, port=port, tls_port=tls_port, ca_file=certificates.ca_file)


def _daemons() -> str:
    return next(str(path) for path in (Path("/usr/lib/postfix/sbin"), Path("/usr/libexec/postfix")) if path.is_dir())


def _run(lab: Path, word: str) -> None:
    done = subprocess.run(
        [str(_which("postfix")), "-c", str(lab / "pf"), word], capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, f"postfix {word}: {done.stdout}{done.stderr}"


def _which(program: str) -> str | None:
    return shutil.which(program, path=_PATH)


def _wait_for(port: int, lab: Path) -> None:
    for _ in range(1200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError((lab / "log").read_text(errors="replace")[-3000:])
