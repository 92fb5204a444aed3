"""Installed programs: both views, user hives, noise, profiles that were not seen."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest

from collectors.model import Application, FactKind, GapReason
from collectors.windows.block import WindowsPart
from collectors.windows.blocks.applications import BLOCK
from collectors.windows.facts import UserProfile
from tests.collectors.windows.cases import part_of

DOMAIN = "S-1-5-21-2857422465-1465058494-1690550294"
ANNA, PAUL = f"{DOMAIN}-1104", f"{DOMAIN}-1105"
ADMINISTRATOR = "S-1-5-21-3419697060-3810377854-678604692-500"
LEA = "S-1-12-1-3044537641-1174394921-2886734005-2217934815"


@pytest.fixture(scope="module")
def french() -> WindowsPart:
    return part_of(BLOCK, "french_workstation")


def shown(part: WindowsPart) -> list[tuple[str, str]]:
    return [(row.name, row.version) for row in part.applications if not row.noise]


def test_a_row_keeps_every_field_as_written(french: WindowsPart) -> None:
    assert french.applications[1] == Application(
        name="Microsoft 365 Apps for business - fr-fr",
        version="16.0.19628.20214",
        scope="machine",
        publisher="Microsoft Corporation",
        code="O365BusinessRetail - fr-fr",
        architecture="x64",
        location="C:\\Program Files\\Microsoft Office",
    )
    acrobat = next(row for row in french.applications if row.publisher == "Adobe")
    assert (acrobat.code, acrobat.msi) == ("{AC76BA86-1036-1033-7760-BC15014EA700}", True)


def test_W27_what_windows_hides_is_kept_as_noise(french: WindowsPart) -> None:
    assert [row.code for row in french.applications if row.noise] == [
        "{90160000-008C-0000-1000-0000000FF1CE}",  # SystemComponent
        "AddressBook",  # no display name
        "KB5031988",  # ParentKeyName
        "{BE0D9D5F-7F66-4E12-9F0A-6F8A6DA0D4C2}",  # ReleaseType
        "Git_is1",  # the copy in the 32-bit view
        "{1045AB6F-6151-3634-8C2C-EE308AA1A6A7}",
    ]


def test_W27_two_versions_of_one_product_stay_two(french: WindowsPart) -> None:
    java = [row.version for row in french.applications if row.name.startswith("Java")]
    assert java == ["8.0.4010.10", "8.0.4310.10"]


def test_W27_of_a_row_in_both_views_the_native_one_stays(french: WindowsPart) -> None:
    assert [(row.architecture, row.noise) for row in french.applications if row.name == "Git"] == [
        ("x64", False),
        ("x86", True),
    ]


def test_W26_a_copy_for_one_user_carries_the_sid_and_nothing_more(french: WindowsPart) -> None:
    chrome = next(row for row in french.applications if row.name == "Google Chrome")
    assert (chrome.scope, chrome.user, chrome.version) == ("user", ANNA, "131.0.6778.86")
    code = next(row for row in french.applications if "Visual Studio Code" in row.name)
    assert (code.scope, code.user, code.architecture) == ("user", LEA, "x86")


def test_profiles_are_persons_whose_folder_exists(french: WindowsPart) -> None:
    assert french.profiles == (
        UserProfile(
            sid=ADMINISTRATOR,
            name="Administrateur",
            hive_loaded=False,
            last_used_at=datetime(2026, 3, 2, 17, 30, tzinfo=UTC),
        ),
        UserProfile(
            sid=ANNA,
            name="anna",
            hive_loaded=True,
            last_used_at=datetime(2026, 8, 20, 6, 58, 31, tzinfo=UTC),
        ),
        UserProfile(sid=PAUL, name="paul.MARTIN", hive_loaded=False),
        UserProfile(sid=LEA, name="LéaDurand", hive_loaded=True),
    )


def test_profiles_not_signed_in_are_a_gap_that_names_them(french: WindowsPart) -> None:
    (gap,) = french.gaps
    assert (gap.kind, gap.reason) == (FactKind.USER_APPLICATIONS, GapReason.MISSING)
    assert gap.detail.startswith("2 of 4 profiles were not signed in")
    assert gap.detail.endswith("Administrateur, paul.MARTIN")


def test_hives_refused_to_a_plain_account_are_a_gap_that_names_the_right() -> None:
    part = part_of(BLOCK, "no_admin")
    assert shown(part) == [
        ("Microsoft 365 Apps for business - fr-fr", "16.0.19628.20214"),
        ("7-Zip 24.08 (x64)", "24.08"),
    ]
    assert [(gap.kind, gap.reason) for gap in part.gaps] == [
        (FactKind.USER_APPLICATIONS, GapReason.MISSING),
        (FactKind.USER_APPLICATIONS, GapReason.DENIED),
    ]
    assert "need an administrator" in part.gaps[1].detail
    assert part.gaps[1].detail.endswith("anna, LéaDurand")
    assert not any(profile.hive_loaded for profile in part.profiles)


def test_an_empty_list_is_an_answer_and_a_list_that_does_not_exist_is_not() -> None:
    assert part_of(BLOCK, "empty") == WindowsPart()
    (gap,) = part_of(BLOCK, "list_missing").gaps
    assert (gap.kind, gap.reason) == (FactKind.APPLICATIONS, GapReason.MISSING)


def test_32_bit_windows_has_one_view() -> None:
    part = part_of(BLOCK, "bits_32")
    assert [(row.architecture, row.noise) for row in part.applications] == [("x86", False)]
    assert part.gaps == ()


def test_values_of_the_wrong_type_do_not_end_the_block() -> None:
    part = part_of(BLOCK, "garbled")
    assert shown(part) == [
        ("Paie Express", "7.1"),  # up to the first NUL, as Windows reads it
        ("Suivi", "20"),
        ("Antenne", "1.0"),  # a flag that is a text hides nothing
        ("Caisse", ""),
        ("Scanner", "3.2"),
        ('=HYPERLINK("http://x.example")', "1"),
    ]
    assert not next(row for row in part.applications if row.name == "Antenne").msi


def test_rows_not_understood_are_counted_and_the_first_is_quoted() -> None:
    machine, user, profiles, closed = part_of(BLOCK, "garbled").gaps
    assert (machine.kind, machine.reason) == (FactKind.APPLICATIONS, GapReason.UNPARSABLE)
    assert machine.detail.startswith("5 of 11 rows not understood, the first: {")
    assert "BinaryName" in machine.detail
    assert (user.kind, user.reason) == (FactKind.USER_APPLICATIONS, GapReason.UNPARSABLE)
    assert user.detail.startswith("1 of 11 rows")
    assert profiles.detail.startswith("1 of 4 rows")
    assert closed.detail.endswith("1 of 2 profiles were not signed in, so their own programs are not seen: TEMP")


def test_a_damaged_profile_and_its_replacement_are_one_person() -> None:
    assert [(one.name, one.last_used_at) for one in part_of(BLOCK, "garbled").profiles] == [
        ("anna", None),
        ("TEMP", None),
    ]


def test_a_class_room_names_twenty_profiles_and_counts_the_rest() -> None:
    (gap,) = part_of(BLOCK, "many_profiles").gaps
    assert gap.detail.startswith("25 of 25 profiles")
    assert gap.detail.endswith("eleve1020 and 5 more")


def test_a_hive_without_a_profile_is_still_a_person() -> None:
    assert part_of(BLOCK, "temporary_profile").profiles == (UserProfile(sid=ANNA, name="", hive_loaded=True),)


def test_every_name_of_a_real_french_inventory_passes_as_written() -> None:
    path = Path(__file__).parents[4] / "shared" / "data" / "oracles" / "windows-inventories" / "uninstall-fr.csv"
    if not path.exists():
        pytest.skip("the shared inventory of French machines is not beside the project")
    with path.open(encoding="utf-8", newline="") as lines:
        real = [(row["display_name"], row["display_version"]) for row in csv.DictReader(lines, delimiter=";")]
    rows = [
        {"code": f"{{{n}}}", "view": "x64", "DisplayName": name, "DisplayVersion": version}
        for n, (name, version) in enumerate(real)
    ]
    part = BLOCK.parse({"rows": rows, "hives": [], "profiles": []})
    assert len(real) > 30
    assert (shown(part), part.gaps) == (real, ())
