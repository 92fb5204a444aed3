"""Ubuntu: fixes that are free, owed with Ubuntu Pro, or only to be had with it (L12); FIPS builds (L13)."""

import pytest

from collectors.model import FactKind, Gap, GapReason, HostSnapshot, Package, Subscription
from rules.matching import Matcher
from rules.model import PatchState
from rules.rulings import Doubt
from rules.verdicts import PatchVerdict
from tests.lab.snapshots import deb, ubuntu_host
from tests.rules.advisory_rows import Made, advisory, entry, fixed, knowledge, no_fix

RELEASE = "ubuntu:22.04"
INSTALLED = {"python2.7": "2.7.18-13ubuntu1.1"}
PRO = advisory(
    "USN-7001-1",
    fixed("python2.7", "2.7.18-13ubuntu1.5+esm2", release=RELEASE, entitlement="esm-apps"),
    cves=("CVE-2026-5",),
)
FREE = advisory("USN-7002-1", fixed("python2.7", "2.7.18-13ubuntu1.2", release=RELEASE), cves=("CVE-2026-6",))


def verdicts(snapshot: HostSnapshot, *made: Made) -> tuple[PatchVerdict, ...]:
    return tuple(verdict for verdict in Matcher(knowledge(*made)).match(snapshot) if not verdict.kernel)


def said(snapshot: HostSnapshot, *made: Made) -> list[tuple[PatchState, str, str]]:
    return [(verdict.state, verdict.entitlement, verdict.reason) for verdict in verdicts(snapshot, *made)]


def test_L12_not_attached_the_fix_is_available_with_pro() -> None:
    host = ubuntu_host(packages=INSTALLED, pro=False)
    assert said(host, PRO) == [(PatchState.PRO_REQUIRED, "esm-apps", "")]


def test_L12_attached_with_the_service_the_fix_is_missing() -> None:
    host = ubuntu_host(packages=INSTALLED, pro=True, services=("esm-infra", "esm-apps"))
    assert said(host, PRO) == [(PatchState.MISSING, "", "")]


def test_L12_attached_without_the_service_that_holds_it_the_fix_still_needs_it() -> None:
    host = ubuntu_host(packages=INSTALLED, pro=True, services=("esm-infra",))
    assert said(host, PRO) == [(PatchState.PRO_REQUIRED, "esm-apps", "")]


@pytest.mark.parametrize("pro", [True, False, None])
def test_L12_an_installed_esm_version_satisfies_whoever_is_attached(pro: bool | None) -> None:
    host = ubuntu_host(packages={"python2.7": "2.7.18-13ubuntu1.5+esm2"}, pro=pro, services=("esm-apps",))
    assert said(host, PRO) == []


def test_L12_a_subscription_that_could_not_be_read_leaves_the_fix_unknown() -> None:
    wanted = [(PatchState.UNKNOWN, "esm-apps", Doubt.SUBSCRIPTION)]
    assert said(ubuntu_host(packages=INSTALLED, pro=None), PRO) == wanted
    blind = Gap(kind=FactKind.SUBSCRIPTION, collector="ubuntu_pro", reason=GapReason.TIMED_OUT, detail="too slow")
    assert said(ubuntu_host(packages=INSTALLED, subscriptions=(), gaps=(blind,)), PRO) == wanted


def test_L12_a_host_without_pro_client_is_not_attached() -> None:
    host = ubuntu_host(packages=INSTALLED, subscriptions=())
    assert said(host, PRO) == [(PatchState.PRO_REQUIRED, "esm-apps", "")]


def test_L12_another_vendors_subscription_tells_nothing() -> None:
    host = ubuntu_host(packages=INSTALLED, subscriptions=(Subscription(kind="rhel", attached=True),))
    assert said(host, PRO) == [(PatchState.PRO_REQUIRED, "esm-apps", "")]


def test_L12_a_free_and_a_pro_fix_of_one_package_are_two_verdicts() -> None:
    found = said(ubuntu_host(packages=INSTALLED, pro=False), PRO, FREE)
    assert found == [(PatchState.MISSING, "", ""), (PatchState.PRO_REQUIRED, "esm-apps", "")]


def test_L12_attached_both_are_one_missing_patch_up_to_the_higher_version() -> None:
    (verdict,) = verdicts(ubuntu_host(packages=INSTALLED, pro=True, services=("esm-apps",)), PRO, FREE)
    assert (verdict.state, verdict.fixed_version) == (PatchState.MISSING, "2.7.18-13ubuntu1.5+esm2")


def test_L12_a_cve_with_a_free_fix_needs_no_subscription() -> None:
    esm = fixed("python2.7", "2.7.18-13ubuntu1.5+esm1", release=RELEASE, entitlement="esm-apps")
    for_pro = advisory("UBUNTU-CVE-2026-6", esm, cves=("CVE-2026-6",))
    patched = ubuntu_host(packages={"python2.7": "2.7.18-13ubuntu1.2"}, pro=False)
    assert said(patched, FREE, for_pro) == []


def test_L12_a_cve_fixed_with_pro_is_not_also_without_fix() -> None:
    stale = entry("CVE-2026-5", no_fix("python2.7", "deferred", release=RELEASE))
    assert said(ubuntu_host(packages=INSTALLED, pro=False), PRO, stale) == [(PatchState.PRO_REQUIRED, "esm-apps", "")]


def test_a_doubt_waits_until_the_missing_patch_of_the_same_package_is_installed() -> None:
    assert said(ubuntu_host(packages=INSTALLED, pro=None), PRO, FREE) == [(PatchState.MISSING, "", "")]


# --- FIPS (L13) ---------------------------------------------------------------------------------------------------

ORDINARY = advisory("USN-7003-1", fixed("openssl", "3.0.2-0ubuntu1.19", release=RELEASE), cves=("CVE-2026-7",))
FIPS = advisory(
    "USN-7003-2",
    fixed("openssl", "3.0.2-0ubuntu1.19+Fips1", release=RELEASE, entitlement="fips-updates"),
    cves=("CVE-2026-7",),
)


def fips(version: str) -> Package:
    return deb("openssl", version, origin="UbuntuFIPSUpdates")


def test_L13_an_ordinary_build_is_not_compared_with_a_fips_fix() -> None:
    patched = ubuntu_host(packages={"openssl": "3.0.2-0ubuntu1.19"})
    assert said(patched, ORDINARY, FIPS) == []


def test_L13_a_fips_build_is_compared_with_fips_fixes() -> None:
    old, new = fips("3.0.2-0ubuntu1.10+Fips1"), fips("3.0.2-0ubuntu1.19+Fips1")
    for services, state in ((("fips-updates",), PatchState.MISSING), ((), PatchState.PRO_REQUIRED)):
        host = ubuntu_host(packages=[old], pro=True, services=services)
        assert [verdict.state for verdict in verdicts(host, ORDINARY, FIPS)] == [state]
    assert said(ubuntu_host(packages=[new], pro=True, services=("fips-updates",)), FIPS) == []


def test_L13_a_fips_build_for_which_nothing_is_published_is_unknown_not_fine() -> None:
    host = ubuntu_host(packages=[fips("3.0.2-0ubuntu1.10+Fips1")], pro=True, services=("fips-updates",))
    assert said(host, ORDINARY) == [(PatchState.UNKNOWN, "", Doubt.VARIANT)]
