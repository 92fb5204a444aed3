"""The provider's overview: who needs somebody first, nothing unknown in a total, the same bytes for the same run."""

import io
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import openpyxl
import pytest

from reports.background import Changes, Figures
from reports.overview import ClientResult, file_name, render
from tests.lab import workbook_checks

AS_OF = datetime(2026, 11, 1, 6, tzinfo=UTC)
FIGURES = Figures(
    run=1,
    as_of=AS_OF,
    complete=True,
    known=10,
    reached=10,
    decided=8,
    updated=6,
    urgent=4,
    overdue=1,
    exploited=0,
    out_of_support=1,
    missing_seats=2,
    missing_cost=Decimal("25.20"),
    surplus_seats=3,
    saving=Decimal("30.10"),
)
BEFORE = replace(FIGURES, urgent=6)
UNKNOWN = Figures(run=1, as_of=AS_OF, complete=False, known=5, reached=4)


def result(client="Martin", state="findings", **changes):
    return replace(ClientResult(client=client, state=state, figures=FIGURES), **changes)


def sheets(*results, language="fr"):
    book = openpyxl.load_workbook(io.BytesIO(render(results, language, as_of=AS_OF)))
    return [[[_plain(cell.value) for cell in row] for row in sheet.iter_rows()] for sheet in book.worksheets]


def _plain(value):
    return value.replace("\u00a0", " ") if isinstance(value, str) else value


def table(rows):
    """The rows between the header and the total, by their first cell."""
    head = next(place for place, row in enumerate(rows) if row[0] == "Client")
    return {row[0]: dict(zip(rows[head], row, strict=True)) for row in rows[head + 1 :] if row[0]}


def test_clients_that_need_somebody_come_first():
    clients, _ = sheets(
        result("fine", "fine"),
        result("late", figures=replace(FIGURES, overdue=9)),
        result("usual"),
        result("partly", "incomplete", reasons=("machines_not_audited",)),
        result("gone", "refused", figures=None, problem="no such folder."),
    )
    assert [name for name in table(clients) if not name.startswith(("Total", "Ce que"))] == [
        "gone",
        "partly",
        "late",
        "usual",
        "fine",
    ]


def test_what_is_unknown_is_written_so_and_enters_no_total():
    clients, _ = sheets(result("known"), result("unknown", "incomplete", figures=UNKNOWN))
    rows = table(clients)
    assert rows["unknown"]["Correctifs en retard"] == "Inconnu"
    assert rows["unknown"]["À jour"] == "Inconnu"
    total = rows["Total : 2 clients sur 2"]
    assert total["Correctifs en retard"] == "au moins 1"
    assert total["Machines connues"] == 15
    assert total["Économie potentielle"] == "au moins 361 €"


def test_a_column_nobody_knows_has_no_total_of_zero():
    clients, _ = sheets(result("unknown", "incomplete", figures=UNKNOWN))
    total = table(clients)["Total : 1 client sur 1"]
    assert (total["Correctifs en retard"], total["Coût à prévoir"]) == ("Inconnu", "Inconnu")


def test_totals_that_are_whole_are_numbers():
    clients, _ = sheets(result("a"), result("b"))
    total = table(clients)["Total : 2 clients sur 2"]
    assert total["Correctifs en retard"] == 2
    assert total["Économie potentielle"] == pytest.approx(722.4)


def test_a_client_that_was_not_audited_is_counted_as_known_and_its_reason_is_told():
    clients, reasons = sheets(result("known"), result("gone", "refused", figures=None, problem="client.toml: bad key."))
    rows = table(clients)
    assert "Total : 1 client sur 2" in rows
    assert rows["gone"]["Machines connues"] is None
    assert any("client.toml: bad key." in row for row in reasons)


def test_every_reason_of_an_incomplete_run_is_told_in_words():
    _, reasons = sheets(result("Martin", "incomplete", reasons=("machines_not_audited", "feeds_stale", "findings")))
    told = [row[2] for row in reasons if row[0] == "Martin"]
    assert len(told) == 2
    assert "auditor feeds update" in told[1]


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_reason_an_exit_code_can_have_has_words(language):
    from reports.texts import Texts

    reasons = ("interrupted", "history_not_written", "report_not_written", "mail_not_sent", "no_machine")
    reasons += ("machines_not_audited", "tenants_not_audited", "feeds_stale", "rules_failed", "verdicts_unknown")
    assert all(Texts(language).has(f"overview.reason.{reason}") for reason in reasons)


def test_the_change_of_a_count_is_a_symbol_and_a_figure():
    changes = Changes(before=AS_OF)
    clients, _ = sheets(result("a", previous=BEFORE, changes=changes), result("b", previous=FIGURES), result("c"))
    rows = table(clients)
    assert rows["a"]["Depuis le mois précédent"] == "▼ -2 (avant : 6)"
    assert rows["b"]["Depuis le mois précédent"] == "= (4)"
    assert rows["c"]["Depuis le mois précédent"] in (None, "")
    assert (rows["a"]["Corrigés"], rows["c"]["Corrigés"]) == (0, None)


def test_nothing_to_follow_up_is_said():
    _, reasons = sheets(result("fine", "fine"))
    assert any("Rien à reprendre" in str(row[0]) for row in reasons)


def test_the_same_run_gives_the_same_bytes_in_any_order_of_clients():
    one, other = result("a"), result("b", "incomplete")
    assert render((one, other), "fr", as_of=AS_OF) == render((other, one), "fr", as_of=AS_OF)
    assert file_name("fr", as_of=AS_OF) == "2026-11_vue-d-ensemble.xlsx"


def test_a_client_named_like_a_formula_stays_text_and_the_file_is_sound():
    content = render(
        (result('=HYPERLINK("http://evil")', "refused", figures=None, problem="+cmd|x"),), "en", as_of=AS_OF
    )
    sheet = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]
    assert {cell.data_type for row in sheet.iter_rows() for cell in row if cell.value is not None} <= {"s", "n"}
    assert workbook_checks.problems(content, manager=False) == []
