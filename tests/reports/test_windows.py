"""What a reader of the workbook is told about Windows machines."""

import csv
import io
import json

import openpyxl
import pytest

from reports.exports import annex
from reports.exports import csv as csv_export
from reports.exports import json as json_export
from reports.sheet import Report
from reports.texts import Texts, languages
from reports.view import MachineState, View
from reports.words import products, proposal, system
from reports.workbook import render
from rules.model import PriorityLevel
from tests.lab import assessments as lab


def sheet(number: int, language: str = "en") -> list[tuple[object, ...]]:
    book = openpyxl.load_workbook(io.BytesIO(render(lab.windows(), language)))
    return list(book.worksheets[number].iter_rows(values_only=True))


def table(title: str, head: str) -> list[dict[object, object]]:
    """A table of the technician's workbook."""
    book = openpyxl.load_workbook(io.BytesIO(annex.render(lab.windows(), "en")))
    rows = list(book[title].iter_rows(values_only=True))
    start = next(index for index, row in enumerate(rows) if row[0] == head)
    return [dict(zip(rows[start], row, strict=True)) for row in rows[start + 1 :]]


def proposals(language: str = "en") -> dict[str, str]:
    report = Report(lab.windows(), Texts(language))
    return {action.kind: proposal(report, action) for action in report.actions}


def test_a_windows_system_is_named_with_the_build_that_decides_and_to_a_manager_without():
    machines = {row["Machine"]: row for row in table("Machines", "Machine")}
    assert machines["pc-01"]["System"] == "Windows 11 Pro 24H2 (26100.8514)"
    assert machines["srv-01"]["System"] == "Windows Server 2025 Standard (Server Core) (26100.32995)"
    systems = {row[0]: row[2] for row in sheet(5) if row[0]}
    assert systems["pc-01\nLyon"] == "Windows 11 Pro 24H2"


def test_a_linux_system_is_named_as_it_names_itself():
    assert system(lab.system()) == "Debian GNU/Linux 12 (bookworm)"


def test_where_a_machine_gets_its_updates_and_when_it_last_did():
    machines = {row["Machine"]: row for row in table("Machines", "Machine")}
    assert machines["pc-01"]["Updates from"] == "Windows Update"
    assert machines["pc-02"]["Updates from"] == "WSUS (own server)"
    assert machines["pc-06"]["Updates from"] in (None, "")
    assert f"{machines['pc-01']['Last update']:%Y-%m-%d}" == "2026-07-16"


def test_windows_updates_of_many_machines_are_one_thing_to_do_named_by_its_month():
    """Cumulative updates contain all earlier ones: the newest month is what is to be installed."""
    assert proposals()["windows_exploited"] == "Install the August 2026 Windows updates on 2 machines without delay"
    assert proposals()["windows"] == "Install the July 2026 Windows updates on 1 machine"
    assert proposals("fr")["windows"] == "Installer les mises à jour Windows (juillet 2026) sur 1 machine"


def test_W14_windows_10_without_extended_updates_is_a_decision_of_its_own():
    report = Report(lab.windows(), Texts("en"))
    (action,) = [action for action in report.actions if action.kind == "windows_10"]
    assert (action.owner, action.level) == ("client", PriorityLevel.NOW)
    assert "ESU" in proposal(report, action)


def test_programs_without_support_are_one_thing_to_do_and_named():
    report = Report(lab.windows(), Texts("en"))
    (action,) = [action for action in report.actions if action.kind == "programs"]
    assert set(action.machines) == {"pc-04", "pc-05"}
    assert "{products}" not in proposal(report, action)
    assert products(report, action.findings)


def test_a_program_attackers_exploit_is_a_missing_patch_and_never_up_to_date():
    view = View(lab.windows())
    states = {machine.name: machine.state for machine in view.machines}
    assert states["pc-04"] is MachineState.MISSING
    assert states["pc-05"] is MachineState.UP_TO_DATE
    assert view.exploited.findings == 3
    (row,) = [row for row in table("Patches by machine", "Machine") if row["Machine"] == "pc-04"]
    assert (row["Software"], row["Installed"], row["Expected"]) == ("WinRAR", "7.12", "7.13")
    assert (row["KEV"], row["CVE"]) == ("Yes", "CVE-2025-8088")


@pytest.mark.parametrize("language", languages())
def test_the_manager_reads_a_month_where_the_technician_reads_the_number_of_the_update(language):
    (row,) = [row for row in table("Patches by machine", "Machine") if row["Machine"] == "pc-01"]
    assert row["To install"] == "KB5094126"
    for number in range(8):
        told = [str(cell) for line in sheet(number, language) for cell in line]
        assert not any("KB5" in text or "CVE-" in text for text in told)
    month = {"en": "Windows updates (July 2026)", "fr": "Mises à jour Windows (juillet 2026)"}[language]
    assert any(month in str(cell) for line in sheet(5, language) for cell in line)


def test_the_technician_finds_each_remedy_once_with_the_machines_it_is_missing_on():
    remedies = {row["To install"]: row for row in table("Patches by remedy", "To install")}
    assert remedies["KB5094126"]["Machines"] == "pc-01, srv-01"
    assert remedies["KB5094126"]["Number of machines"] == 2
    assert next(iter(remedies.values()))["KEV"] == "Yes"  # exploited flaws first


@pytest.mark.parametrize("language", languages())
def test_what_windows_keeps_from_an_ordinary_account_is_told_with_the_right_that_is_missing(language):
    texts = Texts(language)
    rows = {(row[0], row[1]): row for row in sheet(7, language) if row[1]}
    who = texts.text("sheets.coverage.checks_count", count=2, names=texts.listing(["pc-04", "pc-05"]))
    denied = rows[who, texts.text("gap.reason.denied_windows")]
    assert denied[2:4] == (texts.text("fact.store_apps"), texts.text("gap.todo.denied_windows"))
    away = rows[who, texts.text("gap.reason.profiles_windows")]
    assert away[3] == texts.text("gap.todo.profiles_windows")


def test_W31_a_policy_that_blocks_powershell_is_not_called_a_missing_right():
    rows = {(row[0], row[1]): row for row in sheet(7) if row[1]}
    assert "policy" in str(rows["pc-06", "PowerShell blocked by a policy"][3])


def test_programs_of_windows_are_not_called_applications_outside_packages():
    (row,) = [row for row in sheet(7) if row[0] == "pc-07" and row[1]][:1]
    assert row[2] == "installed programs"


def test_exports_carry_the_update_in_a_field_of_its_own():
    data = csv_export.render(lab.windows(), "en").decode("utf-8-sig")
    rows = {row["Machine"]: row for row in csv.DictReader(io.StringIO(data)) if row["Rule"] == "patch.missing"}
    assert rows["pc-01"]["Update"] == "KB5094126"
    document = json.loads(json_export.render(lab.windows(), "en"))
    params = [found["message"]["params"] for found in document["findings"] if found["subject"] == "pc-01"]
    assert "KB5094126" in {found.get("remedy") for found in params}
    machines = {machine["target"]["name"]: machine for machine in document["machines"]}
    assert machines["pc-02"]["updates_from"] == "wsus"
    book = openpyxl.load_workbook(io.BytesIO(annex.render(lab.windows(), "en")))
    assert any("KB5094126" in row for row in book["Findings"].iter_rows(values_only=True))
