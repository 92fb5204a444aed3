"""software.to_check: the facts are known, a person decides; the reason goes with it."""

from rules.messages import Message
from rules.model import Outcome
from rules.software.position import Status
from tests.rules.checks.estate import only
from tests.rules.checks.software_estate import asked, line, position

ID = "software.to_check"
WHY = Message(text="rules.software.evidence.rules")


def test_case_57_a_developer_edition_in_production_is_to_be_checked_with_its_reason() -> None:
    developer = line("sql-server", Status.CHECK, required=0, installed=1, edition="Developer", notes=(WHY,))
    found = only(asked(ID, developer, line("acrobat", Status.OK, owned=1, required=1, entitlements=("L1",))))
    assert (found.outcome, found.key) == (Outcome.FAIL, "sql-server")
    assert WHY in [proof.what for proof in found.evidence]


def test_case_47_a_right_of_other_hardware_is_to_be_checked_though_rights_are_declared() -> None:
    oem = line("office", Status.CHECK, owned=0, required=1, entitlements=("L1",), notes=(WHY,))
    assert only(asked(ID, oem)).outcome is Outcome.FAIL


def test_what_is_told_as_having_no_right_is_not_told_again() -> None:
    assert only(asked(ID, line("winrar", Status.CHECK, required=2))).outcome is Outcome.PASS


def test_nothing_to_decide_passes_and_is_unknown_where_machines_were_not_read() -> None:
    known = line("acrobat", Status.OK, owned=4, required=4)
    assert only(asked(ID, known)).outcome is Outcome.PASS
    assert only(asked(ID, summary=position(known, seen=2))).outcome is Outcome.UNKNOWN


def test_case_49_windows_activated_by_a_foreign_kms_host_is_told_by_its_own_rule() -> None:
    pirate = Message(text="software.note.windows_external_kms", params={"count": 1, "devices": "pc-01"})
    windows = line("windows", Status.CHECK, owned=2, required=3, notes=(pirate,))
    assert only(asked(ID, windows)).outcome is Outcome.PASS


def test_without_a_file_of_rights_only_what_no_file_could_answer_is_told() -> None:
    cals = line("windows-server-cal", Status.CHECK, installed=12, notes=(WHY,))
    nothing = position(cals, declared=False)
    assert only(asked(ID, summary=nothing, rights=None)).outcome is Outcome.NOT_APPLICABLE
    why = Message(text="software.note.developer_in_production", params={"count": 1, "devices": "srv-sql"})
    developer = line("sql-server", Status.CHECK, installed=1, owned=None, entitlements=("x",), notes=(why,))
    found = only(asked(ID, summary=position(cals, developer, declared=False), rights=None))
    assert (found.outcome, found.key) == (Outcome.FAIL, "sql-server")


def test_case_59_access_licenses_nobody_can_count_are_told_without_a_number() -> None:
    cals = line("windows-server-cal", Status.CHECK, installed=0, required=None, gap=None, notes=(WHY,))
    assert only(asked(ID, cals)).message.text == f"rules.{ID}.fail_uncounted"
