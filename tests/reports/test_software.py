"""Software and rights: the position in words, what it costs, what is to be done about it, and what nobody could see."""

import io
import os
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path

import openpyxl
import pytest
from openpyxl.utils import get_column_letter

from reports import words
from reports.exports import annex
from reports.sheet import Report
from reports.sheets.software import STATUS_STYLES
from reports.software import Software
from reports.texts import Texts, languages
from reports.tiles import tiles
from reports.view import View
from reports.workbook import render
from rules.rights import Metric
from rules.software.position import Status
from tests.lab import assessments as lab
from tests.lab import licensed, software
from tests.lab.workbook_checks import dump, problems, same_figures

EVERY = [(sample, language) for sample in software.SAMPLES for language in languages()]
GOLDEN = Path(__file__).parent / "golden"
PRINTED = (
    *("Produit", "Métrique", "Droits acquis", "Installé / utilisé", "Besoin", "Écart", "Statut", "Fiabilité"),
    *("Échéance", "Coût unitaire HT", "Impact € HT", "Remarques"),
)
COLUMNS = (
    *PRINTED,
    *("Éditeur", "Édition", "Version", "dont OEM", "Non soumis", "Transferts", "Preuve ou contrat"),
)
FIRST = 5


@cache
def rendered(sample, language="fr"):
    return render(software.SAMPLES[sample](), language)


@cache
def sheet(sample, language="fr"):
    title = {"fr": "Logiciels et droits", "en": "Software and rights"}[language]
    return openpyxl.load_workbook(io.BytesIO(rendered(sample, language)))[title]


def texts_of(worksheet):
    return [cell.value for row in worksheet.iter_rows() for cell in row if isinstance(cell.value, str)]


def rows(sample):
    """Rows of the position by product, each a dictionary by column title."""
    found = []
    for row in sheet(sample).iter_rows(min_row=FIRST, max_col=len(COLUMNS), values_only=True):
        if row[6] is None:
            break
        found.append(dict(zip(COLUMNS, row, strict=True)))
    return found


def row(sample, product, edition=None):
    (found,) = [one for one in rows(sample) if one["Produit"].startswith(product) and one["Édition"] == edition]
    return found


def report(assessment, language="fr"):
    return Report(assessment, Texts(language, strict=True))


def said(assessment, language="fr"):
    """Actions about the estate as (owner, proposal)."""
    made = report(assessment, language)
    return [(action.owner, words.proposal(made, action)) for action in made.actions if action.estate]


# ------------------------------------------------------------------------------------------------------- every workbook


@pytest.mark.parametrize(("sample", "language"), EVERY)
def test_every_workbook_passes_the_checks(sample, language):
    assert problems(rendered(sample, language)) == []


@pytest.mark.parametrize("sample", software.SAMPLES)
def test_french_and_english_carry_the_same_figures(sample):
    assert same_figures(rendered(sample, "fr"), rendered(sample, "en")) == []


@pytest.mark.parametrize("sample", ["positioned", "position_crowded"])
def test_the_annex_passes_the_checks_and_the_same_input_gives_the_same_bytes(sample):
    made = software.SAMPLES[sample]()
    assert problems(annex.render(made, "fr"), manager=False) == []
    assert render(made, "fr") == rendered(sample)


@pytest.mark.parametrize("language", languages())
def test_golden(language):
    """Every cell of the sheet. After a change that is meant: AUDITOR_GOLDEN=write, then read the difference."""
    text = dump(rendered("positioned", language), sheet("positioned", language).title)
    path = GOLDEN / f"software.positioned.{language}.txt"
    if os.environ.get("AUDITOR_GOLDEN") == "write":
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")


@pytest.mark.parametrize("word", ["overage", "seat", "ELP", "compliance", "tenant"])
def test_the_french_sheet_never_says(word):
    said = " ".join(texts_of(sheet("positioned")) + texts_of(sheet("position_undeclared"))).casefold()
    assert word.casefold() not in said.split()


# ------------------------------------------------------------------------------------------------------------- position


def test_the_columns_are_those_of_an_effective_license_position():
    assert tuple(plain(cell.value) for cell in sheet("positioned")[FIRST - 1]) == COLUMNS


