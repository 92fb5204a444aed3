"""Store apps: package names, noise, what a plain account may not see."""

from collectors.model import Application, FactKind, GapReason
from collectors.windows.block import WindowsPart
from collectors.windows.blocks.store_apps import BLOCK
from tests.collectors.windows.cases import part_of


def test_a_package_keeps_name_version_family_and_publisher() -> None:
    first = part_of(BLOCK, "french_laptop").applications[0]
    assert first == Application(
        name="Microsoft.HEVCVideoExtension",
        version="2.0.61931.0",
        scope="appx",
        publisher="Microsoft Corporation",
        code="Microsoft.HEVCVideoExtension_8wekyb3d8bbwe",
        architecture="x64",
    )


def test_frameworks_resources_and_packages_installed_for_nobody_are_noise() -> None:
    noise = [row.name for row in part_of(BLOCK, "french_laptop").applications if row.noise]
    assert noise == ["Microsoft.VCLibs.140.00", "Microsoft.Paint", "Microsoft.LanguageExperiencePackfr-FR"]


def test_the_publisher_is_the_organization_or_the_common_name_of_the_certificate() -> None:
    publishers = {row.name: row.publisher for row in part_of(BLOCK, "french_laptop").applications}
    assert publishers["5319275A.WhatsAppDesktop"] == "24803D75-212C-471A-BC57-9EF86AB91435"
    assert publishers["Acme.Gestion"] == "Acme, SARL"


def test_server_core_has_no_store_and_that_is_an_answer() -> None:
    assert part_of(BLOCK, "server_core") == WindowsPart()
    assert part_of(BLOCK, "empty") == WindowsPart()


def test_without_the_module_nothing_is_known() -> None:
    (gap,) = part_of(BLOCK, "module_missing").gaps
    assert (gap.kind, gap.reason) == (FactKind.STORE_APPS, GapReason.MISSING)


def test_a_plain_account_sees_its_own_apps_and_a_gap() -> None:
    part = part_of(BLOCK, "no_admin_own_apps")
    assert [(row.name, row.noise) for row in part.applications] == [("Microsoft.WindowsNotepad", False)]
    (gap,) = part.gaps
    assert (gap.kind, gap.reason) == (FactKind.STORE_APPS, GapReason.DENIED)
    assert "administrator" in gap.detail


def test_a_bad_package_is_counted_and_the_good_one_stays() -> None:
    part = part_of(BLOCK, "garbled")
    assert [row.name for row in part.applications] == ["Good.App"]
    (gap,) = part.gaps
    assert gap.reason is GapReason.UNPARSABLE
    assert gap.detail.startswith("5 of 6 rows not understood")


def test_a_block_stopped_at_its_limit_is_a_gap() -> None:
    (gap,) = part_of(BLOCK, "stopped_midway").gaps
    assert (gap.kind, gap.reason) == (FactKind.STORE_APPS, GapReason.TIMED_OUT)
