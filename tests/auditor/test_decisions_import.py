"""Decisions come back (issue 6, point 3): the returned workbook, as people and their programs return it."""

import random
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from openpyxl import Workbook
from openpyxl.utils import get_column_letter

from auditor.cli import main
from auditor.decisions.file import decisions
from auditor.protection import protected
from collectors.credentials import Secret
from reports.exports import annex
from rules.decisions import Choice
from tests.lab import licensed, returned

SOFFICE = shutil.which("soffice")
NOW = datetime(2026, 8, 12, 9, 0, tzinfo=UTC)
ASSESSMENT = licensed.licensed()
PREMIUM, TEAMS = "Microsoft 365 Business Premium", "Microsoft Teams"


@pytest.fixture(autouse=True)
def _today(monkeypatch):
    monkeypatch.setattr("auditor.pipeline.now", lambda: NOW)


@pytest.fixture
def client(tmp_path):
    """A client folder with one audit."""
    return returned.folder_of(tmp_path / "dubois", ASSESSMENT)


class Run:
    """What one command answered."""

    def __init__(self, capsys, *words):
        self.code = main([str(word) for word in words])
        told = capsys.readouterr()
        self.out, self.err = told.out.replace("\u00a0", " ").replace("\u202f", " "), told.err


def _soffice(folder):
    if SOFFICE is None:
        pytest.skip("soffice is not installed")
    return SOFFICE, "--headless", f"-env:UserInstallation=file://{folder}/profile", "--convert-to"


def imported(capsys, file, client, *options, by="Mme Dubois"):
    return Run(capsys, "decisions", "import", file, client, *(("--by", by) if by else ()), *options)


def taken(client):
    """What decisions.toml says: (person, product) -> decision."""
    return {(one.person.partition("@")[0], one.product): one for one in decisions(client)}


def three(book):
    book.decide("idle", "Conserver", "Congé maternité\njusqu'en mars", PREMIUM)
    book.decide("gone", "Retirer", product=TEAMS)
    book.decide("many", "À discuter")


def test_each_decision_becomes_what_it_says(client, tmp_path, capsys):
    file = returned.filled(tmp_path / "retour.xlsx", ASSESSMENT, three, whole=True)
    run = imported(capsys, file, client)
    assert run.code == 0, run.out + run.err
    found = taken(client)
    assert len(found) == 3
    kept = found["idle", "Microsoft 365 Business Premium EEA (no Teams)"]
    assert (kept.choice, kept.until, kept.decided_by) == (Choice.KEEP, date(2027, 8, 11), "Mme Dubois")
    assert (kept.sku, kept.comment) == ("PART_1", "Congé maternité\njusqu'en mars")
    assert found["gone", "Microsoft Teams EEA"].choice is Choice.REMOVE
    assert found["many", "Office"].choice is Choice.DISCUSS
    assert found["many", "Office"].sku == ""
    assert "exception jusqu'au 11/08/2027" in run.out
    assert "à faire par le prestataire" in run.out
    assert "6 lignes sans décision" in run.out


def test_the_same_file_twice_changes_nothing(client, tmp_path, capsys):
    file = returned.filled(tmp_path / "retour.xlsx", ASSESSMENT, three)
    imported(capsys, file, client)
    before = (client / "decisions.toml").read_bytes()
    run = imported(capsys, file, client)
    assert run.code == 0
    assert "déjà décidé le 12/08/2026" in run.out
    assert (client / "decisions.toml").read_bytes() == before


def test_a_dry_run_shows_and_writes_nothing(client, tmp_path, capsys):
    file = returned.filled(tmp_path / "retour.xlsx", ASSESSMENT, three)
    run = imported(capsys, file, client, "--dry-run")
    assert run.code == 0
    assert "Rien n'est écrit" in run.out
    assert "exception jusqu'au" in run.out
    assert not (client / "decisions.toml").exists()


