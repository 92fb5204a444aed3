"""A real Debian, visited by its own sshd as a plain user: our facts equal what its own tools say.

The chroot has no kernel of its own and no systemd, so the running-kernel signs are tested from recorded facts instead.
"""

import re
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from collectors.credentials import Credential
from collectors.hosts import discover
from collectors.hosts.base import Section
from collectors.model import CollectorOutcome, FactKind, HostSnapshot, Protocol, Target
from collectors.scan import visit
from collectors.script import build_script, read_sections
from collectors.transports import discover as transports
from collectors.transports.base import ConnectionPolicy
from tests.lab import chroots

# One worker at a time: the tests look at what a visit leaves behind.
pytestmark = [pytest.mark.peer, pytest.mark.chroot, pytest.mark.xdist_group("chroot")]


@dataclass(frozen=True)
class Visited:
    """A chroot, and what a visit as a plain user saw of it."""

    chroot: chroots.Chroot
    snapshot: HostSnapshot
    left_behind: str


def chroot_of(suite: str) -> chroots.Chroot:
    if reason := chroots.why_not():
        pytest.skip(reason)
    try:
        return chroots.make(suite)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"the mirror gives no {suite}: {(error.stderr or b'').decode()[-200:]}")


def visit_over_ssh(chroot: chroots.Chroot) -> HostSnapshot:
    with chroots.ssh_server(chroot) as (port, key, known_hosts):
        return visit(
            Target(name=chroot.suite, protocol=Protocol.SSH, address="127.0.0.1", port=port, user="audit"),
            transport=transports()[Protocol.SSH],
            credential=Credential(user="audit", key_file=key),
            policy=ConnectionPolicy(known_hosts=(known_hosts,)),
            taken_at=datetime.now(UTC),
        )


def files_of_audit(chroot: chroots.Chroot) -> str:
    return chroot.run("find", "/", "-xdev", "-user", "audit", "-not", "-path", "/proc/*").decode()


@pytest.fixture(scope="module", params=chroots.suites())
def visited(request: pytest.FixtureRequest) -> Iterator[Visited]:
    chroot = chroot_of(request.param)
    with chroots.alone(chroot):
        before = files_of_audit(chroot)
        snapshot = visit_over_ssh(chroot)
        yield Visited(chroot, snapshot, files_of_audit(chroot).replace(before, ""))


def test_a_plain_user_gets_every_fact_but_the_kernels_sign(visited: Visited) -> None:
    assert visited.snapshot.reached
    assert not visited.snapshot.privileged
    assert {gap.kind for gap in visited.snapshot.gaps} <= {FactKind.REBOOT}
    failed = [status for status in visited.snapshot.collectors if status.outcome is CollectorOutcome.FAILED]
    assert failed == []


def test_the_identity_is_the_systems_own(visited: Visited) -> None:
    system = visited.snapshot.operating_system
    assert system is not None
    assert (system.id, system.codename) == ("debian", visited.chroot.suite)
    assert system.clock_skew_s == 0


def test_our_packages_equal_dpkg_query(visited: Visited) -> None:
    form = "${Status}|${Package}|${Version}|${Architecture}|${source:Package}|${source:Version}\n"
    listed = visited.chroot.run("dpkg-query", "-f", form, "-W").decode()
    expected = {
        tuple(line.split("|")[1:]) for line in listed.splitlines() if line.split("|")[0].split()[2] == "installed"
    }
    ours = {(p.name, p.version, p.architecture, p.source_name, p.source_version) for p in visited.snapshot.packages}
    assert ours == expected
    assert len(ours) > 100


def test_every_package_of_a_pure_debian_is_debians(visited: Visited) -> None:
    assert {package.origin for package in visited.snapshot.packages} == {"Debian"}


def test_pending_updates_equal_apt_get(visited: Visited) -> None:
    """Read with awk's eyes instead of ours: name and new version of each Inst line, security by the word in it."""
    said = visited.chroot.run("apt-get", "-s", "-o", "Debug::NoLocking=1", "dist-upgrade").decode()
    lines = [line for line in said.splitlines() if line.startswith("Inst ")]
    expected = {(line.split()[1], line.split("(")[1].split()[0], "ecurity" in line) for line in lines}
    ours = {(u.name, u.candidate_version, bool(u.security)) for u in visited.snapshot.available_updates}
    assert ours == expected
    assert len(visited.snapshot.available_updates) == len(lines)


