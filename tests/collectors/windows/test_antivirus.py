"""Microsoft Defender and other antivirus products."""

from datetime import UTC, datetime

import pytest

from collectors.model import FactKind, GapReason
from collectors.windows.blocks.antivirus import BLOCK
from collectors.windows.facts import Antivirus
from tests.collectors.windows.cases import part_of


def seen(oddity: str) -> Antivirus:
    antivirus = part_of(BLOCK, oddity).antivirus
    assert antivirus is not None
    return antivirus


def test_defender_with_its_versions_and_the_day_of_its_signatures() -> None:
    assert seen("defender_on_french") == Antivirus(
        signature_version="1.435.512.0",
        signatures_at=datetime(2026, 8, 21, 5, 12, 44, 123457, tzinfo=UTC),
        platform_version="4.18.25070.5",
        engine_version="1.1.25070.4",
        enabled=True,
    )
    assert part_of(BLOCK, "defender_on_french").gaps == ()


@pytest.mark.parametrize(
    ("oddity", "enabled", "disabled_by"),
    [
        ("another_product", False, "passive"),
        ("switched_off_by_policy", False, "policy"),
        ("policy_that_newer_platforms_ignore", True, ""),
        ("real_time_off_by_policy", False, "policy"),
        ("passive_server", False, "passive"),
        ("server_core_2012_r2", False, ""),
        ("no_admin", True, ""),
        ("no_admin_state_refused", None, ""),
    ],
)
def test_whether_defender_is_on_and_what_turned_it_off(oddity: str, enabled: bool | None, disabled_by: str) -> None:
    antivirus = seen(oddity)
    assert (antivirus.enabled, antivirus.disabled_by) == (enabled, disabled_by)


def test_only_products_that_are_switched_on_count_and_defender_is_no_other() -> None:
    assert seen("another_product").other_products == ("ESET Security",)


@pytest.mark.parametrize("oddity", ["no_admin", "no_admin_state_refused"])
def test_what_a_plain_account_may_not_ask_is_a_gap(oddity: str) -> None:
    (gap,) = part_of(BLOCK, oddity).gaps
    assert gap.kind is FactKind.ANTIVIRUS
    assert "administrator" in gap.detail


def test_defender_of_the_installation_medium_has_the_version_of_its_program() -> None:
    assert seen("platform_of_the_medium").platform_version == "4.18.1909.6"


def test_signatures_of_unknown_age_and_bad_products_are_gaps_and_the_good_one_stays() -> None:
    part = part_of(BLOCK, "garbled")
    assert part.antivirus is not None
    assert part.antivirus.signatures_at is None
    assert part.antivirus.other_products == ("Norton 360",)
    assert [gap.reason for gap in part.gaps] == [GapReason.UNPARSABLE, GapReason.UNPARSABLE]
    assert part.gaps[0].detail.startswith("2 of 3 rows not understood")


def test_an_answer_without_anything_says_nothing() -> None:
    assert seen("empty") == Antivirus()
