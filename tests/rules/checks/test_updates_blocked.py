"""updates.blocked: service, policies, pauses, silence, and search errors in words (W19)."""

from datetime import timedelta

import pytest

from collectors.feeds.records import WindowsBuild
from collectors.model import FactKind
from collectors.windows.facts import UpdatePolicy, UpdateSearch
from rules.model import Confidence, Outcome, PriorityLevel
from tests.lab.snapshots import NOW, debian_host
from tests.rules.checks.estate import only, outcomes, spoken
from tests.rules.checks.windows_estate import asked, hidden, known, windows_host

RULE = "updates.blocked"


def _ask(*, search=(), as_of=NOW, gaps=(), **policy):
    facts = {"uses_wsus": False, "service_start": "manual"} | policy
    return asked(RULE, windows_host(policy=UpdatePolicy(**facts), search=search, gaps=gaps), as_of=as_of)


def _failed(code, server="default", **changes):
    return UpdateSearch(server=server, result_code=4, error=code, **changes)


def test_a_machine_in_order_passes_and_names_its_source():
    assert spoken(only(_ask(last_success_at=NOW))) == "Nothing keeps this machine from Microsoft's updates."
    wsus = only(_ask(uses_wsus=True, wsus_server="http://wsus01:8530"))
    assert "http://wsus01:8530" in spoken(wsus)


@pytest.mark.parametrize(
    ("policy", "key"),
    [
        ({"service_start": "disabled"}, "service"),
        ({"access_disabled": True}, "access"),
        ({"no_internet_locations": True}, "internet"),
        ({"paused_until": NOW + timedelta(seconds=1)}, "paused"),
    ],
)
def test_W19_each_cause_is_a_finding_of_its_own(policy, key):
    found = only(_ask(**policy))
    assert (found.key, found.outcome, found.priority.level) == (key, Outcome.FAIL, PriorityLevel.PLAN)
    assert found.evidence[0].as_of == NOW
    assert spoken(found, "fr") != spoken(found)


def test_two_causes_are_two_findings():
    found = _ask(service_start="disabled", paused_until=NOW + timedelta(days=3))
    assert outcomes(found) == {"service": Outcome.FAIL, "paused": Outcome.FAIL}


def test_a_pause_that_is_over_and_an_automatic_start_are_no_causes():
    assert only(_ask(paused_until=NOW)).outcome is Outcome.PASS
    assert only(_ask(service_start="automatic")).outcome is Outcome.PASS


def test_barred_internet_servers_do_no_harm_where_wsus_takes_their_place():
    assert only(_ask(no_internet_locations=True, uses_wsus=True, wsus_server="http://wsus")).outcome is Outcome.PASS


def test_a_date_that_an_older_windows_left_behind_is_no_silence():
    """An upgrade keeps the date of the last search of the Windows before it, and newer ones no longer write it."""
    years_ago = NOW - timedelta(days=900)
    assert only(_ask(last_success_at=years_ago)).outcome is Outcome.FAIL
    assert only(_ask(last_success_at=years_ago, last_install_at=NOW - timedelta(days=8))).outcome is Outcome.PASS
    running = WindowsBuild(build="26200.7462", kb="KB5072033", released_on=(NOW - timedelta(days=12)).date())
    host = windows_host(policy=UpdatePolicy(uses_wsus=False, service_start="manual", last_success_at=years_ago))
    assert only(asked(RULE, host, known(builds=(running,), as_of=NOW))).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("age", "outcome"), [(timedelta(days=14), Outcome.PASS), (timedelta(days=14, seconds=1), Outcome.FAIL)]
)
def test_exactly_fourteen_days_without_a_search_are_still_fine(age, outcome):
    found = only(_ask(last_success_at=NOW - age))
    assert found.outcome is outcome
    if outcome is Outcome.FAIL:
        assert (found.key, found.message.params["count"]) == ("silent", 14)


def test_the_silence_is_counted_to_when_the_machine_was_seen():
    later = NOW + timedelta(days=30)
    assert only(_ask(last_success_at=NOW - timedelta(days=1), as_of=later)).outcome is Outcome.PASS


def test_a_date_windows_does_not_write_down_is_no_silence():
    assert only(_ask(last_success_at=None)).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("0x80070422", "search_disabled"),
        ("0x8024002E", "search_policy"),
        ("0x8024402c", "search_name"),
        ("0x80240438", "search_route"),
        ("0x80072f8f", "search_certificate"),
        ("0x8024401b", "search_refused"),
        ("0x80244022", "search_server"),
        ("0x8024000e", "search_damaged"),
        ("0x8024ffff", "search_other"),
    ],
)
def test_W19_search_errors_are_told_in_words_with_their_code(code, text):
    found = only(_ask(search=(_failed(code),)))
    assert (found.key, found.message.text) == ("search", f"rules.{RULE}.{text}")
    assert code.lower() in spoken(found)
    assert found.confidence is Confidence.TENTATIVE


@pytest.mark.parametrize(
    ("search", "policy"),
    [
        (_failed("0x80070005"), {}),  # our account, not the machine
        (_failed("0x8024002e", server="microsoft"), {}),  # past WSUS: another rule's business
        (_failed("0x80248007", online=False), {}),
        (_failed("0x80072ee2"), {"last_success_at": NOW - timedelta(days=7)}),  # its own searches succeed
    ],
)
def test_a_search_that_fails_for_reasons_of_ours_is_no_finding(search, policy):
    assert only(_ask(search=(search,), **policy)).outcome is Outcome.PASS


def test_an_error_a_setting_already_explains_is_told_once():
    found = only(_ask(search=(_failed("0x80070422"),), service_start="disabled"))
    assert found.key == "service"
    barred = only(_ask(search=(_failed("0x8024002e"),), access_disabled=True))
    assert barred.key == "access"


def test_settings_that_could_not_be_read_are_unknown_and_keep_a_fail():
    gaps = hidden(FactKind.UPDATE_POLICY)
    assert only(_ask(gaps=gaps)).outcome is Outcome.UNKNOWN
    assert outcomes(_ask(gaps=gaps, service_start="disabled")) == {"service": Outcome.FAIL, "": Outcome.UNKNOWN}
    assert only(asked(RULE, windows_host(policy=None))).outcome is Outcome.UNKNOWN


def test_a_linux_machine_is_none_of_this_rules_business():
    assert only(asked(RULE, debian_host(packages={"bash": "5"}))).outcome is Outcome.NOT_APPLICABLE