def test_an_english_workbook_of_a_french_client(client, tmp_path, capsys):
    file = returned.filled(
        tmp_path / "back.xlsx",
        ASSESSMENT,
        lambda book: book.decide("idle", "Keep", "on leave", PREMIUM).decide("many", "discuss"),
        "en",
    )
    assert imported(capsys, file, client).code == 0
    assert {one.choice for one in decisions(client)} == {Choice.KEEP, Choice.DISCUSS}


@pytest.mark.peer
def test_saved_by_libreoffice_it_says_the_same(client, tmp_path, capsys):
    file = returned.filled(tmp_path / "retour.xlsx", ASSESSMENT, three, whole=True)
    out = tmp_path / "out"
    subprocess.run(
        [*_soffice(tmp_path), "xlsx:Calc MS Excel 2007 XML", "--outdir", str(out), str(file)],
        check=True,
        capture_output=True,
        timeout=240,
    )
    run = imported(capsys, out / "retour.xlsx", client)
    assert run.code == 0, run.out + run.err
    assert {one.choice for one in decisions(client)} == set(Choice)
    assert "le dernier" in run.out  # which run it shows, and whose it is, came through
    assert "Attention" not in run.out


def test_rows_sorted_deleted_hidden_and_columns_moved_are_found_by_their_reference(client, tmp_path, capsys):
    def fill(book):
        three(book)
        rows = book.values()
        random.Random(4).shuffle(rows)
        book.reorder([row for row in rows if "never@" not in str(row[1]) and "twice@" not in str(row[1])])
        book.sheet.insert_cols(1, 2)
        book.sheet.insert_rows(2)
        book.sheet.cell(book.head + 1, 1).value = "Vu par"
        book.sheet.row_dimensions[book.rows.start + 2].hidden = True
        other = book.book.create_sheet("Mes notes", 0)
        other.append(["Réf.", "à rappeler"])
        other.append(["F-CFC06E08", "Conserver"])

    file = returned.filled(tmp_path / "trié.xlsx", ASSESSMENT, fill)
    run = imported(capsys, file, client)
    assert run.code == 0, run.out + run.err
    assert {person for person, _ in taken(client)} == {"idle", "gone", "many"}
    assert taken(client)["gone", "Microsoft Teams EEA"].choice is Choice.REMOVE
    assert "2 lignes du dernier rapport ne sont pas dans ce fichier" in run.out
    assert "1 ligne masquée (un filtre ?)" in run.out


def test_the_columns_in_another_order(client, tmp_path, capsys):
    def fill(book):
        three(book)
        for row in range(book.head, book.rows.stop):
            cells = [book.sheet.cell(row, column) for column in range(1, 10)]
            for cell, value in zip(cells, [cell.value for cell in reversed(cells)], strict=True):
                cell.value = value

    file = returned.filled(tmp_path / "retour.xlsx", ASSESSMENT, fill)
    assert imported(capsys, file, client).code == 0
    assert len(taken(client)) == 3


def test_a_second_sheet_pasted_in_counts_like_the_first(client, tmp_path, capsys):
    def fill(book):
        book.decide("many", "À discuter")
        copy = book.book.create_sheet("Copie")
        copy.append(["Réf.", "Utilisateur", "Produit", "Décision", "Commentaire"])
        row = book.row("idle", PREMIUM)
        copy.append([book.at(row, name) for name in ("ref", "user", "product")] + ["garder", "congé"])

    file = returned.filled(tmp_path / "retour.xlsx", ASSESSMENT, fill)
    run = imported(capsys, file, client)
    assert run.code == 0, run.out
    assert {one.choice for one in decisions(client)} == {Choice.KEEP, Choice.DISCUSS}


