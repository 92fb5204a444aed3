"""Answers recorded by others on whole hosts, beside this project: read without a gap, and alike by two tools' words."""

import re
from pathlib import Path

import pytest

from collectors.hosts import discover
from collectors.hosts.base import Section

COLLECTORS = {collector.name: collector for collector in discover()}
HOSTS = Path(__file__).parents[4] / "shared" / "data" / "oracles" / "debian-real-hosts"
NAMES = sorted(path.name for path in HOSTS.glob("*-main-only")) or ["absent"]


@pytest.fixture(params=NAMES)
def host(request: pytest.FixtureRequest) -> Path:
    path: Path = HOSTS / request.param
    if not path.is_dir():
        pytest.skip("the shared recordings of real Debian hosts are not beside the project")
    return path


def test_every_package_of_a_real_host_is_read(host: Path) -> None:
    rows = [line.split("\t") for line in (host / "dpkg-query-full.tsv").read_text().splitlines()]
    text = "".join("\t".join((n, a, status, v, s, sv)) + "\n" for n, v, a, s, sv, status in rows)
    facts = COLLECTORS["dpkg"].read(Section(name="dpkg", stdout=text))
    assert facts.gaps == ()
    assert [(p.name, p.version) for p in facts.packages] == [(n, v) for n, v, *_ in rows]


def test_the_updates_of_apt_get_are_those_of_apt_list(host: Path) -> None:
    section = Section(name="apt_updates", stdout=(host / "apt-get-s-dist-upgrade.txt").read_text())
    facts = COLLECTORS["apt_updates"].read(section)
    listed = (host / "apt-list-upgradable.txt").read_text()
    expected = set(re.findall(r"^([^/\s]+)/\S+ (\S+) \S+ \[upgradable from: (\S+)\]$", listed, re.MULTILINE))
    assert facts.gaps == ()
    assert {(u.name, u.candidate_version, u.installed_version) for u in facts.available_updates} == expected
    assert {u.name for u in facts.available_updates if u.security} == set(
        re.findall(r"^([^/\s]+)/\S*-security", listed, re.MULTILINE)
    )


def test_the_candidates_of_policy_are_those_of_apt_list(host: Path) -> None:
    target = "target|http://mirror.example/debian|bookworm|main|Debian|Debian\n"
    policy = (host / "apt-cache-policy.txt").read_text()
    facts = COLLECTORS["apt_policy"].read(Section(name="apt_policy", stdout=f"{target}{policy}end\n"))
    listed = (host / "apt-list-upgradable.txt").read_text()
    assert facts.gaps == ()
    expected = set(re.findall(r"^([^/\s]+)/\S+ (\S+) ", listed, re.MULTILINE))
    assert {(n, offer.candidate_version) for n, offer in facts.offers.items() if offer.candidate_version} == expected
