"""The demonstration's software: its license position shows every answer there is, from files read as a client's are."""

import io
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal

import openpyxl
import pytest
from click.testing import Result

from auditor.demo.company import prepare
from auditor.demo.rights import FOLDER
from auditor.entitlements.file import entitlements
from auditor.exits import Exit
from auditor.history.store import Store
from auditor.pipeline import Result as RunResult
from auditor.pipeline import conduct
from auditor.progress import Silent
from collectors.feeds.cache import FeedStore
from reports.sheet import Report
from reports.texts import Texts
from reports.workbook import render
from rules.model import Finding, Outcome
from rules.software.position import PositionLine, SoftwareSummary, Status
from rules.waivers import WaiverUse


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    demonstration = prepare(tmp_path_factory.mktemp("demo"), "fr")
    with Store(demonstration.history) as store:
        return conduct(demonstration.plan, store=store, feeds=FeedStore(demonstration.feeds_folder), progress=Silent())


def _position(run: RunResult) -> SoftwareSummary:
    assert run.assessment.software is not None
    return run.assessment.software


def _lines(run: RunResult) -> Mapping[str, PositionLine]:
    return {line.key: line for line in _position(run).lines}


def _found(run: RunResult, rule: str) -> dict[tuple[str, str], Finding]:
    return {(one.subject, one.key): one for one in run.assessment.findings if one.rule == rule}


def _waivers(run: RunResult) -> Mapping[str, WaiverUse]:
    return {use.waiver.id: use for use in run.assessment.waivers}


def test_the_rights_are_read_without_a_doubt(run: RunResult) -> None:
    assert entitlements(FOLDER).notes == ()
    assert (_position(run).declared, _position(run).file, _position(run).entitlements) == (True, "licenses.csv", 11)


def test_every_status_is_shown(run: RunResult) -> None:
    assert {line.status for line in _position(run).lines} == set(Status)


@pytest.mark.parametrize(
    ("key", "status", "owned", "oem", "required", "transferred"),
    [
        ("windows-server/standard/2016", Status.OK, 16, 16, 16, 0),  # bound to srv-archives
        ("sql-server/standard/2019", Status.OK, 4, 0, 4, 0),  # case 58: four cores of a virtual machine, by volume
        ("office/professional-plus/2016", Status.OK, 0, 0, 1, 1),  # case 46: an older version by downgrade
        ("windows-server/standard/2025", Status.UNDER, 32, 0, 48, 0),  # case 54: three guests ask for two full sets
        ("autocad-lt/2025", Status.UNDER, 1, 0, 2, 0),
        ("winrar", Status.UNDER, 0, 0, 1, 0),  # case 63: nobody bought it
        ("windows-server-cal", Status.EXCESS, 40, 0, 34, 0),  # case 59: compared with the people the client counts
        ("teamviewer/15", Status.CHECK, 0, 0, 8, 0),  # case 63: free for private use
        ("adobe-acrobat", Status.CHECK, 0, 0, 8, 0),  # one name for a free and a paid program
        ("windows/iot-enterprise-ltsc", Status.OK, 1, 1, 1, 0),  # sold with borne-menu
        ("windows/pro", Status.UNKNOWN, 7, 7, None, 0),  # case 48, and two machines whose activation nobody could read
        ("sql-server/express/2019", Status.FREE, None, 0, 0, 0),  # case 57
    ],
)
def test_where_each_product_stands(
    run: RunResult, key: str, status: Status, owned: int | None, oem: int, required: int | None, transferred: int
) -> None:
    line = _lines(run)[key]
    assert (line.status, line.owned, line.owned_oem) == (status, owned, oem)
    assert (line.required, line.transferred) == (required, transferred)


def test_what_is_paid_once_and_every_year_and_not_known(run: RunResult) -> None:
    lines = _lines(run)
    server, plans, archives = (lines[key] for key in ("windows-server/standard/2025", "autocad-lt/2025", "winrar"))
    assert (server.cost, server.yearly) == (Decimal(760), False)
    assert (plans.cost, plans.yearly) == (Decimal(540), True)
    assert archives.cost is None


