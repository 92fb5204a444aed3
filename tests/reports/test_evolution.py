"""Evolution: what is told of earlier months, in symbols and words, and never where it was not known."""

import io
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cache

import openpyxl
import pytest

from reports import evolution
from reports.background import Background, Changes, Figures
from reports.evolution import Bill, Direction
from reports.exports import annex
from reports.sheet import Report
from reports.texts import Texts, languages
from reports.tiles import tiles
from reports.workbook import render
from rules.prices import Effects
from tests.lab import assessments as lab
from tests.lab import backgrounds, licensed
from tests.lab.workbook_checks import problems, same_figures


@cache
def rendered(sample: str, language: str, count: int) -> bytes:
    assessment = licensed.EVERY[sample]()
    return render(assessment, language, background=backgrounds.background(assessment, count))


def texts_of(data: bytes, title: str) -> list[str]:
    sheet = openpyxl.load_workbook(io.BytesIO(data))[title]
    return [cell.value.replace("\xa0", " ").replace("\u202f", " ")
            for row in sheet.iter_rows() for cell in row if isinstance(cell.value, str)]  # fmt: skip


def report(sample: str = "licensed", count: int = 12, language: str = "fr") -> Report:
    assessment = licensed.EVERY[sample]()
    return Report(assessment, Texts(language, strict=True), backgrounds.background(assessment, count))


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize(
    ("sample", "count"),
    [
        *(("licensed", 12), ("licensed", 2), ("ordinary", 12), ("blind", 2), ("crowded", 1), ("licenses_only", 12)),
        ("nothing_known", 2),
    ],
)
def test_a_workbook_with_a_past_passes_the_checks(sample, count, language):
    assert problems(rendered(sample, language, count)) == []


def test_french_and_english_tell_the_same_past():
    assert same_figures(rendered("licensed", "fr", 12), rendered("licensed", "en", 12)) == []


def test_the_first_report_compares_nothing():
    for background in (None, Background(), Background(trend=backgrounds.months(lab.ordinary(), 1))):
        data = render(lab.ordinary(), "fr", background=background)
        assert any(text.startswith("Premier relevé : pas de comparaison") for text in texts_of(data, "Évolution"))
        assert any(text.startswith("Premier relevé : pas de comparaison") for text in texts_of(data, "Synthèse"))
        assert not openpyxl.load_workbook(io.BytesIO(data))["Évolution"]._charts
        assert not any("▲" in text or "▼" in text for text in texts_of(data, "Synthèse"))


def test_a_tile_tells_where_it_went_in_a_symbol_a_word_and_the_figure_before():
    shown = {tile.name: tile.trend.replace("\xa0", " ") for tile in tiles(report("ordinary", 2))}
    assert shown["updated"] == "▲ en hausse (juillet 2026 : 1 / 7)"
    assert shown["urgent"] == "▼ en baisse (juillet 2026 : 6)"
    assert shown["coverage"] == "= stable depuis juillet 2026"


def test_what_was_not_known_then_or_is_not_now_has_no_trend():
    assessment = lab.ordinary()
    past, present = backgrounds.months(assessment, 2)
    for trend in ((replace(past, urgent=None), present), (past, replace(present, urgent=None))):
        told = {tile.name: tile.trend for tile in tiles(Report(assessment, Texts("en"), Background(trend=trend)))}
        assert told["urgent"] == "no comparison possible"


def test_a_rate_is_compared_as_a_rate_and_not_by_its_count():
    """7 of 10 is worse than 6 of 8, although more machines are up to date."""
    past, present = (
        replace(figures, updated=updated, decided=decided)
        for figures, updated, decided in zip(backgrounds.months(lab.ordinary(), 2), (6, 7), (8, 10), strict=True)
    )
    told = tiles(Report(lab.ordinary(), Texts("en"), Background(trend=(past, present))))[0]
    assert told.trend.startswith("▼ down (July 2026: 6 / 8)")


def test_the_curve_has_a_gap_where_a_rate_was_not_known_and_never_a_nought():
    chart = openpyxl.load_workbook(io.BytesIO(rendered("licensed", "fr", 12)))["Évolution"]._charts[0]
    updated, licenses = (series.val.numRef.numCache for series in chart.series)
    assert len(updated.pt) == 12
    assert [point.idx for point in licenses.pt] == [place for place in range(12) if place != 6]
    assert chart.display_blanks == "gap"
    assert (chart.y_axis.scaling.min, chart.y_axis.scaling.max) == (0, 1)


def test_an_incomplete_month_is_marked_and_a_changed_base_told():
    texts = texts_of(rendered("ordinary", "fr", 12), "Évolution")
    assert "mai 2026\n(audit incomplet)" in texts
    assessment = lab.ordinary()
    past, present = backgrounds.months(assessment, 2)
    background = Background(trend=(replace(past, known=8, reached=8), present))
    told = texts_of(render(assessment, "fr", background=background), "Évolution")
    assert any("8 machines auditées sur 8 alors, 8 sur 10 maintenant" in text for text in told)


