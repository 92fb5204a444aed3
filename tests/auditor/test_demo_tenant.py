"""The demonstration's Microsoft 365 tenant: a finding of every kind, through the real client and the real pipeline."""

import json
import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import Result

from auditor.demo.company import prepare
from auditor.demo.tenant.described import consumed, held_by, prices, tenant, terms
from auditor.demo.tenant.recordings import play, target_of, write
from auditor.exits import Exit
from auditor.history.store import Store
from auditor.pipeline import Result as RunResult
from auditor.pipeline import conduct
from auditor.progress import Silent
from collectors.cloud.facts import SignInKnowledge, TenantFact, TenantSnapshot
from collectors.feeds.cache import FeedStore
from collectors.model import CollectorOutcome, GapReason
from reports.licenses import Licenses
from reports.reviews import reviews
from rules.checks import discover_tenant_rules
from rules.model import Finding, FreeReason, LicenseLine, Outcome, SeatVerdict, SkuKind

_DESCRIBED = tenant()
_DOMAIN = _DESCRIBED.domain
# Rules whose answer is no fault of the client's: areas nothing rests on could not be read, a tolerated difference.
_TOLD_OTHERWISE = {"m365.coverage": Outcome.NOT_APPLICABLE, "m365.replication_drift": Outcome.NOT_APPLICABLE}


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> TenantSnapshot:
    return play(write(_DESCRIBED, tmp_path_factory.mktemp("tenant")), target_of(_DESCRIBED))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    demonstration = prepare(tmp_path_factory.mktemp("demo"), "en")
    with Store(demonstration.history) as store:
        return conduct(demonstration.plan, store=store, feeds=FeedStore(demonstration.feeds_folder), progress=Silent())


def _of(run: RunResult, rule: str, outcome: Outcome = Outcome.FAIL) -> list[Finding]:
    return [found for found in run.assessment.findings if (found.rule, found.outcome) == (f"m365.{rule}", outcome)]


def _people(run: RunResult, rule: str) -> set[str]:
    return {found.person.partition("@")[0] for found in _of(run, rule)}


def _line(run: RunResult, name: str) -> LicenseLine:
    (summary,) = run.assessment.tenants
    return next(line for line in summary.licenses if line.sku_id == _DESCRIBED.skus[name].id)


@pytest.mark.parametrize("rule", [rule.id for rule in discover_tenant_rules()])
def test_every_rule_about_tenants_has_something_to_say(run: RunResult, rule: str) -> None:
    """A new rule without a case in the demonstration fails here."""
    assert _of(run, rule.removeprefix("m365."), _TOLD_OTHERWISE.get(rule, Outcome.FAIL))


def test_no_rule_breaks_and_the_clients_files_mean_something(run: RunResult) -> None:
    assert [failure for failure in run.assessment.failures if failure.rule.startswith("m365.")] == []
    assert run.warnings == ()


def test_only_what_nobody_consented_to_is_missing(snapshot: TenantSnapshot) -> None:
    lacking = {(gap.kind, gap.reason) for gap in snapshot.gaps}
    assert lacking == {
        (TenantFact.DEVICES, GapReason.DENIED),
        (TenantFact.DETECTED_APPS, GapReason.DENIED),
    }
    assert {gap.permission for gap in snapshot.gaps} == {"DeviceManagementManagedDevices.Read.All"}


def test_every_question_of_the_real_client_is_answered(snapshot: TenantSnapshot) -> None:
    broken = {status.name for status in snapshot.collectors if status.outcome is CollectorOutcome.FAILED}
    assert broken == {"devices", "detected-apps"}


def test_a_question_without_an_answer_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from auditor.demo.tenant import recordings

    monkeypatch.setattr(recordings, "ANSWERS", {"/organization": recordings.ANSWERS["/organization"]})
    with pytest.raises(LookupError, match="/subscribedSkus"):
        write(_DESCRIBED, tmp_path)


