"""The Windows Update Agent as second opinion: agree, silent, only it, not seen; and what it offers that is no patch."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from collectors.model import FactKind
from collectors.windows.facts import UpdatePolicy
from rules.model import Confidence, Outcome, PatchState
from tests.lab.snapshots import gap
from tests.lab.windows_snapshots import (
    DEFINITIONS,
    MICROSOFT_UPDATE,
    SECURITY,
    SEEN_AT,
    UPDATES,
    answer,
    click_to_run,
    failed_search,
    offered,
    sql_instance,
    windows_host,
)
from tests.rules.checks.estate import judge, only, spoken
from tests.rules.windows.msrc_rows import (
    JULY,
    JUNE,
    MAY,
    build,
    flaw,
    known,
    lcu,
    office_build,
    row,
    without_build,
)

RULE = "patch.missing"
JUNE_FLAW = flaw("CVE-2026-0006", lcu("26100.8655", "KB5094126"))
MAY_FLAW = flaw("CVE-2026-0005", lcu("26100.8457", "KB5089549"), on=MAY)
ABOUT = known(MAY_FLAW, JUNE_FLAW)
WSUS = UpdatePolicy(uses_wsus=True, wsus_server="http://wsus.example:8530")


def ask(host, about=ABOUT, rule=RULE):
    return tuple(finding for finding in judge(host, about, as_of=SEEN_AT).findings if finding.rule == rule)


def behind(*search, **changes):
    return windows_host(build="26100.8037", search=search, **changes)


def opinion(finding):
    return finding.message.params["cross_check"], finding.message.params["cross_check_why"]


def test_an_offer_of_the_update_confirms_it() -> None:
    found = only(ask(behind(answer(offered("KB5094126")))))
    assert (opinion(found), found.confidence) == (("agree", "wua_offers"), Confidence.CONFIRMED)
    assert found.evidence[-1].seen == "KB5094126"


def test_an_offer_of_a_later_update_confirms_it_too() -> None:
    about = known(MAY_FLAW, JUNE_FLAW, builds=(build("26100.8737", "KB5095999", on=JULY),))
    assert opinion(only(ask(behind(answer(offered("KB5095999"))), about))) == ("agree", "wua_offers")


MARCH = flaw(
    "CVE-2026-0003",
    lcu("26100.8037", "KB5079473"),
    lcu("26100.7979", "KB5079420", remedy_kind="Security Hotpatch Update"),
    on=date(2026, 3, 10),
)


@pytest.mark.parametrize(
    "about",
    [
        known(MARCH),
        known(MARCH, builds=(build("26100.7979", "KB5079420", date(2026, 3, 10), hotpatch=True),)),
        known(
            flaw(
                "CVE-2026-0003",
                lcu("26100.8037", "KB5079473"),
                without_build("KB5079420", remedy_kind="SecurityHotpatchUpdate"),
            )
        ),
    ],
)
def test_W6_D8_a_machine_that_is_offered_the_hotpatch_agrees_and_lacks_nothing_else(about) -> None:
    host = windows_host(build="26100.7922", search=(answer(offered("KB5079420")),))
    found = only(ask(host, about))
    assert (found.message.params["remedy"], opinion(found)) == ("KB5079473", ("agree", "wua_offers"))


def test_D5_an_offer_of_an_older_update_only_is_told() -> None:
    found = only(ask(behind(answer(offered("KB5089549")))))
    assert (opinion(found), found.confidence) == (("only_ours", "wua_offers_older"), Confidence.FIRM)


def test_a_hidden_update_is_missing_all_the_same() -> None:
    assert opinion(only(ask(behind(answer(offered("KB5094126", hidden=True)))))) == ("agree", "wua_hidden")


def test_silence_neither_confirms_nor_clears() -> None:
    found = only(ask(behind(answer())))
    assert (found.outcome, opinion(found), found.confidence) == (
        Outcome.FAIL,
        ("only_ours", "wua_not_offered"),
        Confidence.FIRM,
    )


@pytest.mark.parametrize(
    ("host", "why"),
    [
        (behind(failed_search("0x8024402c")), "wua_failed"),
        (behind(), "wua_unseen"),
        (behind(gaps=(gap(FactKind.AVAILABLE_UPDATES),)), "wua_unseen"),
        (behind(answer(online=False)), "wua_cached"),
        (behind(answer(), policy=WSUS), "wsus_only"),
        (behind(answer(), policy=None, gaps=(gap(FactKind.UPDATE_POLICY),)), "wua_source_unknown"),
    ],
)
def test_W16_W19_an_answer_that_cannot_be_used_is_not_seen(host, why) -> None:
    found = only(ask(host))
    assert opinion(found) == ("not_seen", why)
    patched = only(ask(replace(host, operating_system=windows_host().operating_system)))
    assert (patched.outcome, patched.confidence) == (Outcome.PASS, Confidence.FIRM)
    assert patched.message.text == "rules.patch.missing.pass_windows_alone"


def test_W19_a_failed_search_shows_its_code() -> None:
    found = only(ask(behind(failed_search("0x80240438"))))
    assert found.evidence[-1].seen == "0x80240438"


def test_W16_what_wsus_offers_counts_and_what_it_does_not_offer_does_not() -> None:
    assert opinion(only(ask(behind(answer(offered("KB5094126")), policy=WSUS)))) == ("agree", "wua_offers")
    past = behind(answer(), answer(offered("KB5094126"), server="microsoft"), policy=WSUS)
    found = only(ask(past))
    assert (opinion(found), found.evidence[-1].source) == (
        ("agree", "wua_offers"),
        "Windows Update Agent (Microsoft)",
    )
    assert opinion(only(ask(behind(answer(), answer(server="microsoft"), policy=WSUS)))) == (
        "only_ours",
        "wua_not_offered",
    )


def test_D11_products_of_microsoft_update_are_not_judged_by_a_search_without_it() -> None:
    about = known(JUNE_FLAW, flaw("CVE-1", row("sql-server:2019", "sql-server", "15.0.4465.1", "KB5084816")))
    instances = (sql_instance("15.0.4430.1"),)
    without = only(ask(windows_host(sql_instances=instances), about))
    assert opinion(without) == ("not_seen", "wua_no_microsoft_update")
    registered = UpdatePolicy(uses_wsus=False, services=(MICROSOFT_UPDATE,))
    assert opinion(only(ask(windows_host(sql_instances=instances, policy=registered), about))) == (
        "only_ours",
        "wua_not_offered",
    )


def test_W22_office_updates_itself() -> None:
    about = known(JUNE_FLAW, office_build("16.0.20326.20100", click_to_run("").channel, on=JUNE))
    found = only(ask(windows_host(office=(click_to_run("16.0.20228.20124"),)), about))
    assert opinion(found) == ("not_seen", "wua_not_its_own")


# --- what only Windows Update knows -----------------------------------------------------------------------------------


def test_a_security_update_no_verdict_explains_is_missing_by_its_word() -> None:
    host = windows_host(search=[answer(offered("KB5101234", severity="Critical", released_on=JULY))])
    found = only(ask(host))
    assert (found.key, found.outcome, found.state) == ("KB5101234", Outcome.FAIL, PatchState.MISSING)
    assert spoken(found) == (
        "Windows Update offers security update KB5101234, which our advisory lists do not mention."
    )
    assert opinion(found) == ("only_theirs", "wua_feed_older")
    assert found.severity.value == "critical"


def test_D12_a_feed_newer_than_the_answer_does_not_explain_it_away() -> None:
    about = known(JUNE_FLAW, checked_at=SEEN_AT + timedelta(hours=1))
    host = windows_host(search=[answer(offered("KB5101234"))])
    assert opinion(only(ask(host, about))) == ("only_theirs", "wua_not_in_list")


def test_flaws_we_hold_as_closed_are_a_disagreement() -> None:
    host = windows_host(search=[answer(offered("KB5101234", cves=("CVE-2026-0006",)))])
    found = only(ask(host))
    assert (opinion(found), found.confidence) == (("only_theirs", "wua_disagree"), Confidence.TENTATIVE)


@pytest.mark.parametrize(
    "update",
    [
        offered("KB2267602", categories=(DEFINITIONS,)),
        offered("KB2267602", categories=(SECURITY, DEFINITIONS)),
        offered("KB890830", categories=(SECURITY,)),
        offered("KB4052623", categories=(UPDATES,)),
        offered("KB5095000", categories=(UPDATES,)),  # a preview
        offered("KB5095000", browse_only=True),
        offered("", kind="driver", categories=(SECURITY,)),
    ],
)
def test_W20_W21_D8_what_is_no_security_patch_is_never_missing(update) -> None:
    assert only(ask(windows_host(search=[answer(update)]))).outcome is Outcome.PASS


def test_W20_a_localized_title_plays_no_part() -> None:
    title = "Mise à jour de sécurité pour Windows"
    host = windows_host(search=[answer(offered("KB5095000", categories=(UPDATES,), title=title))])
    assert only(ask(host)).outcome is Outcome.PASS


def test_W1_an_update_the_running_build_holds_is_not_missing_because_it_is_still_offered() -> None:
    about = known(MAY_FLAW, JUNE_FLAW, builds=(build("26100.8457", "KB5089549", on=MAY),))
    assert only(ask(windows_host(search=[answer(offered("KB5089549"))]), about)).outcome is Outcome.PASS


def test_W8_a_servicing_stack_is_part_of_what_it_is_needed_for() -> None:
    stack = flaw("ADV990001", without_build("KB5094300", remedy_kind="Servicing Stack Update"))
    about = known(JUNE_FLAW, stack)
    assert only(ask(windows_host(search=[answer(offered("KB5094300"))]), about)).outcome is Outcome.PASS


def test_an_update_offered_by_two_servers_is_one_line() -> None:
    host = windows_host(search=[answer(offered("KB5101234")), answer(offered("KB5101234"), server="microsoft")])
    assert len(ask(host)) == 1


def test_what_only_windows_update_knows_has_no_date_and_no_deadline() -> None:
    host = windows_host(search=[answer(offered("KB5101234"))])
    found = only(ask(host, rule="patch.overdue"))
    assert (found.outcome, found.key) == (Outcome.UNKNOWN, "undated")
