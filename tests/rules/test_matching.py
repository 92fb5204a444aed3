"""What is missing on a host, and what is not: debs, sources, states of a fix, origins. Kernels have their own file."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.feeds.records import Severity
from collectors.model import FactKind, GapReason, HostSnapshot, Package, PackageScheme
from rules.knowledge import Knowledge
from rules.matching import Matcher, needed
from rules.model import PatchState
from rules.verdicts import PatchVerdict
from rules.versions import compare
from tests.lab.snapshots import alpine_host, deb, debian_host, gap, suse_host, ubuntu_host, unreached
from tests.rules.advisory_rows import (
    Made,
    advisory,
    entry,
    fixed,
    fixed_binary,
    knowledge,
    no_fix,
    not_affected,
    pending,
)


def verdicts(snapshot: HostSnapshot, *made: Made) -> tuple[PatchVerdict, ...]:
    """Verdicts but the kernel's."""
    return tuple(verdict for verdict in Matcher(knowledge(*made)).match(snapshot) if not verdict.kernel)


def states(snapshot: HostSnapshot, *made: Made) -> dict[str, PatchState]:
    return {verdict.package: verdict.state for verdict in verdicts(snapshot, *made)}


OPENSSL = advisory("DSA-6001-1", fixed("openssl", "3.0.17-1~deb12u2"), cves=("CVE-2026-1", "CVE-2026-2"))


def test_a_version_below_the_fixed_one_is_missing_and_says_why() -> None:
    installed = [
        deb("libssl3", "3.0.15-1~deb12u1", source="openssl"),
        deb("openssl", "3.0.15-1~deb12u1"),
        deb("zlib1g", "1:1.2.13.dfsg-1", source="zlib"),
    ]
    (verdict,) = verdicts(debian_host(packages=installed), OPENSSL)
    assert (verdict.package, verdict.state, verdict.kernel) == ("openssl", PatchState.MISSING, False)
    assert [package.name for package in verdict.packages] == ["libssl3", "openssl"]
    assert (verdict.installed_version, verdict.fixed_version) == ("3.0.15-1~deb12u1", "3.0.17-1~deb12u2")
    assert verdict.fixed_versions == ("3.0.17-1~deb12u2", "3.0.17-1~deb12u2")
    assert verdict.cves == ("CVE-2026-1", "CVE-2026-2")
    assert verdict.released_on == date(2026, 11, 1)


@pytest.mark.parametrize("version", ["3.0.17-1~deb12u2", "3.0.17-1~deb12u3", "1:1.0-1"])
def test_a_version_at_or_above_the_fixed_one_is_patched(version: str) -> None:
    assert verdicts(debian_host(packages={"openssl": version}), OPENSSL) == ()


def test_several_open_advisories_make_one_verdict_oldest_first_with_the_highest_fix() -> None:
    later = advisory("DSA-6002-1", fixed("openssl", "3.0.17-1~deb12u9"), issued_on=date(2026, 11, 9))
    older = advisory("DSA-6000-1", fixed("openssl", "3.0.16-1~deb12u1"), issued_on=date(2026, 10, 1))
    undated = advisory("DSA-5999-1", fixed("openssl", "3.0.16-1~deb12u1"), issued_on=None)
    (verdict,) = verdicts(debian_host(packages={"openssl": "3.0.15-1~deb12u1"}), undated, later, OPENSSL, older)
    assert [found.id for found in verdict.advisories] == ["DSA-6000-1", "DSA-6001-1", "DSA-6002-1", "DSA-5999-1"]
    assert verdict.fixed_version == "3.0.17-1~deb12u9"
    assert verdict.released_on == date(2026, 10, 1)


def test_only_advisories_above_the_installed_version_are_open() -> None:
    later = advisory("DSA-6002-1", fixed("openssl", "3.0.17-1~deb12u9"), issued_on=date(2026, 11, 9))
    (verdict,) = verdicts(debian_host(packages={"openssl": "3.0.17-1~deb12u2"}), OPENSSL, later)
    assert [found.id for found in verdict.advisories] == ["DSA-6002-1"]


