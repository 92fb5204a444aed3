"""`[software]` of a client file: what was agreed about installed software (issue 5, cases 56, 57, 63 to 65)."""

from datetime import date
from pathlib import Path

import pytest

from auditor.agreements import agreed
from auditor.config import load
from auditor.entitlements.template import FILE_NAME, template
from auditor.errors import FileRefused, SettingsError
from auditor.settings import ClientSettings
from auditor.software_tables import software_notes, unlisted_devices
from rules.rights import SoftwareTerms, UnwantedSoftware
from tests.lab.rights_files import ROW, workbook

TODAY = date(2026, 11, 20)
HEAD = """
[client]
name = "Fournil"

[[machines]]
name = "srv-files"
protocol = "local"
labels = ["compta"]

"""
ALL = """
[software]
retired = ["pc-old"]
production_labels = ["compta"]
device_max_age_days = 30
users = 22
devices = 18
ends_horizon_days = 90
hosts = { "hv-1" = ["srv-files"] }
host_cores = { "hv-1" = 24 }
rights_complete = true
primary_users = { "srv-files" = "marie@contoso.com" }
private_use_allowed = { "TeamViewer" = "decided on 2026-03-02" }

[[software.unwanted]]
product = "uTorrent*"
reason = "not here"

[[software.unwanted]]
product = "AnyDesk"
reason = "one tool is enough"
forbidden = false
"""


def read(folder: Path, text: str = "") -> ClientSettings:
    (folder / "client.toml").write_text(HEAD + text, "utf-8")
    return load(folder)


def refused(folder: Path, text: str) -> str:
    with pytest.raises(SettingsError) as caught:
        read(folder, text)
    return str(caught.value)


def test_without_the_table_the_usual_terms_hold(tmp_path):
    assert read(tmp_path).contract.software == SoftwareTerms()


def test_every_key_of_the_table(tmp_path):
    settings = read(tmp_path, ALL)
    assert settings.contract.software == SoftwareTerms(
        unwanted=(
            UnwantedSoftware(product="uTorrent*", reason="not here", place="software.unwanted[1]"),
            UnwantedSoftware(
                product="AnyDesk", reason="one tool is enough", forbidden=False, place="software.unwanted[2]"
            ),
        ),
        hosts={"hv-1": ("srv-files",)},
        host_cores={"hv-1": 24},
        rights_complete=True,
        retired=("pc-old",),
        production_labels=("compta",),
        device_max_age_days=30,
        users=22,
        devices=18,
        private_use_allowed={"TeamViewer": "decided on 2026-03-02"},
        primary_users={"srv-files": "marie@contoso.com"},
        ends_horizon_days=90,
    )
    assert software_notes(settings.contract.software, settings.targets) == ()


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("[software]\nretird = []\n", ("software.retird: unknown key", "Did you mean `retired`?")),
        ("[software]\nusers = -1\n", ("software.users",)),
        ("[software]\nusers = 'ten'\n", ("software.users: expected a whole number",)),
        ("[software]\ndevice_max_age_days = 0\n", ("software.device_max_age_days",)),
        ("[software.hosts]\nhv = ['a']\nhw = ['A']\n", ('software.hosts."hw"', "also runs on 'hv'")),
        ("[software.hosts]\nhv = ['HV']\n", ('software.hosts."hv"', "is its own host")),
        ("[software.primary_users]\npc = 'Marie'\n", ('software.primary_users."pc"', "marie@contoso.com")),
        ("[software.private_use_allowed]\nTeamViewer = ''\n", ("private_use_allowed",)),
        ("[software.private_use_allowed]\n'*' = 'why not'\n", ("means every program",)),
        ("[software]\nproduction_labels = ['@prod']\n", ("written without @",)),
        ("[[software.unwanted]]\nproduct = 'X'\n", ('software.unwanted[1] ("X")', "`reason` is missing")),
        ("[[software.unwanted]]\nproduct = '*'\nreason = 'r'\n", ("software.unwanted[1]", "means every program")),
        ("[software]\nunwanted = 3\n", ("software.unwanted",)),
        (
            "[software]\nunwanted = [{ product = 'X*', reason = 'r' }, { product = 'x*', reason = 's' }]\n",
            ("software.unwanted[2]", "also in software.unwanted[1]"),
        ),
    ],
)
def test_every_error_names_key_and_problem(tmp_path, text, parts):
    told = refused(tmp_path, text)
    assert str(tmp_path / "client.toml") in told
    for part in parts:
        assert part in told


def test_names_no_machine_bears_are_told(tmp_path):
    text = "[software]\nproduction_labels = ['prod']\nretired = ['SRV-FILES']\n"
    text += "[software.hosts]\n'hv-1' = ['srv-gone']\n[software.primary_users]\n'pc-9' = 'a@contoso.com'\n"
    settings = read(tmp_path, text)
    notes = software_notes(settings.contract.software, settings.targets)
    assert [note.removeprefix("client.toml, software.") for note in notes] == [
        "hosts.\"hv-1\": no machine is named 'srv-gone'",
        "retired: 'srv-files' is still a machine of [[machines]]: it is visited and counts nowhere in the position",
        "production_labels: no machine has the label 'prod'",
    ]
    (note,) = unlisted_devices(settings.contract.software, settings.targets)
    assert note == "client.toml, software.primary_users: no machine is named 'pc-9'"


