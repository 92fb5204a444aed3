"""The manager's workbook: valid, the same every time, readable in French and English, whatever the findings."""

import io
import os
import re
import zipfile
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from xml.etree import ElementTree as ET

import openpyxl
import pytest

from reports import sheets
from reports.exports import annex
from reports.sheets.coverage import _DEFINITIONS, _SOFTWARE_TERMS
from reports.texts import Texts, languages
from reports.workbook import file_name, render, sheet_title
from rules.messages import Message
from rules.model import Outcome, PatchState, PriorityLevel
from tests.lab import assessments as lab
from tests.lab import licensed
from tests.lab.workbook_checks import MAIN, dump, open_sheets, problems, same_figures

GOLDEN = Path(__file__).parent / "golden"
EVERY = [(sample, language) for sample in licensed.EVERY for language in languages()]


@cache
def rendered(sample, language):
    return render(licensed.EVERY[sample](), language)


def loaded(data):
    return openpyxl.load_workbook(io.BytesIO(data))


def texts_of(worksheet):
    return [cell.value for row in worksheet.iter_rows() for cell in row if isinstance(cell.value, str)]


def table_of(worksheet):
    """The main table of a sheet: one dictionary per line, by header."""
    rows = worksheet.iter_rows(min_row=4, values_only=True)
    heads = next(rows)
    found = []
    for row in rows:
        if row[1] is None:
            break
        found.append(dict(zip(heads, row, strict=True)))
    return found


def patches_of(sample, language="fr"):
    return table_of(loaded(rendered(sample, language))[{"fr": "Correctifs", "en": "Patches"}[language]])


# ------------------------------------------------------------------------------------------------------- every workbook


@pytest.mark.parametrize(("sample", "language"), EVERY)
def test_every_workbook_passes_the_checks(sample, language):
    assert problems(rendered(sample, language)) == []


@pytest.mark.parametrize(("sample", "language"), EVERY)
def test_every_annex_passes_the_checks(sample, language):
    assert problems(annex.render(licensed.EVERY[sample](), language), manager=False) == []


@pytest.mark.parametrize("sample", licensed.EVERY)
def test_french_and_english_carry_the_same_figures(sample):
    assert same_figures(rendered(sample, "fr"), rendered(sample, "en")) == []


@pytest.mark.parametrize(("sample", "language"), EVERY)
def test_the_same_input_gives_the_same_bytes(sample, language):
    assert rendered(sample, language) == render(licensed.EVERY[sample](), language)


def test_no_member_of_the_file_carries_the_clock():
    data = rendered("ordinary", "fr")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        core = archive.read("docProps/core.xml").decode()
    assert core.count("2026-08-05T06:28:00Z") == 2  # created, modified: when the audit finished


@pytest.mark.parametrize("sample", lab.SAMPLES)
def test_tiles_equal_the_sheets_they_sum_up(sample):
    """The first sheet, the sheet by machine, and the technician's list of every single patch say the same."""
    summary = loaded(rendered(sample, "en"))["Summary"]
    every = table_of(loaded(annex.render(lab.SAMPLES[sample](), "en"))["Patches by machine"])
    machines = patches_of(sample, "en")
    tile = {cell.value: summary.cell(cell.row + 1, cell.column).value for row in summary.iter_rows() for cell in row}
    urgent = [row for row in every if row["Severity"] in ("Critical", "High", "Undisclosed")]  # G4
    late = [row for row in every if row["Late (days)"]]
    states = [str(row["State"]).split("\n")[0] for row in machines]
    audited = len(states) - states.count("Not audited")
    figures = {"Critical or high patches": len(urgent), "Patches overdue": len(late)}
    for label, count in figures.items():
        shown = tile[label]
        assert shown == "Unknown" if not every and audited == 0 else int(str(shown).removeprefix("at least ")) == count
    assert tile["Audit coverage"] == (f"{audited} / {len(states)}" if states else "Unknown")
    exploited = [row for row in every if row["KEV"] == "Yes"]
    counted = {"Missing patches": every, "Of which critical or high": urgent, "Of which overdue": late}
    for column, rows in {**counted, "Of which exploited flaw": exploited}.items():
        assert sum(row[column] for row in machines if isinstance(row[column], int)) == len(rows), column


# ---------------------------------------------------------------------------------------------------------- first sheet


