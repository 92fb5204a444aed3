"""`auditor audit --all`: every client, one failing harms no other, and the provider's overview at the end."""

from pathlib import Path

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
