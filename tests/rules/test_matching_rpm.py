"""Alma, Rocky, Red Hat, SUSE: binary names, module streams (L15), minor streams (L16), own errata only (L20)."""

import pytest

from collectors.model import HostSnapshot, Package, Repository, Subscription
from rules.matching import Matcher, needed
from rules.model import PatchState
from rules.rulings import Doubt
from rules.verdicts import PatchVerdict
from tests.lab.snapshots import alma_host, rhel_host, rocky_host, rpm, suse_host
from tests.rules.advisory_rows import Made, advisory, fixed, fixed_binary, knowledge, no_fix

ALMA = "almalinux:8"
PERL_524 = "perl:5.24:8050020211109133132:1"


def alma8(*packages: Package) -> HostSnapshot:
    return alma_host(release="8.10", packages=packages)


def verdicts(snapshot: HostSnapshot, *made: Made) -> tuple[PatchVerdict, ...]:
    return tuple(verdict for verdict in Matcher(knowledge(*made)).match(snapshot) if not verdict.kernel)


def said(snapshot: HostSnapshot, *made: Made) -> dict[str, PatchState]:
    return {verdict.package: verdict.state for verdict in verdicts(snapshot, *made)}


def test_binaries_of_one_source_make_one_verdict_with_their_own_versions() -> None:
    errata = advisory(
        "ALSA-2026:1",
        fixed_binary("perl-libs", "4:5.26.3-423.el8", release=ALMA),
        fixed_binary("perl-IO", "1.38-423.el8", release=ALMA),
        fixed_binary("perl-interpreter", "4:5.26.3-423.el8", release=ALMA),
    )
    installed = (
        rpm("perl-IO", "1.38-420.el8", source="perl", source_version="5.26.3-420.el8"),
        rpm("perl-libs", "4:5.26.3-420.el8", source="perl", source_version="5.26.3-420.el8"),
    )
    (verdict,) = verdicts(alma8(*installed), errata)
    assert verdict.package == "perl"
    assert dict(zip([p.name for p in verdict.packages], verdict.fixed_versions, strict=True)) == {
        "perl-IO": "1.38-423.el8",
        "perl-libs": "4:5.26.3-423.el8",
    }
    assert (verdict.installed_version, verdict.fixed_version) in {
        ("1.38-420.el8", "1.38-423.el8"),
        ("4:5.26.3-420.el8", "4:5.26.3-423.el8"),
    }


def test_a_binary_the_advisory_does_not_name_is_not_flagged() -> None:
    errata = advisory("ALSA-2026:1", fixed_binary("bind-libs", "9.11.36-11.el8_9", release=ALMA))
    installed = rpm("bind-utils", "9.11.36-8.el8", source="bind", source_version="9.11.36-8.el8")
    assert said(alma8(installed), errata) == {}


def test_one_advisory_with_several_builds_of_a_package_is_satisfied_by_the_lowest() -> None:
    errata = advisory(
        "ALSA-2020:1766",
        fixed_binary("mozjs60", "60.9.0-4.el8.alma", release=ALMA),
        fixed_binary("mozjs60", "60.9.0-4.el8", release=ALMA),
    )
    assert said(alma8(rpm("mozjs60", "60.9.0-4.el8")), errata) == {}
    assert said(alma8(rpm("mozjs60", "60.9.0-3.el8")), errata) == {"mozjs60": PatchState.MISSING}


def test_D4_ALBA_and_ALEA_are_not_security() -> None:
    bug_fix = advisory("ALBA-2026:1", fixed_binary("bash", "9.9-1.el8", release=ALMA), security=False)
    assert said(alma8(rpm("bash", "4.4.20-4.el8")), bug_fix) == {}


def test_L20_a_rebuild_matches_its_own_errata_only() -> None:
    installed = {"bash": "4.4.20-4.el8"}
    rhsa = advisory("RHSA-2026:1", fixed_binary("bash", "9.9-1.el8", release="rhel:8"))
    rlsa = advisory("RLSA-2026:1", fixed_binary("bash", "4.4.20-5.el8.rocky.0.1", release="rocky:8"))
    assert said(alma_host(release="8.10", packages=installed), rhsa, rlsa) == {}
    assert said(rocky_host(release="8.10", packages=installed), rhsa, rlsa) == {"bash": PatchState.MISSING}


