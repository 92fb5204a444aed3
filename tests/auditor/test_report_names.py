"""No report takes the place of a better one: what several runs of one month are called, and which of them is mailed."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

import pytest
from click.testing import Result

from auditor.delivery import deliver
from auditor.demo.described import machines
from auditor.demo.recordings import write
from auditor.errors import DeliveryError, HistoryError
from auditor.exits import Exit
from auditor.history.store import Store
from auditor.mailing.compose import Attachment, check_workbook
from auditor.rendering import Wish, manager_workbook, mark_of
from reports.workbook import file_name, render, safe_name
from rules.model import Assessment
from tests.lab.histories import assessment, keep, machine, missing

Auditor = Callable[..., Result]
MAIL = '[mail]\nfrom = "Martin <it@example.com>"\nto = "boss@example.com"\nserver = "localhost"\n'
AUGUST = datetime(2026, 8, 3, 6, 0, tzinfo=UTC)
CHARACTER = "\u0915"  # of the kind that takes three bytes in a file's name


def found(as_of: datetime, *, reached: int = 2, **changes: object) -> Assessment:
    names = ("web", "db")
    return assessment(
        as_of,
        *(missing(name, "sudo") for name in names[:reached]),
        machines=tuple(machine(name, reached=number < reached) for number, name in enumerate(names)),
        **changes,
    )


@pytest.fixture
def client(tmp_path: Path) -> Path:
    """A client with one audit of July, and two of August."""
    folder = tmp_path / "fournil"
    folder.mkdir()
    (folder / "client.toml").write_text(f'[client]\nname = "Fournil"\nlanguage = "fr"\n{MAIL}', "utf-8")
    with Store(folder / "history.sqlite") as store:
        for days in (-31, 0, 1):
            keep(store, found(AUGUST + timedelta(days=days)))
    return folder


def written(client: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (client / "reports").iterdir()}


def test_the_report_of_an_earlier_run_stands_beside_that_of_the_newest(client: Path, auditor: Auditor) -> None:
    assert auditor("report", client).exit_code == 0
    before = written(client)
    assert set(before) == {"2026-08_Fournil_rapport-correctifs.xlsx", "2026-08_Fournil_annexe-technique.xlsx"}
    told = auditor("report", client, "--run", "2", "--lang", "en", "--lang", "fr", "--export", "json")
    after = written(client)
    assert {name: after[name] for name in before} == before, "nothing was replaced"
    assert set(after) - set(before) == {
        "2026-08_Fournil_rapport-correctifs_releve-2.xlsx",
        "2026-08_Fournil_annexe-technique_releve-2.xlsx",
        "2026-08_Fournil_rapport-correctifs_releve-2.json",
        "2026-08_Fournil_patch-report_run-2.xlsx",
        "2026-08_Fournil_technical-annex_run-2.xlsx",
        "2026-08_Fournil_patch-report_run-2.json",
    }
    assert "_releve-2.xlsx" in told.stdout


def test_the_folder_of_a_file_per_machine_is_marked_too(client: Path, auditor: Auditor) -> None:
    auditor("report", client, "--run", "2", "--export", "cyclonedx")
    auditor("report", client, "--run", "3", "--export", "cyclonedx")
    folders = {file.name for file in (client / "reports").iterdir() if file.is_dir()}
    assert folders == {"2026-08_Fournil_cyclonedx_run-2", "2026-08_Fournil_cyclonedx"}


def test_the_newest_and_the_only_run_of_a_month_have_the_plain_name(client: Path, auditor: Auditor) -> None:
    auditor("report", client)
    before = written(client)
    auditor("report", client, "--run", "3")
    assert written(client) == before, "the same names and the same bytes"
    auditor("report", client, "--run", "1")
    assert set(written(client)) - set(before) == {
        "2026-07_Fournil_rapport-correctifs.xlsx",
        "2026-07_Fournil_annexe-technique.xlsx",
    }


def test_the_plain_name_is_that_of_the_newest_finished_run(tmp_path: Path) -> None:
    with Store(tmp_path / "history.sqlite") as store:
        first = keep(store, found(AUGUST, reached=0), interrupted=True)
        assert mark_of(first, found(AUGUST), store.runs()) is None, "there is no other of that month"
        good = keep(store, found(AUGUST + timedelta(days=1)))
        stopped = keep(store, found(AUGUST + timedelta(days=2), reached=0), interrupted=True)
        keep(store, found(AUGUST + timedelta(days=3), client="Another one"))
        runs = store.runs()
    assert mark_of(first, found(AUGUST), runs) == first
    assert mark_of(good, found(AUGUST), runs) is None
    assert mark_of(stopped, found(AUGUST), runs) == stopped


def test_until_a_run_finishes_the_first_stopped_one_keeps_the_plain_name(tmp_path: Path) -> None:
    """It may have seen everything, and the one stopped after it nothing."""
    whole, nothing = found(AUGUST), found(AUGUST + timedelta(days=1), reached=0)
    with Store(tmp_path / "history.sqlite") as store:
        first = keep(store, whole, interrupted=True)
        assert mark_of(first, whole, store.runs()) is None
        second = keep(store, nothing, interrupted=True)
        assert mark_of(second, nothing, store.runs()) == second
        assert mark_of(first, whole, store.runs()) is None
        finished = keep(store, found(AUGUST + timedelta(days=2)))
        runs = store.runs()
    assert mark_of(finished, found(AUGUST), runs) is None
    assert [mark_of(run, whole, runs) for run in (first, second)] == [first, second]


def test_a_second_audit_that_was_stopped_leaves_the_report_of_the_first(
    tmp_path: Path, auditor: Auditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = tmp_path / "fournil"
    client.mkdir()
    named = '[[machines]]\nname = "web"\nprotocol = "replay"\naddress = "gone.recording"\n'
    (client / "client.toml").write_text(f'[client]\nname = "Fournil"\nlanguage = "fr"\n{named}', "utf-8")
    monkeypatch.setattr("auditor.session.collect", lambda *_: True)
    assert auditor("audit", client).exit_code == Exit.INTERRUPTED
    before = written(client)
    assert not [name for name in before if "_releve-" in name], "there is no other of that month"
    second = auditor("audit", client)
    assert "_releve-2.xlsx" in second.stdout
    after = written(client)
    assert {name: after[name] for name in before} == before
    with monkeypatch.context() as patch:
        patch.setattr("auditor.outcomes.mark_of", _unreadable)
        assert "_releve-3.xlsx" in auditor("audit", client).stdout, "whose the plain names are cannot be known"
    assert {name: written(client)[name] for name in before} == before


def _unreadable(*_: object) -> NoReturn:
    raise HistoryError("history.sqlite", "cannot be read.")


def test_a_month_is_one_where_the_reader_lives(tmp_path: Path) -> None:
    """The last evening of July, UTC, is the first of August in France, and so is the file's name."""
    evening = datetime(2026, 7, 31, 22, 30, tzinfo=UTC)
    with Store(tmp_path / "history.sqlite") as store:
        first = keep(store, found(evening))
        keep(store, found(AUGUST))
        assert file_name(found(evening), "fr").startswith("2026-08")
        assert mark_of(first, found(evening), store.runs()) == first