def test_another_release_or_another_distribution_says_nothing() -> None:
    assert verdicts(debian_host(release="11", packages={"openssl": "1.0-1"}), OPENSSL) == ()
    assert verdicts(ubuntu_host(packages={"openssl": "1.0-1"}), OPENSSL) == ()


# --- sources and binaries -----------------------------------------------------------------------------------------


def test_L1_debian_rows_name_the_source_and_its_version() -> None:
    """The binary's own version (4:12.2.0-3) does not compare with its source's (1.203)."""
    gcc = deb("gcc", "4:12.2.0-3", source="gcc-defaults", source_version="1.203")
    (verdict,) = verdicts(debian_host(packages=[gcc]), advisory("DSA-1-1", fixed("gcc-defaults", "1.204")))
    assert (verdict.package, verdict.installed_version, verdict.fixed_version) == ("gcc-defaults", "1.203", "1.204")
    assert verdict.fixed_versions == ("",)
    assert verdicts(debian_host(packages=[gcc]), advisory("DSA-1-1", fixed("gcc", "5:1.0-1"))) == ()


def test_L1_suse_and_alpine_rows_name_sources_too() -> None:
    suse = advisory("SUSE-SU-1", fixed("openssl-3", "3.0.8-150500.5.9.1", release="sles:15.5"))
    assert states(suse_host(packages={"openssl-3": "3.0.8-150500.5.6.1"}), suse) == {"openssl-3": PatchState.MISSING}
    alpine = advisory("ALPINE-1", fixed("busybox", "1.36.1-r31", release="alpine:3.20"))
    assert states(alpine_host(packages={"busybox": "1.36.1-r29"}), alpine) == {"busybox": PatchState.MISSING}


def test_D1_D3_a_binary_rebuild_has_the_version_of_its_source() -> None:
    rebuilt = deb("tar", "1.27.1-2+b1", source="tar", source_version="1.27.1-2")
    assert verdicts(debian_host(packages=[rebuilt]), advisory("DSA-1-1", fixed("tar", "1.27.1-2"))) == ()
    unread = deb("tar", "1.27.1-2+b13", source="tar", source_version="1.27.1-2+b13")
    found = verdicts(debian_host(packages=[unread]), advisory("DSA-1-1", fixed("tar", "1.27.1-2+deb12u1")))
    assert [verdict.installed_version for verdict in found] == ["1.27.1-2"]


def test_D2_security_is_the_origin_a_fix_of_the_security_archive_counts_without_cve() -> None:
    """The security suite's index names binaries, each with its own version; tzdata came without any CVE."""
    index = advisory("debian-security:bookworm/tzdata_2026b-0+deb12u1", fixed_binary("tzdata", "2026b-0+deb12u1"))
    (verdict,) = verdicts(debian_host(packages={"tzdata": "2025b-0+deb12u1"}), index)
    assert (verdict.state, verdict.cves, verdict.fixed_versions) == (PatchState.MISSING, (), ("2026b-0+deb12u1",))


def test_index_and_advisory_of_one_source_make_one_verdict() -> None:
    index = advisory(
        "debian-security:bookworm/openssl_3.0.17-1~deb12u2",
        fixed_binary("libssl3", "3.0.17-1~deb12u2"),
        fixed_binary("openssl", "3.0.17-1~deb12u2"),
        issued_on=None,
    )
    installed = [deb("libssl3", "3.0.15-1~deb12u1", source="openssl"), deb("openssl", "3.0.15-1~deb12u1")]
    (verdict,) = verdicts(debian_host(packages=installed), index, OPENSSL)
    assert [found.id for found in verdict.advisories] == ["DSA-6001-1", index[0].id]
    assert (verdict.fixed_version, verdict.released_on) == ("3.0.17-1~deb12u2", date(2026, 11, 1))


