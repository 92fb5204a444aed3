"""Kernels: only the running one counts, under the name advisories use (D1, L5, L6, L7, L14, L24)."""

import pytest

from collectors.model import FactKind, HostSnapshot, Kernel, KernelState, Package, PackageScheme
from rules.kernels import KernelDoubt, advisory_source, is_kernel
from rules.matching import Matcher
from rules.model import PatchState
from rules.verdicts import PatchVerdict
from tests.lab.snapshots import alma_host, apk, deb, debian_host, gap, rpm, suse_host, ubuntu_host
from tests.rules.advisory_rows import Made, advisory, entry, fixed, fixed_binary, knowledge, no_fix

RUNNING = deb("linux-image-6.1.0-29-amd64", "6.1.123-1", source="linux-signed-amd64", source_version="6.1.123+1")
META = deb("linux-image-amd64", "6.1.123-1", source="linux-signed-amd64", source_version="6.1.123+1")
DSA_1 = advisory("DSA-1-1", fixed("linux", "6.1.135-1"), cves=("CVE-2026-1",))
DSA_2 = advisory("DSA-2-1", fixed("linux", "6.1.158-1"), cves=("CVE-2026-2",))


def on_disk(*versions: tuple[str, str], livepatch: str = "", flavor: str = "amd64") -> KernelState:
    kernels = tuple(
        Kernel(package=f"linux-image-{release}", release=release, version=version, flavor=flavor)
        for release, version in versions
    )
    return KernelState(installed=kernels, livepatch=livepatch)


def debian(
    kernels: KernelState | None, *, packages: tuple[Package, ...] = (RUNNING, META), **changes: object
) -> HostSnapshot:
    changes.setdefault("kernel_release", "6.1.0-29-amd64")
    return debian_host(packages=packages, kernels=kernels, **changes)


def kernel_verdicts(snapshot: HostSnapshot, *made: Made) -> list[PatchVerdict]:
    found = Matcher(knowledge(*made)).match(snapshot)
    assert all(verdict.kernel for verdict in found), "only the kernel was to be judged here"
    return list(found)


def test_D1_the_running_kernel_is_matched_under_linux_by_its_own_package_version() -> None:
    (verdict,) = kernel_verdicts(debian(on_disk(("6.1.0-29-amd64", "6.1.123-1"))), DSA_1, DSA_2)
    assert (verdict.package, verdict.state, verdict.kernel) == ("linux", PatchState.MISSING, True)
    assert (verdict.installed_version, verdict.fixed_version) == ("6.1.123-1", "6.1.158-1")
    assert verdict.packages[0] == RUNNING
    assert verdict.cves == ("CVE-2026-1", "CVE-2026-2")


def test_L5_a_fixed_kernel_on_disk_waits_for_a_reboot() -> None:
    kernels = on_disk(("6.1.0-29-amd64", "6.1.123-1"), ("6.1.0-41-amd64", "6.1.158-1"))
    (verdict,) = kernel_verdicts(debian(kernels), DSA_1, DSA_2)
    assert verdict.state is PatchState.REBOOT_PENDING
    assert verdict.installed_version == "6.1.123-1"


def test_L5_what_the_kernel_on_disk_does_not_fix_yet_is_missing_besides() -> None:
    kernels = on_disk(("6.1.0-29-amd64", "6.1.123-1"), ("6.1.0-35-amd64", "6.1.137-1"))
    found = {verdict.state: verdict.cves for verdict in kernel_verdicts(debian(kernels), DSA_1, DSA_2)}
    assert found == {PatchState.REBOOT_PENDING: ("CVE-2026-1",), PatchState.MISSING: ("CVE-2026-2",)}


def test_L5_old_kernels_on_disk_are_never_reported() -> None:
    old = deb("linux-image-6.1.0-10-amd64", "6.1.38-1", source="linux-signed-amd64", source_version="6.1.38+1")
    newest = deb("linux-image-6.1.0-41-amd64", "6.1.158-1", source="linux-signed-amd64", source_version="6.1.158+1")
    kernels = on_disk(("6.1.0-10-amd64", "6.1.38-1"), ("6.1.0-41-amd64", "6.1.158-1"))
    host = debian(kernels, packages=(old, newest), kernel_release="6.1.0-41-amd64")
    assert kernel_verdicts(host, DSA_1, DSA_2) == []


def test_L5_a_newer_kernel_of_another_flavor_is_no_replacement() -> None:
    kernels = on_disk(("6.1.0-29-amd64", "6.1.123-1"))
    cloud = Kernel(package="linux-image-x", release="6.1.0-41-cloud-amd64", version="6.1.158-1", flavor="cloud-amd64")
    both = KernelState(installed=(*kernels.installed, cloud))
    assert [verdict.state for verdict in kernel_verdicts(debian(both), DSA_1)] == [PatchState.MISSING]


