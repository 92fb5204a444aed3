"""Exchange Server by the file version of ExSetup.exe."""

from collectors.model import FactKind, GapReason
from collectors.windows.block import WindowsPart
from collectors.windows.blocks.exchange import BLOCK
from tests.collectors.windows.cases import part_of


def test_W25_the_version_is_that_of_exsetup() -> None:
    assert part_of(BLOCK, "2019") == WindowsPart(exchange_version="15.2.1748.39")


def test_no_exchange_is_an_answer() -> None:
    assert part_of(BLOCK, "none") == WindowsPart()


def test_W25_where_the_program_cannot_be_read_no_other_value_stands_in_for_it() -> None:
    part = part_of(BLOCK, "program_unreadable")
    assert part.exchange_version == ""
    (gap,) = part.gaps
    assert (gap.kind, gap.reason) == (FactKind.EXCHANGE, GapReason.DENIED)


def test_of_two_releases_the_newer_is_the_server() -> None:
    assert part_of(BLOCK, "2010_tools_beside_2016").exchange_version == "15.1.2507.61"


def test_a_version_that_is_none_is_a_gap() -> None:
    part = part_of(BLOCK, "garbled")
    assert part.exchange_version == ""
    (gap,) = part.gaps
    assert gap.detail.startswith("2 of 2 rows not understood")