@pytest.mark.parametrize(
    ("fill", "told"),
    [
        (lambda book: book.put(book.row("idle"), "decision", "Conserver ?"), "n'est pas une décision"),
        (lambda book: book.put(book.row("idle"), "decision", "ne pas retirer"), "n'est pas une décision"),
        (lambda book: book.put(book.row("idle"), "comment", "congé"), "un commentaire, mais pas de décision"),
        (lambda book: _with(book, ref="F-00000000"), "référence inconnue"),
        (lambda book: _with(book, ref="A-1B2C3D4E"), "désigne une action du plan"),
        (lambda book: _with(book, ref="idle"), "pas de référence"),
        (lambda book: _with(book, ref="F-CFC06E08, F-B4694F5A"), "plusieurs références"),
        (lambda book: _with(book, user="Bob Martin"), "la ligne dit « Bob Martin »"),
        (lambda book: _with(book, user="gone@dubois.example"), "la ligne dit « gone@dubois.example »"),
        (lambda book: _with(book, product="Visio Plan 2"), "n'est pas un produit de cette référence"),
        (lambda book: _with(book, product=None), None),
        (lambda book: _with(book, decision="=1+"), "cellule illisible"),
        (lambda book: book.decide("orders", "Retirer"), "rien à retirer"),
    ],
)
def test_what_cannot_be_told_for_sure_is_refused_and_nothing_of_it_written(client, tmp_path, capsys, fill, told):
    file = returned.filled(tmp_path / "retour.xlsx", ASSESSMENT, fill)
    run = imported(capsys, file, client)
    assert run.code == 1
    assert (told or "plusieurs produits") in run.out
    assert "ligne" in run.out or "row" in run.out
    assert not (client / "decisions.toml").exists()


def _with(book, **cells):
    row = book.row("idle", PREMIUM)
    book.put(row, "decision", "Conserver")
    for name, value in cells.items():
        book.put(row, name, value)


def test_what_is_sure_is_taken_beside_what_is_refused(client, tmp_path, capsys):
    def fill(book):
        three(book)
        book.decide("never", "peut-être")

    run = imported(capsys, returned.filled(tmp_path / "retour.xlsx", ASSESSMENT, fill), client)
    assert run.code == 1
    assert len(taken(client)) == 3
    assert "À revoir, non enregistré" in run.out


def test_two_rows_of_one_line_that_differ_are_both_refused(client, tmp_path, capsys):
    def fill(book):
        row = book.row("many")
        copy = [book.at(row, name) for name in ("ref", "user", "product")]
        book.put(row, "decision", "Conserver")
        below = book.rows.stop
        for name, value in zip(("ref", "user", "product"), copy, strict=True):
            book.put(below, name, value)
        book.put(below, "decision", "Retirer")

    run = imported(capsys, returned.filled(tmp_path / "retour.xlsx", ASSESSMENT, fill), client)
    assert run.code == 1
    assert run.out.count("la même ligne dit autre chose ailleurs") == 2
    assert not (client / "decisions.toml").exists()


def test_a_row_copied_with_its_decision_counts_once(client, tmp_path, capsys):
    def fill(book):
        book.decide("many", "Conserver")
        row, below = book.row("many"), book.rows.stop
        for name in ("ref", "user", "product", "decision"):
            book.put(below, name, book.at(row, name))
        book.put(below, "comment", "indispensable")

    run = imported(capsys, returned.filled(tmp_path / "retour.xlsx", ASSESSMENT, fill), client)
    assert run.code == 0
    assert "comptée une fois" in run.out
    assert [one.comment for one in decisions(client)] == ["indispensable"]


def test_an_edited_name_is_told_and_the_decision_taken(client, tmp_path, capsys):
    def fill(book):
        book.decide("gone", "Retirer", product=TEAMS)
        book.put(book.row("gone", TEAMS), "user", "Anne GONE-MARTIN (gone@dubois.example)")

    run = imported(capsys, returned.filled(tmp_path / "retour.xlsx", ASSESSMENT, fill), client)
    assert run.code == 0
    assert "le nom n'est pas celui du relevé (Anne GONE-MARTIN (gone@dubois.example))" in run.out
    assert len(taken(client)) == 1