def test_an_index_row_counts_for_its_exact_binary_only() -> None:
    index = advisory("debian-security:bookworm/x", fixed_binary("libssl3", "3.0.17-1~deb12u2"))
    assert verdicts(debian_host(packages={"openssl": "3.0.15-1~deb12u1"}), index) == ()


def test_L4_a_held_package_is_installed_and_carries_its_hold() -> None:
    held = deb("openssl", "3.0.15-1~deb12u1", held=True)
    (verdict,) = verdicts(debian_host(packages=[held]), OPENSSL)
    assert verdict.packages == (held,)


def test_L21_two_architectures_and_two_versions_of_one_package_stay_apart() -> None:
    old, new = (
        deb("libssl3", "3.0.15-1~deb12u1", source="openssl", architecture="i386"),
        deb("libssl3", "3.0.17-1~deb12u2", source="openssl"),
    )
    (verdict,) = verdicts(debian_host(packages=[new, old]), OPENSSL)
    assert verdict.packages == (old,)


# --- fixes that are not there -------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["no-dsa", "ignored", "postponed", "unimportant", "end-of-life", "undetermined"])
def test_L8_debian_without_fix_says_so_in_debians_words(reason: str) -> None:
    (verdict,) = verdicts(debian_host(packages={"zlib": "1.2-1"}), entry("CVE-2026-9", no_fix("zlib", reason)))
    assert (verdict.state, verdict.reason, verdict.fixed_version) == (PatchState.NO_FIX, reason, "")


@pytest.mark.parametrize("reason", ["will-not-fix", "fix-deferred", "out-of-support-scope", "under-investigation"])
def test_L17_red_hats_words_for_no_fix_are_kept(reason: str) -> None:
    (verdict,) = verdicts(debian_host(packages={"zlib": "1.2-1"}), entry("CVE-2026-9", no_fix("zlib", reason)))
    assert (verdict.state, verdict.reason) == (PatchState.NO_FIX, reason)


def test_L8_L26_fixed_in_version_0_was_never_affected() -> None:
    assert verdicts(debian_host(packages={"zlib": "1.2-1"}), advisory("DSA-1-1", fixed("zlib", "0"))) == ()
    alpine = advisory("ALPINE-1", fixed("zlib", "0", release="alpine:3.20"))
    assert verdicts(alpine_host(packages={"zlib": "1.3.1-r1"}), alpine) == ()


def test_L9_a_fix_of_the_next_point_release_is_upcoming() -> None:
    waiting = entry("CVE-2026-9", pending("zlib", "1:1.2.13-1+deb12u1"))
    assert states(debian_host(packages={"zlib": "1:1.2.13-1"}), waiting) == {"zlib": PatchState.UPCOMING}
    assert states(debian_host(packages={"zlib": "1:1.2.13-1+deb12u1"}), waiting) == {}
    undated = entry("CVE-2026-9", pending("zlib", ""))
    assert states(debian_host(packages={"zlib": "1:1.2.13-1"}), undated) == {"zlib": PatchState.UPCOMING}


def test_L10_an_lts_advisory_counts_like_any_other() -> None:
    dla = advisory("DLA-4001-1", fixed("openssl", "1.1.1w-0+deb11u9", release="debian:11"))
    host = debian_host(release="11", packages={"openssl": "1.1.1w-0+deb11u1"})
    assert states(host, dla) == {"openssl": PatchState.MISSING}


def test_no_fix_is_not_said_of_a_cve_an_advisory_covers_installed_or_not() -> None:
    stale = entry("CVE-2026-2", no_fix("openssl", "postponed"))
    assert states(debian_host(packages={"openssl": "3.0.15-1~deb12u1"}), OPENSSL, stale) == {
        "openssl": PatchState.MISSING
    }
    assert states(debian_host(packages={"openssl": "3.0.17-1~deb12u2"}), OPENSSL, stale) == {}