def summary_texts(assessment, language="fr"):
    return texts_of(loaded(render(assessment, language)).worksheets[0])


def test_what_could_not_be_seen_comes_before_everything_else():
    texts = summary_texts(lab.ordinary())
    assert texts.index("Ce qui n'a pas pu être vérifié") < texts.index("En bref") < texts.index("Chiffres clés")
    assert any("nas-archives et srv-paie" in text for text in texts)
    assert any("srv-sauvegarde" in text for text in texts)


def test_G6_a_stale_feed_raises_a_banner():
    texts = summary_texts(replace(lab.spotless(), stale_feeds=("debian_tracker",)))
    assert any("Debian Security Tracker" in text and "trop ancienne" in text for text in texts)


def test_a_source_never_downloaded_is_not_called_old():
    never = [feed for feed in lab.spotless().feeds if feed.name == "kev"]
    assert never
    feeds = tuple(
        replace(feed, published_at=None, checked_at=None, fetched_at=None) if feed in never else feed
        for feed in lab.spotless().feeds
    )
    texts = summary_texts(replace(lab.spotless(), feeds=feeds, stale_feeds=("kev",)))
    assert any("jamais téléchargée" in text and never[0].title in text for text in texts)
    assert not any("trop ancienne" in text for text in texts)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("no_feed", "n'ont pas été téléchargés"),
        ("unsupported", "aucun avis de sécurité ne couvre"),
        ("partial", "complet"),
    ],
)
def test_a_machine_without_a_verdict_is_told_with_its_cause(text, told):
    blind = (
        lab.answered("m", "host.coverage", Outcome.UNKNOWN, text),
        lab.answered("m", "patch.missing", Outcome.UNKNOWN, "x"),
    )
    texts = summary_texts(lab.assessment((lab.machine("m"),), blind))
    assert any("sans verdict" in line and told in line and "m." in line for line in texts)


def test_a_system_nobody_follows_any_more_is_told_apart_and_counted_once():
    """It has a tile of its own; among the patches it is neither judged nor one of the unknown."""
    from reports.sheet import Report
    from reports.tiles import tiles

    ended = lab.answered("old", "system.end_of_support", Outcome.FAIL, "ended", state=PatchState.OUT_OF_SUPPORT)
    silent = lab.answered("old", "patch.missing", Outcome.NOT_APPLICABLE, "out_of_support")
    assessment = lab.assessment((lab.machine("new"), lab.machine("old")), (*lab.healthy("new"), ended, silent))
    assert any(text.startswith("1 machine hors support (old)") for text in summary_texts(assessment))
    shown = {tile.name: tile for tile in tiles(Report(assessment, Texts("fr", strict=True)))}
    assert shown["support"].figure == 1
    assert "inconnu" not in shown["urgent"].note
    assert shown["updated"].figure == "1 / 2"


def test_unknown_is_written_and_never_a_zero():
    texts = summary_texts(lab.blind())
    assert texts.count("Inconnu") == 5
    assert not any("à jour de" in text or "sont à jour" in text for text in texts)


def test_a_client_without_machines_is_not_told_that_all_is_well():
    texts = summary_texts(lab.nothing_known())
    assert any("ne dit rien de l'état du parc" in text for text in texts)
    assert texts.count("Inconnu") == 6


def test_a_spotless_estate_is_told_so_in_one_sentence():
    texts = summary_texts(lab.spotless())
    assert "Les 3 machines sont à jour de leurs correctifs de sécurité." in texts
    assert "Aucune décision attendue ce mois-ci." in texts
    assert any(text.startswith("Premier relevé") for text in texts)


def test_at_most_five_actions_are_to_be_decided():
    book = loaded(rendered("ordinary", "fr"))
    refs = [text for text in texts_of(book.worksheets[0]) if re.fullmatch(r"[AF]-[0-9A-F]{8}", text)]
    listed = [row[0] for row in book["Plan d'action"].iter_rows(min_row=5, values_only=True)]
    assert len(refs) == 5
    assert refs == listed[:5]


def test_demonstration_data_say_so():
    assert any("DÉMONSTRATION" in text for text in summary_texts(replace(lab.ordinary(), demo=True)))
    assert not any("DÉMONSTRATION" in text for text in summary_texts(lab.ordinary()))


def test_an_exploited_flaw_is_the_striking_fact():
    assert any("exploitent déjà (OpenSSL)" in text for text in summary_texts(lab.ordinary()))


