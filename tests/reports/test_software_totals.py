"""What the totals about software mean: accepted apart, cores told as cores, earlier readings told, ends with a day."""

import io
import json
from dataclasses import replace
from datetime import date
from decimal import Decimal

import openpyxl
import pytest

from reports import software_words, words
from reports.exports import json as json_export
from reports.figures import figures_of
from reports.headline import headline
from reports.sheet import Report
from reports.sheets.summary import unseen
from reports.software import Software
from reports.texts import Texts
from reports.tiles import tiles
from reports.workbook import render
from rules.messages import Message
from rules.model import Outcome
from rules.prices import Money
from rules.rights import Metric
from rules.software.position import Reduction, Status
from tests.lab import assessments as lab
from tests.lab import software

WAIVER = software.WAIVERS[0].waiver
FIRST_ROW = 5


def made(*lines, findings=(), **summary):
    return software.told(lab.spotless(), software.summary(*lines, **summary), *findings)


def report(assessment, language="fr"):
    return Report(assessment, Texts(language, strict=True))


def tile(assessment, name, language="fr"):
    return next(one for one in tiles(report(assessment, language)) if one.name == name)


def rows(assessment):
    """Rows of the sheet by product: what the printed and the other columns say, by heading."""
    sheet = openpyxl.load_workbook(io.BytesIO(render(assessment, "fr")))["Logiciels et droits"]
    heads = [plain(cell.value) for cell in sheet[FIRST_ROW - 1]]
    found = {}
    for row in sheet.iter_rows(min_row=FIRST_ROW, max_col=len(heads), values_only=True):
        told = dict(zip(heads, row, strict=True))
        if told["Statut"] is None:
            break
        found[plain(told["Produit"])] = told
    return found


def below(assessment):
    sheet = openpyxl.load_workbook(io.BytesIO(render(assessment, "fr")))["Logiciels et droits"]
    return [plain(cell.value) for row in sheet.iter_rows() for cell in row if isinstance(cell.value, str)]


def plain(text):
    return str(text).replace("\u00a0", " ").replace("\u202f", " ").replace("\u2019", "'")


SHORT = replace(software.UNDER_YEARLY, name="AutoCAD LT", version="")
TOO_MUCH = replace(software.EXCESS_YEARLY)
ACCEPTED_DEFICIT = replace(software.found("under_licensed", SHORT.key), waiver=WAIVER)
ACCEPTED_SURPLUS = replace(software.found("surplus", TOO_MUCH.key, params={"count": 2}), waiver=WAIVER)


# ------------------------------------------------------------------------------------------------------------- accepted


def accepted():
    return made(SHORT, TOO_MUCH, software.OEM, findings=(ACCEPTED_DEFICIT, ACCEPTED_SURPLUS))


def test_an_accepted_deficit_is_not_missing_and_costs_nothing():
    short = Software(accepted()).short
    assert (short.units, short.products, short.yearly, short.once, short.accepted) == (0, 0, 0, 0, 1)


def test_an_accepted_surplus_is_not_too_much_and_saves_nothing():
    spare = Software(accepted()).spare
    assert (spare.units, spare.yearly, spare.kept_value, spare.accepted) == (0, 0, 0, 2)


def test_without_a_waiver_both_count():
    told = Software(made(SHORT, TOO_MUCH, software.OEM))
    assert (told.short.units, told.short.yearly, told.short.accepted) == (1, Decimal("480.50"), 0)
    assert (told.spare.units, told.spare.yearly, told.spare.accepted) == (2, Decimal("578.00"), 0)


