"""What a reader of the workbook is told about Microsoft 365: products, money, people to review, what was not seen."""

import csv
import io
import json
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

import openpyxl
import pytest

from collectors.cloud.facts import TenantFact
from reports import license_words
from reports.actions import actions
from reports.console import summary_lines
from reports.exports import annex
from reports.exports import csv as csv_export
from reports.exports import json as json_export
from reports.licenses import Licenses
from reports.reviews import reviews
from reports.sheet import Report
from reports.sheets.summary import brief, decisions, unseen
from reports.styles import Style
from reports.texts import Texts, languages, tables
from reports.tiles import tiles
from reports.view import View
from reports.workbook import file_name, render
from rules.model import Outcome, PriorityLevel, SeatVerdict
from tests.lab import assessments as lab
from tests.lab import licensed, software
from tests.lab.licensed import NAMES, POWER_BI, PREMIUM, STANDARD, TEAMS

LOCALES = Path(__file__).parents[2] / "reports" / "locales"
TITLES = {
    "fr": ("Licences Microsoft 365", "Utilisateurs à revoir"),
    "en": ("Microsoft 365 licenses", "Users to review"),
}


@cache
def book(sample, language="en"):
    return openpyxl.load_workbook(io.BytesIO(render(licensed.EVERY[sample](), language)))


def texts_of(worksheet):
    return [cell.value for row in worksheet.iter_rows() for cell in row if isinstance(cell.value, str)]


def lines(sample, language="en"):
    """The table of licenses by product, the line of totals under "Total"."""
    rows = list(book(sample, language)[TITLES[language][0]].iter_rows(min_row=4, values_only=True))
    found = {}
    for row in rows[1:]:
        if row[0] is None or row[2] is None:
            break
        name = "Total" if str(row[0]).startswith("Total") else str(row[0]).split("\n")[0]
        found[name] = dict(zip(rows[0], row, strict=True))
    return found


def people(sample, language="en"):
    rows = list(book(sample, language)[TITLES[language][1]].iter_rows(min_row=4, values_only=True))
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:] if re.match("F-[0-9A-F]{8}$", str(row[0]))]


def report(sample="licensed", language="en"):
    return Report(licensed.EVERY[sample](), Texts(language, strict=True))


def shown_tiles(sample, language="en"):
    return {tile.name: tile for tile in tiles(report(sample, language))}


# ------------------------------------------------------------------------------------------------- licenses: the table


def test_every_paid_product_is_one_line_with_its_seats_and_money():
    row = lines("licensed")[NAMES[PREMIUM]]
    assert (row["Bought"], row["Assigned"], row["Available"], row["Balance"]) == (15, 16, 0, -2)
    assert (row["Active"], row["Inactive"], row["Excess to give up"]) == (14, 2, 2)
    assert row["Monthly cost excl. VAT"] == pytest.approx(267)
    assert row["Yearly cost excl. VAT"] == pytest.approx(3204)
    assert row["Yearly saving, now"] == pytest.approx(213.6)
    assert row["Renewal"].date() == date(2027, 3, 1)
    assert lines("licensed")[NAMES[TEAMS]]["Renewal"] == "Monthly"


def test_amounts_are_numbers_in_euro_and_a_reader_sees_the_currency():
    for language, written in (("fr", "#,##0.00\\ [$€-40C]"), ("en", "[$€-1809]#,##0.00")):
        cells = book("licensed", language)[TITLES[language][0]][5]
        assert cells[10].number_format == written
        assert isinstance(cells[10].value, int | float)


def test_free_products_are_in_no_line_and_no_total_but_told_in_one_sentence():
    """Cases 6 and 7: neither totals nor the chart explode."""
    found = lines("licensed")
    assert "Microsoft Power Automate Free" not in found
    assert found["Total"]["Bought"] < 100
    told = [text for text in texts_of(book("licensed")["Microsoft 365 licenses"]) if "Power Automate" in text]
    assert told == ["Free or trial licenses (in no total), 1 product: Microsoft Power Automate Free (12 assigned)."]


