"""Debian hosts: flagged sources against apt's offers, and the security suite's index against apt to the letter."""

import pytest

from tests.quality.feeds import debian_lists, debian_security_index
from tests.quality.flagged import binaries, missing, offered_sources
from tests.quality.oracles import OracleHost, debian_host, vulsio_host
from tests.quality.scoreboard import Score, record_score

LISTS = "DSA and DLA lists"
OLD_LIST = "the list sample ends 2026-08-22, the host is of 2026-11-22 (D12)"


@pytest.mark.parametrize(
    ("host", "flagged", "origin", "remark"),
    [
        # flagged: the sources feeds.md counts, and the running kernel
        ((vulsio_host, "debian_11"), 48 + 1, "security", "ca-certificates: no CVE; curl: recorded at its new version"),
        ((vulsio_host, "debian_12"), 12 + 1, "security", "sources offered by the security suite that day"),
        ((debian_host, "bullseye-main-only"), 43, "Debian-Security", "ca-certificates, dns-root-data: no CVE"),
        ((debian_host, "bookworm-main-only"), 3, "Debian-Security", OLD_LIST),
    ],
    ids=["debian_11", "debian_12", "bullseye", "bookworm"],
)
def test_nothing_is_flagged_from_the_lists_that_apt_did_not_offer(
    request: pytest.FixtureRequest, host: tuple[object, str], flagged: int, origin: str, remark: str
) -> None:
    read, name = host
    oracle: OracleHost = read(name)  # type: ignore[operator]
    found = {verdict.package for verdict in missing(oracle, debian_lists())}
    security = offered_sources(oracle, origin)
    record_score(
        request,
        Score(
            host=name,
            feed=LISTS,
            flagged=len(found),
            offered=len(offered_sources(oracle)),
            false_missing=len(found - offered_sources(oracle)),
            found=len(found & security),
            expected=len(security),
            remark=remark,
        ),
    )
    assert found - offered_sources(oracle) == set()
    assert len(found) == flagged


@pytest.mark.parametrize(("codename", "count"), [("bullseye", 107), ("bookworm", 50)])
def test_with_the_security_index_the_answer_is_apts_own(
    request: pytest.FixtureRequest, codename: str, count: int
) -> None:
    oracle = debian_host(f"{codename}-main-only")
    found = binaries(missing(oracle, debian_security_index(codename)))
    wanted = {name: update.candidate_version for name, update in oracle.offered.items() if update.security}
    record_score(
        request,
        Score(
            host=oracle.name,
            feed="security index",
            flagged=len(found),
            offered=len(oracle.offered),
            false_missing=len(found.keys() - wanted.keys()),
            found=len(found.keys() & wanted.keys()),
            expected=len(wanted),
            remark="binaries and versions equal apt's Inst lines",
        ),
    )
    assert found == wanted
    assert len(found) == count


def test_the_set_of_flagged_sources_grows_with_the_date() -> None:
    oracle = vulsio_host("debian_11")
    days = [oracle.scanned_on.replace(year=year) for year in (2022, 2024, 2026)]
    sizes = [len(missing(oracle, debian_lists(), as_of=day)) for day in days]
    assert sizes == sorted(set(sizes))