def test_what_is_accepted_is_said_on_tiles_headline_and_sheet():
    assessment = accepted()
    assert tile(assessment, "deficit").figure == 0
    assert "1 de plus accepté par dérogation" in plain(tile(assessment, "deficit").note)
    assert tile(assessment, "surplus").figure == 0
    assert "2 de plus acceptés par dérogation" in plain(tile(assessment, "surplus").note)
    sentence = plain(headline(report(assessment)))
    assert "aucune ne manque" in sentence
    assert "hors 1 acceptée par dérogation" in sentence
    assert "aucune n'est payée en trop hors 2 acceptées par dérogation" in sentence
    assert "3 produits soumis à licence : 1 conforme, 2 acceptés par dérogation." in below(assessment)
    assert any("Acrobat Pro" in text and "AutoCAD LT" in text and "dérogation" in text for text in below(assessment))


def test_an_accepted_line_stays_marked_with_no_amount_to_add_up():
    row = rows(accepted())["AutoCAD LT"]
    assert (plain(row["Statut"]), row["Écart"], row["Impact € HT"]) == ("Sous-licencié (accepté)", -1, None)
    assert "Accepté jusqu'au 31/12/2026 (dérogation W1)" in plain(row["Remarques"])


def test_an_accepted_deficit_is_no_product_in_order():
    assert (Software(accepted()).rate.good, Software(accepted()).rate.base) == (2, 3)


def test_the_history_keeps_the_figures_of_the_tiles():
    figures = figures_of(accepted(), 3)
    assert (figures.missing_seats, figures.missing_cost, figures.software_under) == (0, 0, 0)
    assert (figures.surplus_seats, figures.saving) == (0, 0)


def test_the_json_says_by_what_a_line_is_accepted():
    told = json.loads(json_export.render(accepted(), "en"))["software"]["lines"]
    assert {line["key"]: line["accepted_by"] for line in told} == {
        SHORT.key: ["W1"],
        TOO_MUCH.key: ["W1"],
        "windows": [],
    }


def test_a_waiver_about_a_right_is_none_about_the_line_whose_key_reads_the_same():
    """The id of a right is the client's: it may be the name of the product."""
    short = replace(SHORT, entitlements=(SHORT.key,))
    ending = replace(software.found("rights_ending", SHORT.key), waiver=WAIVER)
    assessment = made(short, findings=(software.found("under_licensed", SHORT.key), ending))
    told = Software(assessment)
    assert (told.short.units, told.short.yearly, told.short.accepted) == (1, Decimal("480.50"), 0)
    assert told.waivers_of(short) == ()
    assert told.line_of(ending) is None
    assert tile(assessment, "deficit").figure == 1
    (line,) = json.loads(json_export.render(assessment, "en"))["software"]["lines"]
    assert line["accepted_by"] == []


KEPT = replace(software.EXCESS, entitlements=("V1", "V2"))


def idle(*rights):
    return [replace(software.found("rights_idle", right), waiver=WAIVER) for right in rights]


def test_a_surplus_of_rights_that_are_accepted_as_idle_is_accepted():
    assessment = made(KEPT, findings=idle("V1", "V2"))
    spare = Software(assessment).spare
    assert (spare.units, spare.kept_value, spare.accepted) == (0, 0, 20)
    assert "20 de plus acceptés par dérogation" in plain(tile(assessment, "surplus").note)
    assert "hors 20 acceptées par dérogation" in plain(headline(report(assessment)))
    assert not any("déjà dépensés" in sentence for sentence in below(assessment))
    (line,) = json.loads(json_export.render(assessment, "en"))["software"]["lines"]
    assert line["accepted_by"] == ["W1"]


def test_of_a_surplus_whose_rights_are_accepted_in_part_all_counts():
    spare = Software(made(KEPT, findings=(*idle("V1"), software.found("rights_idle", "V2")))).spare
    assert (spare.units, spare.accepted) == (20, 0)


def test_a_deficit_is_not_accepted_with_a_right_that_lies_idle():
    short = replace(SHORT, entitlements=("V1",))
    assert Software(made(short, findings=idle("V1"))).short.units == 1


# ------------------------------------------------------------------------------------------ cores, machines, ends

