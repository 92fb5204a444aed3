"""patch.overdue: one line per host, the boundary day, the reasons, and what has no date."""

from dataclasses import replace
from datetime import timedelta

import pytest

from collectors.feeds.records import Severity
from collectors.model import FactKind
from rules.contract import Contract, Sla
from rules.model import Outcome, PatchState, PriorityLevel
from rules.rulings import Doubt
from tests.lab.snapshots import NOW, deb, debian_host, gap
from tests.rules.checks.estate import (
    FEEDS,
    advisory,
    aged,
    ask,
    days,
    exploited,
    knowledge,
    offer,
    only,
    outcomes,
    spoken,
    verdict,
    without,
)

RULE = "patch.overdue"
HOST = debian_host(packages={"bash": "5"})


def _fix(package="openssl", days_ago=3, **changes):
    issued = advisory(f"DSA-{package}", days_ago=days_ago, **changes)
    return verdict(package, advisories=[issued], packages=(deb(package, "1.0-1"),))


def _ask(*verdicts, about=None, host=HOST, **options):
    return ask(RULE, host, about, verdicts=verdicts, **options)


@pytest.mark.parametrize(("days_ago", "outcome"), [(14, Outcome.PASS), (15, Outcome.FAIL)])
def test_the_due_day_itself_is_in_time_and_the_day_after_is_late(days_ago, outcome):
    assert only(_ask(_fix(days_ago=days_ago))).outcome is outcome


def test_a_day_begins_at_midnight_utc():
    fix = _fix(days_ago=14)
    assert only(_ask(fix, as_of=NOW.replace(hour=23, minute=59))).outcome is Outcome.PASS
    assert only(_ask(fix, as_of=NOW.replace(hour=0) + timedelta(days=1))).outcome is Outcome.FAIL


def test_nothing_open_passes():
    assert only(_ask()).outcome is Outcome.PASS


def test_late_fixes_are_one_finding_with_the_oldest_first_and_each_in_the_evidence():
    found = only(_ask(_fix("bash", 20), _fix("openssl", 40), _fix("curl", 1)))
    assert found.message.params == {
        "count": 2,
        "packages": "openssl, bash",
        "days_late": 26,
        "due_on": days(-26).isoformat(),
        "undated_count": 0,
    }
    assert (found.key, found.due_on, found.priority.level) == ("", days(-26), PriorityLevel.NOW)
    assert [line.seen for line in found.evidence] == ["openssl 1.0-1", "bash 1.0-1"]
    assert found.priority.reasons[0].params == {"count": 26}
    assert spoken(found, "fr").startswith("2 correctifs de sécurité hors délai (openssl, bash)")


def test_G4_kev_makes_a_fix_late_after_cisas_date_and_the_evidence_names_it():
    about = knowledge(exploited=(exploited(due_in=-1),))
    found = only(_ask(_fix(days_ago=5), about=about))
    assert found.evidence[0].what.text == "rules.deadline.kev"


def test_cyber_essentials_makes_a_medium_flaw_with_cvss_7_late_after_14_days():
    contract = Contract(client="ACME", sla=Sla(cyber_essentials=True))
    fix = _fix(days_ago=15, severity=Severity.MEDIUM, cvss=7.0)
    assert only(_ask(fix)).outcome is Outcome.PASS
    assert only(_ask(fix, contract=contract)).outcome is Outcome.FAIL


def test_L5_a_fixed_kernel_waiting_for_a_reboot_is_late_too_and_the_remedy_is_a_reboot():
    waiting = replace(_fix("linux", 30), state=PatchState.REBOOT_PENDING, kernel=True)
    found = only(_ask(waiting))
    assert (found.outcome, found.state) == (Outcome.FAIL, PatchState.REBOOT_PENDING)
    assert found.remedy is not None
    assert found.remedy.text.endswith("remedy_reboot")


@pytest.mark.parametrize(
    "state", [PatchState.NO_FIX, PatchState.UPCOMING, PatchState.PRO_REQUIRED, PatchState.MITIGATED]
)
def test_L8_what_cannot_be_installed_is_never_late(state):
    assert only(_ask(replace(_fix(days_ago=900), state=state))).outcome is Outcome.PASS


def test_a_fix_without_any_date_is_unknown_and_never_in_time():
    found = only(_ask(_fix(days_ago=None)))
    assert (found.outcome, found.message.text) == (Outcome.UNKNOWN, "rules.patch.overdue.undated")