def test_suspended_seats_are_one_sentence_and_neither_seats_nor_cost():
    """Cases 4 and 5."""
    row = lines("licensed")["Planner Plan 1"]
    assert (row["Bought"], row["Available"], row["Balance"], row["State"]) == (0, None, None, "To be checked")
    assert row["Monthly cost excl. VAT"] == 0
    assert any("2 seats, Planner Plan 1 (2 suspended)" in text for text in texts_of(book("licensed").worksheets[2]))


def test_case_10_server_licenses_are_never_called_unused():
    row = lines("licensed")["Microsoft Defender for Endpoint Server"]
    assert row["State"] == "Per server"
    assert [row[name] for name in ("Assigned", "Available", "Balance", "Inactive", "Excess to give up")] == [None] * 5
    assert row["Monthly cost excl. VAT"] == pytest.approx(27.6)


def test_case_39_an_unknown_price_is_never_zero_and_the_total_says_what_it_leaves_out():
    found = lines("licensed", "fr")
    assert [found["Power BI Pro"][name] for name in ("Coût mensuel HT", "Coût annuel HT")] == ["n.c.", "n.c."]
    assert found["Power BI Pro"]["Économie annuelle dès maintenant"] == "n.c."
    texts = texts_of(book("licensed", "fr")["Licences Microsoft 365"])
    assert any("ne comprend pas 1 produit sans prix (n.c.)\u00a0: Power BI Pro." in text for text in texts)


def test_without_any_price_totals_of_money_are_unknown_too():
    total = lines("licenses_unpriced", "fr")["Total"]
    assert {total[name] for name in total if name.startswith(("Coût", "Économie"))} == {"n.c."}
    assert any("coûts n.c." in text for text in texts_of(book("licenses_unpriced", "fr").worksheets[2]))


def test_a_count_microsoft_left_out_is_unknown():
    row = [row for row in book("licenses_unpriced").worksheets[2].iter_rows(values_only=True) if row[1] == "Unknown"]
    assert [line[2:6] for line in row] == [("Unknown", None, "Unknown", "Unknown")]


def test_what_a_reader_must_know_of_a_line_stands_below_the_products_name():
    cells = [row[0] for row in book("licensed").worksheets[2].iter_rows(min_row=5, values_only=True)]
    assert f"{NAMES[PREMIUM]}\n1 person waiting" in cells


def test_two_tenants_are_told_apart_and_one_is_not_named():
    cells = [
        str(row[0]) for row in book("licenses_of_two_tenants").worksheets[2].iter_rows(min_row=5, values_only=True)
    ]
    assert f"{NAMES[PREMIUM]}\nother.example" in cells
    assert any("Menuiserie Dubois" in cell for cell in cells)
    assert not any("Menuiserie Dubois" in str(row[0]) for row in book("licensed").worksheets[2].iter_rows(min_row=5))


@pytest.mark.parametrize("language", languages())
def test_case_69_a_missing_permission_leaves_the_sheet_and_names_itself(language):
    texts = texts_of(book("licenses_hidden", language)[TITLES[language][0]])
    assert any("LicenseAssignment.Read.All" in text for text in texts)
    assert not any(text.startswith("Total") for text in texts)


def test_a_client_without_a_declared_tenant_is_not_told_that_all_is_well():
    texts = texts_of(book("ordinary", "fr")["Licences Microsoft 365"])
    assert any(text.startswith("Non audité") and "ne veut pas dire que tout va bien" in text for text in texts)


# ------------------------------------------------------------------------------------------------- licenses: the chart


def charts(sample):
    return book(sample)["Microsoft 365 licenses"]._charts


def test_the_chart_shows_the_largest_paid_products_and_says_its_message_beside_it():
    chart, _ = charts("licensed")
    assert len(chart.series) == 3
    assert [point.v for point in chart.series[0].cat.strRef.strCache.pt][:1] == ["Microsoft Teams EEA"]
    assert any(
        text == "For these 4 products: 59 seats bought, 56 assigned, 52 used by people who are active."
        for text in texts_of(book("licensed").worksheets[2])
    )


def test_at_most_eight_products_are_charted():
    chart = charts("licenses_hostile")[0]
    assert len(chart.series[0].val.numRef.numCache.pt) == 8


def test_without_known_activity_the_bar_is_left_out_and_the_sentence_says_why():
    (chart,) = charts("licenses_concealed")
    assert len(chart.series) == 2
    assert any("is not known, so the bar" in text for text in texts_of(book("licenses_concealed").worksheets[2]))