CORES = software.line(
    "windows-server",
    Status.UNDER,
    name="Windows Server",
    metric=Metric.CORE,
    owned=16,
    installed=1,
    required=24,
    unit_price=Decimal("56.25"),
    cost=Decimal(900),
)
CALS = software.line(
    "windows-server-cal", Status.UNDER, name="Windows Server CAL", metric=Metric.USER_CAL, owned=10, required=13
)


def test_core_licenses_are_told_apart_from_other_units():
    found = (
        software.found("under_licensed", CORES.key, money=Money(seats=8, once=Decimal(900))),
        software.found("under_licensed", CALS.key, money=Money(seats=3, unpriced=3)),
    )
    assessment = made(CORES, CALS, findings=found)
    assert tile(assessment, "deficit").figure == 11
    assert "dont 8 licences de cœur" in plain(tile(assessment, "deficit").note)
    assert "11 manquent, dont 8 licences de cœur" in plain(headline(report(assessment)))
    assert "Il manque 11 licences, dont 8 de cœur" in plain(software_words.state(report(assessment)))
    plan = [plain(words.proposal(report(assessment), action)) for action in report(assessment).actions]
    assert any(text.startswith("Régulariser 8 licences de cœur Windows Server") for text in plan)
    assert any(text.startswith("Régulariser 3 licences Windows Server CAL") for text in plan)


def test_where_only_cores_lack_they_are_not_called_licenses_for_short():
    assessment = made(CORES)
    assert "8 manquent, en licences de cœur" in plain(headline(report(assessment)))
    one = replace(CORES, required=17, gap=-1)
    alone = report(made(one, findings=(software.found("under_licensed", one.key, money=Money(seats=1)),)))
    assert any("1 licence de cœur Windows Server (vendue par lot)" in words.proposal(alone, a) for a in alone.actions)
    assert "Il manque 8 licences de cœur (Windows Server)" in plain(software_words.state(report(assessment)))


TIED = software.line("windows", Status.EXCESS, name="Windows", edition="Pro", owned=4, required=1, tied=3)
CAL_LEFT = software.line("cal", Status.EXCESS, name="CAL", metric=Metric.USER_CAL, owned=10, required=9)


def test_what_belongs_to_a_machine_is_not_to_be_given_up_or_reassigned():
    assessment = made(TIED)
    note = plain(tile(assessment, "surplus").note)
    assert "ni à rendre, ni à réaffecter" in note
    assert "à redistribuer" not in note
    assert rows(assessment)["Windows Pro"]["Impact € HT"] is None
    assert "ils ne se rendent ni ne se réaffectent" in plain(rows(assessment)["Windows Pro"]["Remarques"])


def test_what_belongs_to_a_machine_is_worth_nothing_elsewhere():
    """Three of four units cost 20 each and are left over; two belong to machines: only the third can be used."""
    all_tied, some = (replace(TIED, saving=Decimal(60), unit_price=Decimal(20), tied=tied) for tied in (3, 2))
    assert Software(made(all_tied)).spare.kept_value == 0
    assert not any("à réaffecter avant tout achat" in sentence for sentence in below(made(all_tied)))
    assert Software(made(some)).spare.kept_value == 20
    remarks = plain(rows(made(some))["Windows Pro"]["Remarques"])
    assert "2 droits de reste (OEM), liés aux machines" in remarks
    assert "1 droit de reste, déjà payé (20 € HT) : à réaffecter" in remarks


def test_of_a_surplus_in_packs_that_are_needed_nothing_is_to_be_given_back():
    packed = replace(TOO_MUCH, reductions=(), saving=Decimal(0))
    note = plain(tile(made(packed), "surplus").note)
    assert note == "payés, sans emploi ; rien ne peut en être rendu"


def test_of_a_surplus_without_a_price_nobody_says_that_it_can_be_given_up():
    note = plain(tile(made(CAL_LEFT), "surplus").note)
    assert note == "sans emploi constaté ; prix n.c."


