"""What the first sheet decides to show, and that its words count what they say they count."""

import io
from dataclasses import replace
from datetime import timedelta

import openpyxl
import pytest

from collectors.feeds.records import Severity
from reports.actions import is_exploited
from reports.headline import headline
from reports.message import letter
from reports.reviews import address
from reports.sheet import Report
from reports.sheets.summary import decisions, in_three, unseen
from reports.styles import Style
from reports.texts import Texts
from reports.tiles import tiles
from reports.workbook import render
from rules.model import Outcome, PatchState, PriorityLevel, SeatVerdict
from rules.software.position import Status
from tests.lab import assessments as lab
from tests.lab import licensed, software

DAY = lab.AS_OF.date()


def report(assessment, language="fr"):
    return Report(assessment, Texts(language, strict=True))


def plain(text):
    return text.replace("\u202f", " ").replace("\u00a0", " ")


def tile(assessment, name, language="fr"):
    return next(tile for tile in tiles(report(assessment, language)) if tile.name == name)


def of_sheet(assessment, number, language="fr"):
    sheet = openpyxl.load_workbook(io.BytesIO(render(assessment, language))).worksheets[number]
    return [(cell.coordinate, cell.value) for row in sheet.iter_rows() for cell in row if cell.value is not None], sheet


# -------------------------------------------------------------------------------------------------- what is coming


def due_in(days):
    findings = tuple(
        lab.missing("srv", f"p{number}", due_on=DAY + timedelta(days=day)) for number, day in enumerate(days)
    )
    return report(lab.assessment((lab.machine("srv"),), findings))


def test_the_outlook_says_that_it_counts_patches_and_no_other_deadline():
    assert "1 correctif à installer au plus tard le 14/08/2026" in plain(in_three(due_in([9]))[-1])
    assert "2 correctifs à installer dans les 30 jours" in plain(in_three(due_in([9, 12]))[-1])
    assert "échéances" not in in_three(due_in([9, 12]))[-1]


def test_without_such_a_patch_it_does_not_say_that_nothing_at_all_is_coming():
    assert "aucun correctif connu" in in_three(report(lab.spotless()))[-1]


# ------------------------------------------------------------------------------------------------------- decisions


def window(saving, *, days=9, **changes):
    """A last window to reduce a subscription, worth so many euros a year; its seats are counted elsewhere."""
    return licensed.found(
        "renewal_decision",
        "fail_priced",
        key=licensed.STANDARD,
        due_on=DAY + timedelta(days=days),
        params={"yearly": saving, "ends_on": (DAY + timedelta(days=days)).isoformat()},
        **changes,
    )


def trial():
    return licensed.found("trial_ending", "fail", key=licensed.PLANNER, due_on=DAY + timedelta(days=6))


def unassigned(monthly):
    return licensed.found("unassigned_seats", "fail", licensed.share(licensed.TEAMS, now=monthly), key=licensed.TEAMS)


def estate(*findings):
    """Two urgent tasks of the provider, one of the client's, and what is given."""
    machines = tuple(lab.machine(name) for name in ("web", "old", "db"))
    own = (
        lab.missing("web", "openssl", level=PriorityLevel.NOW, due_on=DAY - timedelta(days=3)),
        lab.missing("db", "curl", level=PriorityLevel.NOW, due_on=DAY - timedelta(days=2), kev=0),
        lab.rebooting("db"),
        lab.ended("old"),
    )
    return licensed.told(lab.assessment(machines, own), licensed.tenant(*licensed.LINES), findings=findings)


def rules_shown(assessment):
    return [action.rule for action in decisions(report(assessment))]


@pytest.mark.parametrize(("saving", "wanted"), [(832, True), (500, True), (300, False)])
def test_a_last_window_comes_before_an_undated_decision_of_similar_worth(saving, wanted):
    """832 euros until the 14th against 799 at any time; a window worth less than half waits in the plan."""
    shown = rules_shown(estate(trial(), window(saving), unassigned("66.60")))
    assert ("m365.renewal_decision" in shown) is wanted
    assert ("m365.unassigned_seats" in shown) is not wanted
    assert len(shown) == 5


def test_a_window_that_is_far_off_is_worth_what_it_is_worth_and_no_more():
    shown = rules_shown(estate(trial(), window(600, days=80), unassigned("66.60")))
    assert "m365.unassigned_seats" in shown


def test_the_line_of_a_last_window_and_the_mail_say_what_it_saves():
    """The plan has the amount where the seats are given up: it enters no sum twice."""
    made = estate(trial(), window(832))
    cells, _ = of_sheet(made, 0)
    assert 832 in [value for _, value in cells]
    assert "832 €" in plain(letter(made, "fr").text)
    (action,) = [action for action in report(made).actions if action.rule == "m365.renewal_decision"]
    assert action.money is None