def test_a_column_sorted_without_the_others_is_refused_row_by_row(client, tmp_path, capsys):
    def fill(book):
        for row in book.rows:
            book.put(row, "decision", "Retirer")
        refs = sorted(book.at(row, "ref") for row in book.rows)
        for row, ref in zip(book.rows, refs, strict=True):
            book.put(row, "ref", ref)

    file = returned.filled(tmp_path / "retour.xlsx", ASSESSMENT, fill)
    before = {(finding.ref, finding.person.partition("@")[0]) for finding in ASSESSMENT.findings if finding.person}
    assert imported(capsys, file, client).code == 1
    assert {(one.ref, one.person.partition("@")[0]) for one in decisions(client)} <= before


def test_the_workbook_of_another_client_is_refused_before_anything(client, tmp_path, capsys):
    other = returned.folder_of(tmp_path / "durand", ASSESSMENT, name="Durand")
    (other / "history.sqlite").unlink()
    returned.add_run(other, replace(ASSESSMENT, client="Durand"))
    file = returned.filled(tmp_path / "retour.xlsx", ASSESSMENT, three)
    run = imported(capsys, file, other)
    assert run.code == 2
    assert "it is a report of Menuiserie Dubois & Fils, not of Durand" in run.err
    assert not (other / "decisions.toml").exists()


def test_a_file_that_no_longer_says_whose_it_is_is_told_by_its_references(client, tmp_path, capsys):
    def fill(book):
        three(book)
        book.book.properties.title = None

    file = returned.filled(tmp_path / "retour.xlsx", ASSESSMENT, fill)
    run = imported(capsys, file, client)
    assert run.code == 0
    assert "ne dit plus de quel client il est" in run.out

    stranger = returned.folder_of(tmp_path / "durand", licensed.licenses_in_order(), name="Durand")
    run = imported(capsys, file, stranger)
    assert run.code == 2
    assert "no row of it is Durand's" in run.err


def test_the_client_is_found_by_the_workbook_in_the_folder_of_all_clients(tmp_path, capsys, monkeypatch):
    returned.folder_of(tmp_path / "clients" / "dubois", ASSESSMENT)
    returned.folder_of(tmp_path / "clients" / "durand", name="Durand")
    (tmp_path / "clients" / "broken").mkdir()
    (tmp_path / "clients" / "broken" / "client.toml").write_text("nonsense", "utf-8")
    file = returned.filled(tmp_path / "retour.xlsx", ASSESSMENT, three)
    monkeypatch.chdir(tmp_path / "clients")
    run = Run(capsys, "decisions", "import", file, "--by", "X")
    assert run.code == 0, run.err
    assert len(taken(tmp_path / "clients" / "dubois")) == 3
    monkeypatch.chdir(tmp_path)
    run = Run(capsys, "decisions", "import", file, "--by", "X")
    assert run.code == 2
    assert "Name it after the file" in run.err


def test_a_workbook_older_than_the_last_audit_is_told_and_what_is_settled_since_refused(client, tmp_path, capsys):
    file = returned.filled(tmp_path / "retour.xlsx", ASSESSMENT, three)
    returned.add_run(client, returned.later(returned.without(ASSESSMENT, "gone")))
    run = imported(capsys, file, client)
    assert run.code == 1
    assert "montre le relevé n° 1 du 05/08/2026" in run.out
    assert "réglé depuis" in run.out
    assert {person for person, _ in taken(client)} == {"idle", "many"}


def test_what_was_not_audited_again_is_not_called_settled(client, tmp_path, capsys):
    file = returned.filled(tmp_path / "retour.xlsx", ASSESSMENT, three)
    returned.add_run(client, returned.later(licensed.licenses_unreached(), client=ASSESSMENT.client))
    run = imported(capsys, file, client)
    assert run.code == 0, run.out
    assert run.out.count("non réaudité depuis") == 3