def test_one_bar_splits_the_annual_cost_into_used_inactive_and_unassigned():
    _, chart = charts("licensed")
    assert (chart.type, chart.grouping, chart.overlap) == ("bar", "stacked", 100)
    assert [series.tx.v for series in chart.series] == ["Used", "Inactive", "Unassigned"]
    parts = [Decimal(str(series.val.numRef.numCache.pt[0].v)) for series in chart.series]
    spend = report().licenses.spend
    assert parts == [spend.used, spend.inactive, spend.unassigned]
    priced = [product for product in report().licenses.products if product.usable and product.yearly_cost is not None]
    assert sum(parts) == sum(product.yearly_cost for product in priced)
    assert spend.products + spend.left_out == len(report().licenses.products)


def test_the_bar_of_the_annual_cost_is_skipped_with_a_sentence_where_nothing_is_known():
    for sample in ("licenses_concealed", "licenses_unpriced"):
        if not report(sample).licenses.spend.whole:
            assert any(text.startswith("No chart: prices") for text in texts_of(book(sample).worksheets[2]))
    assert not report("licenses_unpriced").licenses.spend.whole


def test_no_chart_is_drawn_without_quantities_and_the_reason_is_told():
    blind = licensed.tenant(licensed.line(PREMIUM, bought=None, assigned=None, price=None))
    assessment = licensed.told(lab.spotless(), blind)
    sheet = openpyxl.load_workbook(io.BytesIO(render(assessment, "en"))).worksheets[2]
    assert not sheet._charts
    assert "No chart: the quantities are not known." in texts_of(sheet)


# ----------------------------------------------------------------------------------------------------- users to review


def test_one_line_per_person_and_product():
    pairs = [(row["User"], row["Product"]) for row in people("licensed")]
    assert len(pairs) == len(set(pairs))
    assert [row["Product"] for row in people("licensed") if "gone@" in row["User"]] == [NAMES[PREMIUM], NAMES[TEAMS]]


def test_a_weaker_reason_whose_seats_went_to_a_stronger_one_is_no_second_line():
    gone = licensed.about("gone", "disabled_users", "fail", licensed.share(PREMIUM, now="17.80"))
    also = licensed.about("gone", "redundant_licenses", "fail")  # its share was taken by the stronger reason
    other = licensed.about("other", "redundant_licenses", "fail")
    assessment = licensed.told(lab.spotless(), licensed.tenant(*licensed.LINES), findings=(gone, also, other))
    shown = [(line.person, line.finding.rule) for line in reviews(Licenses(assessment))]
    assert shown == [
        ("gone@dubois.example", "m365.disabled_users"),
        ("other@dubois.example", "m365.redundant_licenses"),
    ]


def test_a_reason_without_money_of_its_own_is_shown_although_another_rule_has_some():
    """A leaver's large mailbox promises no saving: what to decide is told all the same."""
    large = licensed.about("gone", "disabled_users", "fail_large")
    twice = licensed.about("gone", "redundant_licenses", "fail", licensed.share(TEAMS, later="4.80"))
    assessment = licensed.told(lab.spotless(), licensed.tenant(*licensed.LINES), findings=(large, twice))
    assert len(reviews(Licenses(assessment))) == 2


def test_only_people_about_whom_somebody_must_decide_are_named():
    names = {row["User"] for row in people("licensed")}
    assert not any("waits@" in name for name in names)  # the provider repairs the assignment
    assert not any("leave@" in name for name in names)  # case 23: an exception is in force
    plan = texts_of(book("licensed")["Action plan"]) + texts_of(book("licensed")["Summary"])
    assert not any("@dubois.example" in text for text in plan)