def test_L21_gpg_keys_are_no_software() -> None:
    key = rpm("gpg-pubkey", "c21ad6ea-61f6e3e8", source="gpg-pubkey", origin="")
    errata = advisory("ALSA-2026:1", fixed_binary("gpg-pubkey", "z-9", release=ALMA))
    assert said(alma8(key), errata) == {}


@pytest.mark.parametrize(
    ("origin", "version", "whose"),
    [
        ("Remi's RPM repository <https://rpms.remirepo.net/>", "8.2.1-1.el8.remi", "Remi's RPM repository"),
        ("Fedora Project", "1.0-1.el8", "Fedora Project"),
        ("", "8.2.1-1.el8.remi", "Remi's RPM repository"),
    ],
)
def test_L11_packages_of_other_vendors_are_outside_the_scope(origin: str, version: str, whose: str) -> None:
    errata = advisory("ALSA-2026:1", fixed_binary("php", "99-1.el8", release=ALMA))
    (verdict,) = verdicts(alma8(rpm("php", version, origin=origin)), errata)
    assert verdict.state is PatchState.OUTSIDE_SCOPE
    assert verdict.reason.startswith(whose)


def test_a_machine_converted_from_centos_keeps_its_packages_in_scope() -> None:
    errata = advisory("ALSA-2026:1", fixed_binary("bash", "4.4.20-5.el8", release=ALMA))
    assert said(alma8(rpm("bash", "4.4.20-3.el8", origin="CentOS")), errata) == {"bash": PatchState.MISSING}


# --- module streams (L15, D4) -------------------------------------------------------------------------------------

OF_524 = advisory(
    "ALSA-2026:24", fixed_binary("perl-libs", "4:5.24.4-404.module_el8.9.0+1", release=ALMA, module="perl:5.24")
)
OF_532 = advisory(
    "ALSA-2026:32", fixed_binary("perl-libs", "4:5.32.1-473.module_el8.9.0+2", release=ALMA, module="perl:5.32")
)
OF_NONE = advisory("ALSA-2026:26", fixed_binary("perl-libs", "4:5.26.3-423.el8", release=ALMA))


def test_L15_a_modular_advisory_does_not_touch_the_default_stream() -> None:
    assert said(alma8(rpm("perl-libs", "4:5.26.3-423.el8", source="perl")), OF_524, OF_532, OF_NONE) == {}


def test_L15_a_modular_package_is_compared_inside_its_own_stream() -> None:
    old = rpm("perl-libs", "4:5.24.4-400.module_el8.5.0+9", source="perl", module=PERL_524)
    (verdict,) = verdicts(alma8(old), OF_524, OF_532, OF_NONE)
    assert [found.id for found in verdict.advisories] == ["ALSA-2026:24"]
    new = rpm("perl-libs", "4:5.24.4-404.module_el8.9.0+1", source="perl", module=PERL_524)
    assert said(alma8(new), OF_524, OF_532, OF_NONE) == {}


def test_L15_an_advisory_whose_stream_no_title_tells_matches_no_stream() -> None:
    untold = advisory("ALSA-2026:9", fixed_binary("perl-libs", "9-1.module_el8", release=ALMA, module="?:?"))
    assert said(alma8(rpm("perl-libs", "4:5.24.4-400.module_el8", source="perl", module=PERL_524)), untold) == {}
    assert said(alma8(rpm("perl-libs", "4:5.26.3-420.el8", source="perl")), untold) == {}


def test_L15_a_modular_version_in_a_row_without_stream_does_not_cross_either() -> None:
    unmarked = advisory("ALSA-2026:9", fixed_binary("perl-libs", "4:9-1.module_el8", release=ALMA))
    assert said(alma8(rpm("perl-libs", "4:5.26.3-420.el8", source="perl")), unmarked) == {}
    assert said(alma8(rpm("perl-libs", "4:5.24.4-400.module_el8", source="perl", module=PERL_524)), unmarked) == {}


