"""Ubuntu Pro's own vulnerability documents: the three outcomes of a fix (L12), per CVE, attached and not attached.

What `pro cves` prints for these documents (features_api_cves.feature, features_cli_cves.feature) is the answer: the
origin of a fix is the pocket its version lives in.
"""

import json
import lzma
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from collectors.feeds.feed import FeedRecord
from collectors.feeds.records import Advisory, AffectedPackage, FixState, PackageKind
from collectors.model import HostSnapshot
from rules.matching import Matcher
from rules.model import PatchState
from tests.lab.snapshots import deb, ubuntu_host
from tests.quality.oracles import data, knowledge
from tests.quality.scoreboard import Score, record_score

_STATES = {"fixed": FixState.FIXED, "vulnerable": FixState.NO_FIX, "not-vulnerable": FixState.NOT_AFFECTED}
Outcomes = dict[PatchState, set[tuple[str, str]]]  # by state: (CVE, entitlement)


def document(codename: str) -> dict[str, Any]:
    with lzma.open(data(f"oracles/ubuntu-pro/security_issues_{codename}.json.xz")) as file:
        found: dict[str, Any] = json.load(file)
    return found


def records(content: dict[str, Any], release: str) -> Iterator[FeedRecord]:
    """One advisory per CVE and package; a version of an esm pocket needs that service."""
    for package, known in content["packages"].items():
        for cve, found in known["cves"].items():
            fixed = found["source_fixed_version"] or ""
            pocket = known["source_versions"].get(fixed, {}).get("pocket", "")
            yield Advisory(id=f"{package}/{cve}", feed="ubuntu-pro", cves=(cve,))
            yield AffectedPackage(
                advisory=f"{package}/{cve}",
                release=release,
                package=package,
                kind=PackageKind.SOURCE,
                state=_STATES[found["status"]],
                fixed_version=fixed,
                entitlement=pocket if pocket.startswith("esm-") else "",
            )


def outcomes(host: HostSnapshot, made: list[FeedRecord]) -> Outcomes:
    found: defaultdict[PatchState, set[tuple[str, str]]] = defaultdict(set)
    for verdict in Matcher(knowledge(made)).match(host):
        if not verdict.kernel:
            found[verdict.state].update((cve, verdict.entitlement) for cve in verdict.cves)
    return dict(found)


XENIAL = [
    deb("accountsservice", "0.6.40-2ubuntu11.6", origin="Ubuntu"),
    deb("bash", "4.3-14ubuntu1.4", origin="Ubuntu"),
]
XENIAL_ESM = {("CVE-2023-3297", "esm-infra"), ("CVE-2019-18276", "esm-infra")}
JAMMY = [deb("nodejs", "12.22.9~dfsg-1ubuntu3.6", origin="Ubuntu")]


def _without_pro(owed: set[tuple[str, str]]) -> set[tuple[str, str]]:
    return {(cve, "") for cve, _ in owed}


@pytest.mark.parametrize(
    ("codename", "release", "installed", "needs_pro", "unfixed"),
    [
        ("xenial", "16.04", XENIAL, XENIAL_ESM, {("CVE-2012-6655", "")}),
        ("jammy", "22.04", JAMMY, {("CVE-2023-44487", "esm-apps")}, set()),
    ],
)
def test_L12_every_cve_has_the_outcome_that_pro_itself_prints(
    request: pytest.FixtureRequest,
    codename: str,
    release: str,
    installed: list[Any],
    needs_pro: set[tuple[str, str]],
    unfixed: set[tuple[str, str]],
) -> None:
    made = list(records(document(codename), f"ubuntu:{release}"))
    services = ("esm-apps", "esm-infra")
    silent = {PatchState.NO_FIX: unfixed} if unfixed else {}

    def host(**changes: Any) -> HostSnapshot:
        return ubuntu_host(release="22.04", version_id=release, packages=installed, **changes)

    assert outcomes(host(pro=False), made) == {PatchState.PRO_REQUIRED: needs_pro, **silent}
    assert outcomes(host(pro=True, services=services), made) == {PatchState.MISSING: _without_pro(needs_pro), **silent}
    record_score(
        request,
        Score(
            host=f"ubuntu {release} of pro's tests",
            feed="pro vulnerability data",
            flagged=len(needs_pro),
            offered=len(needs_pro),
            false_missing=0,
            found=len(needs_pro),
            expected=len(needs_pro),
            remark="CVEs: needs Pro when not attached, missing when attached, silent once ~esm is installed",
        ),
    )


def test_L12_an_installed_esm_version_satisfies() -> None:
    made = list(records(document("jammy"), "ubuntu:22.04"))
    esm = [deb("nodejs", "12.22.9~dfsg-1ubuntu3.6+esm2", origin="UbuntuESMApps")]
    assert outcomes(ubuntu_host(packages=esm, pro=False), made) == {}


def test_a_kernel_source_of_the_documents_is_not_matched_unless_it_runs() -> None:
    made = list(records(document("focal"), "ubuntu:20.04"))
    headers = [deb("linux-headers-kvm", "5.4.0.1001.1", source="linux-kvm", origin="Ubuntu")]
    assert outcomes(ubuntu_host(release="20.04", packages=headers), made) == {}