def test_the_recording_is_the_same_every_time_and_holds_no_secret(tmp_path: Path) -> None:
    one, two = (write(_DESCRIBED, tmp_path / name) for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    assert b"Bearer" not in one.read_bytes()


def test_the_tenant_is_of_ordinary_size(snapshot: TenantSnapshot) -> None:
    assert 40 <= len(snapshot.users) <= 50
    assert len(snapshot.skus) == 18
    assert all(user.sign_in_known is not SignInKnowledge.NOT_ASKED for user in snapshot.users)


def test_a_description_that_names_nothing_is_refused() -> None:
    person = replace_struct(_DESCRIBED.people[0], holds="premium@NOBODY")
    with pytest.raises(ValueError, match="names no license"):
        held_by(_DESCRIBED, person)
    with pytest.raises(ValueError, match="is no price"):
        prices(replace_struct(_DESCRIBED, prices=replace_struct(_DESCRIBED.prices, rows="caviar 9 from 2025-01-01")))


def replace_struct(struct, **changes):  # type: ignore[no-untyped-def]
    import msgspec

    return msgspec.structs.replace(struct, **changes)


def test_seats_in_use_are_those_of_people_and_the_unnamed(snapshot: TenantSnapshot) -> None:
    for name, sku in _DESCRIBED.skus.items():
        named = sum(held.sku_id == sku.id for user in snapshot.users for held in user.licenses)
        assert consumed(_DESCRIBED, name) == named + sku.unnamed


# ------------------------------------------------------------------------------------------------- the numbered cases


def test_case_02_and_03_seats_in_grace_still_work_and_end_on_a_day(run: RunResult) -> None:
    visio = _line(run, "visio")
    assert (visio.bought, visio.grace, visio.verdict, visio.at_risk) == (0, 3, SeatVerdict.CHECK, 2)
    (ending,) = _of(run, "grace_ending")
    assert ending.due_on == date(2025, 11, 23)


def test_case_04_and_05_suspended_and_locked_seats_are_no_surplus(run: RunResult) -> None:
    assert _line(run, "planner").verdict is SeatVerdict.CHECK
    assert _line(run, "conferencing").locked_out == 3
    assert {found.key for found in _of(run, "suspended_seats")} == {_DESCRIBED.skus["planner"].id}


def test_case_06_07_and_09_free_offers_are_in_no_total(run: RunResult) -> None:
    for name in ("flow", "fabric", "rights", "store"):
        assert _line(run, name).free_reason is FreeReason.LISTED
    assert Licenses(run.assessment).totals.bought < 150


def test_case_08_granted_seats_are_no_waste(run: RunResult) -> None:
    granted = _line(run, "granted")
    assert (granted.free_reason, granted.reducible) == (FreeReason.GRANTED, 0)


def test_case_10_server_licenses_are_compared_with_the_servers_audited(run: RunResult) -> None:
    assert _line(run, "defender").kind is SkuKind.SERVER
    (found,) = _of(run, "device_licenses")
    servers = found.message.params["servers"]
    assert isinstance(servers, int)
    assert found.message.params["count"] == 30 - servers


def test_case_11_and_18_products_that_others_cover(run: RunResult) -> None:
    assert _people(run, "redundant_licenses") == {"sophie.delorme", "julien.faure", "amelie.pasquier", "monique.tardy"}


def test_case_14_41_and_42_plans_and_installations_to_discuss(run: RunResult) -> None:
    assert _people(run, "downgrade_candidates") == {"nadia.benali", "lea.fontaine"}
    assert _people(run, "office_activations") == {"marc.thevenet"}
    assert _people(run, "office_shared_hosts") == {"damien.lacombe"}


def test_case_16_and_35_doubled_assignments_and_a_seat_without_a_name_cost_nothing(run: RunResult) -> None:
    (doubled,) = _of(run, "double_assignment")
    assert (doubled.message.params["count"], doubled.money) == (2, None)
    (drift,) = _of(run, "replication_drift", Outcome.NOT_APPLICABLE)
    assert drift.message.params["count"] == 1


def test_case_19_the_business_family_is_counted_together(run: RunResult) -> None:
    (found,) = _of(run, "seat_limit")
    assert found.message.params["count"] == 15 + 15 + 9 + 300


def test_case_20_and_21_mailboxes_with_a_license_too_many_and_one_too_few(run: RunResult) -> None:
    money = {found.person.partition("@")[0]: found.money for found in _of(run, "mailbox_licenses")}
    assert set(money) == {"accueil", "salle-levain", "commandes"}
    assert money["commandes"] is not None
    assert money["commandes"].cost == Decimal("8.20")


def test_case_22_leavers_by_what_is_known_of_their_mailbox(run: RunResult) -> None:
    texts = {found.person.partition("@")[0]: found.message.text for found in _of(run, "disabled_users")}
    assert set(texts) == {"paul.grimaud", "sylvie.aubert", "karim.haddad"}
    assert len(set(texts.values())) == 3


def test_case_23_to_27_who_is_inactive_and_who_is_not(run: RunResult) -> None:
    assert _people(run, "inactive_users") == {"antoine.besson", "pauline.esnault", "gerard.mouton"}
    assert _people(run, "never_active_users") == {"bruno.castel"}
    (excepted,) = _of(run, "inactive_users", Outcome.NOT_APPLICABLE)
    assert excepted.person == f"camille.roche@{_DOMAIN}"
    (summary,) = run.assessment.tenants
    assert summary.unmatched_exceptions == (f"jean.bidon@{_DOMAIN}",)


def test_case_31_a_guest_with_a_paid_license(run: RunResult) -> None:
    assert _people(run, "guest_licenses") == {"o.baudry_levain-conseil.example#EXT#"}


def test_case_34_somebody_waits_for_a_seat(run: RunResult) -> None:
    premium = _line(run, "premium")
    assert (premium.bought, premium.assigned, premium.waiting, premium.deficit) == (15, 15, 1, 1)
    assert _people(run, "assignment_errors") == {"romain.vidal"}


def test_case_36_and_37_a_trial_and_an_anniversary_with_needless_seats(run: RunResult) -> None:
    (trial,) = _of(run, "trial_ending")
    assert (trial.message.params["count"], trial.due_on) == (3, date(2025, 11, 11))
    (renewal,) = _of(run, "renewal_decision")
    assert (renewal.key, renewal.due_on) == (_DESCRIBED.skus["standard"].id, date(2025, 11, 14))


def test_case_38_monthly_seats_go_first(run: RunResult) -> None:
    (teams,) = [found for found in _of(run, "unassigned_seats") if found.key == _DESCRIBED.skus["teams"].id]
    assert teams.money is not None
    assert (teams.money.now, teams.money.later) == (Decimal("16.80"), 0)


def test_case_39_and_40_a_product_without_price_and_a_price_that_changed(run: RunResult) -> None:
    assert _line(run, "powerbi").monthly_cost is None
    assert _line(run, "premium").monthly_cost == 15 * Decimal("17.80")
    assert _line(run, "premium").priced_from == date(2025, 4, 1)


def test_the_sheets_sums_are_those_of_the_rules(run: RunResult) -> None:
    (summary,) = run.assessment.tenants
    shown = Licenses(run.assessment)
    assert shown.totals.monthly_cost == summary.totals.monthly_cost
    assert shown.totals.saving_now == summary.totals.saving_now * 12
    assert shown.totals.saving_later == summary.totals.saving_later * 12
    assert shown.missing.cost == summary.totals.cost * 12


def test_every_seat_to_give_up_is_a_persons_or_nobodys(run: RunResult) -> None:
    shown = Licenses(run.assessment)
    people = sum(line.seats for line in reviews(shown) if line.yearly > 0 or not line.priced)
    nobodys = sum(found.money.seats for found in _of(run, "unassigned_seats") if found.money is not None)
    assert people + nobodys == shown.totals.surplus


def test_the_clients_terms_name_skus_and_people_of_the_tenant() -> None:
    owned = {sku.part_number for sku in _DESCRIBED.skus.values()}
    assert set(terms(_DESCRIBED).non_billable) <= owned
    assert {price.product for price in prices(_DESCRIBED)} <= owned


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_workbook_passes_every_check_and_names_no_part_number(run: RunResult, language: str) -> None:
    from reports.workbook import render
    from tests.lab.workbook_checks import open_sheets, problems

    data = render(run.assessment, language)
    assert problems(data) == []
    numbers = {sku.part_number for sku in _DESCRIBED.skus.values()}
    texts = [cell.text for sheet in open_sheets(data) for cell in sheet.cells()]
    assert not [
        text for text in texts if any(re.search(rf"(?<!\w){re.escape(number)}(?!\w)", text) for number in numbers)
    ]
    if language == "fr":
        foreign = re.compile(r"\b(overage|seats?|ELP|compliance|tenants?)\b", re.IGNORECASE)
        assert [text for text in texts if foreign.search(text)] == []


def test_french_and_english_carry_the_same_figures(run: RunResult) -> None:
    from reports.workbook import render
    from tests.lab.workbook_checks import same_figures

    assert same_figures(render(run.assessment, "fr"), render(run.assessment, "en")) == []


def test_the_command_tells_licenses_and_finds_their_evidence(auditor: Callable[..., Result]) -> None:
    shown = auditor("demo", "--output", "out", "--json")
    assert shown.exit_code == Exit.INCOMPLETE, shown.output
    document = json.loads(shown.stdout)["assessment"]
    assert [one["organization"]["name"] for one in document["tenants"]] == [_DESCRIBED.name]


def test_a_recording_that_vanished_is_that_tenants_gap_and_ends_no_run(tmp_path: Path) -> None:
    demonstration = prepare(tmp_path, "en")
    for recording in tmp_path.rglob("*.m365"):
        recording.unlink()
    with Store(demonstration.history) as store:
        done = conduct(demonstration.plan, store=store, feeds=FeedStore(demonstration.feeds_folder), progress=Silent())
    (summary,) = done.assessment.tenants
    assert not summary.reached
    assert len(done.assessment.machines) > 30
