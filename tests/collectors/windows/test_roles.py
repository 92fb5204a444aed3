"""Roles by service names and feature numbers."""

import pytest

from collectors.model import FactKind, GapReason
from collectors.windows.blocks.roles import BLOCK
from tests.collectors.windows.cases import part_of


@pytest.mark.parametrize(
    ("oddity", "roles"),
    [
        ("domain_controller", ("dhcp", "dns", "domain-controller", "file-server")),
        ("session_host_with_database", ("iis", "print-server", "remote-desktop-session-host", "sql-server")),
        ("workstation", ()),
        ("hyper_v_core", ("hyper-v",)),
        ("wsus_with_internal_database", ("iis", "wsus")),
        ("exchange_and_federation", ("adfs", "exchange", "iis")),
    ],
)
def test_roles(oddity: str, roles: tuple[str, ...]) -> None:
    part = part_of(BLOCK, oddity)
    assert (part.roles, part.gaps) == (roles, ())


def test_where_server_features_are_refused_the_services_still_tell() -> None:
    part = part_of(BLOCK, "no_admin")
    assert part.roles == ("iis",)
    (gap,) = part.gaps
    assert (gap.kind, gap.reason) == (FactKind.ROLES, GapReason.DENIED)
    assert "file and print server" in gap.detail


def test_a_row_not_understood_is_counted_and_the_good_ones_stay() -> None:
    part = part_of(BLOCK, "garbled")
    assert part.roles == ("dns", "print-server")
    assert [gap.detail.partition(" rows")[0] for gap in part.gaps] == ["1 of 2", "1 of 2"]