def test_a_product_nobody_knows_is_told_unless_it_is_a_pattern(tmp_path):
    text = "[[software.unwanted]]\nproduct = 'Fancy Tool'\nreason = 'r'\n"
    text += "[[software.unwanted]]\nproduct = 'Other Tool*'\nreason = 'r'\n"
    settings = read(tmp_path, text)
    (note,) = software_notes(settings.contract.software, settings.targets)
    assert "software.unwanted[1].product: 'Fancy Tool' is no product known here" in note
    assert "'Fancy Tool*'" in note


def test_all_files_of_a_client_become_its_contract(tmp_path):
    workbook(tmp_path, ROW)
    (tmp_path / "prices.csv").write_text("sku;prix;période;à partir du\nSPB;n.c.;mois;01/01/2026\n", "utf-8")
    (tmp_path / "waivers.toml").write_text(
        '[[waivers]]\nrule = "patch.*"\nreason = "r"\napproved_by = "M"\nuntil = 2099-01-01\n', "utf-8"
    )
    agreement = agreed(read(tmp_path), TODAY)
    assert len(agreement.contract.entitlements or ()) == len(agreement.contract.waivers) == 1
    assert any("no price yet" in note for note in agreement.notes)
    assert any("more than three years" in note for note in agreement.notes)


def test_what_is_wrong_with_a_file_of_rights_refuses_the_client(tmp_path):
    workbook(tmp_path, ("", "poste", 1), ("A*", "chaise", 1))
    with pytest.raises(FileRefused, match="2 mistakes"):
        agreed(read(tmp_path), TODAY)


def test_a_new_clients_template_declares_nothing(tmp_path):
    settings = read(tmp_path)
    (tmp_path / FILE_NAME).write_bytes(template("fr"))
    agreement = agreed(settings, TODAY)
    assert agreement.contract.entitlements is None
    assert [note for note in agreement.notes if "holds no right yet" in note]


def test_the_list_of_a_client_tells_what_its_files_hold_and_what_is_odd_in_them(tmp_path, auditor):
    workbook(tmp_path, ROW, ("TOTAL", None, 12))
    read(tmp_path)
    told = auditor("audit", tmp_path, "--list")
    assert told.exit_code == 0
    assert "  1 right\n" in told.stdout
    assert "Warning: licenses.xlsx, sheet Licences, row 3 is a total, and is not counted" in told.stdout


def test_every_mistake_of_a_file_of_rights_is_a_line_of_its_own(tmp_path, auditor):
    workbook(tmp_path, ("", "poste", 1), ("A*", "chaise", 1))
    read(tmp_path)
    for command in (("audit", tmp_path), ("scan", "srv-files", "--client", tmp_path)):
        told = auditor(*command)
        first, *mistakes = told.stderr.splitlines()
        assert (told.exit_code, first) == (2, f"Error: {tmp_path / 'licenses.xlsx'}: 2 mistakes:")
        assert [mistake.partition(":")[0].strip() for mistake in mistakes] == [
            "sheet Licences, cell A2",
            "sheet Licences, cell B3",
        ]


def test_doctor_tells_every_mistake_of_a_file_of_rights_and_goes_on(tmp_path, auditor):
    workbook(tmp_path, ("", "poste", 1), ("A*", "chaise", 1))
    read(tmp_path)
    told = auditor("doctor", tmp_path, "--offline")
    words = " ".join(told.stdout.split())
    assert told.exit_code == 2
    assert "2 mistakes" in words
    assert "sheet Licences, cell A2:" in words
    assert "sheet Licences, cell B3:" in words
    assert "Planification" in words, "the other checks are told all the same"


def test_doctor_tells_whether_there_is_anything_to_compare_with(tmp_path, auditor):
    read(tmp_path)
    assert "Rien n'indique ce qui a été acheté" in " ".join(auditor("doctor", tmp_path, "--offline").stdout.split())
    (tmp_path / FILE_NAME).write_bytes(template("fr"))
    shown = " ".join(auditor("doctor", tmp_path, "--offline").stdout.split())
    assert "licenses.xlsx ne contient encore aucun droit" in shown
    assert "holds no right" not in shown
    workbook(tmp_path, ROW)
    shown = " ".join(auditor("doctor", tmp_path, "--offline").stdout.split())
    assert "Droits acquis : 1 ligne dans licenses.xlsx" in shown


def test_init_writes_the_template_beside_the_client_file(tmp_path, auditor):
    assert auditor("init", tmp_path / "new").exit_code == 0
    told = auditor("audit", tmp_path / "new", "--list")
    assert told.exit_code == 0
    assert "licenses.xlsx holds no right yet" in told.stdout