def test_a_decision_that_differs_from_an_earlier_one_needs_replace(client, tmp_path, capsys):
    first = returned.filled(tmp_path / "1.xlsx", ASSESSMENT, lambda book: book.decide("gone", "Retirer", product=TEAMS))
    then = returned.filled(
        tmp_path / "2.xlsx", ASSESSMENT, lambda book: book.decide("gone", "Conserver", product=TEAMS)
    )
    imported(capsys, first, client)
    run = imported(capsys, then, client)
    assert run.code == 1
    assert "déjà décidé autrement le 12/08/2026 : Retirer" in run.out
    assert [one.choice for one in decisions(client)] == [Choice.REMOVE]
    run = imported(capsys, then, client, "--replace")
    assert run.code == 0
    assert [one.choice for one in decisions(client)] == [Choice.KEEP]


def test_a_plan_that_may_be_smaller_or_an_activation_too_many_is_no_license_to_take_away(client, tmp_path, capsys):
    file = returned.filled(tmp_path / "r.xlsx", ASSESSMENT, lambda book: book.decide("many", "Retirer"))
    run = imported(capsys, file, client)
    assert run.code == 1
    assert "cette ligne ne demande aucun retrait" in run.out
    assert decisions(client) == ()


def test_what_was_to_be_discussed_is_decided_later_without_more_ado(client, tmp_path, capsys):
    first = returned.filled(
        tmp_path / "1.xlsx", ASSESSMENT, lambda book: book.decide("gone", "À discuter", product=TEAMS)
    )
    then = returned.filled(tmp_path / "2.xlsx", ASSESSMENT, lambda book: book.decide("gone", "Retirer", product=TEAMS))
    imported(capsys, first, client)
    assert imported(capsys, then, client).code == 0
    assert [one.choice for one in decisions(client)] == [Choice.REMOVE]


def test_a_decision_against_an_exception_or_a_waiver_is_a_conflict(tmp_path, capsys):
    accepted = '\n[[m365.exceptions]]\nwho = "IDLE@dubois.example"\nreason = "leave"\nuntil = 2026-12-31\n'
    client = returned.folder_of(tmp_path / "dubois", ASSESSMENT, more=accepted)
    (client / "waivers.toml").write_text(
        '[[waivers]]\nrule = "m365.office_activations"\nreason = "r"\napproved_by = "a"\nuntil = 2026-11-30\n', "utf-8"
    )

    def fill(book):
        book.decide("idle", "Retirer", product=PREMIUM)
        book.decide("many", "Retirer")

    run = imported(capsys, returned.filled(tmp_path / "r.xlsx", ASSESSMENT, fill), client)
    assert run.code == 1
    assert "accepté jusqu'au 31/12/2026 par client.toml, m365.exceptions" in run.out
    assert "accepté jusqu'au 30/11/2026 par waivers.toml, waivers[1]" in run.out
    keep = returned.filled(tmp_path / "k.xlsx", ASSESSMENT, lambda book: book.decide("many", "Conserver"))
    run = imported(capsys, keep, client)
    assert run.code == 0
    assert "déjà accepté jusqu'au 30/11/2026" in run.out
    assert not (client / "decisions.toml").exists()


