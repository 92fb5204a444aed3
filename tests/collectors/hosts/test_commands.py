"""The commands themselves, run on small trees of files: what must never leave the host, and files of odd form."""

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from collectors.hosts import discover
from collectors.hosts.base import Facts, Section
from collectors.model import FactKind, GapReason

COLLECTORS = {collector.name: collector for collector in discover()}


def run(collector: str, root: Path, *places: str) -> tuple[str, Facts]:
    """Run a collector's command with the places it looks at moved below `root`."""
    command = COLLECTORS[collector].command
    for place in places:
        assert place in command
        command = command.replace(place, f"{root}{place}")
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    section = Section(name=collector, stdout=done.stdout, stderr=done.stderr, exit_status=done.returncode)
    return done.stdout, COLLECTORS[collector].read(section)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_password_in_an_apt_source_stays_on_the_host(tmp_path: Path) -> None:
    write(tmp_path / "etc/apt/sources.list", "deb https://user:s3cret@private.example/debian bookworm main")
    write(
        tmp_path / "etc/apt/sources.list.d/x.sources",
        "Types: deb\nURIs: https://bearer:t0ken@x.example/\nSuites: s\nComponents: c",
    )
    said, facts = run("apt_sources", tmp_path, "/etc/apt/")
    assert "s3cret" not in said
    assert "t0ken" not in said
    assert [repository.uri for repository in facts.repositories] == [
        "https://private.example/debian",
        "https://x.example",
    ]
    assert facts.gaps == ()


def test_secrets_of_repo_files_stay_on_the_host(tmp_path: Path) -> None:
    repository = (
        "[private]\nbaseurl=https://user:s3cret@private.example/el9?arch=$basearch\n"
        "username=me\n password = s3cret\nproxy_username=me\nproxy_password=s3cret\nenabled=1"
    )
    write(tmp_path / "etc/yum.repos.d/a.repo", repository)
    write(tmp_path / "etc/yum.repos.d/b.repo", "[b]\nbaseurl=https://b.example\n")
    said, facts = run("dnf_repositories", tmp_path, "/etc/yum.repos.d")
    assert "s3cret" not in said
    assert [repository.uri for repository in facts.repositories] == [
        "https://private.example/el9?arch=$basearch",
        "https://b.example",
    ]
    assert facts.gaps == ()


def test_a_suse_access_token_stays_on_the_host(tmp_path: Path) -> None:
    write(
        tmp_path / "etc/zypp/repos.d/a.repo",
        "[a]\nname=A?\nbaseurl=https://updates.example/SLES?s3cr3tt0ken\nenabled=1",
    )
    said, facts = run("zypper_repositories", tmp_path, "/etc/zypp/repos.d")
    assert "s3cr3t" not in said
    assert [repository.uri for repository in facts.repositories] == ["https://updates.example/SLES"]


def test_a_token_in_the_address_of_an_update_stays_on_the_host() -> None:
    """The command's own sed, on what zypper prints of SUSE's own servers."""
    expressions = COLLECTORS["zypper"].command.rpartition("| sed ")[2]
    said = (
        '<update name="a" edition="1"><source url="https://u:s3cret@updates.example/SLES?t0ken" alias="pool"/>'
        '<issue-list><issue type="cve" id="CVE-2026-1"/></issue-list><source url="https://b.example/" alias="b"/>\n'
        "status:0\n"
    )
    done = subprocess.run(["sh", "-c", f"sed {expressions}"], input=said, capture_output=True, text=True, check=True)
    assert done.stdout == said.replace("u:s3cret@", "").replace("?t0ken", "")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="becoming another user takes root")
def test_L22_a_cache_closed_to_a_plain_user_is_not_a_cache_that_does_not_exist() -> None:
    """Root with a umask of 027, as hardening guides want it."""
    with tempfile.TemporaryDirectory() as made:
        root = Path(made)
        root.chmod(0o755)
        write(root / "etc/yum.repos.d/a.repo", "[a]\nbaseurl=https://a.example\n")
        write(root / "var/cache/dnf/a-0123456789abcdef/repodata/repomd.xml", "<repomd/>")
        (root / "var/cache/dnf/a-0123456789abcdef").chmod(0o750)
        command = COLLECTORS["dnf_repositories"].command
        for place in ("/etc/yum.repos.d", "/var/cache/dnf"):
            command = command.replace(place, f"{root}{place}")
        done = subprocess.run(
            ["sh", "-c", command],
            capture_output=True,
            text=True,
            check=True,
            user=65534,
            group=65534,
            extra_groups=[],
            cwd="/",
        )
    facts = COLLECTORS["dnf_repositories"].read(Section(name="dnf_repositories", stdout=done.stdout))
    assert facts.package_lists is None
    assert [(gap.kind, gap.reason) for gap in facts.gaps] == [(FactKind.PACKAGE_LISTS, GapReason.DENIED)]


