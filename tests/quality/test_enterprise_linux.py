"""AlmaLinux hosts against dnf's offers, module streams included; and hosts that must have nothing to find."""

from collections import defaultdict
from dataclasses import replace

import pytest

from collectors.feeds.records import Advisory, AffectedPackage, FixState
from collectors.model import PackageScheme
from rules.kernels import is_kernel
from rules.knowledge import Knowledge
from rules.matching import Matcher
from rules.versions import compare, key
from tests.lab.snapshots import alma_host, rpm
from tests.quality.feeds import alma_errata
from tests.quality.flagged import binaries, missing
from tests.quality.oracles import knowledge, vulsio_host
from tests.quality.scoreboard import Score, record_score

RPM = PackageScheme.RPM
# A plain name:stream comparison flags these besides: tools of the kernel source, which carry no kernel CVEs (L7), and
# mozjs60, which dnf never offered: ALSA-2020:1766 lists the installed build itself as a fix, beside one tagged .alma.
NOT_OURS = {
    "alma_8": {"kernel-tools", "kernel-tools-libs", "python3-perf", "mozjs60"},
    "alma_10": {"kernel-tools", "kernel-tools-libs"},
}


@pytest.mark.parametrize(("name", "by_stream"), [("alma_8", 116), ("alma_10", 47)])
def test_nothing_is_flagged_that_dnf_did_not_offer(request: pytest.FixtureRequest, name: str, by_stream: int) -> None:
    oracle = vulsio_host(name)
    found = binaries(missing(oracle, alma_errata()))
    errata = _newest_fixes(name)
    wanted = {package for package in oracle.offered if package in errata}
    record_score(
        request,
        Score(
            host=name,
            feed="ALSA (OSV)",
            flagged=len(found),
            offered=len(oracle.offered),
            false_missing=len(found.keys() - oracle.offered.keys()),
            found=len(found.keys() & wanted),
            expected=len(wanted),
            remark="of offers an ALSA of the same stream names; tools of the kernel source left out (L7)",
        ),
    )
    assert found.keys() - oracle.offered.keys() == set()
    assert errata.keys() - found.keys() == NOT_OURS[name]
    assert len(errata) == by_stream


def test_D5_the_fix_flagged_may_be_newer_than_what_an_old_mirror_offers() -> None:
    oracle = vulsio_host("alma_8")
    found = binaries(missing(oracle, alma_errata()))
    behind = [n for n, fix in found.items() if fix and compare(RPM, oracle.offered[n].candidate_version, fix) < 0]
    assert behind  # the mirror was older than the errata: agreement is a lower or equal fixed version


def _newest_fixes(name: str) -> dict[str, str]:
    """Packages of a host below an ALSA of their own name:stream, by plain comparison: what feeds.md counts."""
    oracle = vulsio_host(name)
    security = _security_issued_by(oracle.scanned_on.isoformat())
    release = f"almalinux:{oracle.snapshot.operating_system.version_id.partition('.')[0]}"  # type: ignore[union-attr]
    rows = _rows(release, security)
    open_fixes: dict[str, str] = {}
    for package in oracle.snapshot.packages:
        stream = ":".join(package.module.split(":")[:2])
        fixes = [row.fixed_version for row in rows[package.name] if row.module == stream]
        newest = max(fixes, key=lambda version: key(RPM, version), default="")
        if newest and compare(RPM, package.version, newest) < 0:
            open_fixes[package.name] = newest
    return open_fixes


def _security_issued_by(day: str) -> set[str]:
    return {
        record.id
        for record in alma_errata()
        if isinstance(record, Advisory) and record.security and str(record.issued_on) <= day
    }


def _rows(release: str, security: set[str]) -> defaultdict[str, list[AffectedPackage]]:
    rows: defaultdict[str, list[AffectedPackage]] = defaultdict(list)
    for record in alma_errata():
        if isinstance(record, AffectedPackage) and record.release == release and record.advisory in security:
            rows[record.package].append(record)
    return rows


@pytest.mark.parametrize(("release", "packages", "rows", "advisories"), [("8", 58, 335, 9), ("9", 104, 1178, 91)])
def test_a_host_with_every_default_stream_package_at_its_newest_fix_has_no_finding(
    request: pytest.FixtureRequest, release: str, packages: int, rows: int, advisories: int
) -> None:
    """A matcher blind to streams flags the given packages, rows and advisories here (patches.md, 8)."""
    every = {record.id for record in alma_errata() if isinstance(record, Advisory)}
    of_package = _rows(f"almalinux:{release}", every)
    newest = {
        name: max((row.fixed_version for row in found if not row.module), key=lambda version: key(RPM, version))
        for name, found in of_package.items()
        if any(not row.module for row in found)
    }
    blind = [
        row
        for name, version in newest.items()
        for row in of_package[name]
        if row.state is FixState.FIXED and compare(RPM, version, row.fixed_version) < 0
    ]
    host = alma_host(release=f"{release}.10", packages=[rpm(name, version) for name, version in newest.items()])
    host = replace(host, operating_system=replace(host.operating_system, container=True))
    found = Matcher(_all_as_security()).match(host)
    record_score(
        request,
        Score(
            host=f"synthetic AlmaLinux {release}",
            feed="all errata (OSV)",
            flagged=len(found),
            offered=0,
            false_missing=len(found),
            remark=f"{len(newest)} packages at their newest fix; blind to streams: {len(blind)} rows flagged",
        ),
    )
    assert found == ()
    flagged = {row.package for row in blind}
    assert (len(flagged), len(blind), len({row.advisory for row in blind})) == (packages, rows, advisories)


def _all_as_security() -> Knowledge:
    """Bug fixes and enhancements (D4) taken for security, so that streams alone keep the host clean."""
    return knowledge(
        replace(record, security=True) if isinstance(record, Advisory) else record for record in alma_errata()
    )


@pytest.mark.parametrize("name", ["rocky_8", "rocky_9", "oracle_8", "rhel_10", "sles15", "opensuse_leap_15"])
def test_L20_alma_errata_say_nothing_about_any_other_host(name: str) -> None:
    """There is no feed sample for these hosts: nothing may be borrowed from a relative's."""
    oracle = vulsio_host(name)
    assert len(oracle.offered) > 0
    assert missing(oracle, alma_errata()) == ()


@pytest.mark.parametrize("name", ["alma_8", "alma_10", "rocky_8", "rocky_9", "rhel_10"])
def test_L7_a_real_host_has_tools_of_the_kernel_source_and_one_running_kernel(name: str) -> None:
    oracle = vulsio_host(name)
    assert any(is_kernel(package) for package in oracle.snapshot.packages)
    assert not any(is_kernel(package) for package in oracle.snapshot.packages if package.name == "linux-firmware")