def test_case_66_a_right_that_meets_nothing_and_case_62_one_to_come_are_told(run: RunResult) -> None:
    assert [message.params["right"] for message in _position(run).idle] == ["VISIO"]
    assert [message.params["right"] for message in _position(run).upcoming] == ["ACRO"]


def test_a_program_nobody_knows_is_listed_for_the_provider(run: RunResult) -> None:
    assert "Gesti-Fournil Pro" in {program.name for program in _position(run).unrecognized}


def test_case_50_what_is_not_activated_is_no_deficit(run: RunResult) -> None:
    failed = [one for one in _found(run, "software.activation").values() if one.outcome is Outcome.FAIL]
    assert [one.subject for one in failed] == ["pc-compta-02"]
    assert _lines(run)["windows/pro"].status is not Status.UNDER


def test_forbidden_software_is_found_and_what_is_accepted_is_marked(run: RunResult) -> None:
    found = _found(run, "software.unwanted")
    failed = {subject for (subject, _), one in found.items() if one.outcome is Outcome.FAIL}
    assert failed == {"pc-vente", "pc-fournil"}
    assert found["pc-vente", "*torrent*"].waiver is None
    waiver = found["pc-fournil", "anydesk"].waiver
    assert waiver is not None
    assert waiver.id == "D2"


def test_a_right_that_ends_soon_is_a_decision_with_a_day(run: RunResult) -> None:
    assert _found(run, "software.rights_ending")["", "SAGE"].due_on == date(2025, 12, 14)


def test_a_waiver_in_force_one_that_ends_and_one_without_object(run: RunResult) -> None:
    states = {name: (use.state, use.matched) for name, use in _waivers(run).items()}
    assert states == {"D1": ("in_force", 1), "D2": ("expiring", 1), "D3": ("orphaned", 0)}
    assert [key for _, key in _found(run, "waiver.ending")] == ["D2"]
    assert [key for _, key in _found(run, "waiver.orphaned")] == ["D3"]


def test_what_is_accepted_is_not_in_the_plan(run: RunResult) -> None:
    plan = Report(run.assessment, Texts("fr")).actions
    accepted = [one for one in run.assessment.findings if one.waiver is not None]
    assert accepted
    assert not {id(one) for one in accepted} & {id(one) for action in plan for one in action.findings}


def test_no_rule_about_software_broke(run: RunResult) -> None:
    assert run.assessment.failures == ()


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_sheet_shows_the_position_in_words(run: RunResult, language: str) -> None:
    book = openpyxl.load_workbook(io.BytesIO(render(run.assessment, language)))
    sheet = book[{"fr": "Logiciels et droits", "en": "Software and rights"}[language]]
    texts = [cell.value for row in sheet.iter_rows() for cell in row if isinstance(cell.value, str)]
    assert not [text for text in texts if "[?" in text]
    assert "Gesti-Fournil Pro" in texts
    assert any("D1" in text for text in texts), "the waiver about TeamViewer"


def test_explain_shows_the_line_a_finding_rests_on_and_who_accepted_it(
    auditor: Callable[..., Result], run: RunResult
) -> None:
    auditor("demo", "--output", "out", "--lang", "fr")
    short = _found(run, "software.under_licensed")["", "windows-server/standard/2025"]
    told = auditor("explain", "--demo", short.ref, "--lang", "en")
    assert told.exit_code == Exit.COMPLIANT
    assert "Position of Windows Server Standard 2025 (Microsoft)" in told.stdout
    assert "CT-OPEN-9912" in told.stdout
    assert "[?" not in told.stdout
    told = auditor("explain", "--demo", short.ref, "--lang", "fr")
    assert "licenses.csv, ligne" in told.stdout
    assert ", row " not in told.stdout
    accepted = _found(run, "software.no_entitlement")["", "teamviewer/15"]
    told = auditor("explain", "--demo", accepted.ref, "--lang", "fr")
    assert "Accepté jusqu'au 30/06/2026 par H. Fournier (dérogation D1" in told.stdout