def test_a_file_without_a_last_newline_does_not_swallow_the_next_line(tmp_path: Path) -> None:
    write(tmp_path / "etc/os-release", 'ID=debian\nVERSION_ID="12"')
    write(tmp_path / "etc/machine-id", "0123456789abcdef0123456789abcdef")
    _, facts = run("identity", tmp_path, "/etc/os-release", "/etc/machine-id")
    assert facts.operating_system is not None
    assert facts.operating_system.version_id == "12"
    assert facts.operating_system.machine_id == "0123456789abcdef0123456789abcdef"
    assert facts.operating_system.architecture != ""
    assert facts.clock is not None


@pytest.mark.parametrize(
    ("mount", "container"),
    [
        ("lxcfs /proc/cpuinfo fuse.lxcfs rw,nosuid 0 0\n", True),
        ("lxcfs /var/lib/lxcfs fuse.lxcfs rw,nosuid 0 0\n", False),
    ],
)
def test_L24_a_plain_user_of_a_container_without_systemd_sees_its_mounts(
    tmp_path: Path, mount: str, container: bool
) -> None:
    """On the machine that runs the containers, Proxmox for one, the same file system is mounted elsewhere."""
    write(tmp_path / "proc/mounts", f"proc /proc proc rw 0 0\n{mount}")
    said, _ = run("identity", tmp_path, "/proc/mounts")
    assert ("mark:lxc" in said) is container


def test_alpine_repositories_and_database(tmp_path: Path) -> None:
    write(tmp_path / "etc/apk/repositories", "https://me:s3cret@mirror.example/alpine/v3.20/main")
    write(tmp_path / "var/cache/apk/APKINDEX.0a1b2c3d.tar.gz", "")
    said, facts = run("apk_repositories", tmp_path, "/etc/apk/", "/var/cache/apk/")
    assert "s3cret" not in said
    assert [repository.suite for repository in facts.repositories] == ["v3.20/main"]
    assert facts.package_lists is not None
    assert facts.package_lists.refreshed_at is not None
    paragraph = ("C:Q1abc=", "P:musl", "V:1.2.5-r0", "A:x86_64", "T:the C library", "o:musl", "F:lib", "R:ld-musl.so")
    database = "\n".join(paragraph) + "\n\n"
    write(tmp_path / "lib/apk/db/installed", database)
    _, facts = run("apk", tmp_path, "/lib/apk/db/installed ")
    assert [(package.name, package.version) for package in facts.packages] == [("musl", "1.2.5-r0")]


def test_a_registration_code_stays_on_the_host() -> None:
    """The command's own sed, on what SUSEConnect prints."""
    expression = COLLECTORS["suse_subscription"].command.split("sed -e '")[1].split("' -e")[0]
    said = '[{"identifier":"SLES","regcode":"INTERNAL-USE-ONLY-0a1b","status":"Registered"}]'
    done = subprocess.run(["sed", "-e", expression], input=said, capture_output=True, text=True, check=True)
    assert "INTERNAL" not in done.stdout
    assert '"regcode":""' in done.stdout


def test_the_reboot_file_and_its_packages(tmp_path: Path) -> None:
    write(tmp_path / "run/reboot-required", "*** System restart required ***\n")
    write(tmp_path / "run/reboot-required.pkgs", "linux-base\nlibc6")
    _, facts = run("reboot_file", tmp_path, "/run/reboot-required; ")
    assert facts.reboot_packages == ("linux-base", "libc6")
    assert [signal.required for signal in facts.reboot_signals] == [True]


def test_a_live_patch_that_is_enabled_is_named(tmp_path: Path) -> None:
    write(tmp_path / "sys/kernel/livepatch/kpatch_5_14_0/enabled", "1\n")
    write(tmp_path / "boot/vmlinuz-5.14.0-427.el9.x86_64", "")
    _, facts = run("kernels", tmp_path, "/sys/kernel/livepatch/", "/boot", "/lib/modules")
    assert facts.livepatch == "livepatch: kpatch_5_14_0"
    assert facts.kernel_images == ("5.14.0-427.el9.x86_64",)
