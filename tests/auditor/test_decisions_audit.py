"""What was decided, in the next audit: kept lines are set aside, the others come back filled in until they are done."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from auditor.agreements import agreed
from auditor.cli import main
from auditor.config import load
from auditor.decisions.file import decisions, with_decisions_in
from auditor.history.anonymity import Pseudonyms, assessment_without_people
from auditor.history.packing import pack_assessment, unpack_assessment
from auditor.history.retention import purge
from auditor.history.store import Store
from auditor.history.tables import HistorySettings
from reports import words
from reports.sheet import Report
from reports.texts import Texts, languages
from rules.decisions import Choice, Decision, DecisionState, with_decisions
from rules.model import Outcome
from tests.lab import licensed, returned
from tests.lab.assessments import AS_OF
from tests.lab.tenants import TODAY, contract, guid, judge, price, sku, tenant, users
from tests.rules.tenants.asking import idle

ASSESSMENT = licensed.licensed()
NOW = datetime(2026, 8, 12, 9, 0, tzinfo=UTC)
PREMIUM = "Microsoft 365 Business Premium"


@pytest.fixture(autouse=True)
def _today(monkeypatch):
    monkeypatch.setattr("auditor.pipeline.now", lambda: NOW)


@pytest.fixture
def client(tmp_path):
    """A client folder with one audit and three decisions."""
    folder = returned.folder_of(tmp_path / "dubois", ASSESSMENT)

    def fill(book):
        book.decide("idle", "Conserver", "congé", PREMIUM)
        book.decide("gone", "Retirer", "partie en juin", PREMIUM)
        book.decide("many", "À discuter")

    file = returned.filled(tmp_path / "retour.xlsx", ASSESSMENT, fill)
    assert main(["decisions", "import", str(file), str(folder), "--by", "Mme Dubois"]) == 0
    return folder


def contract_of(folder):
    return agreed(load(folder, languages=languages()), NOW.date()).contract


def audited(folder, assessment):
    """The next audit as the pipeline ends it."""
    return with_decisions(assessment, contract_of(folder), assessment.as_of.date())


def states(assessment):
    return {use.decision.person.partition("@")[0]: use.state for use in assessment.decisions}


def test_what_still_stands_is_to_do_and_what_is_gone_is_done(client):
    again = audited(client, returned.later(ASSESSMENT))
    assert states(again) == {
        "idle": DecisionState.IN_FORCE,
        "gone": DecisionState.OPEN,
        "many": DecisionState.OPEN,
    }
    gone = audited(client, returned.later(returned.without(ASSESSMENT, "gone")))
    assert states(gone)["gone"] is DecisionState.DONE


def test_what_could_not_be_looked_at_is_not_done(client):
    unreached = audited(client, returned.later(licensed.licenses_unreached()))
    assert states(unreached)["gone"] is DecisionState.UNSEEN
    doubt = licensed.blind_checks("disabled_users")
    blind = returned.without(ASSESSMENT, "gone")
    blind = replace(blind, findings=(*blind.findings, *doubt))
    assert states(audited(client, blind))["gone"] is DecisionState.UNSEEN
    nothing = replace(ASSESSMENT, tenants=(), findings=())
    assert states(audited(client, nothing))["gone"] is DecisionState.UNSEEN


def test_the_same_seat_for_another_reason_is_still_to_do(client):
    other = licensed.about("gone", "inactive_users", "fail", licensed.share(licensed.PREMIUM, later="17.80"))
    left = returned.without(ASSESSMENT, "gone")
    moved = replace(left, findings=(*left.findings, other))
    assert states(audited(client, moved))["gone"] is DecisionState.OPEN
    less = licensed.about("gone", "disabled_users", "fail", licensed.share(licensed.TEAMS, later="4.80"))
    moved = replace(left, findings=(*left.findings, less))
    assert states(audited(client, moved))["gone"] is DecisionState.DONE


def test_what_is_kept_ends_with_its_last_day(client):
    kept = contract_of(client)
    last = date(2027, 8, 11)
    for day, state in ((last, DecisionState.IN_FORCE), (date(2027, 8, 12), DecisionState.ENDED)):
        assert states(with_decisions(ASSESSMENT, kept, day))["idle"] is state


def test_the_next_workbook_comes_filled_in_with_what_is_not_done(client):
    again = audited(client, returned.later(ASSESSMENT))
    for language, choice, told in (
        ("fr", "Retirer", "Décidé le 12/08/2026"),
        ("en", "Remove", "Decided on 12 Aug 2026"),
    ):
        book = returned.Filled(returned.sent(again, language), language)
        row = book.row("gone", PREMIUM)
        assert book.at(row, "decision") == choice
        assert book.at(row, "comment") == "partie en juin"
        assert told in book.at(row, "reason")
        other = book.row("gone", "Microsoft Teams")
        assert book.at(other, "decision") == ""
        assert told not in book.at(other, "reason")


def test_what_was_noted_before_a_seat_was_named_is_shown_for_each_seat_named_since(client):
    gone = next(found for found in ASSESSMENT.findings if found.person.startswith("gone@"))
    noted = Decision(
        ref=gone.ref,
        rule=gone.rule,
        person=gone.person,
        choice=Choice.DISCUSS,
        decided_on=NOW.date(),
        decided_by="Mme Dubois",
    )
    told = with_decisions(ASSESSMENT, replace(contract_of(client), decisions=(noted,)), NOW.date())
    book = returned.Filled(returned.sent(told))
    rows = [row for row in book.rows if "gone@" in book.at(row, "user")]
    assert len(rows) > 1
    assert {book.at(row, "decision") for row in rows} == {"À discuter"}


def test_that_workbook_comes_back_unchanged_and_nothing_changes(client, tmp_path, capsys):
    again = audited(client, returned.later(ASSESSMENT))
    returned.add_run(client, again)
    before = (client / "decisions.toml").read_bytes()
    file = returned.filled(tmp_path / "again.xlsx", again, lambda book: None)
    assert main(["decisions", "import", str(file), str(client), "--by", "Mme Dubois"]) == 0
    assert (client / "decisions.toml").read_bytes() == before
    assert "déjà décidé" in capsys.readouterr().out


def test_the_action_plan_asks_no_more_for_what_is_decided(client):
    report = Report(audited(client, returned.later(ASSESSMENT)), Texts("fr", strict=True))
    by_rule = {}
    for action in report.actions:
        by_rule.setdefault(action.rule, []).append(action)
    (many,) = by_rule["m365.office_activations"]
    assert many.decided is not None
    assert many.owner == "both"
    assert "comme noté le 12/08/2026" in words.proposal(report, many)
    (gone,) = by_rule["m365.disabled_users"]
    assert gone.decided is None  # one of the two lines of that person is still asked


def test_a_person_decided_for_every_line_is_the_providers_to_do(client, tmp_path):
    def fill(book):
        book.decide("gone", "Retirer", product="Microsoft Teams")

    file = returned.filled(tmp_path / "more.xlsx", ASSESSMENT, fill)
    assert main(["decisions", "import", str(file), str(client), "--by", "Mme Dubois"]) == 0
    report = Report(audited(client, returned.later(ASSESSMENT)), Texts("fr", strict=True))
    (action,) = (one for one in report.actions if one.rule == "m365.disabled_users")
    assert action.owner == "provider"
    assert "Décidé le 12/08/2026, à faire" in words.proposal(report, action)


def test_decided_and_undecided_people_are_two_actions(client):
    extra = licensed.about("else", "office_activations", "fail", params={"product": "Office"})
    more = replace(ASSESSMENT, findings=(*ASSESSMENT.findings, extra))
    report = Report(audited(client, more), Texts("fr", strict=True))
    found = [action for action in report.actions if action.rule == "m365.office_activations"]
    assert {action.owner for action in found} == {"both", "client"}
    assert len({action.ref for action in found}) == 2


def test_without_decisions_the_plan_is_what_it_was():
    plain = Report(ASSESSMENT, Texts("fr"))
    assert all(action.decided is None for action in plain.actions)


def test_decisions_are_in_the_history_and_lose_their_people_with_it(client):
    again = audited(client, ASSESSMENT)
    assert unpack_assessment(pack_assessment(again)).decisions == again.decisions
    without = assessment_without_people(again, Pseudonyms())
    assert all(use.decision.person.startswith("#") for use in without.decisions)
    assert not any(use.decision.comment for use in without.decisions)


KEPT = Decision(
    ref="F-00000001",
    rule="m365.inactive_users",
    person="Ann@example.com",
    choice=Choice.KEEP,
    decided_on=TODAY,
    decided_by="Mme Dubois",
    sku="SPB",
    until=TODAY,
    place="decisions.toml, decisions[1]",
)


def judged(person, *decided):
    """What the rules say of one person, with decisions."""
    skus = (sku("SPB", enabled=25, consumed=5), sku("VISIOCLIENT", enabled=5, consumed=5))
    terms = with_decisions_in(contract(prices=[price("SPB", "20"), price("VISIOCLIENT", "10")]), decided)
    judgement = judge(tenant(skus=skus, users=(*users(4), person)), terms=terms)
    found = [one for one in judgement.findings if one.person == "ann@example.com"]
    told = {one.rule.removeprefix("m365."): one for one in found if one.outcome is Outcome.FAIL}
    return told, [one for one in found if one.outcome is Outcome.NOT_APPLICABLE], judgement.tenant


def seats(finding):
    return [share.sku_id for share in finding.money.shares]


def test_a_kept_license_is_asked_about_no_more():
    assert seats(judged(idle("ann"))[0]["inactive_users"]) == [guid("SPB")]
    told, aside, _ = judged(idle("ann"), KEPT)
    assert not told
    assert aside[0].evidence[-1].source == "decisions.toml, decisions[1]"


def test_a_kept_license_is_asked_about_again_after_its_last_day():
    told, _, _ = judged(idle("ann"), replace(KEPT, until=TODAY - timedelta(days=1)))
    assert "inactive_users" in told


def test_a_kept_license_says_nothing_of_another_one_of_that_person():
    told, _, _ = judged(idle("ann", holds=("SPB", "VISIOCLIENT")), KEPT)
    assert seats(told["inactive_users"]) == [guid("VISIOCLIENT")]


def test_who_left_since_is_asked_about_again():
    told, _, _ = judged(idle("ann", enabled=False), KEPT)
    assert seats(told["disabled_users"]) == [guid("SPB")]


def test_a_line_kept_without_a_seat_covers_no_seat():
    told, _, _ = judged(idle("ann"), replace(KEPT, sku=""))
    assert seats(told["inactive_users"]) == [guid("SPB")]


def test_a_kept_line_that_settled_itself_is_no_mistake_of_the_clients_file():
    _, _, summary = judged(idle("ann", days_ago=1), KEPT)
    assert summary.unmatched_exceptions == ()


def test_the_list_tells_what_is_to_do_done_and_kept(client, capsys):
    returned.add_run(client, audited(client, returned.later(returned.without(ASSESSMENT, "gone"))))
    capsys.readouterr()
    assert main(["decisions", "list", str(client)]) == 0
    out = capsys.readouterr().out
    assert "conservé jusqu'au 11/08/2027" in out
    assert "fait" in out
    assert "à faire" in out
    assert main(["decisions", "list", str(client), "--json"]) == 0
    import json

    document = json.loads(capsys.readouterr().out)
    assert {row["state"] for row in document["decisions"]} == {"open", "done", "in_force"}
    assert document["run"] == 2


def test_what_the_history_forgot_is_not_done(client, capsys):
    """Its people were taken out of the newest run: nobody can be missed in it."""
    with Store(client / "history.sqlite") as store:
        assert purge(store, HistorySettings(personal_data_months=1), NOW + timedelta(days=600)).people == (1,)
    capsys.readouterr()
    assert main(["decisions", "list", str(client)]) == 0
    out = capsys.readouterr().out
    assert out.count("à faire (non réaudité)") == 2
    assert "fait" not in out
    assert "conservé jusqu'au 11/08/2027" in out


def test_the_list_of_a_client_without_decisions_or_audits(tmp_path, capsys):
    folder = returned.folder_of(tmp_path / "new")
    assert main(["decisions", "list", str(folder)]) == 0
    assert "Aucune décision" in capsys.readouterr().out


def test_the_exception_of_a_decision_is_one_of_the_contract(client):
    assert len(decisions(client)) == 3
    contract = contract_of(client)
    assert [one.choice for one in contract.decisions].count(Choice.KEEP) == len(contract.m365.exceptions) == 1
    assert AS_OF.date() < contract.m365.exceptions[0].until
    assert isinstance(contract.decisions[0], Decision)
