"""A host's snapshot from its sections: kernels, reboot, origins, updates, and what nobody told."""

from datetime import UTC, datetime, timedelta

import pytest

from collectors.assembly import Cut, assemble
from collectors.hosts import discover
from collectors.model import CollectorOutcome, FactKind, GapReason, HostSnapshot, Protocol, Target
from collectors.script import read_sections
from collectors.windows.assembly import KINDS as WINDOWS_KINDS
from tests.collectors.frames import NONCE, end, frame, hello, ran

TAKEN_AT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
CLOCK = int(TAKEN_AT.timestamp())
CUT = Cut(reason=GapReason.TRUNCATED, detail="did not come home")
ON_LINUX_TOO = {FactKind.OPERATING_SYSTEM, FactKind.REBOOT, FactKind.AVAILABLE_UPDATES, FactKind.LAST_UPDATE}
ONLY_WINDOWS = set(WINDOWS_KINDS) - ON_LINUX_TOO
COLLECTORS = [source.name for source in discover()]
TARGET = Target(name="host", protocol=Protocol.LOCAL)


def identity(
    kernel: str = "6.1.0-41-amd64",
    version: str = "#1 SMP PREEMPT_DYNAMIC Debian 6.1.158-1 (2025-11-09)",
    *,
    clock: int = CLOCK,
    more: str = "virt:kvm\n",
    release: str = 'os:ID=debian\nos:VERSION_ID="12"\n',
) -> bytes:
    return ran(
        "identity",
        f"{release}kernel:{kernel}\nversion:{version}\nmachine:x86_64\nnode:h\nclock:{clock}\nuptime:10.0\n{more}",
    )


def dpkg(*packages: tuple[str, str], architecture: str = "amd64") -> bytes:
    return ran(
        "dpkg", "".join(f"{name}\t{architecture}\tii \t{version}\t{name}\t{version}\n" for name, version in packages)
    )


def rpm(*packages: tuple[str, str, str]) -> bytes:
    rows = (f"{n}\t0\t{v}\t{r}\tx86_64\t{n}-{v}-{r}.src.rpm\t(none)\tVendor\t1795200000\n" for n, v, r in packages)
    return ran("rpm", "".join(rows))


def snapshot(*frames: bytes, family: str = "deb", complete: bool = True) -> HostSnapshot:
    """The rest of the sections does not apply to this host, or is lost when the answer is not complete."""
    said = b"".join(frames)
    rest = [name for name in COLLECTORS if b" %s ran " % name.encode() not in said]
    if complete:
        said += b"".join(ran(name, "") if name == "kernels" else frame(name, "skipped", b"") for name in rest) + end()
    answer = hello(family) + said
    delivery = read_sections(answer, nonce=NONCE)
    return assemble(TARGET, delivery, discover(), taken_at=TAKEN_AT, window_s=120, cut=CUT)


def kernel_signal(seen: HostSnapshot) -> bool | None:
    assert seen.reboot is not None
    (signal,) = [signal for signal in seen.reboot.signals if signal.name == "newer-kernel"]
    return signal.required


DEB12 = (("linux-image-6.1.0-38-amd64", "6.1.147-1"), ("linux-image-6.1.0-41-amd64", "6.1.158-1"))


