"""Activation: channels, KMS, extended security updates; and no key anywhere."""

from datetime import UTC, datetime

from collectors.model import FactKind, GapReason
from collectors.windows.block import WindowsPart
from collectors.windows.blocks.activation import BLOCK
from collectors.windows.facts import Activation
from tests.collectors.windows.cases import load, part_of

WINDOWS = "55c92734-d682-4d71-983e-d6ec3f16059f"


def test_case_48_an_oem_license_with_its_channel_and_the_firmwares_word() -> None:
    assert part_of(BLOCK, "oem_laptop").activations == (
        Activation(
            activation_id="4de7cb65-cdf1-4de9-8ae8-e3cce27b9f2c",
            application_id=WINDOWS,
            name="Windows(R), Professional edition",
            status=1,
            partial_key="3V66T",
            channel="OEM:DM",
            description="Windows(R) Operating System, OEM_DM channel",
            grace_minutes=0,
            firmware_license="[4.0] Professional OEM:DM",
        ),
    )


def test_case_49_the_kms_host_is_the_one_set_by_hand_or_the_one_discovered() -> None:
    windows, office = part_of(BLOCK, "kms_client").activations
    assert (windows.channel, windows.kms_host, windows.grace_minutes) == ("Volume:GVLK", "kms.exemple.fr", 246580)
    assert (office.kms_host, office.firmware_license) == ("srv-kms", "")


def test_case_49_a_kms_host_set_for_the_machine_beats_the_discovered_one_and_concerns_kms_clients_only() -> None:
    client, oem = part_of(BLOCK, "kms_host_set_for_the_machine").activations
    assert (client.kms_host, oem.kms_host) == ("kms.host.example", "")


def test_W14_a_licensed_year_counts_once_and_the_inert_one_does_not() -> None:
    rows = part_of(BLOCK, "extended_updates_second_year").activations
    assert [(row.activation_id[:8], row.status, row.partial_key) for row in rows] == [
        ("4de7cb65", 1, "3V66T"),
        ("1043add5", 1, "9XYBG"),
    ]


def test_W14_a_year_licensed_through_the_cloud_has_no_key_and_counts() -> None:
    year = part_of(BLOCK, "extended_updates_without_key").activations[1]
    assert (year.activation_id, year.status, year.partial_key) == ("f520e45e-7413-4a34-a497-d2765967d094", 1, "")


def test_an_evaluation_has_an_end() -> None:
    (row,) = part_of(BLOCK, "evaluation_server").activations
    assert row.expires_at == datetime(2026, 11, 30, 18, 4, 5, tzinfo=UTC)


def test_case_50_not_activated_is_a_status_and_no_gap() -> None:
    part = part_of(BLOCK, "not_activated")
    assert (part.activations[0].status, part.gaps) == (5, ())


def test_no_product_key_gets_past_the_parser() -> None:
    assert "BBBBB" in load("activation", "keys_where_none_belong").text
    part = part_of(BLOCK, "keys_where_none_belong")
    assert "BBBBB" not in repr(part)
    assert part.activations[0].partial_key == "3V66T"


def test_bad_rows_are_counted_and_the_good_one_stays() -> None:
    part = part_of(BLOCK, "garbled")
    assert [(row.name, row.grace_minutes) for row in part.activations] == [("", None)]
    (gap,) = part.gaps
    assert gap.detail.startswith("3 of 4 rows not understood")


def test_a_refusal_is_a_gap_with_the_right_that_is_missing() -> None:
    part = part_of(BLOCK, "no_admin")
    assert part.activations == ()
    assert {(gap.kind, gap.reason) for gap in part.gaps} == {(FactKind.ACTIVATION, GapReason.DENIED)}
    assert "administrator" in part.gaps[0].detail


def test_no_license_at_all_is_an_answer() -> None:
    assert part_of(BLOCK, "empty") == WindowsPart()


def test_a_block_stopped_midway_keeps_what_it_had_beside_a_gap() -> None:
    part = part_of(BLOCK, "stopped_midway")
    assert len(part.activations) == 1
    assert [gap.reason for gap in part.gaps] == [GapReason.TIMED_OUT]
