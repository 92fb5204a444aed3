"""What is to be done about software and rights, what the client accepts for a time, and what the exports carry."""

import csv
import io
import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cache

import openpyxl
import pytest

from reports import patches, software_words, words
from reports.actions import actions
from reports.console import summary_lines
from reports.exports import annex
from reports.exports import csv as csv_export
from reports.exports import json as json_export
from reports.sheet import FIRST_ROW, Report
from reports.texts import Texts, languages
from reports.tiles import tiles
from reports.view import View
from reports.workbook import render
from rules.model import Outcome
from rules.prices import Money
from rules.rights import Metric
from tests.lab import assessments as lab
from tests.lab import licensed, software


@cache
def book():
    return openpyxl.load_workbook(io.BytesIO(render(software.positioned(), "fr")))


def texts_of(worksheet):
    return [cell.value for row in worksheet.iter_rows() for cell in row if isinstance(cell.value, str)]


def plain(text):
    return text.replace("\u202f", " ").replace("\u00a0", " ")


def report(assessment, language="fr"):
    return Report(assessment, Texts(language, strict=True))


def said(assessment, language="fr"):
    """Actions about the estate as (owner, proposal)."""
    made = report(assessment, language)
    return [(action.owner, words.proposal(made, action)) for action in made.actions if action.estate]


# -------------------------------------------------------------------------------------------------------------- actions


def test_each_deficit_is_a_decision_of_its_own_in_plain_words():
    found = said(software.positioned())
    asked = "preuve d'achat, sinon achat ou désinstallation"
    assert ("client", f"Régulariser 12 licences Office Professionnel Plus 2019 : {asked}") in [
        (owner, plain(text)) for owner, text in found
    ]
    assert ("client", f"Régulariser 1 licence AutoCAD LT 2024 : {asked}") in [
        (owner, plain(text)) for owner, text in found
    ]


def test_owners_the_client_buys_and_the_provider_repairs():
    kinds = {action.kind: action.owner for action in report(software.positioned()).actions}
    assert {kinds[name] for name in ("software_under", "software_surplus", "software_unpaid", "software_ending")} == {
        "client"
    }
    assert {kinds[name] for name in ("software_activation", "software_unrecognized")} == {"provider"}
    assert {kinds[name] for name in ("software_check", "software_idle", "software_kms")} == {"both"}


def test_programs_without_a_right_and_without_a_price_are_one_action():
    made = report(software.positioned())
    (action,) = [one for one in made.actions if one.kind == "software_unpaid"]
    assert "Docker Desktop et TeamViewer" in words.proposal(made, action)
    assert action.machines == ("pc-01", "pc-02")


def test_a_priced_program_without_a_right_is_settled_like_any_deficit():
    priced = software.found("no_entitlement", "office", money=Money(seats=12, once=Decimal(3600)))
    made = software.told(lab.spotless(), software.summary(software.UNDER), priced)
    ((owner, text),) = said(made)
    assert (owner, text.startswith("Régulariser 12 licences Office Professionnel Plus 2019")) == ("client", True)


def test_one_off_and_yearly_amounts_stay_apart_in_the_plan():
    made = report(software.positioned())
    office, autocad = (
        next(one for one in made.actions if one.findings[0].key == key and one.kind == "software_under")
        for key in ("office", "autocad-lt")
    )
    assert office.money == Money(seats=12, once=Decimal(3600))
    assert "une seule fois : 3 600 € HT" in plain(words.impact_with_once(made, office))
    assert "une seule fois" not in words.impact_with_once(made, autocad)
    plan = book()["Plan d'action"]
    heads = {plain(str(cell.value)): cell.column for cell in plan[4]}
    yearly, once = (next(number for head, number in heads.items() if part in head) for part in ("par an", "unique"))
    amounts = {line[0].value: (line[yearly - 1].value, line[once - 1].value) for line in plan.iter_rows(min_row=5)}
    assert amounts[office.ref] == (None, -3600)
    assert amounts[autocad.ref] == (pytest.approx(-480.5), None)