@pytest.mark.parametrize(
    ("build", "state"),
    [
        ("#1 SMP PREEMPT_DYNAMIC Debian 6.1.123-1 (2025-01-02)", PatchState.REBOOT_PENDING),
        ("#1 SMP PREEMPT_DYNAMIC Debian 6.1.135-1 (2025-04-25)", None),
        ("#1 SMP PREEMPT_DYNAMIC", None),
    ],
)
def test_L5_a_kernel_rebuilt_under_its_old_name_runs_the_old_build_until_the_reboot(
    build: str, state: PatchState | None
) -> None:
    rebuilt = deb("linux-image-6.1.0-29-amd64", "6.1.135-1", source="linux-signed-amd64", source_version="6.1.135+1")
    host = debian(on_disk(("6.1.0-29-amd64", "6.1.135-1")), packages=(rebuilt,), kernel_version=build)
    found = kernel_verdicts(host, DSA_1)
    assert [verdict.state for verdict in found] == ([] if state is None else [state])
    assert [verdict.installed_version for verdict in found] == ([] if state is None else ["6.1.123-1"])


@pytest.mark.parametrize(
    ("build", "installed"),
    [("#170-Ubuntu SMP Tue Nov 11", "5.15.0-161.170"), ("#171-Ubuntu SMP Wed Nov 12", None), ("", None)],
)
def test_L5_ubuntu_names_the_running_build_by_its_number(build: str, installed: str | None) -> None:
    host = ubuntu_host(
        kernels=on_disk(("5.15.0-161-generic", "5.15.0-161.171"), flavor="generic"), kernel_version=build
    )
    usn = advisory("USN-1", fixed("linux", "5.15.0-161.171", release="ubuntu:22.04"))
    found = kernel_verdicts(host, usn)
    assert [verdict.installed_version for verdict in found] == ([] if installed is None else [installed])
    assert all(verdict.state is PatchState.REBOOT_PENDING for verdict in found)


def test_an_image_no_package_owns_is_not_installed() -> None:
    loose = KernelState(installed=(Kernel(package="", release="6.1.0-29-amd64", version=""),))
    (verdict,) = kernel_verdicts(debian(loose), DSA_1)
    assert (verdict.state, verdict.reason) == (PatchState.UNKNOWN, KernelDoubt.NOT_INSTALLED)


def test_L14_a_live_patch_mitigates_whatever_is_on_disk() -> None:
    for versions in ((("6.1.0-29-amd64", "6.1.123-1"),), (("6.1.0-29-amd64", "6.1.123-1"), ("x-amd64", "6.1.158-1"))):
        found = kernel_verdicts(debian(on_disk(*versions, livepatch="livepatch: 103.1")), DSA_1, DSA_2)
        assert [verdict.state for verdict in found] == [PatchState.MITIGATED]


def test_L14_a_live_patch_does_not_make_a_fix_out_of_none() -> None:
    unfixed = entry("CVE-2026-9", no_fix("linux", "ignored"))
    host = debian(on_disk(("6.1.0-29-amd64", "6.1.123-1"), livepatch="kpatch"))
    assert [(verdict.state, verdict.reason) for verdict in kernel_verdicts(host, unfixed)] == [
        (PatchState.NO_FIX, "ignored")
    ]


def test_L24_a_container_has_no_kernel_of_its_own() -> None:
    host = debian(on_disk(("6.1.0-29-amd64", "6.1.123-1")), container=True, virtualization="lxc")
    assert kernel_verdicts(host, DSA_1) == []


@pytest.mark.parametrize(
    ("host", "doubt"),
    [
        (debian(on_disk(("6.1.0-41-amd64", "6.1.158-1"))), KernelDoubt.NOT_INSTALLED),
        (debian(on_disk()), KernelDoubt.NOT_INSTALLED),
        (debian(None, gaps=(gap(FactKind.KERNELS),)), KernelDoubt.LIST_UNREAD),
        (debian(on_disk(("6.1.0-29-amd64", "6.1.123-1")), kernel_release=""), KernelDoubt.RELEASE_UNREAD),
        (
            debian(
                on_disk(("6.1.0-29-amd64", "6.1.123-1")),
                packages=(deb("linux-image-6.1.0-29-amd64", "6.1.123-1", source="linux-upstream"),),
            ),
            KernelDoubt.NOT_RECOGNIZED,
        ),
    ],
)
def test_a_running_kernel_nobody_can_place_is_unknown_never_fine(host: HostSnapshot, doubt: KernelDoubt) -> None:
    (verdict,) = kernel_verdicts(host, DSA_1)
    assert (verdict.state, verdict.reason, verdict.kernel) == (PatchState.UNKNOWN, doubt, True)