def test_the_reason_the_day_and_the_money_of_a_line():
    rows = {row["User"]: row for row in people("licensed")}
    gone = rows["Ann Gone\ngone@dubois.example"]
    assert (gone["Reason"], gone["Last activity"].date()) == ("Disabled account", date(2026, 3, 15))
    idle = next(row for row in people("licensed") if "idle@" in row["User"] and row["Product"] == NAMES[PREMIUM])
    assert idle["Reason"] == "Inactive for 143 days"
    assert idle["Saving (+) or cost (-) a year, € excl. VAT"] == pytest.approx(213.6)
    assert rows["never@dubois.example"]["Last activity"] == "Never seen"
    assert rows["orders@dubois.example"]["Saving (+) or cost (-) a year, € excl. VAT"] == pytest.approx(-98.4)
    assert rows["many@dubois.example"]["Last activity"] is None
    unpriced = next(
        row for row in people("licensed", "fr") if row["Produit"] == NAMES[POWER_BI] and "idle" in row["Utilisateur"]
    )
    assert unpriced["Économie (+) ou coût (-) par an,\u00a0€ HT"] == "n.c."


@pytest.mark.parametrize(
    ("language", "choices"), [("fr", '"Conserver,Retirer,À discuter"'), ("en", '"Keep,Remove,Discuss"')]
)
def test_the_decision_is_picked_from_a_list_in_every_line_and_empty_at_first(language, choices):
    sheet = book("licensed", language)[TITLES[language][1]]
    (offer,) = sheet.data_validations.dataValidation
    rows = [row for row in sheet.iter_rows(min_row=5) if re.match("F-", str(row[0].value))]
    assert (offer.type, offer.formula1, str(offer.sqref)) == ("list", choices, f"H5:H{4 + len(rows)}")
    assert {row[7].value for row in rows} == {None}


def test_case_28_concealed_names_are_explained_with_the_switch_and_its_privacy_side():
    texts = texts_of(book("licenses_concealed", "fr")["Utilisateurs à revoir"])
    (told,) = [text for text in texts if "masque les noms" in text]
    assert "Paramètres de l'organisation" in told
    assert "RGPD" in told
    assert any("ne veut pas dire que tout va bien" in text for text in texts)


def test_concealed_names_do_no_harm_where_sign_ins_tell_who_is_active():
    assessment = licensed.told(lab.spotless(), licensed.tenant(licensed.line(PREMIUM), names_concealed=True))
    sheet = openpyxl.load_workbook(io.BytesIO(render(assessment, "fr")))["Utilisateurs à revoir"]
    assert not any("masque les noms" in text for text in texts_of(sheet))


def test_nobody_to_review_is_good_news_only_where_everything_was_seen():
    assert any(
        text.startswith("Aucun utilisateur à revoir")
        for text in texts_of(book("licenses_in_order", "fr").worksheets[3])
    )
    for sample in ("licenses_hidden", "licenses_unreached", "licenses_concealed", "spotless"):
        assert not any(text.startswith("Aucun utilisateur") for text in texts_of(book(sample, "fr").worksheets[3])), (
            sample
        )


def test_personal_data_come_with_their_purpose():
    assert any("donnée personnelle" in text for text in texts_of(book("licensed", "fr")["Utilisateurs à revoir"]))
    coverage = texts_of(book("licensed", "fr")["Périmètre et limites"])
    assert any("à la seule fin de décider des licences" in text for text in coverage)
    assert not any("Aucune donnée personnelle" in text for text in coverage)


@pytest.mark.parametrize("language", languages())
def test_every_reason_a_rule_gives_about_a_person_has_short_words(language):
    """Where a rule learns a new variant, the sheet must learn it too: else a whole sentence stands in its column."""
    texts = tables(language)
    own = texts["reviews"]
    for rule, words in own.items():
        told = {
            name
            for name, value in texts["rules"]["m365"][rule].items()
            if name.startswith(("fail", "unneeded", "signed_in", "missing_", "weak", "maybe_"))
            and (isinstance(value, str) or set(value) == {"one", "other"})
        }
        assert told == set(words), rule


# -------------------------------------------------------------------------------------------- tiles, plan, first sheet


def test_tiles_equal_the_sheet_they_sum_up():
    total, shown = lines("licensed")["Total"], shown_tiles("licensed")
    assert shown["surplus"].figure == total["Excess to give up"] == 10
    saved = total["Yearly saving, now"] + total["Yearly saving, at anniversary"]
    assert f"€{saved:,.0f}" in shown["surplus"].note
    verdicts = [row["State"] for row in lines("licensed").values()]
    good = verdicts.count("Compliant") + verdicts.count("Excess")
    assert (
        shown["license_rate"].figure
        == f"{good} / {good + verdicts.count('Under-licensed') + verdicts.count('To be checked')}"
    )
    missing = sum(-row["Balance"] for row in lines("licensed").values() if (row["Balance"] or 0) < 0)
    assert shown["deficit"].figure == missing + 1  # and one seat for a shared mailbox, told below the table
    assert "€526" in shown["deficit"].note  # (35.60 + 8.20) * 12 = 525.60