class TestKernelsOfDebian:
    def test_L5_the_running_kernel_is_the_newest(self) -> None:
        seen = snapshot(identity(), dpkg(*DEB12, ("linux-image-amd64", "6.1.158-1"), ("bash", "5.2.15-2+b8")))
        assert seen.kernels is not None
        assert [(k.package, k.release, k.version, k.flavor) for k in seen.kernels.installed] == [
            ("linux-image-6.1.0-38-amd64", "6.1.0-38-amd64", "6.1.147-1", "amd64"),
            ("linux-image-6.1.0-41-amd64", "6.1.0-41-amd64", "6.1.158-1", "amd64"),
        ]
        assert kernel_signal(seen) is False

    def test_L5_a_newer_kernel_on_disk_asks_for_a_reboot(self) -> None:
        seen = snapshot(identity("6.1.0-38-amd64", "#1 SMP Debian 6.1.147-1 (2025-08-02)"), dpkg(*DEB12))
        assert kernel_signal(seen) is True

    def test_L23_the_same_name_rebuilt_asks_for_a_reboot(self) -> None:
        seen = snapshot(identity(version="#1 SMP Debian 6.1.155-1 (2025-10-01)"), dpkg(*DEB12))
        assert kernel_signal(seen) is True

    def test_another_flavor_is_no_reason_to_reboot(self) -> None:
        rt = ("linux-image-6.1.0-42-rt-amd64", "6.1.159-1")
        assert kernel_signal(snapshot(identity(), dpkg(*DEB12, rt))) is False

    def test_a_kernel_no_package_owns_is_not_judged(self) -> None:
        assert kernel_signal(snapshot(identity("6.18.44-own"), dpkg(*DEB12))) is None

    @pytest.mark.parametrize(
        ("package", "release", "flavor"),
        [
            ("linux-image-6.12.41+deb13-amd64", "6.12.41+deb13-amd64", "amd64"),
            ("linux-image-6.1.0-41-cloud-amd64", "6.1.0-41-cloud-amd64", "cloud-amd64"),
            ("linux-image-6.12.30+bpo-amd64", "6.12.30+bpo-amd64", "amd64"),
            ("linux-image-5.15.0-161-generic", "5.15.0-161-generic", "generic"),
            ("linux-image-unsigned-6.8.0-40-lowlatency", "6.8.0-40-lowlatency", "lowlatency"),
            ("proxmox-kernel-6.8.12-4-pve-signed", "6.8.12-4-pve", "pve"),
            ("pve-kernel-6.2.16-3-pve", "6.2.16-3-pve", "pve"),
        ],
    )
    def test_names_of_images(self, package: str, release: str, flavor: str) -> None:
        seen = snapshot(identity(), dpkg((package, "1")))
        assert seen.kernels is not None
        assert [(k.release, k.flavor) for k in seen.kernels.installed] == [(release, flavor)]

    @pytest.mark.parametrize(
        "package",
        [
            "linux-image-amd64",
            "linux-image-generic",
            "linux-image-6.1.0-41-amd64-dbg",
            "linux-headers-6.1.0-41-amd64",
            "linux-libc-dev",
            "linux-modules-5.15.0-161-generic",
        ],
    )
    def test_L6_L7_meta_headers_and_modules_are_no_images(self, package: str) -> None:
        seen = snapshot(identity(), dpkg((package, "1")))
        assert seen.kernels is not None
        assert seen.kernels.installed == ()

    def test_ubuntu_writes_the_upload_into_the_kernel_version(self) -> None:
        image = ("linux-image-5.15.0-161-generic", "5.15.0-161.171")
        assert kernel_signal(snapshot(identity("5.15.0-161-generic", "#171-Ubuntu SMP Sat"), dpkg(image))) is False
        assert kernel_signal(snapshot(identity("5.15.0-161-generic", "#170-Ubuntu SMP Sat"), dpkg(image))) is True

    def test_L24_a_container_has_no_kernel_signal_and_no_reboot_gap(self) -> None:
        seen = snapshot(identity(more="virt:lxc\n"), dpkg(*DEB12))
        assert seen.reboot is None
        assert not seen.gaps_of(FactKind.REBOOT)

    def test_without_packages_the_kernels_are_unknown_too(self) -> None:
        seen = snapshot(
            identity(), ran("dpkg", "", stderr=b"Permission denied", status=2), ran("kernels", "boot:6.1\n")
        )
        assert seen.kernels is None
        assert seen.gaps_of(FactKind.KERNELS)