def test_L27_a_kernel_of_another_vendor_is_outside_the_scope() -> None:
    pve = deb("linux-image-6.1.0-29-amd64", "6.8.12-4", source="proxmox-kernel-6.8", origin="Proxmox Debian Repository")
    (verdict,) = kernel_verdicts(debian(on_disk(("6.1.0-29-amd64", "6.8.12-4")), packages=(pve,)), DSA_1)
    assert (verdict.state, verdict.reason) == (PatchState.OUTSIDE_SCOPE, "Proxmox Debian Repository")


def test_the_security_index_speaks_of_the_kernel_through_its_meta_package() -> None:
    index = advisory("debian-security:bookworm/linux", fixed_binary("linux-image-amd64", "6.1.162-1"))
    (verdict,) = kernel_verdicts(debian(on_disk(("6.1.0-29-amd64", "6.1.123-1"))), index)
    assert (verdict.state, verdict.fixed_version) == (PatchState.MISSING, "6.1.162-1")


# --- names --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("linux", "linux"),
        ("linux-signed-amd64", "linux"),
        ("linux-signed-arm64", "linux"),
        ("linux-signed-6.1-amd64", "linux-6.1"),
        ("linux-signed", "linux"),
        ("linux-signed-hwe-7.0", "linux-hwe-7.0"),
        ("linux-signed-azure", "linux-azure"),
        ("openssl", "openssl"),
    ],
)
def test_D1_L6_signed_kernels_are_matched_under_the_source_they_were_signed_from(source: str, name: str) -> None:
    assert advisory_source(source, PackageScheme.DEB) == name


@pytest.mark.parametrize(
    "source",
    [
        "linux",
        "linux-signed-amd64",
        "linux-meta",
        "linux-meta-hwe-6.8",
        "linux-latest",
        "linux-6.1",
        "linux-hwe-6.8",
        "linux-aws-6.8",
        "linux-azure-fde-5.15",
        "linux-oem-6.11",
        "linux-raspi",
        "linux-realtime",
    ],
)
def test_L6_kernel_sources_are_no_ordinary_packages(source: str) -> None:
    assert is_kernel(deb("x", "1", source=source))


@pytest.mark.parametrize(
    "source", ["linux-base", "linux-firmware", "linux-atm", "linuxptp", "util-linux", "linux-ftpd"]
)
def test_what_only_sounds_like_a_kernel_is_an_ordinary_package(source: str) -> None:
    assert not is_kernel(deb("x", "1", source=source))


def test_L6_the_meta_package_is_not_matched() -> None:
    meta = deb("linux-image-generic", "5.15.0.1.1", source="linux-meta", origin="Ubuntu")
    row = advisory("USN-1", fixed("linux-meta", "9-1", release="ubuntu:22.04"))
    found = Matcher(knowledge(row)).match(ubuntu_host(packages=[meta]))
    assert found == ()


@pytest.mark.parametrize(
    "package",
    [
        deb("linux-libc-dev", "6.1.1-1", source="linux"),
        deb("linux-headers-6.1.0-29-amd64", "6.1.1-1", source="linux"),
        deb("bpftool", "7.1.0+6.1.1-1", source="linux"),
        deb("linux-perf", "6.1.1-1", source="linux"),
    ],
)
def test_L7_userland_of_the_kernel_source_has_no_kernel_cves(package: Package) -> None:
    host = debian(on_disk(("6.1.0-29-amd64", "6.1.158-1")), packages=(package,))
    assert kernel_verdicts(host, DSA_1, DSA_2) == []


# --- the other distributions --------------------------------------------------------------------------------------


def test_L6_an_ubuntu_hwe_kernel_is_matched_under_its_own_source() -> None:
    image = deb(
        "linux-image-6.8.0-40-generic",
        "6.8.0-40.40~22.04.3",
        source="linux-signed-hwe-6.8",
        origin="Ubuntu",
    )
    modules = deb("linux-modules-6.8.0-40-generic", "6.8.0-40.40~22.04.3", source="linux-hwe-6.8", origin="Ubuntu")
    host = ubuntu_host(
        packages=[image, modules],
        kernel_release="6.8.0-40-generic",
        kernels=on_disk(("6.8.0-40-generic", "6.8.0-40.40~22.04.3"), flavor="generic"),
    )
    hwe = advisory("USN-1", fixed("linux-hwe-6.8", "6.8.0-45.45~22.04.1", release="ubuntu:22.04"))
    ordinary = advisory("USN-2", fixed("linux", "99-1", release="ubuntu:22.04"))
    (verdict,) = kernel_verdicts(host, hwe, ordinary)
    assert (verdict.package, verdict.packages) == ("linux-hwe-6.8", (image, modules))
    assert [found.id for found in verdict.advisories] == ["USN-1"]