def test_the_totals_of_the_sheet_are_those_of_the_rules():
    """`TenantTotals` sums the same lines elsewhere: the two must never part."""
    found = Licenses(licensed.licensed()).totals
    assert found.saving_now == sum(line.saving_now for line in licensed.LINES if line.billable) * 12
    assert found.monthly_cost == sum(line.monthly_cost or Decimal(0) for line in licensed.LINES if line.billable)


@pytest.mark.parametrize("sample", ["licenses_hidden", "licenses_unreached"])
def test_tiles_of_licenses_nobody_could_read_are_unknown(sample):
    shown = shown_tiles(sample)
    for name in ("license_rate", "surplus", "deficit"):
        assert (shown[name].figure, shown[name].style) == ("Unknown", Style.KPI_UNKNOWN)


def test_a_surplus_is_a_minimum_where_activity_is_unknown():
    shown = shown_tiles("licenses_concealed")["surplus"]
    assert shown.style is not Style.KPI_GOOD
    assert shown.note == "none seen, but not everything could be read"
    least = replace(licensed.licensed().tenants[0], gaps=(licensed.gap(TenantFact.USERS),))
    assessment = replace(licensed.licensed(), tenants=(least,))
    figures = {tile.name: tile.figure for tile in tiles(Report(assessment, Texts("en", strict=True)))}
    assert figures["surplus"] == "at least 10"
    assert figures["deficit"] == "at least 3"


def test_parts_that_were_not_to_be_audited_have_no_tiles():
    assert set(shown_tiles("licenses_only")) == {"license_rate", "surplus", "deficit"}
    assert not set(shown_tiles("ordinary")) & {"license_rate", "surplus", "deficit"}
    assert list(shown_tiles("licensed")) == ["license_rate", "surplus", "deficit", "urgent", "updated", "coverage"]


def test_figures_about_machines_do_not_count_tenants():
    plain, both = View(lab.ordinary()), View(licensed.licensed())
    for name in ("known", "reached", "judged", "decided", "updated", "urgent", "overdue", "exploited"):
        assert getattr(plain, name) == getattr(both, name), name
    before = {action.ref: action.machines for action in actions(plain)}
    after = {action.ref: action.machines for action in actions(both) if not action.tenant}
    assert before == after


def test_every_finding_about_a_tenant_that_needs_something_done_is_in_exactly_one_action():
    plan = actions(View(licensed.licensed()))
    told = [finding for action in plan if action.tenant for finding in action.findings]
    assert len(told) == len(set(map(id, told)))
    assert {id(f) for f in licensed.FINDINGS if f.outcome is Outcome.FAIL} == set(map(id, told))


def test_the_plan_says_who_decides_and_what_it_is_worth():
    rows = {row[2]: row for row in book("licensed")["Action plan"].iter_rows(min_row=5, values_only=True)}
    leavers = rows["1 disabled account keeps a paid license"]
    assert (leavers[5], leavers[6], leavers[10]) == ("Microsoft 365", "Provider and client", pytest.approx(271.2))
    missing = rows[f"2 seats are missing: {NAMES[PREMIUM]} (2)"]
    assert (missing[6], missing[10]) == ("Client", pytest.approx(-427.2))
    assert next(row for name, row in rows.items() if "license a group should give" in name)[6] == "Provider"


def test_a_renewal_is_an_action_of_its_own_that_names_its_product_and_day():
    found = [action for action in report().actions if action.rule == "m365.renewal_decision"]
    assert [(action.due_on, action.owner, action.money) for action in found] == [(date(2026, 8, 20), "client", None)]
    plan = [row[4] for row in book("licensed")["Action plan"].iter_rows(min_row=5, values_only=True)]
    assert any(text.startswith(f"{NAMES[STANDARD]}: ") for text in plan)