def test_a_zero_that_unknown_machines_could_change_is_not_green():
    from reports.sheet import Report
    from reports.styles import Style
    from reports.tiles import tiles

    assessment = lab.assessment((lab.machine("a"), lab.absent("b")), (*lab.healthy("a"), *lab.not_audited("b")))
    shown = {tile.name: tile for tile in tiles(Report(assessment, Texts("fr", strict=True)))}
    assert shown["urgent"].figure == 0
    assert shown["urgent"].style is not Style.KPI_GOOD
    assert "inconnu\u00a0: 1" in shown["urgent"].note


# --------------------------------------------------------------------------------------------------------- other sheets


def test_sheets_without_data_stay_and_say_why():
    book = loaded(rendered("spotless", "fr"))
    assert book.sheetnames == [
        *("Synthèse", "Plan d'action", "Licences Microsoft 365", "Utilisateurs à revoir"),
        *("Logiciels et droits", "Correctifs", "Évolution", "Périmètre et limites"),
    ]
    assert any("Aucun correctif ne manque" in text for text in texts_of(book["Correctifs"]))
    blind = loaded(rendered("blind", "fr"))
    assert any("ne veut pas dire que tout va bien" in text for text in texts_of(blind["Correctifs"]))


def test_the_action_plan_goes_from_now_to_watch():
    book = loaded(rendered("ordinary", "fr"))
    levels = [row[1] for row in book["Plan d'action"].iter_rows(min_row=5, values_only=True)]
    order = ["À corriger maintenant", "À planifier", "À surveiller"]
    assert [order.index(level) for level in levels] == sorted(order.index(level) for level in levels)


def test_missing_patches_hold_numbers_and_dates_as_such():
    book = loaded(annex.render(lab.ordinary(), "fr"))
    row = next(row for row in book["Correctifs par machine"].iter_rows(min_row=5) if row[0].value == "srv-web")
    assert row[9].value == pytest.approx(0.931)
    assert row[9].number_format == "0.0%"
    assert row[10].value.date() == date(2026, 7, 20)
    assert row[10].number_format == "dd/mm/yyyy"
    assert row[12].value == 2
    machine = next(row for row in loaded(rendered("ordinary", "fr"))["Correctifs"].iter_rows(min_row=5)
                   if str(row[0].value).startswith("srv-web"))  # fmt: skip
    assert [cell.value for cell in machine[4:8]] == [2, 2, 1, 1]
    assert machine[8].value.date() == date(2026, 7, 20)


def test_a_package_is_named_in_plain_words_where_the_texts_know_it():
    names = table_of(loaded(annex.render(lab.ordinary(), "fr"))["Correctifs par machine"])
    assert "OpenSSL, chiffrement (openssl)" in [row["Logiciel"] for row in names]
    (web,) = [row for row in patches_of("ordinary") if row["Machine"].startswith("srv-web")]
    assert web["Ce qui manque"] == "OpenSSL et nginx"
    assert web["À faire"].startswith("Installer sans attendre")


def test_each_machine_says_what_there_is_to_do():
    todo = {row["Machine"].split("\n")[0]: row["À faire"] for row in patches_of("ordinary")}
    assert "pc-atelier-01" in todo
    assert todo["pc-atelier-01"] == "Redémarrer."
    assert todo["pc-atelier-02"] is None
    assert "Remplacer ou mettre à niveau" in todo["srv-legacy"]
    assert "Périmètre et limites" in todo["srv-sauvegarde"]
    assert "allumée" in todo["nas-archives"]


def test_missing_patches_are_counted_by_age_and_drawn():
    sheet = loaded(rendered("crowded", "en"))["Patches"]
    (chart,) = sheet._charts
    values = [int(point.v) for point in chart.series[0].val.numRef.numCache.pt]
    assert sum(values) == 200
    assert any(text.startswith("Of 200 dated missing patches") for text in texts_of(sheet))
    assert not loaded(rendered("spotless", "en"))["Patches"]._charts
    assert any(text.startswith("No chart:") for text in texts_of(loaded(rendered("spotless", "en"))["Patches"]))


def test_exploitation_that_could_not_be_checked_is_unknown():
    blind = (Message(text="rules.priority.kev_unseen"), Message(text="rules.priority.epss_unseen"))
    found = lab.missing("m", "sudo", reasons=blind, epss=None)
    book = loaded(annex.render(lab.assessment((lab.machine("m"),), (found,)), "fr"))
    (row,) = table_of(book["Correctifs par machine"])
    assert row["KEV"] == row["EPSS"] == "Inconnu"