def test_L15_a_modular_build_without_label_is_unknown_when_a_stream_has_a_newer_fix() -> None:
    unlabelled = rpm("perl-libs", "4:5.24.4-400.module_el8.5.0+9", source="perl")
    (verdict,) = verdicts(alma8(unlabelled), OF_524)
    assert (verdict.state, verdict.reason) == (PatchState.UNKNOWN, Doubt.MODULE)
    newest = rpm("perl-libs", "4:5.24.4-404.module_el8.9.0+1", source="perl")
    assert said(alma8(newest), OF_524) == {}


def test_L15_no_fix_counts_for_its_own_stream_only() -> None:
    unfixed = advisory("CVE-2026-1", no_fix("perl-libs", release=ALMA, module="perl:5.32"), security=False)
    assert said(alma8(rpm("perl-libs", "4:5.26.3-420.el8", source="perl")), unfixed) == {}


# --- variants and minor streams -----------------------------------------------------------------------------------


def test_L13_ksplice_and_fips_builds_compare_only_with_their_like() -> None:
    ordinary = advisory("RHSA-1", fixed_binary("glibc", "2.28-251.el8_10.5", release="rhel:8"))
    ksplice = advisory("RHSA-2", fixed_binary("glibc", "2:2.28-251.ksplice1.el8_10.5", release="rhel:8"))
    patched = rhel_host(release="8.10", packages={"glibc": "2.28-251.el8_10.5"})
    assert said(patched, ordinary, ksplice) == {}
    spliced = rhel_host(release="8.10", packages={"glibc": "2:2.28-225.ksplice1.el8_6"})
    (verdict,) = verdicts(spliced, ordinary, ksplice)
    assert [found.id for found in verdict.advisories] == ["RHSA-2"]


@pytest.mark.parametrize(
    ("installed", "flagged"),
    [
        ("1.0-5.el7", False),  # built for the next minor release, with the fix: newer, though lexically lower
        ("1.0-5.el7.1", False),
        ("1.0-6.el7", False),
        ("1.0-4.el7", True),
        ("1.0-4.el7_6.9", True),
        ("1.0-5.el7_7", False),
    ],
)
def test_L16_a_fix_of_a_minor_stream_does_not_flag_a_newer_build(installed: str, flagged: bool) -> None:
    errata = advisory("RHSA-1", fixed_binary("bash", "1.0-5.el7_7", release="rhel:7"))
    found = said(rhel_host(release="7.9", packages={"bash": installed}), errata)
    assert found == ({"bash": PatchState.MISSING} if flagged else {})


def test_L16_on_an_extended_stream_only_fixes_of_that_stream_are_sure() -> None:
    eus = (Repository(id="rhel-9-for-x86_64-baseos-eus-rpms"),)
    main = advisory("RHSA-1", fixed_binary("bash", "5.1.8-10.el9_6", release="rhel:9"))
    own = advisory("RHSA-2", fixed_binary("bash", "5.1.8-6.el9_4.2", release="rhel:9"))
    kept = rhel_host(release="9.4", packages={"bash": "5.1.8-6.el9_4.2"}, repositories=eus)
    (verdict,) = verdicts(kept, main, own)
    assert (verdict.state, verdict.reason) == (PatchState.UNKNOWN, Doubt.EXTENDED)
    behind = rhel_host(release="9.4", packages={"bash": "5.1.8-6.el9_4"}, repositories=eus)
    (verdict,) = verdicts(behind, main, own)
    assert (verdict.state, [found.id for found in verdict.advisories]) == (PatchState.MISSING, ["RHSA-2"])
    ordinary = rhel_host(release="9.4", packages={"bash": "5.1.8-6.el9_4.2"})
    assert said(ordinary, main, own) == {"bash": PatchState.MISSING}