def test_the_exploited_flaw_that_is_the_longest_late_is_on_the_first_sheet():
    """Third in the plan, 112 days late: two of the provider's tasks are shown, and it is one of them."""
    machines = (lab.windows_machine("pc"), lab.machine("web"))
    findings = (
        replace(lab.exploited_program("pc"), due_on=DAY - timedelta(days=62)),
        replace(lab.windows_update("pc", kev=1), due_on=DAY - timedelta(days=41)),
        lab.missing("web", "php", level=PriorityLevel.NOW, score=50.0, kev=1, due_on=DAY - timedelta(days=112)),
    )
    made = licensed.told(
        lab.assessment(machines, findings), licensed.tenant(*licensed.LINES), findings=licensed.FINDINGS
    )
    own = [action for action in decisions(report(made)) if action.owner == "provider"]
    assert len(own) == 2
    assert min(action.due_on for action in own) == DAY - timedelta(days=112)
    more = [action for action in report(made).actions if is_exploited(action) and action not in own]
    cells, _ = of_sheet(made, 0)
    assert len(more) == 1
    assert any("dont 1 contre des failles déjà exploitées" in str(text) for _, text in cells)


# ------------------------------------------------------------------------------------------- tiles that agree


def mixed_machines():
    """Up to date; a patch missing; out of support with one missing; its reboot unknown; not told at all."""
    machines = tuple(lab.machine(name) for name in ("fine", "late", "old", "asleep", "blind"))
    silent = lab.answered("old", "patch.missing", Outcome.NOT_APPLICABLE, "out_of_support")
    asleep = tuple(found for found in lab.healthy("asleep") if found.rule != "host.reboot_pending")
    unknown = lab.answered("asleep", "host.reboot_pending", Outcome.UNKNOWN, "unknown")
    program = lab.exploited_program("old")
    findings = (
        *lab.healthy("fine"),
        lab.missing("late", "curl"),
        *(lab.ended("old"), silent, program),
        *(*asleep, unknown),
        lab.not_seen("blind"),
    )
    return lab.assessment(machines, findings)


def test_the_machines_with_missing_patches_are_among_those_the_tile_counts():
    note = tile(mixed_machines(), "urgent").note
    assert plain(note).startswith("manquants sur 2 machines, parmi 4 (dont 1 hors support)")
    assert plain(note).endswith("état inconnu : 1")


def test_what_the_next_tile_counts_more_as_unknown_is_explained():
    shown = tile(mixed_machines(), "updated")
    assert shown.figure == "1 / 3"
    assert plain(shown.note).endswith("état inconnu : 2, dont 1 pour son redémarrage seul")


def test_machines_out_of_support_are_not_called_without_a_verdict():
    told = [plain(text) for text in unseen(report(mixed_machines()))]
    assert any(text.startswith("1 machine hors support (old) : ses nouvelles failles") for text in told)


@pytest.mark.parametrize(("name", "wrong"), [("reboot", "parmi 1"), ("support", "parmi 1")])
def test_one_machine_is_no_plural(name, wrong):
    made = lab.assessment((lab.machine("a"),), (*lab.healthy("a")[:1], lab.rebooting("a"), *lab.healthy("a")[2:]))
    assert wrong not in tile(made, name).note
    assert plain(tile(made, name).note).rstrip(")").endswith("vérifiées : 1" if name == "reboot" else "vérifiés : 1")


# ----------------------------------------------------------------------------------- to be checked is not in order


def to_check():
    """Two products that a person must check, and nothing that is surely missing."""
    lines = [software.line(name, Status.CHECK, owned=0, required=1) for name in ("acrobat", "teamviewer")]
    return software.told(lab.spotless(), software.summary(*lines, seen=3))


def test_products_to_be_checked_leave_no_green_zero():
    shown = tile(to_check(), "deficit")
    assert (shown.figure, shown.style) == (0, Style.KPI_INFO)
    assert plain(shown.note) == "aucune licence manquante à coup sûr ; 2 produits à vérifier"


def test_the_headline_says_that_they_are_to_be_checked():
    assert "aucune ne manque à coup sûr (2 produits à vérifier)" in headline(report(to_check()))
    assert "none is missing for certain (2 products to be checked)" in headline(report(to_check(), "en"))


def test_seats_that_expire_are_no_green_zero_either():
    expired = licensed.line(licensed.PREMIUM, verdict=SeatVerdict.CHECK)
    made = licensed.told(lab.spotless(), licensed.tenant(expired))
    assert tile(made, "deficit").style is Style.KPI_INFO
    assert tile(licensed.licenses_in_order(), "deficit").style is Style.KPI_GOOD


# ------------------------------------------------------------------------------------------------ shares and lists


@pytest.mark.parametrize(
    ("ratio", "french", "english"),
    [
        (1, "100 %", "100%"),
        (0, "0 %", "0%"),
        (0.9999, "plus de 99 %", "more than 99%"),
        (0.0001, "moins de 1 %", "less than 1%"),
        (0.704, "70 %", "70%"),
    ],
)
def test_all_and_nothing_are_said_of_nothing_else(ratio, french, english):
    assert plain(Texts("fr", strict=True).percent(ratio)) == french
    assert Texts("en", strict=True).percent(ratio) == english