def test_the_table_begins_where_it_does_in_every_sheet():
    for sample in software.SAMPLES:
        assert sheet(sample).cell(FIRST - 1, 1).value == "Produit", sample


def test_every_status_has_its_words_its_colour_and_its_place():
    statuses = list(dict.fromkeys(one["Statut"] for one in rows("positioned")))
    assert statuses == ["Sous-licencié", "À vérifier", "Inconnu", "Excédent", "Conforme", "Non soumis"]
    assert set(STATUS_STYLES) == set(Status)
    assert len(set(STATUS_STYLES.values())) == len(Status)


def test_the_most_expensive_deficit_comes_first_and_one_without_a_price_last():
    under = [one["Produit"] for one in rows("positioned") if one["Statut"] == "Sous-licencié"]
    assert under == ["Office Professionnel Plus 2019", "AutoCAD LT 2024", "Sage 100 Comptabilité"]


def test_case_45_a_deficit_is_shown_in_numbers_with_what_it_costs_once():
    office = row("positioned", "Office", "Professionnel Plus")
    assert (office["Droits acquis"], office["Besoin"], office["Écart"]) == (0, 12, -12)
    assert (office["Coût unitaire HT"], office["Impact € HT"]) == (300, -3600)


def test_what_is_paid_every_year_is_told_apart_from_what_is_paid_once():
    formats = {
        sheet("positioned").cell(number, 1).value: (
            sheet("positioned").cell(number, 10).number_format,
            sheet("positioned").cell(number, 11).number_format,
        )
        for number in range(FIRST, FIRST + len(rows("positioned")))
    }
    assert all("/an" in shape for shape in formats["AutoCAD LT 2024"])
    assert not any("/an" in shape for shape in formats["Sage 100 Comptabilité"])
    assert any("3 600 € HT une fois et 481 € HT par an" in plain(text) for text in texts_of(sheet("positioned")))


def plain(text):
    return text.replace("\u202f", " ").replace("\u00a0", " ")


def test_a_price_nobody_knows_is_never_zero():
    sage = row("positioned", "Sage 100 Comptabilité")
    assert (sage["Coût unitaire HT"], sage["Impact € HT"]) == ("n.c.", "n.c.")
    assert any("ne comprend pas 1 licence sans prix" in text for text in texts_of(sheet("positioned")))


def test_what_is_unknown_is_said_and_never_zero():
    server = row("positioned", "Windows Server", "Standard")
    assert (server["Besoin"], server["Écart"], server["Statut"]) == ("Inconnu",) * 3
    for one in rows("position_unknown"):
        assert (one["Besoin"], one["Statut"]) == ("Inconnu", "Inconnu"), one["Produit"]


def test_case_68_a_deficit_on_a_part_of_the_machines_is_at_least():
    office = row("positioned", "Office", "Professionnel Plus")
    assert office["Fiabilité"] == "2/3"
    assert "Au moins 12" in plain(office["Remarques"])


def test_case_64_old_readings_are_counted_and_told():
    assert row("positioned", "Windows Server", "Standard")["Fiabilité"] == "2/3\ndont 1 ancienne"


def test_a_surplus_of_rights_once_paid_saves_nothing():
    standard = row("positioned", "Office", "Standard")
    assert standard["Impact € HT"] is None
    assert "déjà payés (4 200 € HT)" in plain(standard["Remarques"])
    assert row("positioned", "Acrobat Pro")["Impact € HT"] == 578


def test_case_48_rights_of_the_hardware_are_counted_apart():
    assert row("positioned", "Windows", "Pro")["dont OEM"] == 12


def test_what_users_licenses_cover_asks_for_no_right_of_its_own():
    """Case 44: Microsoft 365 Apps on machines whose users hold the subscription."""
    apps = software.line("apps", Status.OK, metric=Metric.USER, installed=3, not_subject=3, required=0, gap=0)
    made = software.told(lab.spotless(), software.summary(apps))
    sheet = openpyxl.load_workbook(io.BytesIO(render(made, "fr")))["Logiciels et droits"]
    shown = dict(zip(COLUMNS, (cell.value for cell in sheet[FIRST]), strict=True))
    assert (shown["Droits acquis"], shown["Non soumis"], shown["Écart"], shown["Statut"]) == (None, 3, 0, "Conforme")


