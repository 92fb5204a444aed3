"""The real rpm, dnf and zypper on a small repository with advisories: our reading equals what they say."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from collectors.hosts import discover
from collectors.hosts.base import Facts, Section
from collectors.model import CollectorOutcome, FactKind, GapReason
from tests.collectors.test_real_debian import chroot_of, files_of_audit, visit_over_ssh
from tests.lab import chroots, rpm_repo

COLLECTORS = {collector.name: collector for collector in discover()}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> rpm_repo.RpmLab:
    if reason := rpm_repo.why_not():
        pytest.skip(reason)
    return rpm_repo.make(tmp_path_factory.mktemp("rpm"))


def answer(collector: str, replacements: Mapping[str, str]) -> Facts:
    """Run the collector's own command, its tools and files pointed at a root of ours."""
    command = COLLECTORS[collector].command
    for text, instead in replacements.items():
        assert text in command
        command = command.replace(text, instead)
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False, env={"PATH": PATH})
    section = Section(name=collector, stdout=done.stdout, stderr=done.stderr, exit_status=done.returncode)
    return COLLECTORS[collector].read(section)


def zypper_answer(root: Path) -> Facts:
    places = {text: f"{root}{text}" for text in ("/etc/zypp/", "/var/cache/zypp/")}
    return answer("zypper", {"zypper -n": f"zypper --root {root} -n"} | places)


PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


@pytest.mark.peer
class TestOnARootOfOurs:
    def test_rpm(self, lab: rpm_repo.RpmLab, tmp_path: Path) -> None:
        root = lab.dnf_root()
        facts = answer("rpm", {"rpm -qa": f"rpm --root {root} -qa"})
        seen = [(p.name, p.version, p.architecture, p.source_name, p.source_version, p.origin) for p in facts.packages]
        assert sorted(seen) == [
            ("labssl", "1.0-1.el9", "noarch", "labssl", "1.0-1.el9", "Lab Linux"),
            ("labtool", "2:2.1-1.el9", "noarch", "labtool", "2.1-1.el9", "Lab Linux"),
        ]
        said = lab.run("rpm", "--root", str(root), "-qa", "--qf", "%{NEVRA}\\n")
        assert sorted(said.split()) == ["labssl-0:1.0-1.el9.noarch", "labtool-2:2.1-1.el9.noarch"]
        assert facts.gaps == ()

    def test_L22_a_refresh_that_finds_nothing_new_makes_the_lists_young_again(self, lab: rpm_repo.RpmLab) -> None:
        """Most repositories of an Enterprise Linux do not change for weeks: their repomd.xml stays old."""
        root = lab.dnf_root()
        caches = [path for path in (root / "var/cache/dnf").rglob("*") if path.is_file()]
        for path in caches:
            os.utime(path, (1_700_000_000, 1_700_000_000))
        places = {text: f"{root}{text}" for text in ("/etc/yum.repos.d", "/var/cache/dnf", "/var/cache/yum")}
        before = answer("dnf_repositories", places).package_lists
        assert before is not None
        assert before.refreshed_at == datetime.fromtimestamp(1_700_000_000, UTC)
        begun = datetime.now(UTC) - timedelta(seconds=2)
        lab.run(*lab.dnf(root), "makecache", "--refresh")
        after = answer("dnf_repositories", places).package_lists
        assert after is not None
        assert after.refreshed_at is not None
        assert after.refreshed_at >= begun.replace(microsecond=0)

    def test_zypper(self, lab: rpm_repo.RpmLab) -> None:
        root = lab.zypper_root()
        unfetched = root / "etc/zypp/repos.d/unfetched.repo"
        unfetched.write_text(f"[unfetched]\nenabled=1\nbaseurl=file://{lab.repository}\n")
        facts = zypper_answer(root)
        assert [(gap.reason, gap.detail.split(":")[0]) for gap in facts.gaps] == [
            (GapReason.MISSING, "no cached metadata for unfetched")
        ]
        assert not (root / "var/cache/zypp/raw/unfetched").exists(), "zypper was led to fetch what it had not"
        unfetched.write_text(unfetched.read_text().replace("enabled=1", "enabled=0"))
        facts = zypper_answer(root)
        seen = {u.name: (u.installed_version, u.candidate_version, u.security) for u in facts.available_updates}
        assert facts.gaps == ()
        assert seen == {
            f"patch:{rpm_repo.SECURITY_ADVISORY}": ("", "1", True),
            f"patch:{rpm_repo.BUGFIX_ADVISORY}": ("", "1", False),
            "labssl": ("1.0-1.el9", "1.0-3.el9", None),
            "labtool": ("2:2.1-1.el9", "2:2.1-2.el9", None),
        }
        table = lab.run(*lab.zypper(root), "--no-refresh", "list-patches", "--category", "security")
        assert rpm_repo.SECURITY_ADVISORY in table
        assert rpm_repo.BUGFIX_ADVISORY not in table
        (patch,) = [u for u in facts.available_updates if u.security]
        assert patch.advisories == (rpm_repo.SECURITY_ADVISORY, "CVE-2026-0001")


