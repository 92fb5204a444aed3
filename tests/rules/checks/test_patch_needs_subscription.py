"""patch.needs_subscription: the three Ubuntu outcomes of L12, told as a license decision."""

from datetime import timedelta

import pytest

from collectors.feeds.records import Severity
from collectors.model import FactKind, Subscription
from reports.texts import Texts
from rules.model import Outcome, PatchState
from rules.rulings import Doubt
from tests.lab.snapshots import NOW, deb, debian_host, gap, suse_host, ubuntu_host
from tests.rules.checks.estate import advisory, aged, ask, fixed, knowledge, only, outcomes, spoken, verdict

RULE = "patch.needs_subscription"
PRO_FIX = knowledge(
    advisories=(advisory("USN-1", severity=Severity.MEDIUM),),
    affected=(fixed("imagemagick", "8:6.9-2", by="USN-1", release="ubuntu:22.04", entitlement="esm-apps"),),
)
PACKAGES = (deb("imagemagick", "8:6.9-1", origin="Ubuntu"),)


def test_L12_a_pro_fix_on_a_host_that_is_not_attached_is_a_license_finding_and_no_missing_patch():
    host = ubuntu_host(packages=PACKAGES, pro=False)
    found = only(ask(RULE, host, PRO_FIX))
    assert (found.key, found.outcome, found.state) == ("esm-apps", Outcome.FAIL, PatchState.PRO_REQUIRED)
    assert found.message.params["count"] == 1
    assert spoken(found) == (
        "1 program has a fix reserved for Ubuntu Pro (esm-apps), which this machine lacks (imagemagick)."
    )
    assert only(ask("patch.missing", host, PRO_FIX)).outcome is Outcome.PASS


def test_L12_the_same_fix_on_an_attached_host_is_missing():
    host = ubuntu_host(packages=PACKAGES, pro=True, services=("esm-infra", "esm-apps"))
    assert only(ask(RULE, host, PRO_FIX)).outcome is Outcome.PASS
    assert only(ask("patch.missing", host, PRO_FIX)).outcome is Outcome.FAIL


def test_L12_an_installed_esm_version_satisfies():
    host = ubuntu_host(packages=[deb("imagemagick", "8:6.9-2", origin="Ubuntu")], pro=True, services=("esm-apps",))
    assert only(ask(RULE, host, PRO_FIX)).outcome is Outcome.PASS
    assert only(ask("patch.missing", host, PRO_FIX)).outcome is Outcome.PASS


def test_L12_a_service_that_is_off_on_an_attached_host_is_turned_on_and_not_bought():
    found = only(ask(RULE, ubuntu_host(packages=PACKAGES, pro=True, services=("esm-infra",)), PRO_FIX))
    assert found.outcome is Outcome.FAIL
    assert found.remedy is not None
    assert found.remedy.text.endswith("remedy_ubuntu_enable")
    found = only(ask(RULE, ubuntu_host(packages=PACKAGES, pro=False), PRO_FIX))
    assert found.remedy is not None
    assert found.remedy.text.endswith("remedy_ubuntu")


def test_L12_an_expired_contract_entitles_to_nothing():
    ended = Subscription(
        kind="ubuntu-pro", attached=True, services=("esm-apps",), expires_at=NOW - timedelta(seconds=1)
    )
    host = ubuntu_host(packages=PACKAGES, subscriptions=(ended,))
    assert only(ask(RULE, host, PRO_FIX)).outcome is Outcome.FAIL
    assert only(ask("patch.missing", host, PRO_FIX)).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("entitlement", "name"),
    [("ltss", "SUSE LTSS"), ("espos", "SUSE ESPOS"), ("bcl", "SUSE BCL"), ("something-new", "something-new")],
)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_fix_held_by_suse_never_speaks_of_ubuntu(entitlement, name, language):
    held = verdict("bash", PatchState.PRO_REQUIRED, entitlement=entitlement)
    registered = (Subscription(kind="suse", attached=True, services=("SLES 15.5",)),)
    found = only(ask(RULE, suse_host(packages={"bash": "5"}, subscriptions=registered), verdicts=[held]))
    assert found.remedy is not None
    words = spoken(found, language) + Texts(language, strict=True).message(found.remedy)
    assert name in words
    assert "Ubuntu" not in words


@pytest.mark.parametrize("language", ["en", "fr"])
def test_an_unread_suse_registration_is_told_without_ubuntu(language):
    held = knowledge(
        advisories=(advisory("SUSE-SU-1"),),
        affected=(fixed("bash", "6", by="SUSE-SU-1", release="sles:15.5", entitlement="ltss"),),
    )
    registered = (Subscription(kind="suse", attached=True),)  # a plain user does not see for what
    host = suse_host(packages={"bash": "5"}, subscriptions=registered)
    found = [*ask(RULE, host, held), *ask("patch.missing", host, held)]
    assert {one.outcome for one in found} == {Outcome.UNKNOWN}
    assert len(found) == 2
    assert not any("Ubuntu" in spoken(one, language) for one in found)


def test_nobody_is_told_to_buy_on_a_guess():
    """Whether the host is attached could not be read: unknown, on both rules."""
    host = ubuntu_host(packages=PACKAGES, subscriptions=(Subscription(kind="ubuntu-pro", attached=None),))
    assert only(ask(RULE, host, PRO_FIX)).outcome is Outcome.UNKNOWN
    assert only(ask("patch.missing", host, PRO_FIX)).outcome is Outcome.UNKNOWN
    host = ubuntu_host(packages=PACKAGES, subscriptions=(), gaps=(gap(FactKind.SUBSCRIPTION),))
    found = ask(RULE, host, PRO_FIX)
    assert set(outcomes(found).values()) == {Outcome.UNKNOWN}


def test_one_finding_per_entitlement_with_every_package_in_the_evidence():
    verdicts = [
        verdict(name, PatchState.PRO_REQUIRED, entitlement=entitlement)
        for name, entitlement in (("a", "esm-apps"), ("b", "esm-apps"), ("c", "esm-infra"))
    ]
    found = ask(RULE, ubuntu_host(packages={"bash": "5"}), verdicts=verdicts)
    assert outcomes(found) == {"esm-apps": Outcome.FAIL, "esm-infra": Outcome.FAIL}
    assert [line.seen for line in found[0].evidence] == ["a 1.0-1", "b 1.0-1"]


def test_unread_subscription_beside_known_pro_fixes_yields_both():
    verdicts = [
        verdict("a", PatchState.PRO_REQUIRED, entitlement="esm-apps"),
        verdict("b", PatchState.UNKNOWN, reason=Doubt.SUBSCRIPTION),
    ]
    found = ask(RULE, ubuntu_host(packages={"bash": "5"}), verdicts=verdicts)
    assert outcomes(found) == {"": Outcome.UNKNOWN, "esm-apps": Outcome.FAIL}


def test_it_does_not_apply_where_no_fix_is_sold():
    assert only(ask(RULE, debian_host(packages={"bash": "5"}))).outcome is Outcome.NOT_APPLICABLE


def test_G6_a_stale_feed_makes_the_pass_unknown():
    host = ubuntu_host(packages={"bash": "5"})
    assert only(ask(RULE, host, knowledge())).outcome is Outcome.PASS
    assert only(ask(RULE, host, knowledge(feeds=aged("tracker", 9)))).outcome is Outcome.UNKNOWN