def test_no_fix_is_said_of_a_cve_that_no_advisory_covers() -> None:
    other = entry("CVE-2026-3", no_fix("openssl", "ignored"))
    found = verdicts(debian_host(packages={"openssl": "3.0.15-1~deb12u1"}), OPENSSL, other)
    assert {(verdict.state, verdict.cves) for verdict in found} == {
        (PatchState.MISSING, ("CVE-2026-1", "CVE-2026-2")),
        (PatchState.NO_FIX, ("CVE-2026-3",)),
    }


def test_a_cve_the_vendor_calls_not_affecting_has_no_open_entry() -> None:
    assert (
        verdicts(
            debian_host(packages={"zlib": "1.2-1"}),
            entry("CVE-2026-9", no_fix("zlib")),
            advisory("DSA-7-1", not_affected("zlib"), cves=("CVE-2026-9",)),
        )
        == ()
    )


def test_of_two_words_for_one_cve_the_telling_one_stands() -> None:
    osv = advisory("OSV-CVE-2026-9", no_fix("zlib", "unfixed"), cves=("CVE-2026-9",), security=False)
    tracker = entry("CVE-2026-9", no_fix("zlib", "postponed"))
    for order in ((osv, tracker), (tracker, osv)):
        (verdict,) = verdicts(debian_host(packages={"zlib": "1.2-1"}), *order)
        assert (verdict.reason, len(verdict.advisories)) == ("postponed", 1)
    waiting = entry("CVE-2026-9", pending("zlib", "1.3-1"))
    assert states(debian_host(packages={"zlib": "1.2-1"}), osv, waiting) == {"zlib": PatchState.UPCOMING}


# --- what is no security patch ------------------------------------------------------------------------------------


def test_D2_a_fix_nobody_announced_came_with_a_point_release_and_is_no_missing_patch() -> None:
    quiet = entry("CVE-2026-9", fixed("zlib", "1:1.2.13-1+deb12u1"))
    assert verdicts(debian_host(packages={"zlib": "1:1.2.13-1"}), quiet) == ()


def test_D2_what_a_missing_patch_closes_besides_is_listed_with_it() -> None:
    below = entry("CVE-2026-7", fixed("openssl", "3.0.16-1~deb12u1"))
    above = entry("CVE-2026-8", fixed("openssl", "3.0.18-1~deb12u1"))
    announced = entry("CVE-2026-1", fixed("openssl", "3.0.17-1~deb12u2"))
    (verdict,) = verdicts(debian_host(packages={"openssl": "3.0.15-1~deb12u1"}), OPENSSL, below, above, announced)
    assert verdict.also_fixed == ("CVE-2026-7",)
    assert [found.id for found in verdict.advisories] == ["DSA-6001-1"]


def test_D4_bug_fix_and_enhancement_advisories_are_not_security() -> None:
    bug_fix = advisory("DLA-1-1", fixed("openssl", "9.9-1"), security=False, severity=Severity.HIGH)
    assert verdicts(debian_host(packages={"openssl": "3.0.15-1~deb12u1"}), bug_fix) == ()


def test_G5_of_a_revised_advisory_in_two_feeds_the_first_date_stands() -> None:
    again = advisory("DSA-6001-1", fixed("openssl", "3.0.17-1~deb12u2"), issued_on=date(2026, 11, 20))
    (verdict,) = verdicts(debian_host(packages={"openssl": "3.0.15-1~deb12u1"}), OPENSSL, again)
    assert (verdict.released_on, len(verdict.advisories)) == (date(2026, 11, 1), 1)


def test_G4_an_undisclosed_severity_stands_above_medium() -> None:
    medium = advisory("DSA-2-1", fixed("openssl", "9-1"), severity=Severity.MEDIUM)
    undisclosed = advisory("DSA-3-1", fixed("openssl", "9-1"))
    (verdict,) = verdicts(debian_host(packages={"openssl": "3.0.15-1~deb12u1"}), medium, undisclosed)
    assert verdict.severity is Severity.UNKNOWN