def test_the_candidates_of_policy_are_what_apt_get_installs(visited: Visited) -> None:
    """Two ways of apt to the same answer; the second also covers what is held back."""
    installed = {package.name: package.version for package in visited.snapshot.packages}
    policy = visited.chroot.run("apt-cache", "policy", *sorted(installed)).decode()
    pairs = re.findall(r"^(\S+):\n  Installed: (\S+)\n  Candidate: (\S+)", policy, re.MULTILINE)
    expected = {(name, candidate) for name, old, candidate in pairs if candidate not in (old, "(none)")}
    ours = {(u.name, u.candidate_version) for u in visited.snapshot.available_updates if u.installed_version}
    assert ours == expected


def test_repositories_lists_and_history_are_told(visited: Visited) -> None:
    suites = {repository.suite: repository for repository in visited.snapshot.repositories}
    assert suites[visited.chroot.suite].origin == "Debian"
    assert suites[f"{visited.chroot.suite}-security"].security
    assert visited.snapshot.package_lists is not None
    assert visited.snapshot.package_lists.refreshed_at is not None
    assert visited.snapshot.last_update is not None
    assert visited.snapshot.last_update.source == "/var/log/dpkg.log"


def test_the_visit_leaves_nothing_behind(visited: Visited) -> None:
    assert visited.left_behind == ""


def test_root_leaves_nothing_behind_either(visited: Visited) -> None:
    """apt as root renews binary caches that are stale, and here they are empty: the script forbids it.

    The empty place is of this mount namespace alone, so that it does not depend on what ran before.
    """
    script = """
        mount -t tmpfs none /var/cache/apt && sleep 0.1
        stamp=$(date +@%s.%N)
        sh -s
        find /etc /home /root /tmp /usr /var/cache /var/lib /var/tmp -newermt "$stamp" | sed 's/^/changed: /'
        apt-get -s dist-upgrade > /dev/null
        ls /var/cache/apt | sed 's/^/renewed by apt itself: /'
    """
    answer = visited.chroot.run("sh", "-c", script, stdin=build_script(discover())).decode()
    assert read_sections(answer.encode()).uid == 0
    assert re.findall(r"changed: .*", answer) == []
    assert "renewed by apt itself: pkgcache.bin" in answer  # what this test would have seen


class _Unchanged(BaseHTTPRequestHandler):
    """A mirror where nothing has changed since: 304 to every conditional request."""

    def do_GET(self) -> None:
        self.send_response(304 if self.headers.get("If-Modified-Since") else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *words: object) -> None:
        """Be silent."""


@pytest.mark.parametrize(("mirror", "renewed"), [("unchanged", True), ("dead", False)])
def test_L22_only_a_successful_update_renews_the_age_of_the_lists(mirror: str, renewed: bool) -> None:
    """apt-get update exits 0 when no mirror answers: its stamps and directories are fresh then, its lists are not."""
    chroot = chroot_of(chroots.suites()[0])
    collector = next(source for source in discover() if source.name == "apt_lists")
    with ThreadingHTTPServer(("127.0.0.1", 0), _Unchanged) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1] if mirror == "unchanged" else 9
        script = """
            mkdir -p /run/lab-lists && mount -t tmpfs none /run/lab-lists && cp -a /var/lib/apt/lists /run/lab-lists/
            mount --bind /run/lab-lists/lists /var/lib/apt/lists && mount -t tmpfs none /var/cache/apt
            sh -c "$1"; echo "--"; sleep 1.1
            apt-get -o "Acquire::http::Proxy=http://127.0.0.1:$0" update >&2; echo "rc:$?"; echo "--"
            sh -c "$1"
        """
        answer = chroot.run("sh", "-c", script, str(port), collector.command).decode()
        server.shutdown()
    before, exit_status, after = answer.split("--\n")
    assert exit_status.strip() == "rc:0"
    lists = [collector.read(Section(name="apt_lists", stdout=text)).package_lists for text in (before, after)]
    assert lists[0] is not None
    assert lists[1] is not None
    assert lists[0].refreshed_at is not None
    assert lists[1].refreshed_at is not None
    assert (lists[1].refreshed_at > lists[0].refreshed_at) is renewed
