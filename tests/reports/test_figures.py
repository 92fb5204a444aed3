"""The figures kept of a run are those its first sheet shows: tiles and trend never disagree."""

import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest

from collectors.cloud.facts import TenantFact
from reports.actions import actions
from reports.background import Figures
from reports.figures import figures_of
from reports.sheet import Report
from reports.texts import Texts
from reports.tiles import Tile, tiles
from reports.view import View
from rules.model import Assessment
from tests.lab import assessments as lab
from tests.lab import licensed

_OF_TILE: dict[str, Callable[[Figures], tuple[int | None, ...]]] = {
    "updated": lambda figures: (figures.updated, figures.decided) if figures.decided else (None,),
    "urgent": lambda figures: (figures.urgent,),
    "overdue": lambda figures: (figures.overdue,),
    "reboot": lambda figures: (figures.reboots,),
    "support": lambda figures: (figures.out_of_support,),
    "coverage": lambda figures: (figures.reached, figures.known) if figures.known else (None,),
    "license_rate": lambda figures: (figures.license_good, figures.license_base) if figures.license_base else (None,),
    "surplus": lambda figures: (figures.surplus_seats,),
    "deficit": lambda figures: (figures.missing_seats,),
}


def shown(tile: Tile) -> tuple[int | None, ...]:
    """The numbers a person reads on a tile; (None,) where it says that nobody knows."""
    numbers = tuple(int(number) for number in re.findall(r"\d+", str(tile.figure)))
    return numbers or (None,)


@pytest.mark.parametrize("sample", sorted(licensed.EVERY))
def test_every_tile_shows_the_figure_that_is_kept(sample: str) -> None:
    assessment: Assessment = licensed.EVERY[sample]()
    figures = figures_of(assessment, 7)
    found = tiles(Report(assessment, Texts("en", strict=True)))
    assert found
    assert {tile.name: shown(tile) for tile in found} == {tile.name: _OF_TILE[tile.name](figures) for tile in found}


@pytest.mark.parametrize("sample", sorted(licensed.EVERY))
def test_figures_come_back_unchanged_from_the_history(sample: str) -> None:
    figures = figures_of(licensed.EVERY[sample](), 7)
    assert msgspec.json.decode(msgspec.json.encode(figures), type=Figures) == figures


def test_every_kind_of_tile_is_met_by_some_sample() -> None:
    met = {
        tile.name for sample in licensed.EVERY.values() for tile in tiles(Report(sample(), Texts("en", strict=True)))
    }
    assert met == set(_OF_TILE)


def test_what_is_unknown_is_kept_as_unknown_and_not_as_nothing() -> None:
    figures = figures_of(lab.SAMPLES["blind"](), 1)
    assert figures.complete is False
    assert (figures.urgent, figures.overdue, figures.reboots, figures.out_of_support) == (None, None, None, None)
    assert (figures.surplus_seats, figures.spend, figures.license_base) == (None, None, None)


def test_amounts_are_kept_by_the_month() -> None:
    assessment = licensed.licensed()
    figures, view = figures_of(assessment, 1), View(assessment)
    assert figures.saving == view.standing.spare.yearly / 12
    assert figures.spend == view.licenses.totals.monthly_cost
    assert isinstance(figures.spend, Decimal)
    assert {seat.product: seat.seats for seat in figures.seats} == {
        f"{product.tenant.target.name}/{product.line.sku_id}": product.line.bought for product in view.licenses.products
    }


def test_two_tenants_with_the_same_product_are_two_quantities() -> None:
    assessment = licensed.licenses_of_two_tenants()
    figures = figures_of(assessment, 1)
    assert len({seat.product for seat in figures.seats}) == len(figures.seats)
    assert sum(seat.seats for seat in figures.seats) == View(assessment).licenses.totals.bought


def test_a_tenant_that_was_not_read_is_no_quantity_given_up() -> None:
    """With what is left of two tenants the bill seemed to fall by all the seats of the other."""
    both = licensed.licenses_of_two_tenants()
    away = replace(both.tenants[1], reached=False, licenses=(), gaps=(licensed.gap(TenantFact.TENANT),))
    figures = figures_of(replace(both, tenants=(both.tenants[0], away)), 1)
    assert (figures.spend, figures.seats) == (None, ())


def test_a_product_without_a_known_quantity_leaves_no_month_to_compare() -> None:
    nobody_knows = licensed.line(licensed.PREMIUM, bought=None)
    unread = licensed.told(lab.spotless(), licensed.tenant(*licensed.LINES, nobody_knows))
    assert figures_of(unread, 1).seats == ()


def test_a_run_is_complete_when_everything_asked_answered() -> None:
    assert figures_of(lab.SAMPLES["spotless"](), 1).complete is True
    assert figures_of(lab.SAMPLES["ordinary"](), 1).complete is False  # a machine did not answer
    assert figures_of(licensed.licenses_unreached(), 1).complete is False


def test_the_number_of_actions_is_that_of_the_plan() -> None:
    assessment = lab.SAMPLES["ordinary"]()
    assert figures_of(assessment, 1).actions == len(actions(View(assessment)))
