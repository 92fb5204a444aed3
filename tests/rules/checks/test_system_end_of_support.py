"""system.end_of_support: regular, LTS, ESM, the forecast, the last day, two sources, and what nobody knows."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from collectors.feeds import endoflife
from collectors.feeds.records import Lifecycle
from collectors.model import FactKind, Repository, Subscription
from rules import support
from rules.contract import Contract
from rules.model import Confidence, Outcome, PatchState, PriorityLevel
from tests.lab.snapshots import (
    alma_host,
    alpine_host,
    debian_host,
    gap,
    rhel_host,
    rocky_host,
    suse_host,
    ubuntu_host,
    unreached,
)
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
    Lifecycle(product="sles", cycle="15.4", support_ends_on=date(2023, 12, 31), extended_ends_on=date(2027, 12, 31)),
    Lifecycle(product="sles", cycle="15.7", support_ends_on=date(2031, 7, 31), extended_ends_on=date(2034, 7, 31)),
    Lifecycle(product="ubuntu", cycle="25.04", support_ends_on=date(2026, 1, 15)),
    Lifecycle(product="ubuntu", cycle="26.10", support_ends_on=date(2027, 7, 31)),
    Lifecycle(product="rocky-linux", cycle="9", support_ends_on=date(2032, 5, 31)),
    Lifecycle(product="rocky-linux", cycle="8", support_ends_on=date(2029, 5, 31)),
    Lifecycle(product="rhel", cycle="9", support_ends_on=date(2032, 5, 31), extended_ends_on=date(2035, 5, 31)),
    Lifecycle(
        product="oracle-linux", cycle="7", support_ends_on=date(2024, 12, 31), extended_ends_on=date(2028, 6, 30)
    ),
    Lifecycle(product="oracle-linux", cycle="9", support_ends_on=date(2032, 6, 30)),
    Lifecycle(product="opensuse", cycle="15.5", support_ends_on=date(2024, 12, 31)),
    Lifecycle(product="opensuse", cycle="15.6", support_ends_on=date(2026, 4, 30)),
    Lifecycle(product="opensuse", cycle="16.0", support_ends_on=date(2027, 10, 31)),
    Lifecycle(product="alpine-linux", cycle="3.18", support_ends_on=date(2025, 5, 9)),
    Lifecycle(product="alpine-linux", cycle="3.23", support_ends_on=date(2027, 11, 1)),
    Lifecycle(product="amazon-linux", cycle="2023", support_ends_on=date(2029, 6, 30)),
    Lifecycle(product="linuxmint", cycle="22.2", support_ends_on=date(2029, 4, 30)),
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


def test_L12_red_hat_extended_support_is_told_by_its_repository_because_registration_names_no_service():
    current = (Subscription(kind="rhel", attached=True, services=("Current",)),)
    for repository, outcome in (("rhel-7-server-rpms", Outcome.FAIL), ("rhel-7-server-els-rpms", Outcome.PASS)):
        repositories = (Repository(id=repository),)
        host = rhel_host(release="7.9", packages=PACKAGES, subscriptions=current, repositories=repositories)
        assert _ask(host).outcome is outcome
    unread = rhel_host(
        release="7.9", packages=PACKAGES, repositories=(), gaps=(gap(FactKind.REPOSITORIES),), subscriptions=current
    )
    assert _ask(unread).outcome is Outcome.UNKNOWN
    assert _ask(rhel_host(release="7.9", packages=PACKAGES, registered=False)).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("services", "repository", "outcome"),
    [
        (("SLES 15.4",), "SLE-Updates", Outcome.FAIL),
        (("SLES 15.4", "SLES-LTSS 15.4"), "SLE-Updates", Outcome.PASS),
        ((), "SLE-Product-SLES15-SP4-LTSS-Updates", Outcome.PASS),  # a plain user sees no products
        ((), "SLE-Updates", Outcome.UNKNOWN),
    ],
)
def test_L12_suse_extended_support_counts_only_for_who_has_it_and_unread_is_unknown(services, repository, outcome):
    registered = (Subscription(kind="suse", attached=True, services=services),)
    host = suse_host(
        release="15.4", packages=PACKAGES, subscriptions=registered, repositories=(Repository(id=repository),)
    )
    found = _ask(host)
    assert found.outcome is outcome
    if outcome is Outcome.PASS:
        assert found.message.params["phase"] == "LTSS"


def test_sles_for_sap_includes_three_more_years():
    registered = (Subscription(kind="suse", attached=True),)
    host = suse_host(release="15.4", packages=PACKAGES, subscriptions=registered, id="sles_sap")
    assert _ask(host).message.params["phase"] == "ESPOS"
    unregistered = (Subscription(kind="suse", attached=False),)
    host = suse_host(release="15.4", packages=PACKAGES, subscriptions=unregistered, id="sles_sap")
    assert _ask(host).outcome is Outcome.FAIL


def test_L12_a_host_without_any_sign_of_a_subscription_has_none():
    """The client was asked and nothing was found; what could not be asked is a gap."""
    assert _ask(ubuntu_host(release="20.04", packages=PACKAGES, subscriptions=())).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("host", "outcome"),
    [
        (alma_host(packages=PACKAGES), Outcome.PASS),
        (alma_host(release="9", packages=PACKAGES), Outcome.PASS),
        (rocky_host(release="9.6", packages=PACKAGES), Outcome.PASS),
        (rocky_host(release="8.10", packages=PACKAGES), Outcome.PASS),
        (rhel_host(release="9.4", packages=PACKAGES), Outcome.PASS),
        (alma_host(packages=PACKAGES, id="ol", version_id="9.5"), Outcome.PASS),
        (alma_host(packages=PACKAGES, id="amzn", version_id="2023"), Outcome.PASS),
        (ubuntu_host(packages=PACKAGES, id="linuxmint", version_id="22.2"), Outcome.PASS),
        (ubuntu_host(packages=PACKAGES, version_id="25.04", pro=False), Outcome.FAIL),
        (ubuntu_host(packages=PACKAGES, version_id="26.10", pro=False), Outcome.PASS),
        (suse_host(release="15.7", packages=PACKAGES), Outcome.PASS),
        (suse_host(release="15.5", packages=PACKAGES, id="opensuse-leap"), Outcome.FAIL),
        (suse_host(release="15.6", packages=PACKAGES, id="opensuse-leap"), Outcome.FAIL),
        (suse_host(release="16.0", packages=PACKAGES, id="opensuse-leap"), Outcome.PASS),
        (alpine_host(release="3.18.12", packages=PACKAGES), Outcome.FAIL),
        (alpine_host(release="3.23.0", packages=PACKAGES), Outcome.PASS),
        (suse_host(release="15", packages=PACKAGES), Outcome.FAIL),
        (alpine_host(packages=PACKAGES), Outcome.FAIL),
        (alma_host(packages=PACKAGES, id="centos", version_id="9", pretty_name="CentOS Stream 9"), Outcome.PASS),
        (alma_host(packages=PACKAGES, id="centos", version_id="7", pretty_name="CentOS Linux 7 (Core)"), Outcome.FAIL),
        (alma_host(packages=PACKAGES, id="fedora", version_id="43"), Outcome.PASS),
        (alma_host(packages=PACKAGES, id="fedora", version_id="20"), Outcome.FAIL),
    ],
)
def test_each_distribution_finds_its_own_cycle(host, outcome):
    found = _ask(host)
    assert (found.outcome, found.evidence[1].what.text.partition(".lifecycle")[1]) == (outcome, ".lifecycle")


def test_every_product_a_distribution_maps_to_is_kept_by_the_calendar_feed():
    assert {product for product, _ in support._PRODUCTS.values()} | {"centos", "centos-stream"} <= endoflife.PRODUCTS


def test_L10_regular_support_is_not_said_to_last_as_long_as_what_follows_it():
    found = _ask(debian_host(packages=PACKAGES), _on(2026, 7, 1))
    assert spoken(found, "fr").endswith("support régulier jusqu'au 11/07/2026, puis LTS jusqu'au 30/06/2028.")
    attached = ubuntu_host(packages=PACKAGES, pro=True, services=("esm-infra",))
    assert spoken(_ask(attached)).endswith("regular support until 1 Apr 2027, then ESM until 9 Apr 2032.")


def test_an_extension_nothing_on_the_machine_tells_of_leaves_a_doubt():
    oracle = alma_host(packages=PACKAGES, id="ol", version_id="7.9")
    assert _ask(oracle).outcome is Outcome.UNKNOWN


def test_an_interim_ubuntu_has_no_extension_to_buy():
    found = _ask(ubuntu_host(packages=PACKAGES, version_id="25.04", pro=True, services=("esm-infra",)))
    assert found.message.text.endswith(".ended")
    assert found.remedy is not None
    assert found.remedy.text.endswith(".remedy")


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