def test_an_audit_that_was_stopped_leaves_the_report_of_a_whole_one(
    tmp_path: Path, auditor: Auditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    (server,) = (one for one in machines() if one.name == "srv-sauvegarde")
    recording = write(server, tmp_path / "recordings")
    client = tmp_path / "fournil"
    client.mkdir()
    named = f'[[machines]]\nname = "srv-sauvegarde"\nprotocol = "replay"\naddress = {json.dumps(str(recording))}\n'
    (client / "client.toml").write_text(f'[client]\nname = "Fournil"\nlanguage = "fr"\n{named}', "utf-8")
    auditor("audit", client)
    before = written(client)
    monkeypatch.setattr("auditor.session.collect", lambda *_: True)  # Ctrl-C before anything answered
    stopped = auditor("audit", client)
    assert stopped.exit_code == Exit.INTERRUPTED
    assert "_releve-2.xlsx" in stopped.stdout
    after = written(client)
    assert {name: after[name] for name in before} == before
    assert len(after) == 2 * len(before)
    auditor("report", client)
    assert written(client) == after, "`auditor report` takes the newest run, under the name it has"


def test_mail_is_composed_from_the_newest_run_that_finished(client: Path, auditor: Auditor) -> None:
    with Store(client / "history.sqlite") as store:
        keep(store, found(AUGUST + timedelta(days=2), reached=0), interrupted=True)
    assert auditor("mail", "preview", client).exit_code == 0
    (whole,) = (client / "reports").glob("*.eml")
    default = whole.read_bytes()
    assert b"1 machine" not in default
    auditor("mail", "preview", client, "--run", "3", "-o", client / "third")
    auditor("mail", "preview", client, "--run", "4", "-o", client / "fourth")
    assert _subject(client / "third") == _subject(client / "reports")
    assert _subject(client / "fourth") != _subject(client / "reports"), "chosen, it is taken: an audit incomplete"


def _subject(folder: Path) -> str:
    from email import message_from_bytes
    from email.policy import default

    (file,) = folder.glob("*.eml")
    return str(message_from_bytes(file.read_bytes(), policy=default)["Subject"])


def test_without_a_finished_run_mail_says_how_to_choose_one(tmp_path: Path, client: Path, auditor: Auditor) -> None:
    (client / "history.sqlite").unlink()
    with Store(client / "history.sqlite") as store:
        keep(store, found(AUGUST, reached=0), interrupted=True)
    told = auditor("mail", "preview", client)
    assert told.exit_code == Exit.USAGE
    assert "every run so far was stopped by the operator (the newest is number 1)" in told.stderr
    assert "--run" in told.stderr


@pytest.mark.parametrize("name", [CHARACTER * 200, "Boulangerie " + "é" * 180, "\U00020000" * 120])
def test_a_long_name_in_any_script_is_a_file_name(tmp_path: Path, auditor: Auditor, name: str) -> None:
    client = tmp_path / "long"
    client.mkdir()
    (client / "client.toml").write_text(f'[client]\nname = "{name}"\nlanguage = "fr"\n', "utf-8")
    with Store(client / "history.sqlite") as store:
        for hours in (0, 1):
            keep(store, found(AUGUST + timedelta(hours=hours), client=name))
    for run in ("1", "2"):
        told = auditor("report", client, "--run", run, "--export", "cyclonedx")
        assert told.exit_code == 0, told.stderr
    names = list(written_names(client))
    assert len(names) == 6
    assert all(len(f".~lock.{one} (99)#".encode()) <= 255 for one in names)


def written_names(client: Path) -> list[str]:
    return [file.name for file in (client / "reports").iterdir()]


@pytest.mark.parametrize("name", ["Fournil", CHARACTER * 200, "Boulangerie " + "é" * 180])
def test_a_mail_knows_its_workbook_by_a_name_that_was_cut(name: str) -> None:
    of_month = found(AUGUST, client=name)
    attached = manager_workbook(of_month, Wish(folder=None, languages=("fr",), mark=7), "fr")
    assert attached == Attachment(name=file_name(of_month, "fr"), content=render(of_month, "fr")), "never marked"
    check_workbook(attached, client=name, period="2026-08")


def test_names_of_two_bytes_a_character_are_what_they_were() -> None:
    assert safe_name("é" * 200) == "é" * 80
    assert safe_name("a" * 200) == "a" * 80


def test_a_name_no_file_system_takes_is_told_as_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match=r"cannot be written: .*--output"):
        deliver(tmp_path, "a" * 300 + ".xlsx", b"new")
    assert list(tmp_path.iterdir()) == []