def test_the_sheet_says_when_each_part_of_a_surplus_can_fall():
    parts = (
        Reduction(units=1, on=date(2026, 7, 31), amount=Decimal(30)),
        Reduction(units=1, on=date(2027, 5, 31), amount=Decimal(40)),
    )
    line = replace(TOO_MUCH, reductions=parts, saving=Decimal(70))
    found = software.found("surplus", line.key, params={"count": 1}, money=Money(seats=1, later=Decimal(30) / 12))
    assessment = made(line, findings=(found,))
    remarks = plain(rows(assessment)["Acrobat Pro"]["Remarques"])
    assert "1 à l'échéance du 31/07/2026 (30 € HT par an) ; 1 à l'échéance du 31/05/2027 (40 € HT par an)" in remarks
    (action,) = [action for action in report(assessment).actions if action.kind == "software_surplus"]
    assert "Réduire de 1 licence Acrobat Pro" in plain(words.proposal(report(assessment), action))
    assert "2 licences payées" in plain(words.finding_text(report(assessment), action))


def in_parts(*parts):
    line = replace(TOO_MUCH, owned=9, reductions=parts, gap=sum(part.units for part in parts))
    money = Money(seats=parts[0].units, later=(parts[0].amount or Decimal(0)) / 12)
    params = {"count": parts[0].units}
    return made(line, findings=(software.found("surplus", line.key, params=params, money=money),))


NEXT, LATER, LAST = date(2026, 7, 31), date(2027, 5, 31), date(2027, 9, 30)


@pytest.mark.parametrize(
    ("later", "said"),
    [
        ([(1, LATER, 50)], "1 de plus à l'échéance suivante (50 € HT par an)."),
        ([(1, LATER, 50), (2, LAST, 80)], "3 de plus aux échéances suivantes (130 € HT par an)."),
        ([(1, LATER, None)], "1 de plus à l'échéance suivante (prix n.c.)."),
        ([(1, LATER, 50), (2, None, None)], "3 de plus aux échéances suivantes (50 € HT par an, hors 2 sans prix)."),
    ],
)
def test_the_plan_says_what_falls_later_so_that_its_amount_and_the_tile_agree(later, said):
    parts = [(2, NEXT, 200), *later]
    assessment = in_parts(
        *(Reduction(units=units, on=on, amount=amount and Decimal(amount)) for units, on, amount in parts)
    )
    (action,) = [action for action in report(assessment).actions if action.kind == "software_surplus"]
    assert "Réduire de 2 licences" in plain(words.proposal(report(assessment), action))
    assert plain(words.impact(report(assessment), action)).endswith(said)


def test_the_plan_says_nothing_of_later_ends_where_there_are_none():
    assessment = in_parts(Reduction(units=2, on=NEXT, amount=Decimal(200)))
    (action,) = [action for action in report(assessment).actions if action.kind == "software_surplus"]
    assert "de plus" not in words.impact(report(assessment), action)


def test_amounts_in_the_json_have_two_decimals():
    found = software.found("surplus", TOO_MUCH.key, params={"count": 2}, money=Money(seats=2, later=Decimal(200) / 12))
    document = json.loads(json_export.render(made(TOO_MUCH, findings=(found,)), "fr"))
    (money,) = [finding["money"] for finding in document["findings"] if finding["money"]]
    assert (money["later"], money["now"]) == ("16.67", "0.00")
    (line,) = document["software"]["lines"]
    assert line["reductions"] == [{"units": 2, "on": "2026-07-31", "amount": "578.00"}]


def test_a_twelfth_that_is_no_whole_cent_comes_back_as_the_amount_of_the_year():
    found = software.found("surplus", TOO_MUCH.key, params={"count": 2}, money=Money(seats=2, later=Decimal(290) / 12))
    book = openpyxl.load_workbook(io.BytesIO(render(made(TOO_MUCH, findings=(found,)), "fr")))
    values = [cell.value for row in book["Plan d'action"].iter_rows() for cell in row]
    assert 290 in values


