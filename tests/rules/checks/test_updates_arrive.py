"""package_lists.stale, repositories.missing, subscription.not_registered: can fixes arrive at all?"""

from datetime import timedelta

import pytest

from collectors.model import FactKind, PackageLists, Repository, Subscription
from rules.contract import Contract
from rules.model import Outcome, PriorityLevel
from tests.lab.snapshots import NOW, alma_host, alpine_host, debian_host, gap, rhel_host, suse_host, ubuntu_host
from tests.rules.checks.estate import ask, only, spoken

LISTS, REPOSITORIES, REGISTERED = "package_lists.stale", "repositories.missing", "subscription.not_registered"
PACKAGES = {"bash": "5"}


def _aged(age, manager="apt"):
    return debian_host(packages=PACKAGES, package_lists=PackageLists(manager=manager, refreshed_at=NOW - age))


@pytest.mark.parametrize(
    ("age", "outcome"),
    [
        (timedelta(hours=1), Outcome.PASS),
        (timedelta(days=7), Outcome.PASS),
        (timedelta(days=7, seconds=1), Outcome.FAIL),
    ],
)
def test_L22_lists_exactly_seven_days_old_are_still_current(age, outcome):
    assert only(ask(LISTS, _aged(age))).outcome is outcome


def test_L22_the_age_is_shown_with_the_command_that_refreshes():
    found = only(ask(LISTS, _aged(timedelta(days=40))))
    assert spoken(found) == 'The package lists (apt) are 40 days old (limit: 7 d): "nothing to update" means nothing.'
    assert found.remedy is not None
    assert found.remedy.params["command"] == "apt-get update"
    assert found.priority.level is PriorityLevel.PLAN


def test_the_age_is_counted_when_the_lists_were_read_not_when_the_report_is_made():
    late = NOW + timedelta(days=30)
    assert only(ask(LISTS, _aged(timedelta(days=1)), as_of=late)).outcome is Outcome.PASS


@pytest.mark.parametrize(("ahead_days", "outcome"), [(0, Outcome.PASS), (30, Outcome.FAIL)])
def test_L22_lists_of_a_host_whose_clock_is_wrong_are_dated_by_its_own_clock(ahead_days, outcome):
    """A clock a month ahead would make lists three weeks old look like tomorrow's."""
    lists = PackageLists(manager="apt", refreshed_at=NOW + timedelta(days=9 if ahead_days else -2))
    host = debian_host(packages=PACKAGES, package_lists=lists, clock_skew_s=ahead_days * 86400)
    assert only(ask("package_lists.stale", host)).outcome is outcome


def test_the_contract_sets_the_limit():
    contract = Contract(client="ACME", package_lists_max_age_days=1)
    assert only(ask(LISTS, _aged(timedelta(days=2)), contract=contract)).outcome is Outcome.FAIL


def test_lists_that_were_never_fetched_are_a_fail_and_not_up_to_date():
    host = debian_host(packages=PACKAGES, package_lists=PackageLists(manager="dnf", refreshed_at=None))
    found = only(ask(LISTS, host))
    assert (found.outcome, found.message.text) == (Outcome.FAIL, f"rules.{LISTS}.absent")


@pytest.mark.parametrize("changes", [{"package_lists": None}, {"gaps": (gap(FactKind.PACKAGE_LISTS),)}])
def test_an_unread_age_is_unknown(changes):
    assert only(ask(LISTS, debian_host(packages=PACKAGES, **changes))).outcome is Outcome.UNKNOWN


def test_enabled_repositories_pass():
    for host in (debian_host(packages=PACKAGES), alma_host(packages=PACKAGES), alpine_host(packages=PACKAGES)):
        assert only(ask(REPOSITORIES, host)).outcome is Outcome.PASS


@pytest.mark.parametrize("repositories", [(), (Repository(id="baseos", enabled=False),)])
def test_L18_L19_no_enabled_repository_is_a_fail_whatever_the_updater_says(repositories):
    found = only(ask(REPOSITORIES, alma_host(packages=PACKAGES, repositories=repositories)))
    assert (found.key, found.outcome) == ("none", Outcome.FAIL)


@pytest.mark.parametrize("make", [debian_host, ubuntu_host])
def test_an_apt_host_without_a_security_suite_is_a_fail(make):
    repositories = (
        Repository(id="main", suite="bookworm", origin="Debian"),
        Repository(id="security", suite="bookworm-security", origin="Debian", security=True, enabled=False),
    )
    found = only(ask(REPOSITORIES, make(packages=PACKAGES, repositories=repositories)))
    assert (found.key, found.outcome) == ("security", Outcome.FAIL)


def test_rpm_repositories_have_no_security_suite_to_miss():
    host = alma_host(packages=PACKAGES, repositories=(Repository(id="baseos"),))
    assert only(ask(REPOSITORIES, host)).outcome is Outcome.PASS


def test_unread_repositories_are_unknown_and_no_fail():
    host = debian_host(packages=PACKAGES, repositories=(), gaps=(gap(FactKind.REPOSITORIES),))
    assert only(ask(REPOSITORIES, host)).outcome is Outcome.UNKNOWN


def test_L19_an_unregistered_red_hat_is_a_license_finding():
    found = only(ask(REGISTERED, rhel_host(packages=PACKAGES, registered=False)))
    assert found.outcome is Outcome.FAIL
    assert found.remedy is not None
    assert found.remedy.params["command"] == "subscription-manager register"
    assert only(ask(REGISTERED, rhel_host(packages=PACKAGES))).outcome is Outcome.PASS


def test_L19_a_machine_rented_from_a_cloud_provider_is_not_registered_and_served_all_the_same():
    rented = (Repository(id="rhel-9-baseos-rhui-rpms"),)
    assert only(ask(REGISTERED, rhel_host(packages=PACKAGES, registered=False, repositories=rented))).outcome is (
        Outcome.PASS
    )
    switched_off = (Repository(id="rhel-9-baseos-rhui-rpms", enabled=False),)
    host = rhel_host(packages=PACKAGES, registered=False, repositories=switched_off)
    assert only(ask(REGISTERED, host)).outcome is Outcome.FAIL


def test_L27_unstable_has_no_security_suite_to_miss():
    sid = debian_host(packages=PACKAGES, version_id="", repositories=(Repository(id="Debian:sid", suite="sid"),))
    assert only(ask(REPOSITORIES, sid)).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("expired_for", "outcome"), [(timedelta(0), Outcome.PASS), (timedelta(seconds=1), Outcome.FAIL)]
)
def test_an_expired_subscription_is_none(expired_for, outcome):
    entry = Subscription(kind="suse", attached=True, expires_at=NOW - expired_for)
    assert only(ask(REGISTERED, suse_host(packages=PACKAGES, subscriptions=(entry,)))).outcome is outcome


@pytest.mark.parametrize(
    "changes",
    [{"registered": None}, {"subscriptions": ()}, {"subscriptions": (), "gaps": (gap(FactKind.SUBSCRIPTION),)}],
)
def test_an_unread_registration_is_unknown(changes):
    assert only(ask(REGISTERED, rhel_host(packages=PACKAGES, **changes))).outcome is Outcome.UNKNOWN


def test_free_distributions_ask_for_no_registration():
    for host in (debian_host(packages=PACKAGES), alma_host(packages=PACKAGES), ubuntu_host(packages=PACKAGES)):
        assert only(ask(REGISTERED, host)).outcome is Outcome.NOT_APPLICABLE
