"""Real answers of the OSV service: every id and ecosystem in them has a meaning here."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from collectors.feeds import osv_alpine, osv_debian, osv_opensuse, osv_ubuntu
from collectors.feeds.osv import Class, Dialect, read
from collectors.feeds.records import AffectedPackage
from tests.lab.feed_samples import affected, document, rows, sample
from tests.lab.ubuntu_pro import pro_documents

BODY = re.compile(r"^(?P<indent> +)body: \|\n(?P<text>(?:(?P=indent) +.*\n|\s*\n)+)", re.MULTILINE)
FILES = (
    "TestCommand_OCIImage.yaml",
    "TestCommand_OCIImage_JSONFormat.yaml",
    "TestCommand_PURL_SBOM_case_sensitivity_api.yaml",
)
DIALECTS: dict[str, Dialect] = {
    "Alpine": osv_alpine.DIALECT,
    "Debian": osv_debian.DIALECT,
    "Ubuntu": osv_ubuntu.DIALECT,
    "openSUSE": osv_opensuse.DIALECT,
}


def _answers() -> Iterator[tuple[str, str, str]]:
    """(ecosystem, package, id) of every vulnerability the service answered for a distribution's package."""
    for name in FILES:
        text = (sample("oracles/osv-recordings") / name).read_text(encoding="utf-8")
        bodies: list[dict[str, Any]] = [json.loads(match["text"]) for match in BODY.finditer(text)]
        assert len(bodies) % 2 == 0
        for question, answer in zip(bodies[::2], bodies[1::2], strict=True):
            for query, result in zip(question["queries"], answer["results"], strict=True):
                package = query["package"]
                if package["ecosystem"].split(":")[0] in DIALECTS:
                    for found in result.get("vulns", []):
                        yield package["ecosystem"], package["name"], found["id"]


def test_every_recorded_id_is_known_and_every_recorded_ecosystem_has_a_release_key() -> None:
    ids: defaultdict[str, set[str]] = defaultdict(set)
    for ecosystem, package, identity in _answers():
        dialect = DIALECTS[ecosystem.split(":")[0]]
        assert dialect.classify(identity) is not Class.FOREIGN, identity
        # The recordings hold ids only; a document with an unfixed package of that ecosystem must yield its row.
        (row,) = rows(read("x", document(identity, affected(ecosystem, package)), dialect))
        assert (row.package, row.release.partition(":")[2]) == (package, re.sub(r".*[: v]", "", ecosystem))
        ids[ecosystem].add(identity)
    assert {ecosystem: len(ids[ecosystem]) for ecosystem in ("Alpine:v3.18", "Debian:10", "openSUSE:Leap 15.5")} == {
        "Alpine:v3.18": 46,
        "Debian:10": 14,
        "openSUSE:Leap 15.5": 3,
    }
    assert len(ids["Ubuntu:22.04"]) >= 182


def _pro_rows(series: str) -> dict[tuple[str, str], AffectedPackage]:
    found = [row for data in pro_documents(series) for row in rows(osv_ubuntu.parse_member("x", data))]
    return {(row.package, row.advisory): row for row in found}


def test_L12_canonicals_own_documents_tell_the_three_kinds_of_fix_apart() -> None:
    xenial = _pro_rows("xenial")
    state = {key: (row.state.value, row.fixed_version, row.entitlement) for key, row in xenial.items()}
    assert state == {
        ("accountsservice", "UBUNTU-CVE-2012-6655"): ("no_fix", "", ""),
        ("accountsservice", "UBUNTU-CVE-2023-3297"): ("fixed", "0.6.40-2ubuntu11.6+esm1", "esm-infra"),
        ("bash", "UBUNTU-CVE-2019-18276"): ("fixed", "4.3-14ubuntu1.4+esm1", "esm-infra"),
        ("bash", "USN-4058-1"): ("fixed", "4.3-14ubuntu1.4", ""),
    }


@pytest.mark.parametrize(
    ("series", "package", "advisory", "fixed", "entitlement"),
    [
        ("jammy", "nodejs", "UBUNTU-CVE-2023-44487", "12.22.9~dfsg-1ubuntu3.6+esm2", "esm-apps"),
        ("focal", "linux-kvm", "UBUNTU-CVE-2023-20569", "", ""),
    ],
)
def test_L12_the_other_series_likewise(series: str, package: str, advisory: str, fixed: str, entitlement: str) -> None:
    row = _pro_rows(series)[package, advisory]
    assert (row.fixed_version, row.entitlement) == (fixed, entitlement)