def test_a_machine_of_an_earlier_audit_is_named_in_the_sheet_and_on_the_first_one():
    earlier = Message(text="software.note.machines_earlier", params={"count": 1, "devices": "pc-02"})
    assessment = replace(
        lab.blind(), software=software.summary(replace(software.OEM, seen=2, known=2, earlier=1), notes=(earlier,))
    )
    assessment = replace(assessment, software=replace(assessment.software, seen=2, known=2, earlier=1))
    said = below(assessment)
    assert any("2 machines lues sur 2, dont 1 lors d'un audit précédent" in text for text in said)
    assert any("selon son dernier relevé : pc-02" in text for text in said)
    assert "dont 1 d'un audit précédent" in plain(rows(assessment)["Windows Pro 11"]["Fiabilité"])
    assert any("selon son dernier relevé : pc-02" in plain(text) for text in unseen(report(assessment)))


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_legend_claims_a_deficit_on_under_licensed_lines_only(language):
    text = report(made(SHORT), language).texts.text("sheets.software.legend_gap")
    status = {"fr": ("Sous-licencié", "À vérifier", "affirmé"), "en": ("Under-licensed", "To be checked", "claimed")}
    assert all(word in text for word in status[language])


def test_a_product_to_be_checked_is_not_given_a_number_that_reads_as_a_deficit():
    lines = [software.line(name, Status.CHECK, owned=0, required=3) for name in ("one", "two")]
    assessment = made(*lines, findings=[software.found("to_check", line.key) for line in lines])
    (action,) = [action for action in report(assessment).actions if action.kind == "software_check"]
    assert "(3)" not in words.finding_text(report(assessment), action)


@pytest.mark.parametrize(
    ("text", "finding", "impact"),
    [
        ("ended", "Droit qui a pris fin le 13/06/2026", "Depuis cette date, le droit ne compte plus."),
        ("fail", "Droit qui prend fin le 13/06/2026", "Passé cette date, le droit ne compte plus."),
        ("maintenance", "Maintenance qui prend fin le 13/06/2026", "Passé cette date, le droit demeure"),
        ("maintenance_ended", "Maintenance qui a pris fin le 13/06/2026", "Depuis cette date, le droit demeure"),
    ],
)
def test_an_end_is_told_with_its_day_and_as_past_where_it_is(text, finding, impact):
    params = {"product": "WinRAR", "right": "R-1", "ends_on": "2026-06-13", "count": 9}
    told = software.found(
        "rights_ending", "R-1", message=Message(text=f"rules.software.rights_ending.{text}", params=params)
    )
    (action,) = report(made(software.OEM, findings=(told,))).actions
    made_report = report(made(software.OEM, findings=(told,)))
    assert plain(words.finding_text(made_report, action)).startswith(finding)
    assert plain(words.impact(made_report, action)).startswith(impact)
    assert ("renouvellement" in plain(words.proposal(made_report, action))) is (not text.startswith("maintenance_e"))


def test_checks_that_unread_machines_leave_open_are_not_called_products():
    blind = software.found("to_check", "", outcome=Outcome.UNKNOWN)
    assessment = made(software.OEM, findings=(blind,))
    (action,) = [action for action in report(assessment).actions if action.kind == "software_see"]
    assert "Ces produits" not in words.impact(report(assessment), action)


# ------------------------------------------------------------------------------------------------------- why a minimum


def test_where_everything_was_read_an_old_reading_is_not_called_unread():
    old = made(replace(SHORT, old=1), old=1)
    told = plain(
        " ".join((headline(report(old)), *software_words.money(report(old)), software_words.state(report(old))))
    )
    assert "n'a pas pu être lu" not in told
    assert "au moins" not in told
    assert "ancien" in told
    assert tile(old, "deficit").figure == 1
    assert "relevés anciens compris" in plain(tile(old, "deficit").note)


def test_where_a_machine_was_not_read_the_number_is_a_minimum():
    partial = made(replace(SHORT, seen=2), seen=2)
    assert "tout n'a pas pu être lu" in plain(" ".join(software_words.money(report(partial))))
    assert plain(tile(partial, "deficit").figure) == "au moins 1"