# --- origins ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("package", "whose"),
    [
        (deb("openssl", "3.0.15-1~bpo12+1", origin=""), "Debian Backports"),
        (deb("openssl", "3.0.15-1~bpo12+1", origin="Debian"), "Debian Backports"),
        (deb("openssl", "3.0.15-1", origin="Debian Backports"), "Debian Backports"),
        (deb("openssl", "3.0.15-1", origin="Docker"), "Docker"),
        (deb("openssl", "3.0.15-1", origin="LP-PPA-ondrej-php"), "LP-PPA-ondrej-php"),
        (deb("openssl", "3.0.15-1+0~20240607.1+debian12~1.gbp1", origin=""), "deb.sury.org"),
        (deb("openssl", "15.4-1.pgdg120+1", origin=""), "PostgreSQL (PGDG)"),
        (deb("openssl", "20.9.0-1nodesource1", origin=""), "NodeSource"),
        (deb("openssl", "5:24.0.7-1~debian.12~bookworm", origin=""), "Docker"),
        (deb("openssl", "1.24.0-1~bookworm", origin=""), "a vendor's own archive"),
        (deb("openssl", "3.0.15-1+rpt1", origin=""), "Raspberry Pi"),
    ],
)
def test_L11_L27_another_origin_is_outside_the_scope_and_not_matched(package: Package, whose: str) -> None:
    (verdict,) = verdicts(debian_host(packages=[package]), advisory("DSA-1-1", fixed("openssl", "99:1-1")))
    assert (verdict.state, verdict.reason, verdict.advisories) == (PatchState.OUTSIDE_SCOPE, whose, ())
    assert verdict.packages == (package,)


@pytest.mark.parametrize("origin", ["Debian", "Debian-Security", ""])
def test_L11_an_outdated_package_no_repository_offers_any_more_is_the_distributions(origin: str) -> None:
    old = deb("openssl", "3.0.15-1~deb12u1", origin=origin)
    assert states(debian_host(packages=[old]), OPENSSL) == {"openssl": PatchState.MISSING}


def test_L11_one_source_may_come_from_two_origins() -> None:
    own, other = deb("php8.2", "8.2.1-1", source="php8.2"), deb("php8.2-x", "8.2.9-1", source="php8.2", origin="Sury")
    found = verdicts(debian_host(packages=[own, other]), advisory("DSA-1-1", fixed("php8.2", "8.2.5-1")))
    assert {verdict.state: verdict.packages for verdict in found} == {
        PatchState.OUTSIDE_SCOPE: (other,),
        PatchState.MISSING: (own,),
    }


def test_L25_an_ubuntu_stand_in_for_a_snap_is_no_software() -> None:
    stub = deb("firefox", "1:1snap1-0ubuntu2", origin="Ubuntu")
    entry_ = entry("CVE-2026-9", no_fix("firefox", release="ubuntu:22.04"))
    assert verdicts(ubuntu_host(packages=[stub]), entry_) == ()


# --- the host itself ----------------------------------------------------------------------------------------------


def test_G1_a_host_that_was_not_seen_has_no_verdict() -> None:
    assert Matcher(knowledge(OPENSSL)).match(unreached()) == ()


def test_L18_L27_a_system_without_release_key_has_no_verdict() -> None:
    host = debian_host(packages={"openssl": "1.0-1"}, id="raspbian")
    assert Matcher(knowledge(OPENSSL)).match(host) == ()


def test_each_distinct_package_is_judged_once_for_the_whole_estate() -> None:
    matcher = Matcher(knowledge(OPENSSL))
    hosts = [debian_host(f"deb{number}", packages={"openssl": "3.0.15-1", "bash": "5.2-1"}) for number in range(5)]
    first, *others = [matcher.match(host) for host in hosts]
    assert matcher.judged == 2
    assert all(found[0] is first[0] for found in others)
    matcher.match(debian_host("deb9", packages={"openssl": "3.0.16-1", "bash": "5.2-1"}))
    assert matcher.judged == 3


