"""Office: Click-to-Run and MSI told apart, the channel in force, languages, versions of an MSI Office."""

import pytest

from collectors.model import FactKind, GapReason
from collectors.windows.block import WindowsPart
from collectors.windows.blocks.office import BLOCK
from collectors.windows.facts import OfficeInstall
from tests.collectors.windows.cases import part_of

CURRENT = "492350f6-3a01-4f97-b9c0-c7c6ddf67d60"
MONTHLY_ENTERPRISE = "55336b82-a18d-4dd6-b5f6-9e5095c314a6"
SEMI_ANNUAL = "7ffbc6bf-bc32-4f92-8982-f9dd17fd3114"
LTSC_2021 = "5030841d-c919-4594-8d2d-84ae4f96e58e"


def only(oddity: str) -> OfficeInstall:
    (office,) = part_of(BLOCK, oddity).office
    return office


def test_W24_click_to_run_is_told_by_its_configuration_key() -> None:
    assert only("m365_french") == OfficeInstall(
        kind="click-to-run",
        version="16.0.19628.20214",
        products=("O365BusinessRetail",),
        platform="x64",
        channel=CURRENT,
        channel_source="cdn_base_url",
        updates_enabled=True,
        languages=("en-us", "fr-fr"),
        shared_computer=False,
    )


@pytest.mark.parametrize(
    ("oddity", "channel", "source"),
    [
        ("cloud_policy_first", SEMI_ANNUAL, "policy"),
        ("policy_branch", MONTHLY_ENTERPRISE, "policy"),
        ("update_url", SEMI_ANNUAL, "update_url"),
        ("share_as_update_source", MONTHLY_ENTERPRISE, "unmanaged_update_url"),
        ("m365_french", CURRENT, "cdn_base_url"),
    ],
)
def test_W23_the_first_value_that_names_a_channel_is_in_force(oddity: str, channel: str, source: str) -> None:
    office = only(oddity)
    assert (office.channel, office.channel_source) == (channel, source)


def test_W23_a_policy_of_an_unknown_branch_leaves_the_channel_unknown_and_is_a_gap() -> None:
    part = part_of(BLOCK, "unknown_branch")
    assert (part.office[0].channel, part.office[0].channel_source) == ("", "policy")
    (gap,) = part.gaps
    assert (gap.kind, gap.reason) == (FactKind.OFFICE, GapReason.UNPARSABLE)
    assert "'QuarterlyEnterprise'" in gap.detail


def test_case_44_products_of_one_installation_are_all_named() -> None:
    assert only("policy_branch").products == ("O365ProPlusRetail", "VisioPro2021Volume")


def test_updates_are_off_by_policy_or_by_configuration() -> None:
    assert only("policy_branch").updates_enabled is False
    assert only("share_as_update_source").updates_enabled is False
    assert only("ltsc_2021_shared").updates_enabled is None


def test_a_volume_office_on_a_session_host() -> None:
    office = only("ltsc_2021_shared")
    assert (office.channel, office.platform, office.shared_computer) == (LTSC_2021, "x86", True)
    assert office.languages == ("fr-fr",)


def test_W24_an_msi_office_is_named_by_its_code_and_dated_by_its_files() -> None:
    suite, visio = part_of(BLOCK, "msi_2016_french").office
    assert suite == OfficeInstall(
        kind="msi",
        version="16.0.5556.1005",
        products=("Microsoft Office Professional Plus 2016",),
        platform="x86",
        product_codes=("{90160000-0011-0000-0000-0000000FF1CE}",),
        components=(
            ("excel", "16.0.5556.1005"),
            ("mso", "16.0.5556.1005"),
            ("outlook", "16.0.5548.1000"),
            ("winword", "16.0.5556.1000"),
        ),
    )
    assert (visio.products, visio.version) == (("Microsoft Visio Standard 2016",), "16.0.4266.1001")


def test_W24_the_msi_parts_of_click_to_run_are_no_office_of_their_own() -> None:
    assert [office.kind for office in part_of(BLOCK, "click_to_run_with_its_msi_parts").office] == ["click-to-run"]


@pytest.mark.parametrize("oddity", ["none", "left_behind_by_uninstall"])
def test_no_office_is_an_answer(oddity: str) -> None:
    assert part_of(BLOCK, oddity) == WindowsPart()


def test_a_32_bit_windows_that_answers_both_views_has_one_office() -> None:
    assert only("both_views_alike") == only("bits_32")
    assert only("bits_32").platform == "x86"


def test_bad_rows_are_counted_and_the_good_one_stays() -> None:
    part = part_of(BLOCK, "garbled")
    assert [office.version for office in part.office] == ["16.0.19628.20214"]
    running, packages = part.gaps
    assert running.detail.startswith("3 of 4 rows not understood")
    assert packages.detail.startswith("2 of 2 rows not understood")


def test_a_refusal_is_a_gap() -> None:
    (gap,) = part_of(BLOCK, "no_admin").gaps
    assert (gap.kind, gap.reason) == (FactKind.OFFICE, GapReason.DENIED)