def test_under_a_password_it_is_opened_with_that_of_the_clients_reports(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("REPORT_PASSWORD", "s3cret")
    more = '\n[report]\npassword = "env:REPORT_PASSWORD"\n'
    client = returned.folder_of(tmp_path / "dubois", ASSESSMENT, more=more)
    plain = returned.filled(tmp_path / "plain.xlsx", ASSESSMENT, three)
    file = tmp_path / "locked.xlsx"
    file.write_bytes(protected(plain.read_bytes(), Secret("s3cret")))
    assert imported(capsys, file, client).code == 0
    assert len(taken(client)) == 3
    file.write_bytes(protected(plain.read_bytes(), Secret("another")))
    run = imported(capsys, file, client)
    assert run.code == 2
    assert "a password protects it, and it is not that of the client's reports" in run.err
    assert "s3cret" not in run.out + run.err


def test_under_a_password_nobody_knows_it_is_refused_with_what_to_do(client, tmp_path, capsys):
    plain = returned.filled(tmp_path / "plain.xlsx", ASSESSMENT, three)
    file = tmp_path / "locked.xlsx"
    file.write_bytes(protected(plain.read_bytes(), Secret("x")))
    run = imported(capsys, file, client)
    assert run.code == 2
    assert "a password protects it" in run.err
    assert "Save a copy without one" in run.err


def test_files_that_are_no_workbook_of_ours_say_what_to_do(client, tmp_path, capsys):
    (tmp_path / "a.csv").write_text("Réf.;Décision\nF-1;Conserver\n", "utf-8")
    (tmp_path / "b.xlsx").write_bytes(b"PK\x03\x04 broken")
    empty = Workbook()
    empty.active.append(["Nom", "Décision", "Produit"])
    empty.save(tmp_path / "c.xlsx")
    (tmp_path / "d.xlsx").write_bytes(annex.render(ASSESSMENT, "fr"))
    for name, told in (
        ("a.csv", "save it as .xlsx"),
        ("b.xlsx", "damaged"),
        ("c.xlsx", 'no column is headed "Réf."'),
        ("d.xlsx", "no sheet has the columns"),
        ("none.xlsx", "cannot be read"),
    ):
        run = imported(capsys, tmp_path / name, client)
        assert run.code == 2, name
        assert told in run.err, run.err
    assert not (client / "decisions.toml").exists()


@pytest.mark.peer
def test_an_opendocument_spreadsheet_is_refused_with_what_to_do(client, tmp_path, capsys):
    file = returned.filled(tmp_path / "retour.xlsx", ASSESSMENT, three)
    subprocess.run(
        [*_soffice(tmp_path), "ods", "--outdir", str(tmp_path), str(file)],
        check=True,
        capture_output=True,
        timeout=240,
    )
    run = imported(capsys, tmp_path / "retour.ods", client)
    assert run.code == 2
    assert "OpenDocument" in run.err
    assert ".xlsx" in run.err


def test_who_decided_must_be_known(client, tmp_path, capsys):
    file = returned.filled(tmp_path / "retour.xlsx", ASSESSMENT, three)
    run = imported(capsys, file, client, by=None)
    assert run.code == 2
    assert "--by" in run.err


@pytest.mark.parametrize("until", ["2026-08-11", "2029-08-30", "demain"])
def test_a_last_day_that_is_past_or_too_far_is_refused(client, tmp_path, capsys, until):
    file = returned.filled(tmp_path / "retour.xlsx", ASSESSMENT, three)
    run = imported(capsys, file, client, "--until", until)
    assert run.code == 2
    assert "--until" in run.err


def test_the_last_day_as_a_french_operator_types_it(client, tmp_path, capsys):
    file = returned.filled(tmp_path / "retour.xlsx", ASSESSMENT, three)
    assert imported(capsys, file, client, "--until", "31/12/2026").code == 0
    assert {one.until for one in decisions(client)} == {None, date(2026, 12, 31)}


def test_a_workbook_without_any_decision(client, tmp_path, capsys):
    file = returned.filled(tmp_path / "retour.xlsx", ASSESSMENT, lambda book: None)
    run = imported(capsys, file, client)
    assert run.code == 0
    assert "Aucune décision dans ce fichier" in run.out
    assert f"{len(returned.Filled(returned.sent(ASSESSMENT)).rows)} lignes sans décision" in run.out


def test_a_decision_merged_over_the_rows_of_a_person_counts_for_each(client, tmp_path, capsys):
    def fill(book):
        row = book.row("gone")
        book.put(row, "decision", "Retirer")
        book.put(row + 1, "decision", None)
        column = get_column_letter(book.columns["decision"])
        book.sheet.merge_cells(f"{column}{row}:{column}{row + 1}")

    assert imported(capsys, returned.filled(tmp_path / "r.xlsx", ASSESSMENT, fill), client).code == 0
    assert {product for _, product in taken(client)} == {
        "Microsoft 365 Business Premium EEA (no Teams)",
        "Microsoft Teams EEA",
    }