def test_what_is_said_of_one_host_does_not_depend_on_those_before_it() -> None:
    hosts = [
        debian_host("a", packages=[deb("openssl", "3.0.15-1"), deb("libssl3", "3.0.15-1", source="openssl")]),
        debian_host("b", packages=[deb("openssl", "3.0.15-1", held=True)]),
        debian_host("c", packages=[deb("openssl", "3.0.15-1", origin="Docker")]),
        ubuntu_host("d", packages={"openssl": "3.0.15-1"}),
        debian_host("e", packages=[deb("openssl", "3.0.15-1")]),
    ]
    together = Matcher(knowledge(OPENSSL))
    assert [together.match(host) for host in hosts] == [Matcher(knowledge(OPENSSL)).match(host) for host in hosts]


_versions = st.sampled_from(["1.0-1", "1.0-1~rc1", "1.0-2", "1.1-1", "1:0.5-1", "2.0-1+b1"])
_names = st.sampled_from(["a", "b", "c"])


@given(
    rows=st.lists(st.tuples(_names, _versions), max_size=12),
    hosts=st.lists(st.lists(st.tuples(_names, _versions, st.booleans()), max_size=4), min_size=1, max_size=4),
    shared=st.booleans(),
)
def test_walking_many_hosts_says_what_comparing_every_pair_says(
    rows: list[tuple[str, str]], hosts: list[list[tuple[str, str, bool]]], shared: bool
) -> None:
    made = [advisory(f"DSA-{number}-1", fixed(name, version)) for number, (name, version) in enumerate(rows)]
    matcher = Matcher(knowledge(*made))
    known: dict[tuple[str, str, bool], Package] = {}
    for host in hosts:
        packages = [deb(f"lib{name}", version, source=name, held=held) for name, version, held in host]
        if shared:
            packages = [known.setdefault(key, package) for key, package in zip(host, packages, strict=True)]
        found = {
            (package.source_name, package.version, package.held, open_one.id)
            for verdict in matcher.match(debian_host(packages=packages, container=True))
            for package in verdict.packages
            for open_one in verdict.advisories
            if len(verdict.packages) == 1
        }
        wanted = {
            (name, version, held, f"DSA-{number}-1")
            for name, version, held in host
            for number, (affected, fix) in enumerate(rows)
            if affected == name and compare(PackageScheme.DEB, version.removesuffix("+b1"), fix) < 0
        }
        alone = {name for name, _, _ in host if [other for other, _, _ in host].count(name) == 1}
        assert {one for one in found if one[0] in alone} == {one for one in wanted if one[0] in alone}
        flagged = {
            package.source_name
            for verdict in matcher.match(debian_host(packages=packages))
            for package in verdict.packages
        }
        assert flagged == {name for name, _, _, _ in wanted}


def test_rows_of_an_advisory_that_is_not_there_say_nothing() -> None:
    made = knowledge(OPENSSL)
    orphaned = Knowledge(made.feeds, {}, made.affected, {}, {}, {})
    found = Matcher(orphaned).match(debian_host(packages={"openssl": "3.0.15-1"}))
    assert [verdict for verdict in found if not verdict.kernel] == []


def test_what_is_needed_are_sources_binaries_and_what_advisories_call_the_kernel() -> None:
    installed = [
        deb("libssl3", "3.0.15-1", source="openssl"),
        deb("linux-image-6.1.0-41-amd64", "6.1.158-1", source="linux-signed-amd64", source_version="6.1.158+1"),
    ]
    names = needed(debian_host(packages=installed))["debian:12"]
    assert {"libssl3", "openssl", "linux", "linux-image-6.1.0-41-amd64", "linux-image-amd64"} <= names
    assert needed(unreached()) == {}


def test_a_package_list_that_could_not_be_read_leaves_no_false_calm() -> None:
    blind = debian_host(kernels=None, gaps=(gap(FactKind.PACKAGES, GapReason.DENIED), gap(FactKind.KERNELS)))
    (verdict,) = Matcher(knowledge(OPENSSL)).match(blind)
    assert (verdict.state, verdict.kernel) == (PatchState.UNKNOWN, True)