class TestKernelsOfOthers:
    def test_el9_core_packages_count_and_the_meta_package_does_not(self) -> None:
        packages = rpm(
            ("kernel", "5.14.0", "427.el9"), ("kernel-core", "5.14.0", "427.el9"), ("kernel-core", "5.14.0", "503.el9")
        )
        seen = snapshot(identity("5.14.0-427.el9.x86_64", "#1 SMP"), packages, family="rhel")
        assert seen.kernels is not None
        assert [(k.package, k.release) for k in seen.kernels.installed] == [
            ("kernel-core", "5.14.0-427.el9.x86_64"),
            ("kernel-core", "5.14.0-503.el9.x86_64"),
        ]
        assert kernel_signal(seen) is True

    @pytest.mark.parametrize(
        ("version", "older", "newer"),
        [
            ("3.10.0", "1160.el7", "1160.2.1.el7"),
            ("4.18.0", "80.el8", "80.1.2.el8_0"),
            ("4.18.0", "553.el8_10", "553.5.1.el8_10"),
            ("5.14.0", "427.8.1.el9_4", "427.13.1.el9_4"),
            ("6.12.0", "55.el10_0", "55.9.1.el10_0"),
        ],
    )
    def test_L5_an_update_of_a_first_kernel_is_newer_than_it(self, version: str, older: str, newer: str) -> None:
        """The first kernel of a minor release has fewer numbers before ".el8", and the 8 counts for nothing."""
        packages = rpm(("kernel-core", version, older), ("kernel-core", version, newer))
        for running, required in ((older, True), (newer, False)):
            seen = snapshot(identity(f"{version}-{running}.x86_64", "#1 SMP"), packages, family="rhel")
            assert kernel_signal(seen) is required

    def test_el7_kernel_is_the_image(self) -> None:
        packages = rpm(("kernel", "3.10.0", "1160.el7"), ("kernel", "3.10.0", "1160.119.1.el7"))
        seen = snapshot(identity("3.10.0-1160.119.1.el7.x86_64", "#1 SMP"), packages, family="rhel")
        assert kernel_signal(seen) is False

    def test_el9_64k_variant_carries_its_mark(self) -> None:
        images = ran("kernels", "modules:5.14.0-427.el9.x86_64+64k\n")
        packages = rpm(("kernel-64k-core", "5.14.0", "427.el9"))
        seen = snapshot(identity("5.14.0-427.el9.x86_64+64k", "#1"), packages, images, family="rhel")
        assert kernel_signal(seen) is False

    def test_suse_release_lacks_the_rebuild_count(self) -> None:
        packages = rpm(
            ("kernel-default", "5.14.21", "150500.55.88.1"), ("kernel-default", "5.14.21", "150500.55.100.1")
        )
        images = ran("kernels", "boot:5.14.21-150500.55.88-default\nboot:5.14.21-150500.55.100-default\n")
        seen = snapshot(identity("5.14.21-150500.55.88-default", "#1 SMP"), packages, images, family="suse")
        assert seen.kernels is not None
        assert [k.release for k in seen.kernels.installed] == [
            "5.14.21-150500.55.88-default",
            "5.14.21-150500.55.100-default",
        ]
        assert kernel_signal(seen) is True

    def test_alpine_release_is_version_and_flavor(self) -> None:
        database = ran("apk", "P:linux-lts\nV:6.6.49-r0\nA:x86_64\no:linux-lts\n\n")
        seen = snapshot(identity("6.6.49-0-lts", "#1-Alpine SMP"), database, family="apk")
        assert kernel_signal(seen) is False

    def test_images_without_packages_stand_alone(self) -> None:
        seen = snapshot(identity("6.12.1-arch1-1"), ran("kernels", "modules:6.12.1-arch1-1\n"), family="unknown")
        assert seen.kernels is not None
        assert [(k.package, k.release) for k in seen.kernels.installed] == [("", "6.12.1-arch1-1")]


POLICY = """target|http://mirror.example/debian|bookworm|main|Debian|Debian
target|http://mirror.example/debian-security|bookworm-security|main|Debian|Debian-Security
bash:
  Installed: 5.2.15-2
  Candidate: 5.2.15-3
  Version table:
     5.2.15-3 500
        500 http://mirror.example/debian-security bookworm-security/main amd64 Packages
 *** 5.2.15-2 100
        100 /var/lib/dpkg/status
libc6:i386:
  Installed: 2.36-9
  Candidate: 2.36-9
  Version table:
 *** 2.36-9 100
        100 /var/lib/dpkg/status
libc6:
  Installed: 2.36-9
  Candidate: 2.36-9
  Version table:
 *** 2.36-9 500
        500 http://mirror.example/debian bookworm/main amd64 Packages
        100 /var/lib/dpkg/status
end
"""
UPDATES = """The following packages have been kept back:
  bash
0 upgraded, 0 newly installed, 0 to remove and 1 not upgraded.
"""


class TestOriginsAndUpdates:
    def test_L11_every_package_learns_who_offers_it_by_architecture(self) -> None:
        packages = ran(
            "dpkg",
            "bash\tamd64\thi \t5.2.15-2\tbash\t5.2.15-2\n"
            "libc6:amd64\tamd64\tii \t2.36-9\tglibc\t2.36-9\n"
            "libc6:i386\ti386\tii \t2.36-9\tglibc\t2.36-9\n",
        )
        seen = snapshot(identity(), packages, ran("apt_policy", POLICY))
        assert [(p.name, p.architecture, p.origin, p.held) for p in seen.packages] == [
            ("bash", "amd64", "Debian", True),
            ("libc6", "amd64", "Debian", False),
            ("libc6", "i386", "", False),
        ]

    def test_what_apt_keeps_back_is_an_update_with_its_candidate(self) -> None:
        seen = snapshot(identity(), dpkg(("bash", "5.2.15-2")), ran("apt_policy", POLICY), ran("apt_updates", UPDATES))
        (update,) = seen.available_updates
        assert (update.name, update.installed_version, update.candidate_version) == ("bash", "5.2.15-2", "5.2.15-3")
        assert (update.security, update.held_back, update.origin) == (True, True, "Debian:bookworm-security")

    def test_dnf_updates_learn_what_is_installed(self) -> None:
        answer = ran("dnf", "status:0\nbash.x86_64 5.1.8-9.el9 baseos\nnew.x86_64 1-1 baseos\nstatus:100\n")
        seen = snapshot(identity(), rpm(("bash", "5.1.8", "6.el9")), answer, family="rhel")
        assert [(u.name, u.installed_version) for u in seen.available_updates] == [("bash", "5.1.8-6.el9"), ("new", "")]

    def test_repositories_of_lists_and_sources_are_one(self) -> None:
        sources = (
            "file:/etc/apt/sources.list\nline:deb http://mirror.example/debian/ bookworm main\n"
            "line:deb http://never-fetched.example/x bookworm main\n"
        )
        seen = snapshot(identity(), ran("apt_policy", POLICY), ran("apt_sources", sources))
        assert [(r.uri, r.origin, r.security) for r in seen.repositories] == [
            ("http://mirror.example/debian", "Debian", False),
            ("http://mirror.example/debian-security", "Debian", True),
            ("http://never-fetched.example/x", "", False),
        ]