def test_changes_since_the_last_report_are_told_in_symbols_and_words():
    told = report("ordinary").background.changes
    sentence = evolution.changed(report("ordinary"))
    assert sentence.startswith("Depuis le relevé du 06/07/2026")
    assert f"▲ {len(told.new)} nouveaux constats" in sentence
    assert "▼ 2 corrigés" in sentence
    assert f"= {told.still_open} toujours ouverts" in sentence
    assert "1 non réaudité" in sentence
    assert evolution.deadlines(report("ordinary")).endswith("1 dans le délai du contrat, 1 hors délai.")
    summary = texts_of(rendered("ordinary", "fr", 12), "Synthèse")
    assert any("▼ 2 corrigés" in text for text in summary)


def test_what_was_not_audited_again_is_neither_fixed_nor_confirmed():
    texts = texts_of(rendered("ordinary", "fr", 12), "Évolution")
    assert any("ni corrigé, ni confirmé" in text for text in texts)


def test_nothing_installed_is_said_too():
    quiet = Background(changes=Changes(before=backgrounds.BEFORE))
    assert "Aucun correctif" in evolution.deadlines(Report(lab.ordinary(), Texts("fr"), quiet))


def test_the_action_plan_tells_since_when():
    plan = openpyxl.load_workbook(io.BytesIO(rendered("ordinary", "en", 12)))["Action plan"]
    heads = [cell.value for cell in plan[4]]
    since = {row[0]: row[heads.index("Since")].date() for row in plan.iter_rows(min_row=5, values_only=True) if row[1]}
    made = report("ordinary")
    for action in made.actions:
        known = [made.background.changes.first_seen.get(finding.fingerprint) for finding in action.findings]
        assert since[action.ref] == min(filter(None, known), default=date(2026, 8, 5))
    assert len(set(since.values())) == 2


# ------------------------------------------------------------------------------------------------------------- the bill


def figures(*seats) -> Figures:
    return Figures(run=1, as_of=backgrounds.BEFORE, complete=True, seats=seats)


seat = backgrounds.seat


def test_case_40_the_bill_is_split_into_volume_and_price():
    old = figures(seat("a", 10, "10"), seat("b", 5, "4"))
    new = figures(seat("a", 12, "11"), seat("b", 5, "4"))
    assert evolution.bill(old, new) == Bill(effects=Effects(volume=Decimal(20), price=Decimal(12)))


def test_a_product_that_came_or_went_is_volume():
    assert evolution.bill(figures(seat("a", 10, "10")), figures(seat("b", 3, "4"))).effects == Effects(
        volume=Decimal(-88), price=Decimal(0)
    )


def test_a_price_unknown_in_one_month_is_left_out_and_counted():
    found = evolution.bill(
        figures(seat("a", 1, "1"), seat("b", 1, None)), figures(seat("a", 1, "2"), seat("b", 9, "4"))
    )
    assert found == Bill(effects=Effects(volume=Decimal(0), price=Decimal(1)), left_out=1)
    assert evolution.bill(figures(seat("b", 1, None)), figures(seat("b", 2, None))) is None


def test_the_parts_add_up_to_the_change():
    old = figures(seat("a", 10, "9.99"), seat("b", 7, "4.40"), seat("c", 1, "100"))
    new = figures(seat("a", 8, "12.01"), seat("b", 9, "4.10"), seat("d", 2, "3.33"))

    def total(month: Figures) -> Decimal:
        return sum((one.seats * one.monthly_price for one in month.seats if one.monthly_price), Decimal(0))

    assert evolution.bill(old, new).change == total(new) - total(old)


def test_the_sentence_about_the_bill_names_both_effects():
    trend = (figures(seat("a", 10, "10")), replace(figures(seat("a", 12, "11")), run=2))
    told = evolution.bill_sentence(Report(lab.ordinary(), Texts("en"), Background(trend=trend)))
    assert told == (
        "Compared with July 2026, the Microsoft 365 bill changes by +€32 a month excl. VAT: +€20 by the number of "
        "seats, +€12 by prices."
    )


@pytest.mark.parametrize(("old", "new", "way"), [(1, 2, Direction.UP), (2, 1, Direction.DOWN), (2, 2, Direction.SAME)])
def test_directions(old, new, way):
    assert evolution.direction(old, new) is way


def test_the_technician_gets_every_change():
    assessment = lab.ordinary()
    book = openpyxl.load_workbook(
        io.BytesIO(annex.render(assessment, "en", background=backgrounds.background(assessment)))
    )
    kinds = [row[0] for row in book["Changes"].iter_rows(min_row=5, values_only=True)]
    told = backgrounds.changes(assessment)
    assert kinds.count("New") == len(told.new)
    assert (kinds.count("Fixed"), kinds.count("Reopened"), kinds.count("Not audited again")) == (2, 1, 1)
    assert "Changes" not in openpyxl.load_workbook(io.BytesIO(annex.render(assessment, "en"))).sheetnames