def test_machines_nobody_saw_are_first_with_the_reason_and_what_to_do():
    texts = texts_of(loaded(rendered("ordinary", "fr"))["Périmètre et limites"])
    assert texts.index("nas-archives") < texts.index("srv-sauvegarde") < texts.index("CISA KEV")
    assert "Injoignable" in texts
    assert "Accès refusé par la machine" in texts
    assert any("n'exprime aucune assurance" in text for text in texts)


def test_every_feed_shows_its_date_age_limit_and_licence():
    book = loaded(rendered("ordinary", "en"))
    row = next(row for row in book["Coverage and limits"].iter_rows(values_only=True) if row[0] == "CISA KEV")
    assert row[1:7] == ("Current", "CC0-1.0", None, 1, 7, datetime(2026, 8, 4))  # noqa: DTZ001 - a cell has no zone


def test_a_feed_that_was_never_fetched_is_shown_although_it_is_absent():
    texts = texts_of(loaded(render(replace(lab.spotless(), stale_feeds=("epss2",)), "fr"))["Périmètre et limites"])
    assert texts[texts.index("epss2") + 1] == "Jamais téléchargée"


def test_contract_deadlines_version_and_definitions_are_told():
    texts = texts_of(loaded(rendered("licensed", "fr"))["Périmètre et limites"])
    assert any("0.2.0" in text for text in texts)
    terms = {
        Texts("fr").text(f"definitions.{name}.term")
        for name in _DEFINITIONS
        if name not in (*_SOFTWARE_TERMS, "waiver")
    }
    assert terms <= set(texts)
    assert any("CPI L335-2" in text for text in texts)


def test_definitions_in_the_texts_are_all_shown():
    from reports import texts as texts_module

    told = {key.split(".")[1] for key in dict(texts_module._entries("fr")) if key.startswith("definitions.")}
    assert told == set(_DEFINITIONS)


# ----------------------------------------------------------------------------------------------------- hostile and long


def test_hostile_names_come_back_as_harmless_text():
    book = loaded(annex.render(lab.hostile(), "fr"))
    cells = {cell.value: cell for row in book["Machines"].iter_rows(min_row=5, max_col=1) for cell in row}
    for name in lab.HOSTILE[:5]:
        assert cells[name].data_type == "s"
        assert cells[name].quotePrefix
    assert not cells[lab.LONG].quotePrefix
    assert "nul\ufffdbell\ufffdesc\ufffd[31m" in cells
    assert "שרת-קבצים" in cells
    assert max(len(name) for name in cells) == 32_767


def test_the_clients_name_cannot_break_footer_or_file_name():
    assessment = lab.hostile()
    name = file_name(assessment, "fr")
    assert not re.search(r'[\\/:*?"<>|\x00-\x1f]', name)
    footer = loaded(render(assessment, "fr")).worksheets[0].oddFooter
    assert "&&" in footer.left.text
    assert footer.right.text == "Page &P / &N"


@pytest.mark.parametrize(
    ("client", "expected"),
    [("Contoso", "2026-08_Contoso_rapport-correctifs.xlsx"), ("..", "2026-08_client_rapport-correctifs.xlsx"),
     ("A/B: C.", "2026-08_A_B_-C_rapport-correctifs.xlsx"), ("e\u0301te", "2026-08_éte_rapport-correctifs.xlsx")],
)  # fmt: skip
def test_the_file_name_tells_month_and_client(client, expected):
    assert file_name(replace(lab.spotless(), client=client), "fr") == expected


def test_sheet_titles_are_valid_and_unique():
    assert sheet_title("a/b:c*d?e[f]g\\h") == "a b c d e f g h"
    assert len(sheet_title("x" * 60)) == 31
    assert sheet_title("Total", ["TOTAL", "total (2)"]) == "Total (3)"
    assert sheet_title("'quoted'") == "quoted"
    assert sheet_title("") == "-"


def test_numbers_of_late_days_do_not_depend_on_the_readers_time_zone():
    assessment = replace(lab.ordinary(), as_of=datetime(2026, 8, 5, 23, 30, tzinfo=UTC))
    late = []
    for zone in ("Europe/Paris", "America/New_York"):
        book = loaded(render(assessment, "fr", zone=zone))
        late.append([row[7] for row in book["Correctifs"].iter_rows(min_row=5, values_only=True)])
    assert late[0] == late[1]