def test_the_name_tells_the_source_where_the_package_list_does_not() -> None:
    ga = ubuntu_host(kernels=on_disk(("5.15.0-161-generic", "5.15.0-161.171"), flavor="generic"))
    usn = advisory("USN-1", fixed("linux", "5.15.0-170.180", release="ubuntu:22.04"))
    assert [verdict.state for verdict in kernel_verdicts(ga, usn)] == [PatchState.MISSING]
    hwe = ubuntu_host(
        kernel_release="6.8.0-40-generic",
        kernels=on_disk(("6.8.0-40-generic", "6.8.0-40.40~22.04.3"), flavor="generic"),
    )
    assert [verdict.reason for verdict in kernel_verdicts(hwe, usn)] == [KernelDoubt.NOT_RECOGNIZED]


def el_kernel(version: str, name: str = "kernel-core") -> Package:
    return rpm(name, version, source="kernel")


def test_of_several_el_kernels_the_running_one_is_judged() -> None:
    running, newer = "5.14.0-427.13.1.el9_4", "5.14.0-427.40.1.el9_4"
    names = ("kernel", "kernel-core", "kernel-modules", "kernel-modules-core")
    installed = [el_kernel(version, name) for version in (running, newer) for name in names]
    kernels = KernelState(
        installed=tuple(
            Kernel(package="kernel-core", release=f"{version}.x86_64", version=version) for version in (running, newer)
        )
    )
    errata = advisory(
        "ALSA-1",
        *(fixed_binary(name, "5.14.0-427.20.1.el9_4", release="almalinux:9") for name in (*names, "bpftool")),
        cves=("CVE-2026-1",),
    )
    tool = rpm("bpftool", "7.2.0-427.13.1.el9_4", source="kernel")
    host = alma_host(packages=[*installed, tool], kernel_release=f"{running}.x86_64", kernels=kernels)
    (verdict,) = kernel_verdicts(host, errata)
    assert (verdict.package, verdict.state) == ("kernel", PatchState.REBOOT_PENDING)
    assert {package.name for package in verdict.packages} == set(names)
    assert {package.version for package in verdict.packages} == {running}
    rebooted = alma_host(packages=[*installed, tool], kernel_release=f"{newer}.x86_64", kernels=kernels)
    assert kernel_verdicts(rebooted, errata) == []


def test_a_newer_el_kernel_of_another_family_is_no_replacement() -> None:
    kernels = KernelState(
        installed=(
            Kernel(package="kernel-core", release="r", version="5.14.0-427.13.1.el9_4"),
            Kernel(package="kernel-rt-core", release="rt", version="5.14.0-500.el9_5"),
        )
    )
    host = alma_host(packages=[el_kernel("5.14.0-427.13.1.el9_4")], kernel_release="r", kernels=kernels)
    errata = advisory("ALSA-1", fixed_binary("kernel-core", "5.14.0-427.20.1.el9_4", release="almalinux:9"))
    assert [verdict.state for verdict in kernel_verdicts(host, errata)] == [PatchState.MISSING]


def test_a_suse_kernel_is_matched_by_its_package_version_not_by_uname() -> None:
    package = rpm("kernel-default", "5.14.21-150500.55.7.1", origin="SUSE LLC <https://www.suse.com/>")
    kernel = Kernel(
        package="kernel-default",
        release="5.14.21-150500.55.7-default",
        version="5.14.21-150500.55.7.1",
        flavor="default",
    )
    host = suse_host(
        packages=[package],
        kernel_release="5.14.21-150500.55.7-default",
        kernels=KernelState(installed=(kernel,)),
    )
    errata = advisory("SUSE-SU-1", fixed("kernel-default", "5.14.21-150500.55.12.1", release="sles:15.5"))
    assert [verdict.state for verdict in kernel_verdicts(host, errata)] == [PatchState.MISSING]


def test_an_alpine_kernel_is_a_kernel_and_its_headers_are_not() -> None:
    assert is_kernel(apk("linux-lts", "6.6.49-r0"))
    assert not is_kernel(apk("linux-headers", "6.6-r0"))