def test_a_grouped_action_adds_up_its_money_of_both_kinds():
    both = (
        software.found("to_check", "sql-server", money=Money(seats=1, once=Decimal(500))),
        software.found("to_check", "office", money=Money(seats=2, cost=Decimal(10), unpriced=1)),
    )
    made = software.told(lab.spotless(), software.summary(software.CHECK, software.UNDER), *both)
    (action,) = [one for one in actions(View(made)) if one.kind == "software_check"]
    assert action.money == Money(seats=3, cost=Decimal(10), once=Decimal(500), unpriced=1)


def test_activation_trouble_is_the_providers_and_an_external_host_is_asked_about():
    made = report(software.positioned())
    texts = {action.kind: words.proposal(made, action) for action in made.actions}
    assert "1 machine" in plain(texts["software_kms"])
    assert texts["software_activation"].startswith("Activer de nouveau")


def test_what_nobody_could_tell_is_one_action_that_names_the_products():
    made = report(software.positioned())
    (action,) = [one for one in made.actions if one.kind == "software_see"]
    assert "Windows Server Standard 2022" in words.finding_text(made, action)


def test_no_file_of_rights_is_asked_for_once():
    missing = replace(software.found("no_entitlement", "", params={"count": 4}), outcome=Outcome.UNKNOWN)
    made = software.told(lab.spotless(), software.undeclared().software, missing)
    ((owner, text),) = said(made)
    assert (owner, "licenses.xlsx" in text) == ("client", True)
    (action,) = [one for one in report(made).actions if one.estate]
    assert "4 logiciels payants" in plain(words.finding_text(report(made), action))


@pytest.mark.parametrize("language", languages())
def test_every_action_has_all_its_words(language):
    made = report(software.positioned(), language)
    for action in made.actions:
        assert words.finding_text(made, action)
        assert words.proposal(made, action)
        assert words.impact_with_once(made, action)


# -------------------------------------------------------------------------------------------------------------- waivers


def test_a_waived_finding_leaves_the_plan_and_stays_in_the_exports():
    made = software.positioned()
    assert "software_unwanted" not in [action.kind for action in report(made).actions]
    lines = list(csv.DictReader(io.StringIO(csv_export.render(made, "en").decode("utf-8-sig"))))
    (unwanted,) = [line for line in lines if line["Rule"] == "software.unwanted"]
    assert unwanted["Waiver"] == "W2 (2026-08-20)"


@pytest.mark.parametrize("rule", ["patch.missing", "host.reboot_pending"])
def test_a_waived_finding_about_a_machine_leaves_the_plan(rule):
    made = lab.ordinary()
    waiver = software.WAIVERS[0].waiver
    waived = tuple(replace(one, waiver=waiver) if one.rule == rule else one for one in made.findings)
    kept = [one for action in actions(View(replace(made, findings=waived))) for one in action.findings]
    assert rule in [one.rule for one in made.findings if one.outcome is Outcome.FAIL]
    assert rule not in [one.rule for one in kept if one.outcome is Outcome.FAIL]


@pytest.mark.parametrize(("accepted", "todo"), [(1, "Installer"), (2, "Rien d'ici au 31/12/2026")])
def test_a_waived_patch_stays_counted_and_is_marked_on_tile_and_machine(accepted, todo):
    waiver = replace(software.WAIVERS[0].waiver, id="D7", until=date(2026, 12, 31))
    found = [lab.missing("srv-web", "openssl"), lab.missing("srv-web", "curl")]
    found[:accepted] = [replace(one, waiver=waiver) for one in found[:accepted]]
    report = Report(lab.assessment((lab.machine("srv-web"),), tuple(found)), Texts("fr"))
    (row,) = patches.by_machine(report.view)
    tile = next(tile for tile in tiles(report) if tile.name == "urgent")
    assert len(row.missing) == 2
    assert report.view.urgent.accepted == accepted
    assert f"dont {accepted} accepté" in tile.note
    assert patches.missing_words(report, row.missing).splitlines()[-1].endswith("(dérogation D7)")
    assert patches.todo(report, row).startswith(todo)