def test_a_tenant_nobody_could_read_is_one_thing_to_do_and_no_machine():
    (action,) = [action for action in report("licenses_unreached").actions if action.tenant]
    assert (action.kind, action.level, action.owner) == ("tenant", PriorityLevel.NOW, "provider")
    assert not any(action.kind == "audit" for action in report("licenses_unreached").actions)


def test_unknown_checks_of_a_tenant_are_one_action_apart_from_those_of_machines():
    (action,) = [action for action in report("licenses_hidden").actions if action.tenant]
    assert (action.kind, len(action.findings)) == ("see_tenant", 3)


def test_two_of_the_five_decisions_of_the_first_sheet_are_about_licenses():
    shown = decisions(report())
    assert len(shown) == 5
    assert sum(action.tenant for action in shown) == 2
    assert not any(action.tenant for action in decisions(report("ordinary")))


def test_three_of_the_five_decisions_are_the_clients_with_the_next_day_and_the_largest_amount():
    shown = decisions(report())
    asked = [action for action in shown if action.owner != "provider"]
    open_ones = [action for action in report().actions if action.owner != "provider"]
    worth = [abs(license_words.yearly(action.money)) for action in open_ones if action.money is not None]
    assert len(asked) == 3
    assert any(action.due_on == date(2026, 8, 20) for action in asked)
    assert max(worth) in [abs(license_words.yearly(action.money)) for action in asked if action.money is not None]


def test_monthly_seats_without_a_saving_are_not_told_as_paid_once():
    assert not any("une fois" in tile.note for tile in tiles(report("licenses_hostile", "fr")))


def test_the_first_sheet_says_in_one_sentence_where_licenses_stand():
    assert brief(report("licensed", "fr"))[2] == (
        "Microsoft 365\u00a0: 65 sièges payés, 6\u202f574\u00a0€ HT par an\u202f; 10 à rendre ou à redistribuer "
        "(1\u202f085\u00a0€ HT par an) et 3 sièges manquent."
    )
    assert len(brief(report("ordinary"))) == 3
    assert len(brief(report("licenses_only"))) == 2
    assert any("20 Aug 2026" in sentence for sentence in brief(report()))


def test_numbers_that_may_be_higher_are_called_minimums():
    assert brief(report("licenses_concealed"))[2].endswith("These numbers are minimums: not everything could be read.")
    assert not brief(report("licenses_in_order"))[2].endswith("read.")


def test_what_was_not_seen_of_a_tenant_comes_first():
    assert any("Microsoft 365 not audited: dubois.example" in text for text in unseen(report("licenses_unreached")))
    assert any("1 area is missing" in text for text in unseen(report("licenses_hidden")))
    assert not any("Microsoft 365" in text for text in unseen(report("licensed")))


def test_areas_no_verdict_rests_on_are_no_blind_spot():
    """Who may read devices is the client's choice: the sheet about coverage tells it, no banner does."""
    limits = (licensed.gap(TenantFact.DEVICES, "DeviceManagementManagedDevices.Read.All"),)
    assessment = licensed.told(lab.spotless(), licensed.tenant(licensed.line(PREMIUM), gaps=limits))
    assert list(unseen(Report(assessment, Texts("en", strict=True)))) == []
    sheet = openpyxl.load_workbook(io.BytesIO(render(assessment, "en"))).worksheets[7]
    assert any("DeviceManagementManagedDevices.Read.All" in text for text in texts_of(sheet))


def test_the_file_and_its_title_say_what_the_report_is_about():
    assert file_name(licensed.licensed(), "fr") == "2026-08_Menuiserie-Dubois-&-Fils_rapport-licences-correctifs.xlsx"
    assert file_name(lab.ordinary(), "fr") == "2026-08_Menuiserie-Dubois-&-Fils_rapport-correctifs.xlsx"
    assert book("licensed", "fr").properties.title.startswith("Rapport licences et correctifs")
    assert book("licenses_only", "fr").worksheets[0]["A1"].value == "Licences Microsoft 365"


# --------------------------------------------------------------------------------------------- coverage and vocabulary