def test_an_undated_fix_beside_a_late_one_is_told_apart_and_not_dropped():
    found = {one.key: one for one in _ask(_fix("a", None), _fix("b", 40))}
    assert {key: one.outcome for key, one in found.items()} == {"": Outcome.FAIL, "undated": Outcome.UNKNOWN}
    assert (found[""].message.params["packages"], found["undated"].message.params["packages"]) == ("b", "a")
    assert found[""].message.params["undated_count"] == 1
    assert [line.seen for line in found["undated"].evidence] == ["a 1.0-1"]
    assert spoken(found["undated"], "fr").startswith("1 correctif manquant sans date de publication connue (a)")


def test_a_security_update_only_the_updater_knows_has_no_date_and_is_not_in_time():
    offered = (offer("tzdata", "2026c-0+deb12u1"),)
    host = debian_host(packages=[deb("tzdata", "2026b-0+deb12u1")], available_updates=offered)
    found = only(_ask(host=host))
    assert (found.outcome, found.message.params["packages"]) == (Outcome.UNKNOWN, "tzdata")


def test_an_update_whose_advisory_is_known_and_old_is_late_though_our_own_verdict_differs():
    offered = (offer("openssl", "3.0.16-1", advisories=("DSA-9001-1",)),)
    host = debian_host(packages=[deb("openssl", "3.0.15-1")], available_updates=offered)
    found = only(_ask(host=host, about=knowledge(advisories=(advisory(days_ago=30),))))
    assert (found.outcome, found.due_on) == (Outcome.FAIL, days(-16))
    assert found.evidence[0].expected == "openssl 3.0.16-1"


def test_a_fix_released_after_cisas_date_is_late_from_the_day_after_its_release():
    about = knowledge(exploited=(exploited(due_in=-400),))
    assert only(_ask(_fix(days_ago=0), about=about)).outcome is Outcome.PASS
    assert only(_ask(_fix(days_ago=1), about=about)).outcome is Outcome.FAIL


@pytest.mark.parametrize(("due_in", "outcome"), [(0, Outcome.PASS), (-1, Outcome.FAIL)])
def test_G4_cisas_due_day_itself_is_in_time(due_in, outcome):
    about = knowledge(exploited=(exploited(due_in=due_in),))
    assert only(_ask(_fix(days_ago=5), about=about)).outcome is outcome


@pytest.mark.parametrize(("days_ago", "outcome"), [(14, Outcome.PASS), (15, Outcome.FAIL)])
def test_cyber_essentials_ends_with_its_fourteenth_day(days_ago, outcome):
    contract = Contract(client="ACME", sla=Sla(critical=30, high=30, cyber_essentials=True))
    assert only(_ask(_fix(days_ago=days_ago, severity=Severity.UNKNOWN), contract=contract)).outcome is outcome


def test_unread_packages_are_unknown():
    host = debian_host(gaps=(gap(FactKind.PACKAGES),))
    assert only(_ask(host=host)).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("feeds", [aged("tracker", 9), without("tracker"), aged("kev", 9), without("kev")])
def test_G6_stale_or_absent_feeds_make_in_time_unknown(feeds):
    about = knowledge(feeds=feeds)
    assert only(_ask(_fix(days_ago=1), about=about)).outcome is Outcome.UNKNOWN


def test_a_contract_that_does_not_count_kev_does_not_need_its_feed():
    contract = Contract(client="ACME", sla=Sla(kev=False))
    found = only(_ask(_fix(days_ago=1), about=knowledge(feeds=without("kev")), contract=contract))
    assert found.outcome is Outcome.PASS


def test_a_late_fix_stays_late_under_a_stale_feed():
    assert len(FEEDS) == 4
    found = _ask(_fix(days_ago=40), about=knowledge(feeds=aged("tracker", 9)))
    assert outcomes(found) == {"": Outcome.FAIL, "incomplete": Outcome.UNKNOWN}


def test_a_fix_that_may_be_owed_may_be_late():
    doubtful = replace(_fix("perl", 90), state=PatchState.UNKNOWN, reason=Doubt.MODULE)
    found = only(_ask(doubtful))
    assert (found.key, found.outcome) == ("undecided", Outcome.UNKNOWN)
    assert spoken(found, "fr").startswith("Pour 1 paquet, impossible de dire s'il manque un correctif (perl)")
    assert outcomes(_ask(doubtful, _fix("curl", 90))) == {"": Outcome.FAIL, "undecided": Outcome.UNKNOWN}