def test_L16_the_errata_of_the_extended_stream_decide_where_they_are_known() -> None:
    eus = (Repository(id="rhel-9-for-x86_64-baseos-eus-rpms"), Repository(id="rhel-9-x-aus-rpms", enabled=False))
    main = advisory("RHSA-1", fixed_binary("bash", "5.1.8-10.el9_6", release="rhel:9"), cves=("CVE-2026-1",))
    own = advisory("RHSA-2", fixed_binary("bash", "5.1.8-6.el9_4.2", release="rhel-eus:9.4"), cves=("CVE-2026-1",))
    kept = rhel_host(release="9.4", packages={"bash": "5.1.8-6.el9_4.2"}, repositories=eus)
    assert said(kept, main, own) == {}
    behind = rhel_host(release="9.4", packages={"bash": "5.1.8-6.el9_4"}, repositories=eus)
    (verdict,) = verdicts(behind, main, own)
    assert (verdict.state, [found.id for found in verdict.advisories]) == (PatchState.MISSING, ["RHSA-2"])
    assert tuple(needed(behind)) == ("rhel:9", "rhel-eus:9.4")
    assert tuple(needed(rhel_host(release="9.4"))) == ("rhel:9",)


SUSE = advisory("SUSE-SU-1", fixed("bash", "4.4-150400.27.1", release="sles:15.4", entitlement="ltss"))


@pytest.mark.parametrize(
    ("subscription", "state"),
    [
        (Subscription(kind="suse", attached=True, services=("SLES 15.4", "SLES-LTSS 15.4")), PatchState.MISSING),
        (Subscription(kind="suse", attached=True, services=("SLES 15.4",)), PatchState.PRO_REQUIRED),
        (Subscription(kind="suse", attached=False), PatchState.PRO_REQUIRED),
        (Subscription(kind="suse", attached=True), PatchState.UNKNOWN),  # registered, and root alone sees for what
        (Subscription(kind="suse", attached=None), PatchState.UNKNOWN),
    ],
)
def test_a_suse_fix_of_long_term_support_is_owed_to_those_who_have_it(
    subscription: Subscription, state: PatchState
) -> None:
    host = suse_host(release="15.4", packages={"bash": "4.4-150400.25.1"}, subscriptions=(subscription,))
    (verdict,) = verdicts(host, SUSE)
    assert verdict.state is state
    assert verdict.entitlement == ("" if state is PatchState.MISSING else "ltss")


def test_a_suse_fix_for_sap_is_owed_to_the_sap_product() -> None:
    sap = advisory("SUSE-SU-1", fixed("bash", "4.4-150400.27.1", release="sles:15.4", entitlement="sap"))
    registered = (Subscription(kind="suse", attached=True, services=("SLES_SAP 15.4",)),)
    installed = {"bash": "4.4-150400.25.1"}
    host = suse_host(release="15.4", packages=installed, subscriptions=registered, id="sles_sap")
    assert said(host, sap) == {"bash": PatchState.MISSING}
    plain = suse_host(
        release="15.4",
        packages=installed,
        subscriptions=(Subscription(kind="suse", attached=True, services=("SLES 15.4",)),),
    )
    assert said(plain, sap) == {}


def test_of_two_subscriptions_that_hold_a_suse_fix_the_general_one_is_named() -> None:
    for order in (("espos", "ltss"), ("ltss", "espos")):
        rows = [fixed("bash", "4.4-150400.27.1", release="sles:15.4", entitlement=entitlement) for entitlement in order]
        registered = (Subscription(kind="suse", attached=True, services=("SLES 15.4",)),)
        host = suse_host(release="15.4", packages={"bash": "4.4-150400.25.1"}, subscriptions=registered)
        (verdict,) = verdicts(host, advisory("SUSE-SU-1", *rows))
        assert (verdict.state, verdict.entitlement) == (PatchState.PRO_REQUIRED, "ltss")


def test_L19_an_unregistered_red_hat_host_keeps_its_missing_patches() -> None:
    errata = advisory("RHSA-1", fixed_binary("bash", "5.1.8-9.el9", release="rhel:9"))
    host = rhel_host(packages={"bash": "5.1.8-6.el9"}, registered=False, repositories=())
    assert said(host, errata) == {"bash": PatchState.MISSING}