def test_english_carries_no_french_spaces():
    texts = Texts("en", strict=True)
    assert texts.clauses(["a", "b", "c"]) == "a; b; c"
    assert texts.clauses([]) == ""
    assert texts.labelled("June", "3") == "June: 3"
    assert plain(Texts("fr", strict=True).clauses(["a", "b"])) == "a ; b"
    data = render(licensed.licensed(), "en")
    for sheet in openpyxl.load_workbook(io.BytesIO(data)):
        found = [cell.value for row in sheet.iter_rows() for cell in row if isinstance(cell.value, str)]
        assert not [text for text in found if " ;" in text or " : " in text]


# -------------------------------------------------------------------------------------------------------- people


def attempted():
    found = licensed.about(
        "gerard", "inactive_users", "fail_attempt", licensed.share(licensed.TEAMS, now="4.80"), params={"days": 875}
    )
    return licensed.told(lab.spotless(), licensed.tenant(*licensed.LINES), findings=(found,))


def test_the_day_of_an_attempt_is_no_activity():
    cells, _ = of_sheet(attempted(), 3)
    assert "Inconnue" in [text for _, text in cells]
    assert report(attempted()).reviews[0].last_on is None


def test_each_line_about_a_person_leads_to_its_action_and_names_it():
    seat = licensed.share(licensed.TEAMS, now="4.80")
    people = tuple(licensed.about(name, "inactive_users", "fail", seat) for name in ("ann", "bob"))
    alone = licensed.about("eve", "never_active_users", "fail", seat)
    made = licensed.told(lab.spotless(), licensed.tenant(*licensed.LINES), findings=(*people, alone))
    plan = {action.ref for action in report(made).actions}
    cells, sheet = of_sheet(made, 3)
    rows = {cell[1:]: text for cell, text in cells if cell[0] == "A" and str(text).startswith("F-")}
    assert rows
    assert all(sheet[f"A{row}"].hyperlink.location.startswith("'Plan d''action'!A") for row in rows)
    reasons = [str(text) for cell, text in cells if cell[0] == "C" and "→" in str(text)]
    assert len(reasons) == len(people)
    assert all(text.rpartition(" ")[2] in plan for text in reasons)


@pytest.mark.parametrize(
    ("person", "shown"),
    [
        ("o.baudry_levain-conseil.example#EXT#@fournil.example", "o.baudry@levain-conseil.example"),
        ("jean_paul_firm.example#EXT#@fournil.example", "jean_paul@firm.example"),
        ("ann@fournil.example", "ann@fournil.example"),
        ("first_last@fournil.example", "first_last@fournil.example"),
        ("odd#EXT#@fournil.example", "odd#EXT#@fournil.example"),
    ],
)
def test_a_guest_bears_an_ordinary_address(person, shown):
    assert address(person) == shown


# ------------------------------------------------------------------------------------------------------ the plan


def test_what_waits_for_machines_asks_for_no_right_in_microsoft_365():
    limited = replace(licensed.blind_checks("device_licenses")[0], limited=True, state=PatchState.UNKNOWN)
    made = licensed.told(lab.blind(), licensed.tenant(*licensed.LINES), findings=(limited,))
    assert not [action for action in report(made).actions if action.kind == "see_tenant"]
    blind = licensed.told(lab.blind(), licensed.tenant(*licensed.LINES), findings=licensed.blind_checks("coverage"))
    assert [action for action in report(blind).actions if action.kind == "see_tenant"]


def test_a_right_that_covers_nothing_leads_from_its_line_to_its_action():
    line = software.line("visio", Status.UNKNOWN, owned=1, required=0, entitlements=("VISIO",))
    idle = replace(software.found("rights_idle", "VISIO"), outcome=Outcome.UNKNOWN, severity=Severity.UNKNOWN)
    made = software.told(lab.spotless(), software.summary(line), idle)
    (found,) = [action for action in report(made).actions if idle in action.findings]
    cells, _ = of_sheet(made, 4)
    assert any(found.ref in str(text) for _, text in cells)


# ---------------------------------------------------------------------------------------------------- the last sheet


def test_the_audit_of_one_minute_has_one_moment():
    made = replace(lab.spotless(), started_at=lab.AS_OF, finished_at=lab.AS_OF)
    cells, _ = of_sheet(made, 7)
    (told,) = [plain(str(text)) for _, text in cells if str(text).startswith("patch-license-auditor")]
    assert " au " not in told.partition("audit du ")[2]
    longer = replace(made, finished_at=lab.AS_OF + timedelta(minutes=9))
    (told,) = [str(text) for _, text in of_sheet(longer, 7)[0] if str(text).startswith("patch-license-auditor")]
    assert " au " in told


def test_the_glossary_names_no_command_and_calls_the_rate_as_the_tile_does():
    cells, _ = of_sheet(licensed.licensed(), 7)
    told = [str(text) for _, text in cells]
    assert not any("auditor explain" in text for text in told)
    assert any(text.startswith(tile(licensed.licensed(), "license_rate").label) for text in told)
