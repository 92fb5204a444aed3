"""system.end_of_support on Windows: editions (W13), paid updates (W14, D7), servers (W15), no guess (W12)."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from collectors.feeds.records import WindowsBuild
from collectors.model import FactKind
from collectors.releases import _WINDOWS_BRANCHES
from rules import support
from rules.model import Confidence, Outcome, PatchState, PriorityLevel
from rules.windows import support as windows_support
from tests.rules.checks.estate import aged, only, spoken, without
from tests.rules.checks.windows_estate import (
    ESU_YEAR_1,
    ESU_YEAR_2,
    ESU_YEAR_3,
    activated,
    asked,
    case_of,
    hidden,
    known,
    server_host,
    windows_host,
)

RULE = "system.end_of_support"
TODAY = datetime(2026, 11, 22, 12, tzinfo=UTC)


def _ask(host, as_of=TODAY, *, builds=(), **options):
    return only(asked(RULE, host, known(builds=builds, as_of=as_of), as_of=as_of, **options))


def _at(year, month, day):
    return datetime(year, month, day, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("build", "edition", "ends_on"),
    [
        (26100, "Core", date(2026, 10, 13)),
        (26100, "CoreSingleLanguage", date(2026, 10, 13)),
        (26100, "Professional", date(2026, 10, 13)),
        (26100, "ProfessionalN", date(2026, 10, 13)),
        (26100, "ProfessionalWorkstation", date(2026, 10, 13)),
        (26100, "ProfessionalEducation", date(2026, 10, 13)),
        (26100, "Enterprise", date(2027, 10, 12)),
        (26100, "Education", date(2027, 10, 12)),
        (26100, "ServerRdsh", date(2027, 10, 12)),
        (26100, "IoTEnterprise", date(2027, 10, 12)),
        (26100, "EnterpriseS", date(2029, 10, 9)),
        (26100, "IoTEnterpriseS", date(2034, 10, 10)),
        (22631, "Professional", date(2025, 11, 11)),
        (22631, "Enterprise", date(2026, 11, 10)),
        (19044, "EnterpriseS", date(2027, 1, 12)),
        (19044, "IoTEnterpriseS", date(2032, 1, 13)),
        (17763, "IoTEnterpriseS", date(2029, 1, 9)),
        (14393, "EnterpriseS", date(2026, 10, 13)),
        (7601, "Professional", date(2020, 1, 14)),
    ],
)
def test_W13_the_edition_decides_the_date(build, edition, ends_on):
    host = windows_host(build=build, edition=edition)
    assert support.support_of(_case(host)).ends_on == ends_on


@pytest.mark.parametrize(("day", "text"), [(13, "ending"), (14, "ended")])
def test_W13_windows_11_24h2_pro_is_supported_on_its_last_day_and_not_on_the_next(day, text):
    found = _ask(windows_host(build=26100), _at(2026, 10, day))
    assert (found.outcome, found.message.text) == (Outcome.FAIL, f"rules.{RULE}.{text}")
    assert found.due_on == date(2026, 10, 13)
    assert found.remedy.text.endswith("remedy_windows_update")


def test_W13_the_same_build_as_enterprise_is_supported_a_year_longer():
    found = _ask(windows_host(build=26100, edition="Enterprise"))
    assert (found.outcome, found.message.params["ends_on"]) == (Outcome.PASS, "2027-10-12")
    assert found.evidence[0].seen == "26100.7462 Enterprise Client"


@pytest.mark.parametrize(
    "host",
    [
        windows_host(build=29999),
        windows_host(build=28000),  # known to exist, absent from this calendar
        windows_host(build=26100, edition="CloudEdition"),
        windows_host(build=26100, edition="EnterpriseG"),
        windows_host(build=26100, edition=""),
        windows_host(build=19045, edition="EnterpriseS"),  # there is no LTSC of that build
        windows_host(build=7601, edition="Embedded"),
        windows_host(build=26100, kind=""),  # Nano Server, Azure Stack HCI, product type unread (W32)
        server_host(build=30000),
        replace(windows_host(build=26100), windows=None),
    ],
)
def test_W12_a_build_or_edition_nobody_knows_is_unknown_and_never_the_latest_known(host):
    found = _ask(host)
    assert (found.outcome, found.message.text) == (Outcome.UNKNOWN, f"rules.{RULE}.unknown_release")


def test_W14_windows_10_without_esu_is_out_of_support_since_14_october_2025():
    found = _ask(windows_host(build=19045, ubr=6456))
    assert (found.outcome, found.state) == (Outcome.FAIL, PatchState.OUT_OF_SUPPORT)
    assert found.priority.level is PriorityLevel.NOW
    assert "hors support depuis le 14/10/2025" in spoken(found, "fr")
    assert found.message.params["extended_until_on"] == "2028-10-10"
    assert found.remedy.text.endswith("remedy_windows_10_extended")
    assert found.evidence[-1].what.text.endswith("evidence_not_enrolled")


@pytest.mark.parametrize(
    ("as_of", "ids", "text", "outcome"),
    [
        (_at(2025, 10, 14), (), "ending", Outcome.FAIL),  # the day itself is supported
        (_at(2025, 10, 15), (), "ended_entitlement", Outcome.FAIL),
        (_at(2025, 10, 15), (ESU_YEAR_1,), "extended", Outcome.PASS),
        (_at(2026, 10, 13), (ESU_YEAR_1,), "ending", Outcome.FAIL),
        (_at(2026, 10, 14), (ESU_YEAR_1,), "ended_lapsed", Outcome.FAIL),
        (_at(2026, 10, 14), (ESU_YEAR_1, ESU_YEAR_2), "extended", Outcome.PASS),
        (_at(2026, 10, 14), (ESU_YEAR_2,), "extended", Outcome.PASS),  # a later year implies the earlier
        (_at(2027, 10, 12), (ESU_YEAR_2,), "ending", Outcome.FAIL),
        (_at(2027, 10, 13), (ESU_YEAR_2,), "ended_lapsed", Outcome.FAIL),
        (_at(2027, 10, 13), (ESU_YEAR_3,), "extended", Outcome.PASS),
        (_at(2028, 10, 11), (ESU_YEAR_3,), "ended", Outcome.FAIL),
        (_at(2028, 10, 11), (), "ended", Outcome.FAIL),
    ],
)
def test_W14_each_year_of_esu_counts_until_its_last_day(as_of, ids, text, outcome):
    host = windows_host(build=19045, ubr=6456, activations=tuple(activated(id_) for id_ in ids))
    found = _ask(host, as_of)
    assert (found.message.text, found.outcome) == (f"rules.{RULE}.{text}", outcome)


def test_W14_an_enrolled_machine_says_which_year_and_until_when():
    found = _ask(windows_host(build=19045, activations=(activated(ESU_YEAR_2),)))
    assert found.message.params["phase"] == "ESU"
    assert found.evidence[-1].seen == ESU_YEAR_2
    assert found.evidence[-1].what.params == {"year": 2, "paid_until_on": "2027-10-12"}


def test_W14_an_esu_key_that_is_not_licensed_counts_for_nothing():
    found = _ask(windows_host(build=19045, ubr=6456, activations=(activated(ESU_YEAR_2, status=5),)))
    assert found.outcome is Outcome.FAIL


def test_W14_an_activation_that_could_not_be_read_is_unknown_and_no_fail():
    found = _ask(windows_host(build=19045, ubr=6456, gaps=hidden(FactKind.ACTIVATION)))
    assert (found.outcome, found.message.text) == (Outcome.UNKNOWN, f"rules.{RULE}.unknown_entitlement_ended")
    once = windows_host(build=19045, activations=(activated(ESU_YEAR_2),), gaps=hidden(FactKind.ACTIVATION))
    assert _ask(once).outcome is Outcome.PASS


def test_D7_an_update_that_only_subscribers_get_leaves_a_doubt_where_no_key_is_seen():
    """Windows 365 and Azure enrol their machines without a key."""
    builds = (
        WindowsBuild(build="19045.7548", kb="KB5099539", released_on=date(2026, 7, 14)),
        WindowsBuild(build="19045.6466", kb="KB5071959", released_on=date(2025, 11, 11), out_of_band=True),
        WindowsBuild(build="19045.6456", kb="KB5066791", released_on=date(2025, 10, 14)),
    )
    assert _ask(windows_host(build=19045, ubr=7548), builds=builds).outcome is Outcome.UNKNOWN
    assert _ask(windows_host(build=19045, ubr=6466), builds=builds).outcome is Outcome.FAIL
    assert _ask(windows_host(build=19045, ubr=6456), builds=builds).outcome is Outcome.FAIL


def test_W13_a_build_shared_with_an_ltsc_says_nothing_of_an_edition_that_ended():
    builds = (WindowsBuild(build="19044.7548", released_on=date(2026, 7, 14)),)
    assert _ask(windows_host(build=19044, ubr=7548), builds=builds).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("host", "as_of", "text"),
    [
        (server_host(build=9600), _at(2026, 10, 13), "unknown_entitlement_ended"),  # sold through Azure Arc: no trace
        (server_host(build=9600), _at(2026, 10, 14), "ended"),
        (server_host(build=14393), _at(2027, 1, 12), "ending"),
        (server_host(build=14393), _at(2027, 1, 13), "unknown_entitlement_ended"),
        (server_host(build=14393), _at(2030, 1, 13), "ended"),
        (server_host(build=14393, installation="Server Core"), _at(2027, 1, 13), "unknown_entitlement_ended"),
        (server_host(build=25398), _at(2026, 5, 12), "ending"),
        (server_host(build=25398), _at(2026, 5, 13), "ended"),
        (server_host(build=25398, installation="Server Core"), _at(2026, 5, 13), "ended"),
        (server_host(build=17763), TODAY, "regular"),
        (server_host(build=17763, edition="ServerDatacenterACor"), TODAY, "ended"),
        (server_host(build=26100), TODAY, "regular"),
        (server_host(build=26100, installation="Server Core"), TODAY, "regular"),
    ],
)
def test_W15_servers_by_build(host, as_of, text):
    assert _ask(host, as_of).message.text == f"rules.{RULE}.{text}"


def test_W5_server_2025_and_windows_11_24h2_share_a_build_and_not_a_date():
    assert _ask(server_host(build=26100)).outcome is Outcome.PASS
    assert _ask(windows_host(build=26100)).outcome is Outcome.FAIL


def test_every_build_that_has_advisories_has_a_cycle_name():
    for kind, host in (("client", windows_host), ("server", server_host)):
        for build in _WINDOWS_BRANCHES[kind]:
            assert windows_support.cycle_names(host(build=build))[1], (kind, build)


def test_D7_out_of_support_is_told_to_whoever_judges_patches():
    assert support.is_out_of_support(_case(windows_host(build=19045, ubr=6456)))
    assert not support.is_out_of_support(_case(windows_host(build=19045, activations=(activated(ESU_YEAR_2),))))
    assert not support.is_out_of_support(_case(windows_host(build=19045, gaps=hidden(FactKind.ACTIVATION))))
    assert not support.is_out_of_support(_case(windows_host()))


def test_a_single_source_is_firm():
    assert _ask(windows_host()).confidence is Confidence.FIRM


def test_G6_a_stale_or_absent_calendar_makes_supported_unknown_and_keeps_ended():
    for feeds in (aged("endoflife", 9), without("endoflife")):
        about = known(feeds=feeds)
        assert only(asked(RULE, windows_host(), about)).outcome is Outcome.UNKNOWN
        assert Outcome.FAIL in {found.outcome for found in asked(RULE, windows_host(build=22631), about)}


def _case(host):
    return case_of(host, known(as_of=TODAY), TODAY)