class TestWhatNobodyTold:
    def test_G2_a_cut_answer_keeps_what_came_and_names_every_section_that_did_not(self) -> None:
        seen = snapshot(identity(), dpkg(("bash", "5.2.15-2")), complete=False)
        assert len(seen.packages) == 1
        assert not seen.gaps_of(FactKind.PACKAGES)
        for kind in (FactKind.AVAILABLE_UPDATES, FactKind.PACKAGE_LISTS, FactKind.REPOSITORIES, FactKind.LAST_UPDATE):
            assert {gap.reason for gap in seen.gaps_of(kind)} == {GapReason.TRUNCATED}
        statuses = {status.name: status.outcome for status in seen.collectors}
        assert statuses["dpkg"] is CollectorOutcome.OK
        assert statuses["apt_updates"] is CollectorOutcome.FAILED
        assert statuses["rpm"] is CollectorOutcome.NOT_APPLICABLE

    def test_an_unknown_distribution_keeps_its_identity_and_says_unsupported(self) -> None:
        seen = snapshot(identity(release="os:ID=plan9\n"), family="unknown")
        assert seen.operating_system is not None
        assert seen.operating_system.id == "plan9"
        assert {gap.reason for gap in seen.gaps_of(FactKind.PACKAGES)} == {GapReason.UNSUPPORTED}
        assert {gap.reason for gap in seen.gaps_of(FactKind.AVAILABLE_UPDATES)} == {GapReason.UNSUPPORTED}

    def test_an_empty_tuple_without_a_gap_means_that_somebody_looked(self) -> None:
        """Every section skipped, missing or absent: each kind a rule may rest on is hidden by a gap."""
        for family in ("deb", "rhel", "suse", "rpm", "apk", "unknown"):
            for complete in (True, False):
                seen = snapshot(family=family, complete=complete)
                hidden = {gap.kind for gap in seen.gaps}
                expected = set(FactKind) - {FactKind.HOST, FactKind.SUBSCRIPTION, FactKind.APPLICATIONS, *ONLY_WINDOWS}
                if family == "unknown" and complete:  # the images on disk were looked at
                    expected -= {FactKind.KERNELS}
                assert hidden >= expected, (family, complete)

    def test_L23_signs_that_say_nothing_are_a_gap(self) -> None:
        seen = snapshot(identity("6.18.44-own"), dpkg(("bash", "1")), ran("reboot_file", "file:no\n"))
        assert [gap.reason for gap in seen.gaps_of(FactKind.REBOOT)] == [GapReason.MISSING]

    def test_an_optional_tool_that_is_absent_is_not_applicable(self) -> None:
        seen = snapshot(identity(), frame("snap", "missing", b"snap"))
        (status,) = [status for status in seen.collectors if status.name == "snap"]
        assert (status.outcome, status.detail) == (CollectorOutcome.NOT_APPLICABLE, "snap is not installed")


class TestClock:
    @pytest.mark.parametrize(
        ("seconds", "skew"),
        [(0, 0), (60, 0), (120, 0), (150, 30), (-1, 0), (-90, -90), (86400 * 400, 86400 * 400 - 120)],
    )
    def test_the_skew_is_what_lies_outside_the_visit(self, seconds: int, skew: int) -> None:
        system = snapshot(identity(clock=CLOCK + seconds)).operating_system
        assert system is not None
        assert system.clock_skew_s == skew

    def test_the_boot_time_is_by_the_hosts_own_clock(self) -> None:
        system = snapshot(identity(clock=CLOCK + 3600)).operating_system
        assert system is not None
        assert system.boot_time == TAKEN_AT + timedelta(seconds=3590)