@pytest.fixture(scope="module")
def rocky() -> Iterator[chroots.Chroot]:
    if reason := rpm_repo.why_not():
        pytest.skip(reason)
    chroot = chroot_of(chroots.ROCKY)
    with chroots.alone(chroot):
        yield chroot


@pytest.mark.peer
@pytest.mark.chroot
@pytest.mark.xdist_group("chroot")
class TestEnterpriseLinuxOverSsh:
    def test_D5_a_plain_user_sees_packages_updates_and_advisories(self, rocky: chroots.Chroot) -> None:
        before = files_of_audit(rocky)
        seen = visit_over_ssh(rocky)
        assert files_of_audit(rocky) == before
        assert seen.operating_system is not None
        assert (seen.operating_system.id, seen.operating_system.platform_id) == ("rocky", "platform:el9")
        assert {gap.kind for gap in seen.gaps} == set()
        assert not [status for status in seen.collectors if status.outcome is CollectorOutcome.FAILED]
        installed = rocky.run("rpm", "-qa", "--qf", "%{NAME} ").decode().split()
        assert sorted(package.name for package in seen.packages) == sorted(installed)
        updates = {u.name: u for u in seen.available_updates}
        assert (updates["labssl"].installed_version, updates["labssl"].candidate_version) == ("1.0-1.el9", "1.0-3.el9")
        assert (updates["labssl"].security, updates["labssl"].severity) == (True, "important")
        assert updates["labssl"].advisories == (rpm_repo.SECURITY_ADVISORY,)
        assert updates["labtool"].security is False
        assert [repository.id for repository in seen.repositories] == ["lab"]
        assert seen.package_lists is not None
        assert seen.package_lists.refreshed_at is not None
        assert seen.reboot is not None
        assert {signal.name: signal.required for signal in seen.reboot.signals}["needs-restarting"] is False

    def test_security_updates_equal_dnf_in_a_tool_session_of_its_own(self, rocky: chroots.Chroot) -> None:
        said = rocky.run("dnf", "-C", "-q", "check-update", "--security", check=False).decode()
        expected = {line.split()[0].rpartition(".")[0] for line in said.splitlines() if line.strip()}
        seen = visit_over_ssh(rocky)
        assert {update.name for update in seen.available_updates if update.security} == expected

    def test_L22_a_closed_cache_is_a_gap_and_not_up_to_date(self, rocky: chroots.Chroot) -> None:
        """An empty, closed directory over the cache, in a mount namespace of its own; dnf exits 0 all the same."""
        collector = COLLECTORS["dnf"]
        script = 'mount -t tmpfs -o mode=700 none /var/cache/dnf && exec runuser -u audit -- sh -c "$0"'
        command = (*rocky.prefix(), "sh", "-c", script, collector.command)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        facts = collector.read(Section(name="dnf", stdout=done.stdout, stderr=done.stderr, exit_status=done.returncode))
        assert facts.available_updates == ()
        assert [gap.kind for gap in facts.gaps] == [FactKind.AVAILABLE_UPDATES]