def test_coverage_tells_each_missing_right_and_what_to_do():
    texts = texts_of(book("licenses_hidden", "fr")["Périmètre et limites"])
    at = texts.index("Autorisation manquante")
    assert texts[at + 2] == "Accorder à l'application d'audit, en lecture seule\u00a0: LicenseAssignment.Read.All."
    assert "Non compris dans les licences" in texts


def test_coverage_tells_the_day_of_every_usage_report_and_whether_it_was_used():
    rows = list(book("licenses_concealed").worksheets[7].iter_rows(values_only=True))
    states = {row[1] for row in rows}
    assert {"Names concealed", "Empty"} <= states
    used = next(row for row in book("licensed").worksheets[7].iter_rows(values_only=True) if row[1] == "Used")
    assert (used[3].date(), used[4], used[5]) == (date(2026, 8, 3), 2, 40)


def test_coverage_tells_the_date_of_the_prices_and_the_products_without_one():
    texts = texts_of(book("licensed").worksheets[7])
    assert any("in force since 1 Jan 2026" in text for text in texts)
    assert "1 product without a price: Power BI Pro." in texts
    assert any(
        "costs are unknown and in no total" in text for text in texts_of(book("licenses_unpriced").worksheets[7])
    )


def test_case_23_exceptions_in_force_and_those_without_match_are_told():
    tenant = replace(licensed.tenant(*licensed.LINES), unmatched_exceptions=("nobody@dubois.example",))
    assessment = licensed.told(lab.spotless(), tenant, findings=licensed.FINDINGS)
    texts = texts_of(openpyxl.load_workbook(io.BytesIO(render(assessment, "en"))).worksheets[7])
    assert "leave@dubois.example" in texts
    assert any("matches nothing: nobody@dubois.example" in text for text in texts)


def test_license_terms_are_explained_only_where_there_are_licenses():
    assert "Excess seat" in texts_of(book("licensed").worksheets[7])
    assert "Excess seat" not in texts_of(book("ordinary").worksheets[7])


@pytest.mark.parametrize("sample", [*licensed.SAMPLES])
def test_the_french_file_speaks_french(sample):
    """report.md 5: it never says "overage", "seat", "ELP", "compliance" or "tenant"."""
    for sheet in book(sample, "fr").worksheets:
        for text in texts_of(sheet):
            if not text.startswith("<rules."):
                assert not re.search(r"\b(overage|seats?|ELP|compliance|tenants?)\b", text, re.IGNORECASE), text


@pytest.mark.parametrize("sample", [*licensed.SAMPLES])
def test_the_managers_file_names_no_part_number(sample):
    for sheet in book(sample).worksheets:
        assert not any(re.search(r"\bPART_\d", text) for text in texts_of(sheet))


# --------------------------------------------------------------------------------------------------- other forms of it


def test_the_terminal_says_where_licenses_stand():
    assert any(
        "65 paid seats, 10 in excess, 3 missing; people to review: 7" in line
        for line in summary_lines(licensed.licensed(), "en")
    )
    hidden = summary_lines(licensed.licenses_hidden(), "en")
    assert "Microsoft 365 not audited: Menuiserie Dubois (Missing permission)" in hidden
    assert "Microsoft 365: state of the licenses unknown" in hidden
    alone = summary_lines(licensed.licenses_only(), "en")
    assert not any(line.startswith(("Coverage", "Missing patches", "Systems")) for line in alone)


def test_json_carries_tenants_and_the_money_of_findings():
    document = json.loads(json_export.render(licensed.licensed(), "en"))
    (tenant,) = document["tenants"]
    assert tenant["organization"]["plans"] == ["a", "b", "c"]
    assert tenant["licenses"][0]["monthly_cost"] == "267.00"
    gone = next(finding for finding in document["findings"] if finding["person"].startswith("gone@"))
    assert [share["now"] for share in gone["money"]["shares"]] == ["17.80", "0.00"]


def test_csv_tells_person_saving_and_cost_per_month():
    text = csv_export.render(licensed.licensed(), "fr").decode("utf-8-sig")
    head, *rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=";"))
    by_person = {row[head.index("Personne")]: row for row in rows}
    gone = by_person["gone@dubois.example"]
    assert gone[head.index("Économie mensuelle HT")] == "22,60"
    assert by_person["orders@dubois.example"][head.index("Coût à prévoir mensuel HT")] == "8,20"
    assert by_person["many@dubois.example"][head.index("Économie mensuelle HT")] == ""


