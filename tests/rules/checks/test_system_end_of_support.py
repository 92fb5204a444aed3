"""system.end_of_support: regular, LTS, ESM, the forecast, the last day, two sources, and what nobody knows."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from collectors.feeds.records import Lifecycle
from collectors.model import FactKind, Subscription
from rules.contract import Contract
from rules.model import Confidence, Outcome, PatchState, PriorityLevel
from tests.lab.snapshots import alma_host, alpine_host, debian_host, gap, rhel_host, suse_host, ubuntu_host, unreached
from tests.rules.checks.estate import FEEDS, aged, ask, knowledge, only, spoken, without

RULE = "system.end_of_support"
DATES = (
    Lifecycle(product="debian", cycle="12", support_ends_on=date(2026, 7, 11), extended_ends_on=date(2028, 6, 30)),
    Lifecycle(product="debian", cycle="11", support_ends_on=date(2024, 8, 14), extended_ends_on=date(2026, 8, 31)),
    Lifecycle(product="ubuntu", cycle="20.04", support_ends_on=date(2025, 5, 31), extended_ends_on=date(2030, 4, 2)),
    Lifecycle(product="ubuntu", cycle="22.04", support_ends_on=date(2027, 4, 1), extended_ends_on=date(2032, 4, 9)),
    Lifecycle(product="almalinux", cycle="9", support_ends_on=date(2032, 5, 31)),
    Lifecycle(product="rhel", cycle="7", support_ends_on=date(2024, 6, 30), extended_ends_on=date(2029, 5, 31)),
    Lifecycle(product="sles", cycle="15.0", support_ends_on=date(2019, 12, 31), extended_ends_on=date(2022, 12, 31)),
    Lifecycle(product="alpine-linux", cycle="3.20", support_ends_on=date(2026, 4, 1)),
    Lifecycle(product="centos-stream", cycle="9", support_ends_on=date(2027, 5, 31)),
    Lifecycle(product="centos", cycle="7", support_ends_on=date(2024, 6, 30)),
    Lifecycle(product="fedora", cycle="43", ended=False),
    Lifecycle(product="fedora", cycle="20", ended=True),
)
PACKAGES = {"bash": "5"}


def _on(year, month, day):
    return datetime(year, month, day, 12, tzinfo=UTC)


TODAY = _on(2026, 11, 22)


def _ask(host, as_of=TODAY, *, feeds=None, contract=None):
    feeds = feeds or tuple(_fresh(feed, as_of) for feed in FEEDS)
    about = knowledge(feeds=feeds, lifecycles=DATES)
    return only(ask(RULE, host, about, as_of=as_of, contract=contract))


def _fresh(feed, as_of):
    return replace(feed, checked_at=as_of)


def test_L10_debian_12_after_its_regular_support_is_supported_and_labelled_LTS():
    found = _ask(debian_host(packages=PACKAGES))
    assert (found.outcome, found.message.params["phase"]) == (Outcome.PASS, "LTS")
    assert spoken(found, "fr").endswith("support LTS jusqu'au 30/06/2028.")
    assert found.evidence[1].url == "https://endoflife.date/debian"


@pytest.mark.parametrize(("day", "phase"), [(11, ""), (12, "LTS")])
def test_L10_the_last_day_of_regular_support_is_still_regular(day, phase):
    found = _ask(debian_host(packages=PACKAGES), _on(2026, 7, day))
    assert (found.outcome, found.message.params["phase"]) == (Outcome.PASS, phase)


@pytest.mark.parametrize(("as_of", "text"), [(_on(2026, 8, 31), "ending"), (_on(2026, 9, 1), "ended")])
def test_L10_debian_11_is_out_of_support_the_day_after_its_LTS_ended(as_of, text):
    found = _ask(debian_host(release="11", packages=PACKAGES), as_of)
    assert (found.outcome, found.message.text) == (Outcome.FAIL, f"{'rules'}.{RULE}.{text}")
    assert found.due_on == date(2026, 8, 31)


def test_an_ended_system_says_since_when_and_is_for_now():
    found = _ask(debian_host(release="11", packages=PACKAGES))
    assert (found.state, found.priority.level) == (PatchState.OUT_OF_SUPPORT, PriorityLevel.NOW)
    assert "hors support depuis le 31/08/2026" in spoken(found, "fr")


@pytest.mark.parametrize(("as_of", "outcome"), [(_on(2026, 10, 2), Outcome.PASS), (_on(2026, 10, 3), Outcome.FAIL)])
def test_the_forecast_begins_180_days_before_the_end(as_of, outcome):
    found = _ask(ubuntu_host(packages=PACKAGES), as_of)
    assert found.outcome is outcome
    if outcome is Outcome.FAIL:
        assert found.message.params["count"] == 180
        assert (found.state, found.priority.level) == (PatchState.NONE, PriorityLevel.PLAN)


def test_the_horizon_is_the_contracts():
    contract = Contract(client="ACME", end_of_support_horizon_days=30)
    assert _ask(ubuntu_host(packages=PACKAGES), contract=contract).outcome is Outcome.PASS


def test_L12_ubuntu_past_its_standard_support_without_pro_is_out_of_support_whatever_apt_says():
    found = _ask(ubuntu_host(release="20.04", packages=PACKAGES, pro=False))
    assert (found.outcome, found.state) == (Outcome.FAIL, PatchState.OUT_OF_SUPPORT)
    assert found.message.text.endswith("ended_entitlement")
    assert found.message.params["extended_until_on"] == "2030-04-02"
    assert found.remedy is not None
    assert found.remedy.text.endswith("remedy_ubuntu")


def test_L12_the_same_system_attached_with_esm_infra_is_supported_and_labelled_ESM():
    found = _ask(ubuntu_host(release="20.04", packages=PACKAGES, pro=True, services=("esm-infra",)))
    assert (found.outcome, found.message.params["phase"]) == (Outcome.PASS, "ESM")


@pytest.mark.parametrize(
    ("subscription", "outcome"),
    [
        (Subscription(kind="ubuntu-pro", attached=True), Outcome.FAIL),  # attached, esm-infra switched off
        (
            Subscription(kind="ubuntu-pro", attached=True, services=("esm-infra",), expires_at=_on(2026, 11, 21)),
            Outcome.FAIL,
        ),
        (Subscription(kind="ubuntu-pro", attached=None), Outcome.UNKNOWN),
    ],
)
def test_an_entitlement_must_be_in_force_and_an_unread_one_is_unknown(subscription, outcome):
    host = ubuntu_host(release="20.04", packages=PACKAGES, subscriptions=(subscription,))
    assert _ask(host).outcome is outcome


def test_an_unread_subscription_matters_only_once_regular_support_is_over_or_near_its_end():
    hidden = (gap(FactKind.SUBSCRIPTION),)
    assert _ask(ubuntu_host(release="20.04", packages=PACKAGES, gaps=hidden)).outcome is Outcome.UNKNOWN
    assert _ask(ubuntu_host(packages=PACKAGES, gaps=hidden)).outcome is Outcome.UNKNOWN  # ends within 180 days
    assert _ask(ubuntu_host(packages=PACKAGES, gaps=hidden), _on(2025, 1, 1)).outcome is Outcome.PASS
    assert _ask(debian_host(packages=PACKAGES, gaps=hidden)).outcome is Outcome.PASS


def test_red_hat_extended_support_needs_its_own_entitlement():
    host = rhel_host(release="7.9", packages=PACKAGES)
    assert _ask(host).outcome is Outcome.FAIL
    els = (Subscription(kind="rhel", attached=True, services=("rhel-7-server-els-rpms",)),)
    assert _ask(rhel_host(release="7.9", packages=PACKAGES, subscriptions=els)).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("host", "outcome"),
    [
        (alma_host(packages=PACKAGES), Outcome.PASS),
        (suse_host(release="15", packages=PACKAGES), Outcome.FAIL),
        (alpine_host(packages=PACKAGES), Outcome.FAIL),
        (alma_host(packages=PACKAGES, id="centos", version_id="9", pretty_name="CentOS Stream 9"), Outcome.PASS),
        (alma_host(packages=PACKAGES, id="centos", version_id="7", pretty_name="CentOS Linux 7 (Core)"), Outcome.FAIL),
        (alma_host(packages=PACKAGES, id="fedora", version_id="43"), Outcome.PASS),
        (alma_host(packages=PACKAGES, id="fedora", version_id="20"), Outcome.FAIL),
    ],
)
def test_each_distribution_finds_its_own_cycle(host, outcome):
    assert _ask(host).outcome is outcome


@pytest.mark.parametrize(
    "host",
    [
        debian_host(packages=PACKAGES, version_id=""),  # testing, unstable
        debian_host(packages=PACKAGES, version_id="99"),
        debian_host(packages=PACKAGES, id="kali", version_id="2026.3"),
    ],
)
def test_L27_a_release_the_calendar_does_not_know_is_unknown_and_never_the_latest_known(host):
    found = _ask(host)
    assert (found.outcome, found.message.text) == (Outcome.UNKNOWN, f"rules.{RULE}.unknown_release")


@pytest.mark.parametrize(("stated", "outcome"), [("2026-11-22", Outcome.PASS), ("2026-11-21", Outcome.FAIL)])
def test_the_systems_own_support_end_decides_where_the_calendar_is_silent(stated, outcome):
    found = _ask(alma_host(packages=PACKAGES, id="amzn", version_id="2099", support_end=stated))
    if outcome is Outcome.PASS:  # it ends today: supported, and within the forecast
        assert found.message.text.endswith("ending")
    else:
        assert found.message.text.endswith("ended")
    assert found.confidence is Confidence.TENTATIVE


@pytest.mark.parametrize(
    ("stated", "confidence"),
    [
        ("2028-06-30", Confidence.CONFIRMED),
        ("2020-01-01", Confidence.TENTATIVE),
        ("", Confidence.FIRM),
        ("some day", Confidence.FIRM),
    ],
)
def test_two_sources_confirm_each_other_or_leave_a_doubt(stated, confidence):
    assert _ask(debian_host(packages=PACKAGES, support_end=stated)).confidence is confidence


def test_G6_a_stale_or_absent_calendar_makes_supported_unknown_and_keeps_ended():
    supported, ended = debian_host(packages=PACKAGES), debian_host(release="11", packages=PACKAGES)
    for feeds in (aged("endoflife", 9), without("endoflife")):
        about = knowledge(feeds=feeds, lifecycles=DATES)
        assert only(ask(RULE, supported, about)).outcome is Outcome.UNKNOWN
        assert Outcome.FAIL in {found.outcome for found in ask(RULE, ended, about)}


def test_G1_an_unreached_machine_is_unknown():
    assert _ask(unreached()).outcome is Outcome.UNKNOWN