def test_a_site_has_no_number():
    winrar = row("positioned", "WinRAR")
    assert (winrar["Droits acquis"], winrar["Écart"]) == ("Illimité", "n.a.")


def test_what_needs_no_right_and_says_nothing_is_one_sentence_below():
    assert "7-Zip" not in [one["Produit"] for one in rows("positioned")]
    assert "TeamViewer QuickSupport" in [one["Produit"] for one in rows("positioned")]
    assert any("ne demande aucun droit" in text and "7-Zip" in text for text in texts_of(sheet("positioned")))


def test_a_line_leads_to_its_action():
    action = next(one for one in report(software.positioned()).actions if one.kind == "software_under")
    target = sheet("positioned").cell(FIRST, 7).hyperlink.location
    assert target.startswith("'Plan d''action'!A")
    book = openpyxl.load_workbook(io.BytesIO(rendered("positioned")))
    assert book["Plan d'action"][target.rpartition("!")[2]].value == action.ref
    assert action.ref in row("positioned", "Office", "Professionnel Plus")["Remarques"]


def test_an_end_that_has_passed_is_marked():
    looks = {
        cell.value: cell.style
        for cell in sheet("positioned")["I"][FIRST - 2 :][: len(rows("positioned")) + 1]
        if cell.value
    }
    assert sorted(looks.values()) == ["Date", "En-tête", "Échéance dépassée"]


def test_idle_and_upcoming_rights_and_unnamed_programs_stand_below():
    texts = texts_of(sheet("positioned"))
    assert "Droits qui ne correspondent à rien d'installé" in texts
    assert "Droits qui ne comptent pas encore" in texts
    assert texts.index("Devis Bâtiment Pro") < texts.index("Pilote presse XR-12"), "on more machines"


def test_the_sheet_names_its_rules_and_asks_for_confirmation():
    last = texts_of(sheet("positioned"))[-1]
    assert "2026-11" in last
    assert "à confirmer avec l'éditeur ou le revendeur" in last


# ----------------------------------------------------------------------------------------------- what could not be seen


def test_what_could_not_be_seen_stands_above_the_table():
    assert "1 machine sur 3" in plain(sheet("positioned")["A3"].value)
    assert "au moins" in sheet("positioned")["A3"].value
    assert sheet("position_in_order")["A3"].value is None


def test_without_a_file_of_rights_it_says_what_to_fill_in_and_lists_what_is_installed():
    assert "licenses.xlsx" in sheet("position_undeclared")["A3"].value
    office = row("position_undeclared", "Office", "Professionnel Plus")
    assert (office["Droits acquis"], office["Écart"], office["Statut"]) == ("Non déclaré", "Inconnu", "Inconnu")
    assert office["Installé / utilisé"] == 12
    assert row("position_undeclared", "Windows", "Pro")["Statut"] == "Conforme"


def test_without_a_file_of_rights_no_figure_of_the_first_sheet_calls_anything_fine_or_short():
    assert not View(software.undeclared()).standing.wanted
    assert "license_rate" not in [tile.name for tile in tiles(report(software.undeclared()))]


@pytest.mark.parametrize("made", [lab.ordinary(), lab.nothing_known()])
def test_without_a_position_the_sheet_says_so(made):
    book = openpyxl.load_workbook(io.BytesIO(render(made, "fr")))
    assert "Cette feuille vide ne veut pas dire que tout va bien" in book["Logiciels et droits"]["A3"].value


def test_no_machine_seen_is_unknown_and_never_in_order():
    assert "Aucune des 3 machines" in plain(sheet("position_unread")["A3"].value)
    shown = {tile.name: tile.figure for tile in tiles(report(software.unread()))}
    assert (shown["license_rate"], shown["surplus"], shown["deficit"]) == ("Inconnu",) * 3


def test_case_70_nothing_to_compare_is_not_a_hundred_per_cent():
    assert any("n.a." in text for text in texts_of(sheet("position_of_nothing")))
    shown = {tile.name: tile.figure for tile in tiles(report(software.nothing_installed()))}
    assert shown["license_rate"] == "n.a."


# -------------------------------------------------------------------------------------------------------------- figures