def test_the_annex_holds_every_sku_with_its_part_number_and_the_tenants_gaps():
    found = openpyxl.load_workbook(io.BytesIO(annex.render(licensed.licensed(), "en")))
    numbers = {row[2] for row in found["Licenses"].iter_rows(min_row=5, values_only=True)}
    assert numbers == {line.part_number for line in licensed.LINES}
    hidden = openpyxl.load_workbook(io.BytesIO(annex.render(licensed.licenses_hidden(), "en")))
    assert "LicenseAssignment.Read.All" in {
        row[4] for row in hidden["Areas not seen"].iter_rows(min_row=5, values_only=True)
    }


@pytest.mark.parametrize(
    ("amount", "french", "english"),
    [("0.49", "0\u00a0€", "€0"), ("1234.5", "1\u202f235\u00a0€", "€1,235"), ("-98.4", "-98\u00a0€", "-€98")],
)
def test_amounts_in_sentences_are_whole_euros(amount, french, english):
    assert Texts("fr").euros(Decimal(amount)) == french
    assert Texts("en").euros(Decimal(amount)) == english


def test_case_70_no_product_and_nobody_is_not_applicable_and_divides_by_nothing():
    assessment = licensed.told(lab.spotless(), licensed.tenant())
    shown = {tile.name: tile for tile in tiles(Report(assessment, Texts("fr", strict=True)))}
    assert shown["license_rate"].figure == "n.a."
    assert (shown["surplus"].figure, shown["deficit"].figure) == (0, 0)


def test_verdicts_of_the_model_have_a_look_and_a_word():
    from reports.sheets.licenses import VERDICT_STYLES

    assert set(VERDICT_STYLES) == set(SeatVerdict)
    for language in languages():
        assert all(Texts(language).has(f"seat_verdict.{verdict.value}") for verdict in SeatVerdict if verdict)


def test_the_json_counts_what_a_waiver_accepts_and_says_so_on_the_line():
    made = licensed.licensed()
    sku, saving = next((line.sku_id, line.saving_later) for line in made.tenants[0].licenses if line.saving_later)
    findings = tuple(
        replace(finding, waiver=software.WAIVERS[0].waiver)
        if finding.money is not None and any(share.sku_id == sku for share in finding.money.shares)
        else finding
        for finding in made.findings
    )
    document = json.loads(json_export.render(replace(made, findings=findings), "en"))
    lines = {line["sku_id"]: line for line in document["tenants"][0]["licenses"]}
    assert lines[sku]["accepted_by"] == ["W1"]
    assert Decimal(lines[sku]["saving_later"]) == saving
    before = json.loads(json_export.render(made, "en"))["tenants"][0]["licenses"]
    assert {tuple(line["accepted_by"]) for line in before} == {()}


def test_what_a_waiver_accepts_is_neither_missing_nor_too_much_and_in_no_amount():
    def waived(assessment):
        found = (
            replace(finding, waiver=software.WAIVERS[0].waiver) if finding.money is not None else finding
            for finding in assessment.findings
        )
        return replace(assessment, findings=tuple(found))

    before, after = (Licenses(made) for made in (licensed.licensed(), waived(licensed.licensed())))
    assert (before.totals.surplus, before.missing.seats) > (0, 0)
    assert (after.totals.surplus, after.totals.saving, after.missing.seats, after.missing.cost) == (0, 0, 0, 0)
    assert (after.totals.kept, after.missing.accepted) == (before.totals.surplus, before.missing.seats)
    kept = {product.line.name for product in before.products if product.surplus}
    assert {product.line.name for product in after.products if product.accepted} >= kept
    report_ = Report(waived(licensed.licensed()), Texts("en", strict=True))
    told = {tile.name: tile.note for tile in tiles(report_)}
    for name in ("deficit", "surplus"):
        assert "more accepted" in told[name]


def test_amounts_of_the_lines_are_those_the_engine_added_up():
    for product in Licenses(licensed.licensed()).products:
        line = product.line
        assert (product.now, product.later, product.unpriced) == (
            line.saving_now,
            line.saving_later,
            line.unpriced_seats,
        )