def test_a_waived_person_is_not_asked_about_again():
    made = licensed.licensed()
    waiver = software.WAIVERS[0].waiver
    waived = tuple(replace(one, waiver=waiver) if one.person else one for one in made.findings)
    assert report(made).reviews
    assert not report(replace(made, findings=waived)).reviews


def test_a_waived_line_says_until_when():
    waiver = software.WAIVERS[0].waiver
    kept = replace(software.found("under_licensed", "office"), waiver=waiver)
    made = software.told(lab.spotless(), software.summary(software.UNDER), kept)
    sheet = openpyxl.load_workbook(io.BytesIO(render(made, "fr")))["Logiciels et droits"]
    said = " ".join(str(cell.value) for cell in sheet[FIRST_ROW])
    assert "Accepté jusqu'au 31/12/2026 (dérogation W1)" in said


def test_waivers_are_printed_with_what_became_of_them():
    texts = texts_of(book()["Périmètre et limites"])
    start = texts.index("Dérogations du client")
    states = [text for text in texts[start:] if text in ("En vigueur", "Se termine bientôt", "Terminée", "Sans objet")]
    assert states == ["En vigueur", "Se termine bientôt", "Terminée", "Sans objet"]
    assert texts.count("Mme Dubois") == 4


def test_the_end_of_a_waiver_is_the_clients_to_decide_and_an_orphan_the_providers():
    kinds = {action.kind: action.owner for action in report(software.positioned()).actions}
    assert (kinds["waiver_ending"], kinds["waiver_orphaned"]) == ("client", "provider")


def test_the_sheet_of_limits_names_the_file_of_rights_and_the_rules():
    texts = [plain(text) for text in texts_of(book()["Périmètre et limites"])]
    assert "licenses.xlsx : 11 lignes" in texts
    assert "version 2026-11" in texts
    assert "2 sur 3, dont 1 sur un relevé ancien" in texts


# ------------------------------------------------------------------------------------------- console, exports, extremes


def test_the_terminal_says_where_software_stands():
    (line,) = [line for line in summary_lines(software.positioned(), "en") if line.startswith("Software and rights")]
    assert "10 products" in line
    assert "3 under-licensed (14 licenses)" in line


def test_the_terminal_is_silent_about_software_nobody_looked_at():
    assert not [line for line in summary_lines(lab.ordinary(), "en") if line.startswith("Software and rights")]
    (line,) = [line for line in summary_lines(software.undeclared(), "en") if line.startswith("Software and rights")]
    assert "no file of rights" in line


def test_the_json_holds_the_whole_position_and_the_waivers():
    told = json.loads(json_export.render(software.positioned(), "en"))
    lines = {line["key"]: line for line in told["software"]["lines"]}
    assert len(lines) == len(software.LINES)
    assert lines["windows-server"]["required"] is None
    assert lines["office"]["notes_text"]
    assert [use["state"] for use in told["waivers"]] == ["in_force", "expiring", "expired", "orphaned"]


def test_the_json_of_an_audit_without_a_position_says_null():
    assert json.loads(json_export.render(lab.ordinary(), "en"))["software"] is None


def test_the_annex_lists_every_line_and_every_unnamed_program():
    made = openpyxl.load_workbook(io.BytesIO(annex.render(software.crowded(), "en")))
    assert made["Software"].max_row == 4 + 200
    assert made["Not identified"].max_row == 4 + 60


def test_every_metric_has_its_words():
    for language in languages():
        assert {Texts(language, strict=True).text(f"metric.{metric.value}") for metric in Metric}


def test_an_amount_of_nothing_is_no_words():
    assert software_words.amount(report(lab.ordinary()), yearly=Decimal(0), once=Decimal(0)) == ""


def test_a_surplus_of_rights_once_paid_asks_nothing_of_anybody():
    assert "office-standard" not in [one.findings[0].key for one in report(software.positioned()).actions]
