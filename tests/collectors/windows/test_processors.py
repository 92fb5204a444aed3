"""Sockets and cores; virtual or physical."""

import pytest

from collectors.hosts.base import Unreadable
from collectors.model import FactKind, GapReason
from collectors.windows.blocks.processors import BLOCK
from collectors.windows.facts import ProcessorTopology
from tests.collectors.windows.cases import part_of


def seen(oddity: str) -> ProcessorTopology:
    topology = part_of(BLOCK, oddity).processors
    assert topology is not None
    return topology


def test_cores_are_summed_over_the_sockets() -> None:
    assert seen("two_socket_server") == ProcessorTopology(
        sockets=2,
        cores=16,
        logical=32,
        virtual=False,
        model="Intel(R) Xeon(R) Silver 4208 CPU @ 2.10GHz",
        manufacturer="HPE",
        machine_model="ProLiant DL380 Gen10",
        memory_bytes=137_438_953_472,
    )


@pytest.mark.parametrize(
    ("oddity", "virtual"),
    [
        ("laptop_with_virtualization_based_security", False),
        ("surface", False),
        ("ec2_metal", False),
        ("white_box", False),
        ("hyper_v_guest", True),
        ("vmware_guest", True),
        ("proxmox_guest_in_disguise", True),
        ("ec2", True),
        ("white_box_with_hypervisor", None),
    ],
)
def test_virtual_or_physical_is_told_by_maker_model_and_firmware(oddity: str, virtual: bool | None) -> None:
    assert seen(oddity).virtual is virtual


def test_case_56_a_hyper_v_guest_names_its_physical_host() -> None:
    assert seen("hyper_v_guest").hypervisor_host == "HV01"
    assert seen("laptop_with_virtualization_based_security").hypervisor_host == ""


def test_words_that_name_no_maker_are_left_out() -> None:
    assert (seen("white_box").manufacturer, seen("white_box").machine_model) == ("", "")


def test_a_plain_account_that_may_not_count_the_cores_is_a_gap() -> None:
    part = part_of(BLOCK, "no_admin")
    assert part.processors is None
    assert {(gap.kind, gap.reason) for gap in part.gaps} == {(FactKind.PROCESSORS, GapReason.DENIED)}
    assert "administrator" in part.gaps[0].detail


@pytest.mark.parametrize("oddity", ["no_cores", "none", "garbled"])
def test_cores_that_cannot_be_counted_are_nonsense_and_never_a_sum_of_the_rest(oddity: str) -> None:
    with pytest.raises(Unreadable) as failure:
        part_of(BLOCK, oddity)
    assert failure.value.reason is GapReason.UNPARSABLE