# ----------------------------------------------------------------------------------------------------- screen and paper


def test_every_sheet_is_set_up_for_screen_and_paper():
    book = loaded(rendered("ordinary", "fr"))
    for sheet in book.worksheets:
        assert sheet.page_setup.paperSize == 9
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert sheet.page_setup.fitToWidth == 1
        assert not sheet.sheet_view.showGridLines
        assert sheet.oddFooter.left.text == "Menuiserie Dubois && Fils"
        assert sheet.oddFooter.center.text == "05/08/2026"
        assert all(dimension.width <= 60 for dimension in sheet.column_dimensions.values())
    summary, plan, licenses, users, _, machines, _, _ = book.worksheets
    assert (summary.page_setup.orientation, summary.page_setup.fitToHeight) == ("portrait", 1)
    for sheet in (plan, licenses, users, machines):
        assert (sheet.page_setup.orientation, sheet.page_setup.fitToHeight) == ("landscape", 0)
        assert sheet.freeze_panes == "B5"
    for sheet in (plan, machines):
        assert sheet.auto_filter.ref.startswith("A4:")


@pytest.mark.parametrize("sample", licensed.EVERY)
def test_every_sheet_of_the_manager_fits_one_page_across_in_legible_print(sample):
    """170 characters of column width across A4 landscape: 10 points are printed in 7.5 at least (measured)."""
    for language in languages():
        for place, sheet in enumerate(loaded(rendered(sample, language)).worksheets):
            widths = [dimension.width for dimension in sheet.column_dimensions.values()]
            across = sum(widths[:12] if place == 4 else widths)  # the position has columns for the screen alone
            assert across <= (123 if sheet.page_setup.orientation == "portrait" else 170), sheet.title
            assert sheet.page_setup.fitToWidth == 1


def test_the_annex_is_printed_over_several_pages_rather_than_in_tiny_letters():
    findings = loaded(annex.render(lab.ordinary(), "fr"))["Constats"]
    across = sum(dimension.width for dimension in findings.column_dimensions.values())
    assert findings.page_setup.fitToWidth >= (across - findings.column_dimensions["Y"].width) / 170 > 1


def test_a_deadline_that_has_passed_is_called_so():
    assessment = lab.ordinary()
    assert any(re.fullmatch(r"Dépassée le \d\d/\d\d/\d{4}", text) for text in summary_texts(assessment))
    plan = loaded(rendered("ordinary", "fr"))["Plan d'action"]
    for row in plan.iter_rows(min_row=5, values_only=True):
        late = row[7] is not None and row[7].date() < assessment.as_of.date()
        assert (row[8] is not None) is late, row


def test_a_system_out_of_support_shows_no_reassuring_zero():
    from reports.patches import MachinePatches
    from reports.sheet import Report
    from reports.sheets.patches import line
    from reports.view import MachineState

    report = Report(lab.ordinary(), Texts("fr", strict=True))
    for machine in report.view.in_state(MachineState.OUT_OF_SUPPORT):
        shown = line(report, MachinePatches(machine=replace(machine, missing=0), missing=()))[4]
        assert shown.value == "Plus publiés"


def test_an_update_only_the_machine_knows_is_not_called_free_of_exploitation():
    """Nobody names a flaw, so nothing could be looked up in the list of exploited ones."""
    found = lab.missing("m", "tzdata", epss=None)
    params = {**found.message.params, "cross_check": "only_theirs", "cve_count": 0, "kev_count": 0}
    nameless = replace(found, message=replace(found.message, params=params))
    book = loaded(annex.render(lab.assessment((lab.machine("m"),), (nameless,)), "fr"))
    (row,) = table_of(book["Correctifs par machine"])
    assert row["KEV"] == "Inconnu"


@pytest.mark.parametrize(("entitlement", "product"), [("esm-infra", "Ubuntu Pro"), ("ltss", "SUSE LTSS"), ("x9", "x9")])
def test_a_fix_for_subscribers_names_the_subscription_it_needs(entitlement, product):
    found = lab.answered("m", "patch.needs_subscription", Outcome.FAIL, "fail")
    message = replace(found.message, params={**found.message.params, "entitlement": entitlement})
    needed = replace(found, state=PatchState.PRO_REQUIRED, message=message)
    texts = texts_of(
        loaded(render(lab.assessment((lab.machine("m"),), (needed, *lab.healthy("m"))), "fr"))["Plan d'action"]
    )
    assert any(f"souscrire l'abonnement ({product})" in text for text in texts)


