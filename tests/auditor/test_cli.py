"""The command line: what it prints, what it refuses, and the code it ends with."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from auditor import __version__
from auditor.cli import COMMANDS
from auditor.demo.described import machines
from auditor.demo.recordings import write
from auditor.exits import Exit
from tests.auditor import readme
from tests.auditor.workbooks import annexes, managers

Auditor = Callable[..., Result]


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    folder = tmp_path / "recordings"
    for machine in machines():
        if machine.name in {"srv-caisses", "srv-sauvegarde"}:
            write(machine, folder)
    return folder


def _refused(result: Result, *parts: str) -> None:
    assert result.exit_code == Exit.USAGE, result.output
    assert result.stdout == ""
    for part in parts:
        assert part in result.stderr
    assert "Traceback" not in result.stderr


def test_version_and_help(auditor: Auditor) -> None:
    assert auditor("--version").stdout == f"auditor {__version__}\n"
    shown = auditor("--help")
    assert shown.exit_code == 0
    for name, text in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(text)}$", shown.stdout, re.MULTILINE)


def test_what_help_says_of_a_command_is_what_the_command_says_of_itself() -> None:
    for name, text in COMMANDS.items():
        assert readme.cli.get_command(readme.click.Context(readme.cli), name).short_help == text  # type: ignore[union-attr]


def test_every_command_is_documented_with_its_current_help() -> None:
    assert readme.DOCUMENT.read_text("utf-8") == readme.document(), "renew with: python -m tests.auditor.readme"


def test_help_imports_nothing_heavy() -> None:
    """`auditor --help` in about a tenth of a second: only click may be loaded."""
    heavy = ("msgspec", "rich", "paramiko", "pandas", "openpyxl", "requests", "msal", "winrm", "sqlite3", "asyncio")
    code = (
        "import sys\nfrom auditor.cli import main\nmain(['--help'])\n"
        f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)\n"
        "print([name for name in sys.modules if name.startswith(('collectors', 'rules', 'reports'))], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.split("\n")[:2] == ["[]", "[]"]


def test_our_four_import_names_belong_to_our_distribution_alone() -> None:
    """`rules` and `reports` exist on the package index too: another distribution here would shadow or be shadowed."""
    from importlib.metadata import distributions, packages_distributions

    owners = packages_distributions()
    for name in ("auditor", "collectors", "rules", "reports"):
        assert set(owners.get(name, ["patch-license-auditor"])) == {"patch-license-auditor"}
    others = [
        file
        for distribution in distributions()
        if distribution.metadata["Name"] != "patch-license-auditor"
        for file in distribution.files or ()
        if file.parts[0] in {"auditor", "collectors", "rules", "reports"}
    ]
    assert others == []


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("scna", "local"), ("Did you mean 'scan'?",)),
        (("scan",), ("TARGET",)),
        (("scan", "--widht", "3", "local"), ("--widht", "--width")),
        (("scan", "local", "--width", "0"), ("--width",)),
        (("scan", "local", "--lang", "de"), ("--lang", "'de' is not one of en, fr")),
        (("scan", "local", "--export", "pdf"), ("--export", "annex, csv, json")),
        (("scan", "local", "--password-from", "hunter2"), ("--password-from", "reference")),
        (("scan", "local", "--key", "absent.pem"), ("--key", "absent.pem")),
        (("scan", "local", "--as-of", "2025-11-03"), ("--as-of", "only recordings")),
        (("scan", "local", "--as-of", "yesterday"), ("--as-of",)),
        (("scan", "replay:nowhere"), ("replay:nowhere", "no such recording")),
        (("scan", "srv.json"), ("srv.json", "neither a file that exists")),
        (("scan", "@web"), ("--client DIR",)),
        (("scan", "--client", "nowhere", "web"), ("nowhere", "auditor init nowhere")),
        (("audit", "nowhere"), ("nowhere", "auditor init nowhere")),
        (("report", "nowhere"), ("nowhere",)),
        (("report", "nowhere.sqlite"), ("nowhere.sqlite", "no history yet")),
        (("explain", "F-12345678"), ("no history yet",)),
        (("explain", "a", "b", "c"), ("REF", "HOST PACKAGE")),
        (("onboard", "m356"), ("m356",)),
        (("doctor", "nowhere"), ("nowhere", "auditor init nowhere")),
        (("doctor",), ("CLIENT",)),
        (("feeds", "update", "epsss"), ("epsss", "Did you mean")),
        (("feeds", "import", "absent.bundle"), ("absent.bundle",)),
    ],
)
def test_a_command_that_does_not_say_what_it_means_is_refused(
    auditor: Auditor, arguments: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    _refused(auditor(*arguments), *parts)


def test_a_secret_on_the_command_line_is_not_repeated(auditor: Auditor) -> None:
    assert "hunter2" not in auditor("scan", "local", "--password-from", "hunter2").output
    assert "hunter2" not in auditor("scan", "ssh://audit:hunter2@srv").output


def test_init_writes_a_client_folder_that_audit_understands(auditor: Auditor, tmp_path: Path) -> None:
    made = auditor("init", "fournil", "--name", 'Fournil "des" Terreaux')
    assert made.exit_code == 0
    checked = auditor("audit", "fournil", "--list")
    assert checked.exit_code == 0
    assert 'Fournil "des" Terreaux, 0 machines' in checked.stdout
    _refused(auditor("audit", "fournil"), "client.toml", "names no machine")
    _refused(auditor("init", "fournil"), "exists already")
    assert (tmp_path / "fournil" / "client.toml").stat().st_size > 1000


def test_every_commented_setting_of_the_template_is_a_real_one(auditor: Auditor, tmp_path: Path) -> None:
    auditor("init", "c")
    file = tmp_path / "c" / "client.toml"
    lines = file.read_text("utf-8").splitlines()
    lines = lines[: next(number for number, line in enumerate(lines) if line.startswith("# [feeds."))]
    setting = re.compile(r"# (\[|[a-z_0-9]+ = )")
    others = ("# secret =", "# device_code =")  # an application signs in one way
    opened = [
        line.removeprefix("# ") if setting.match(line) and not line.startswith(others) else line for line in lines
    ]
    assert len([line for line in opened if line in lines]) < len(lines) - 30, "the commented settings were found"
    file.write_text("\n".join(opened), "utf-8")
    listed = auditor("audit", "c", "--list")
    assert listed.exit_code == 0, listed.stderr
    assert "srv-web" in listed.stdout
    assert "pc-accueil  winrm pc-accueil.corp.example port 5985  windows" in listed.stdout
    assert "this-machine" in listed.stdout
    assert "Microsoft 365  m365 contoso.com  microsoft365 @licences" in listed.stdout


def _client(folder: Path, recordings: Path) -> Path:
    folder.mkdir()
    tables = "".join(
        f'[[machines]]\nname = "{file.stem}"\nprotocol = "replay"\naddress = "{file}"\n'
        for file in sorted(recordings.glob("*.rec"))
    )
    (folder / "client.toml").write_text(f'[client]\nname = "Fournil"\nlanguage = "fr"\n{tables}', "utf-8")
    return folder


def test_a_whole_client_is_audited_reported_again_and_explained(
    auditor: Auditor, tmp_path: Path, recordings: Path
) -> None:
    client = _client(tmp_path / "fournil", recordings)
    done = auditor("audit", client)
    assert done.exit_code == Exit.INCOMPLETE, "no feed was ever downloaded: nothing may look fine"
    assert "Aucune source d'avis" in done.stdout
    assert (len(managers(client / "reports")), len(annexes(client / "reports"))) == (1, 1)
    assert len(list((client / "reports").iterdir())) == 2, "and nothing half written beside them"
    again = auditor("report", client, "--lang", "en", "--export", "json")
    assert again.exit_code == 0
    shown = {Path(line).name for line in again.stdout.splitlines()}
    assert {name.rpartition("_")[2] for name in shown} == {
        *("patch-report.xlsx", "technical-annex.xlsx", "patch-report.json")
    }
    assert "1\t" in auditor("report", client, "--list").stdout
    _refused(auditor("report", client, "--run", "9"), "there is no run 9")
    explained = auditor("explain", "--client", client, "srv-caisses", "openssl", "--lang", "en")
    assert "libssl3 3.0.17-1~deb12u2 (source openssl 3.0.17-1~deb12u2), origin: Debian" in explained.stdout
    assert "No advisory about this software" in explained.stdout


def test_json_is_one_document_on_standard_output_and_nothing_else(auditor: Auditor, recordings: Path) -> None:
    result = auditor("scan", f"replay:{recordings}", "--as-of", "2025-11-03", "--json")
    shown = json.loads(result.stdout)
    assert (shown["format"], shown["command"], shown["exit"]["code"]) == (1, "scan", Exit.INCOMPLETE)
    assert "feeds_stale" in shown["exit"]["reasons"]
    assert shown["files"] == []
    assert shown["assessment"]["as_of"] == "2025-11-03T12:00:00Z"
    assert [machine["target"]["name"] for machine in shown["assessment"]["machines"]] == [
        "srv-caisses",
        "srv-sauvegarde",
    ]
    assert "srv-caisses" in result.stderr, "progress is told on standard error"


def test_a_damaged_recording_is_one_machine_not_audited(auditor: Auditor, recordings: Path) -> None:
    (recordings / "broken.rec").write_bytes(b"not a recording\n")
    shown = json.loads(auditor("scan", f"replay:{recordings}", "--json").stdout)
    reached = {machine["target"]["name"]: machine["reached"] for machine in shown["assessment"]["machines"]}
    assert reached == {"broken": False, "srv-caisses": True, "srv-sauvegarde": True}


def test_a_workbook_open_in_a_spreadsheet_program_is_left_alone(
    auditor: Auditor, tmp_path: Path, recordings: Path
) -> None:
    client = _client(tmp_path / "fournil", recordings)
    auditor("audit", client)
    (workbook,) = managers(client / "reports")
    before = workbook.read_bytes()
    (workbook.parent / f"~${workbook.name}").write_bytes(b"")
    second = auditor("audit", client)
    assert second.exit_code == Exit.INCOMPLETE
    assert "is open in a spreadsheet program" in second.stderr
    assert workbook.read_bytes() == before
    assert f"{workbook.stem} (2).xlsx" in second.stdout


def test_an_unwritable_report_folder_is_refused_before_anything_is_visited(
    auditor: Auditor, tmp_path: Path, recordings: Path
) -> None:
    (tmp_path / "taken").write_text("a file")
    _refused(auditor("scan", f"replay:{recordings}", "--output", "taken/reports"), "taken/reports", "cannot be written")


def test_a_history_that_is_none_is_refused_before_anything_is_visited(
    auditor: Auditor, home: Path, recordings: Path
) -> None:
    home.mkdir()
    (home / "scans.sqlite").write_bytes(b"precious notes" * 100)
    _refused(auditor("scan", f"replay:{recordings}"), "scans.sqlite", "Move it aside")


def test_a_disk_that_fills_up_loses_neither_machines_nor_workbook(
    auditor: Auditor, tmp_path: Path, recordings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from auditor.errors import HistoryFull
    from auditor.history.store import Store

    def full(self: Store, *_: object, **__: object) -> None:
        raise HistoryFull(str(self.path), "its disk is full.", hint="Free some room.")

    monkeypatch.setattr(Store, "add", full)
    monkeypatch.setattr(Store, "conclude", full)
    result = auditor("scan", f"replay:{recordings}", "--output", "out", "--json")
    assert result.exit_code == Exit.USAGE
    assert "scans.sqlite: its disk is full" in result.stderr
    shown = json.loads(result.stdout)
    assert shown["exit"]["reasons"][0] == "history_not_written"
    assert len(shown["assessment"]["machines"]) == 2
    assert (len(managers(tmp_path / "out")), len(annexes(tmp_path / "out"))) == (1, 1)


def test_a_report_that_cannot_be_written_at_the_end_leaves_the_run_in_the_history(
    auditor: Auditor, tmp_path: Path, recordings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from auditor.errors import DeliveryError

    def full(folder: Path, name: str, content: bytes) -> None:
        raise DeliveryError(str(folder / name), "the disk is full, the report could not be written.")

    client = _client(tmp_path / "fournil", recordings)
    with monkeypatch.context() as patch:
        patch.setattr("auditor.rendering.deliver", full)
        failed = auditor("audit", client)
    assert failed.exit_code == Exit.USAGE
    assert "kept as number 1 of the history" in failed.stderr
    assert auditor("report", client).exit_code == 0
    assert (len(managers(client / "reports")), len(annexes(client / "reports"))) == (1, 1)


def test_control_characters_of_a_machine_never_reach_the_terminal(
    auditor: Auditor, tmp_path: Path, recordings: Path
) -> None:
    """A name or a message of a machine may carry terminal escape sequences (title, colors, cursor, links)."""
    from collectors.transports.base import ScriptOutput
    from collectors.transports.replay import Recording, read_recording, write_recording

    taped = read_recording(recordings / "srv-caisses.rec")
    evil = taped.output.stdout.replace(b"(bookworm)", b"\x1b]0;p\x07\x9b2J\n", 1)
    write_recording(
        recordings / "evil.rec", Recording(taken_at=taped.taken_at, output=ScriptOutput(stdout=evil, exit_status=0))
    )
    result = auditor("scan", f"replay:{recordings}", "--output", "out")
    assert "\x1b" not in result.output
    assert "\x07" not in result.output


def test_a_damaged_feed_file_is_refused_before_anything_is_visited(
    auditor: Auditor, home: Path, recordings: Path
) -> None:
    (home / "feeds").mkdir(parents=True)
    (home / "feeds" / "feeds.sqlite").write_bytes(b"half a download" * 1000)
    _refused(auditor("scan", f"replay:{recordings}"), "feeds.sqlite", "auditor feeds update")
    assert not (home / "scans.sqlite").exists()


def test_feeds_status_of_a_fresh_machine_says_what_to_do(auditor: Auditor) -> None:
    result = auditor("feeds", "status")
    assert result.exit_code == Exit.INCOMPLETE
    assert "auditor feeds update" in result.stderr


def test_feeds_travel_in_one_file_and_a_damaged_one_changes_nothing(
    auditor: Auditor, tmp_path: Path, home: Path
) -> None:
    auditor("demo", "--output", "out")
    shutil.copytree(home / "demo" / "feeds", tmp_path / "feeds")
    _refused(auditor("feeds", "export", "--feeds", tmp_path / "nowhere", "x.bundle"), "feeds update")
    (tmp_path / "bad.bundle").write_bytes(b"PK\x03\x04 half a bundle")
    _refused(auditor("feeds", "import", "--feeds", tmp_path / "feeds", "bad.bundle"), "bad.bundle")
    states = json.loads(auditor("feeds", "status", "--feeds", tmp_path / "feeds", "--json").stdout)["feeds"]
    assert any(state["covers"] for state in states)


def test_the_module_runs_as_a_program(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "auditor", "scan"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == Exit.USAGE
    assert "TARGET" in done.stderr