def test_the_rate_counts_products_in_order_or_with_a_surplus_among_those_with_a_verdict():
    rate = Software(software.positioned()).rate
    assert (rate.good, rate.base, rate.unknown) == (5, 9, 1)


def test_microsoft_365_and_software_stand_in_the_same_figures():
    both, tenant = View(software.positioned_with_licenses()), View(licensed.licensed())
    position = both.software
    assert both.standing.rate.base == tenant.licenses.rate.base + position.rate.base
    assert both.standing.short.units == tenant.licenses.missing.seats + 14
    assert both.standing.short.yearly == tenant.licenses.missing.cost + Decimal("480.50")
    assert both.standing.short.once == 3600
    assert both.standing.spare.units == tenant.licenses.totals.surplus + 22


def test_a_part_that_could_not_be_read_is_told_beside_the_rate():
    hidden = software.told(licensed.licenses_hidden(), software.summary(software.OEM, software.UNDER))
    (rate,) = [tile for tile in tiles(report(hidden)) if tile.name == "license_rate"]
    assert rate.figure == "1 / 2"
    assert "Microsoft 365 n'a pas pu être lu" in rate.note


@pytest.mark.parametrize("sample", software.SAMPLES)
def test_the_tiles_equal_the_sheet(sample):
    made = software.SAMPLES[sample]()
    if made.tenants or made.software is None or not made.software.declared or not made.software.seen:
        return
    shown = {tile.name: tile.figure for tile in tiles(report(made))}
    statuses = [line.status for line in made.software.lines]
    good = statuses.count(Status.OK) + statuses.count(Status.EXCESS)
    base = good + statuses.count(Status.UNDER) + statuses.count(Status.CHECK)
    assert shown["license_rate"] == (f"{good} / {base}" if base else "Inconnu" if statuses else "n.a.")
    short = -sum(line.gap or 0 for line in made.software.lines if line.status is Status.UNDER)
    assert "".join(filter(str.isdecimal, str(shown["deficit"]))) == str(short)


def test_only_a_complete_position_is_green():
    whole = software.in_order()
    partial = replace(whole, software=replace(whole.software, seen=2))
    assert [tile.style.name for tile in tiles(report(whole))[:3]] == ["KPI_GOOD"] * 3
    assert View(whole).standing.complete
    assert not View(partial).standing.complete
    (rate,) = [tile for tile in tiles(report(partial)) if tile.name == "license_rate"]
    assert rate.style.name == "KPI_WARN"


def test_a_column_holds_its_longest_number():
    """Amounts below ten million euros a line: no number is printed as hashes (widths measured in digits)."""
    widths = {letter: made.width for letter, made in sheet("position_crowded").column_dimensions.items()}
    assert widths["J"] >= len("9 999,99 €/an") * 0.95
    assert widths["K"] >= len("-234 567 €/an") * 0.95


def test_what_a_person_reads_stands_on_one_printed_page_in_legible_letters_and_the_rest_to_its_right():
    """170 characters across: 10 points are printed in 7.5 in LibreOffice with DejaVu, in 9 in Calibri (measured)."""
    for sample in software.SAMPLES:
        made = sheet(sample)
        setup, last = made.page_setup, get_column_letter(len(PRINTED))
        assert (setup.orientation, setup.fitToWidth, setup.fitToHeight) == ("landscape", 1, 0)
        printed = made.print_area.replace("$", "").rpartition("!")[2]
        assert printed == f"A1:{last}{made.max_row}", sample
        assert sum(made.column_dimensions[get_column_letter(place + 1)].width for place in range(len(PRINTED))) <= 170
        across = [merged for merged in made.merged_cells.ranges if merged.max_col > len(PRINTED)]
        assert not across, "a sentence would be printed in part"


def test_the_name_of_a_product_tells_its_edition_and_version_on_paper():
    assert row("positioned", "Office", "Professionnel Plus")["Produit"] == "Office Professionnel Plus 2019"


def test_every_column_can_be_filtered_on_the_screen():
    made = sheet("positioned")
    assert made.auto_filter.ref == f"A4:{get_column_letter(len(COLUMNS))}{FIRST - 1 + len(rows('positioned'))}"


def test_programs_beyond_the_first_thirty_are_counted():
    assert "And 30 more, in the technical annex." in texts_of(sheet("position_crowded", "en"))