def test_no_table_has_merged_cells():
    book = loaded(rendered("crowded", "fr"))
    for title in ("Plan d'action", "Correctifs"):
        last = 4 + len(table_of(book[title]))
        assert not [area for area in book[title].merged_cells.ranges if 3 < area.min_row <= last]


def test_the_file_says_who_made_it_and_in_which_language():
    properties = loaded(rendered("ordinary", "fr")).properties
    assert (properties.creator, properties.language) == ("patch-license-auditor", "fr-FR")
    assert properties.title == "Rapport correctifs de sécurité – Menuiserie Dubois & Fils"


def test_colour_never_speaks_alone():
    with zipfile.ZipFile(io.BytesIO(rendered("ordinary", "fr"))) as archive:
        styles = ET.fromstring(archive.read("xl/styles.xml"))
    names = {style.get("xfId"): style.get("name") for style in styles.iter(f"{MAIN}cellStyle")}
    looks = [names.get(look.get("xfId")) for look in styles.find(f"{MAIN}cellXfs")]
    coloured = {"Critique", "Attention", "Bon", "Inconnu", "Information", "Retard"}
    for sheet in open_sheets(rendered("ordinary", "fr")):
        for cell in sheet.cells():
            assert not (looks[cell.style] in coloured and cell.text == ""), (sheet.title, cell.ref)


def test_sheets_are_discovered_in_order_and_have_a_title_everywhere():
    found = sheets.discover()
    names = ["summary", "actions", "licenses", "users", "software", "patches", "evolution", "coverage"]
    assert [sheet.name for sheet in found] == names
    for language in languages():
        assert len({Texts(language, strict=True).text(f"sheets.{sheet.name}.title") for sheet in found}) == len(found)


def test_a_finding_without_any_parameter_still_renders():
    bare = replace(
        lab.missing("m", "sudo"), message=Message(text="rules.patch.missing.fail"), remedy=None, released_on=None
    )
    assert problems(render(lab.assessment((lab.machine("m"),), (bare,)), "fr")) == []


def test_a_rule_nobody_has_heard_of_is_shown_with_its_own_words():
    unheard = replace(
        lab.answered("m", "firewall.absent", Outcome.FAIL, "fail"),
        priority=replace(lab.missing("m", "x").priority, level=PriorityLevel.NOW),
        remedy=Message(text="rules.firewall.absent.remedy"),
    )
    book = loaded(render(lab.assessment((lab.machine("m"),), (unheard, *lab.healthy("m"))), "fr"))
    row = next(book["Plan d'action"].iter_rows(min_row=5, values_only=True))
    assert row[2:5] == (
        "<rules.firewall.absent.fail>",
        "<rules.firewall.absent.impact>",
        "<rules.firewall.absent.remedy>",
    )


# --------------------------------------------------------------------------------------------------------- golden dumps


_SHEETS = [sheet.name for sheet in sheets.discover()]
_GOLDEN = [
    *(("ordinary", name) for name in _SHEETS),
    *(("licensed", name) for name in _SHEETS if name not in ("patches", "evolution")),
]


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize(("sample", "name"), _GOLDEN)
def test_golden(sample, name, language):
    """Every cell of every sheet. After a change that is meant: AUDITOR_GOLDEN=write, then read the difference."""
    data = rendered(sample, language)
    sheet = open_sheets(data)[_SHEETS.index(name)]
    text = dump(data, sheet.title)
    path = GOLDEN / f"{name}{'' if sample == 'ordinary' else f'.{sample}'}.{language}.txt"
    if os.environ.get("AUDITOR_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")


@pytest.mark.parametrize("language", languages())
def test_the_rules_have_every_text_the_sheets_ask_for(language, real_texts):
    """With the rules' own words, no marker of an absent text stands in any sheet (the fixture fails on each)."""
    for sample in ("ordinary", "blind"):
        assert problems(render(lab.SAMPLES[sample](), language)) == []
        assert problems(annex.render(lab.SAMPLES[sample](), language), manager=False) == []
