"""`auditor audit --all`: every client, one failing harms no other, and the provider's overview at the end."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import click
import openpyxl
import pytest

from auditor.cli import main

GOOD = '[client]\nname = "{name}"\n[[machines]]\nname = "gone"\nprotocol = "replay"\naddress = "gone.recording"\n'


@pytest.fixture
def clients(tmp_path, monkeypatch):
    monkeypatch.setenv("AUDITOR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LANG", "fr_FR.UTF-8")
    monkeypatch.delenv("LC_ALL", raising=False)
    folder = tmp_path / "clients"
    for name in ("alpha", "beta"):
        (folder / name).mkdir(parents=True)
        (folder / name / "client.toml").write_text(GOOD.format(name=name.title()), "utf-8")
    return folder


def overview(folder: Path) -> list[list[object]]:
    (file,) = (folder / "overview").glob("*_vue-d-ensemble.xlsx")
    return [[cell.value for cell in row] for row in openpyxl.load_workbook(file).worksheets[0].iter_rows()]


def states(folder):
    return {row[0]: row[1] for row in overview(folder) if row[1] and row[0] != "Client"}


def test_every_client_is_audited_and_stands_in_the_overview(clients):
    assert main(["audit", "--all", str(clients)]) == 3, "machines that cannot be seen"
    assert states(clients) == {"Alpha": "audit incomplet", "Beta": "audit incomplet"}
    assert all(list((clients / name / "reports").glob("*.xlsx")) for name in ("alpha", "beta"))


def test_one_client_that_fails_harms_no_other_and_is_told(clients):
    (clients / "beta" / "client.toml").write_text("[client]\nnane = 1\n", "utf-8")
    assert main(["audit", "--all", str(clients)]) == 2
    assert states(clients) == {str(clients / "beta"): "non audité", "Alpha": "audit incomplet"}


def test_where_no_client_could_be_audited_the_overview_says_so(clients):
    for name in ("alpha", "beta"):
        (clients / name / "client.toml").write_text("[client]\n", "utf-8")
    assert main(["audit", "--all", str(clients)]) == 2
    assert set(states(clients).values()) == {"non audité"}


def test_an_overview_that_cannot_be_written_is_refused_before_any_machine_is_visited(clients, capsys):
    (clients / "overview").write_text("a file")
    assert main(["audit", "--all", str(clients)]) == 2
    assert "overview" in capsys.readouterr().err
    assert not (clients / "alpha" / "reports").exists()


def test_the_second_month_is_compared_with_the_first(clients):
    main(["audit", "--all", str(clients)])
    main(["audit", "--all", str(clients)])
    rows = overview(clients)
    head = next(row for row in rows if row[0] == "Client")
    alpha = dict(zip(head, next(row for row in rows if row[0] == "Alpha"), strict=True))
    assert alpha["Nouveaux constats"] == 0


def test_a_defect_in_one_client_costs_no_other_its_report(clients, monkeypatch, capsys):
    from auditor import outcomes

    written = outcomes.write_reports

    def breaks(assessment, *rest, **more):
        if assessment.client == "Alpha":
            raise ZeroDivisionError("a defect")
        return written(assessment, *rest, **more)

    monkeypatch.setattr(outcomes, "write_reports", breaks)
    assert main(["audit", "--all", str(clients)]) == 2
    assert states(clients) == {"Alpha": "rapport non remis", "Beta": "audit incomplet"}
    said = capsys.readouterr().err
    assert "a defect of auditor stopped it (ZeroDivisionError: a defect)" in said
    assert "1 of 2 clients were audited and have no report" in said


def test_ctrl_c_while_reports_are_written_keeps_every_run_and_says_who_has_none(clients, monkeypatch, capsys):
    from auditor import outcomes

    def stopped(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(outcomes, "write_reports", stopped)
        assert main(["audit", "--all", str(clients)]) == 130
    assert states(clients) == {"Alpha": "arrêté", "Beta": "arrêté"}
    assert f"auditor report {clients / 'beta'}" in str(reasons(clients))
    assert not list((clients / "beta" / "reports").glob("*.xlsx"))
    assert "no further report is written" in capsys.readouterr().err
    assert main(["report", str(clients / "beta")]) == 0, "what was collected was judged and kept"


@pytest.fixture
def unwritable(monkeypatch, capsys):
    """Standard output is a full disk, as `>/dev/full` makes it; standard error is not.

    With `capsys` it is no file either: given up in the end, it would take the capture of all other tests along.
    """
    said, echo = [], click.echo

    def full(message=None, *, err=False, **more):
        if not err:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        said.append(message)
        echo(message, err=True, **more)

    monkeypatch.setattr(click, "echo", full)
    return said


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_where_output_cannot_be_written_every_report_stands_and_is_not_denied(clients, unwritable, monkeypatch, more):
    """The reports, the overview and the clean-up do not hang on who reads along."""
    tidied = []
    monkeypatch.setattr("auditor.history.retention.purge_after_run", lambda _store, run, _terms: tidied.append(run))
    assert main(["audit", "--all", str(clients), *more]) == 2
    assert states(clients) == {"Alpha": "audit incomplet", "Beta": "audit incomplet"}
    assert all(list((clients / name / "reports").glob("*.xlsx")) for name in ("alpha", "beta"))
    assert len(tidied) == 2
    assert not [line for line in unwritable if "have no report" in line]
    assert unwritable[-1] == (
        "Error: what was to be printed could not be written to standard output: No space left on device."
    )
    assert len([line for line in unwritable if line.startswith("Error")]) == 1


def test_a_stopped_run_whose_output_cannot_be_written_is_still_a_stopped_one(clients, unwritable, monkeypatch):
    monkeypatch.setattr("auditor.session.collect", lambda *_: True)
    assert main(["audit", "--all", str(clients)]) == 130
    assert any("could not be written to standard output" in line for line in unwritable)


def test_a_reader_that_went_away_is_no_error_to_tell(clients):
    ours, theirs = os.pipe()
    os.close(ours)
    with os.fdopen(theirs, "wb") as gone:
        done = subprocess.run(
            [sys.executable, "-m", "auditor", "audit", str(clients / "alpha"), str(clients / "beta")],
            stdout=gone,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert "Error" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert "have no report" not in done.stderr


@pytest.mark.parametrize(("raised", "code"), [(KeyboardInterrupt(), 130), (ZeroDivisionError("a defect"), 2)])
def test_what_goes_wrong_after_a_report_stands_does_not_deny_it(clients, monkeypatch, capsys, raised, code):
    from auditor import outcomes

    told = outcomes._tell_summary

    def once(assessment, *rest, **more):
        if assessment.client == "Alpha":
            raise raised
        told(assessment, *rest, **more)

    monkeypatch.setattr(outcomes, "_tell_summary", once)
    assert main(["audit", "--all", str(clients)]) == code
    assert states(clients)["Alpha"] == "audit incomplet"
    (alone,) = [line for line in capsys.readouterr().err.splitlines() if "have no report" in line] or [""]
    assert str(clients / "alpha") not in alone


def reasons(folder):
    (file,) = (folder / "overview").glob("*_vue-d-ensemble.xlsx")
    return [[cell.value for cell in row] for row in openpyxl.load_workbook(file).worksheets[1].iter_rows()]


def test_a_client_folder_that_leads_nowhere_is_told_and_not_left_out(clients):
    """A link to a share that is not mounted; left out, its client would silently not be audited."""
    (clients / "gamma").symlink_to(clients / "not-mounted")
    assert main(["audit", "--all", str(clients)]) == 2
    assert states(clients)[str(clients / "gamma")] == "non audité"


def test_json_of_all_clients_has_one_shape_however_many_there_are(clients, capsys):
    (clients / "beta" / "client.toml").unlink()
    main(["audit", "--all", str(clients), "--json"])
    shown = json.loads(capsys.readouterr().out)
    assert [document["assessment"]["client"] for document in shown["clients"]] == ["Alpha"]
    (clients / "alpha" / "client.toml").write_text("[client]\n", "utf-8")
    assert main(["audit", "--all", str(clients), "--json"]) == 2
    shown = json.loads(capsys.readouterr().out)
    assert (shown["clients"], shown["exit"]["code"]) == ([], 2)
    assert [refused["client"] for refused in shown["refused"]] == [str(clients / "alpha")]


@pytest.mark.parametrize(("first", "second"), [("A/B", "A_B"), ("Same", "same"), ("x" * 90 + "1", "x" * 90 + "2")])
def test_clients_whose_files_would_have_one_name_are_refused_before_one_overwrites_the_other(
    clients, first, second, capsys
):
    for folder, name in (("alpha", first), ("beta", second)):
        (clients / folder / "client.toml").write_text(GOOD.format(name=name), "utf-8")
    assert main(["audit", "--all", str(clients), "--output", str(clients.parent / "out")]) == 2
    assert "would overwrite each other's files" in capsys.readouterr().err
    assert main(["audit", "--all", str(clients)]) == 3, "apart from each other they may be called alike"


def test_a_second_run_over_the_same_clients_is_refused_before_it_takes_the_place_of_the_first(clients, capsys):
    from auditor.lock import sole_run

    (clients / "overview").mkdir()
    with sole_run(clients / "overview"):
        assert main(["audit", "--all", str(clients)]) == 2
    assert "is being audited already" in capsys.readouterr().err
    assert not (clients / "alpha" / "reports").exists()


def test_what_is_wrong_with_the_file_all_clients_share_is_told_once(clients, monkeypatch, capsys):
    (clients / "provider.toml").write_text("[m365\n")
    monkeypatch.setenv("AUDITOR_PROVIDER", str(clients / "provider.toml"))
    assert main(["audit", "--all", str(clients)]) == 2
    said = capsys.readouterr().err
    assert said.count("not valid TOML") == 1
    assert "2 of 2 clients were not audited" in said
