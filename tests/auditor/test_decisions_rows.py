"""Words in cells, and rows in any order: no decision ever lands on another line."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.decisions.client import client_of, is_client, named_in
from auditor.decisions.lines import Asked
from auditor.decisions.matching import Terms, match
from auditor.decisions.wording import choice_of, names, references
from auditor.decisions.workbook import Returned, ReturnedRow
from auditor.errors import SettingsError
from auditor.history.store import Store
from reports.licenses import Licenses
from reports.reviews import reviews
from reports.texts import Texts
from rules.contract import Contract
from rules.decisions import Choice
from tests.lab import licensed, returned

ASSESSMENT = licensed.licensed()
LINES = reviews(Licenses(ASSESSMENT))
WORDS = ("Conserver", "Retirer", "À discuter")


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("Conserver", Choice.KEEP),
        ("conserver ", Choice.KEEP),
        ("CONSERVER.", Choice.KEEP),
        ("OK conserver", Choice.KEEP),
        ("on garde", Choice.KEEP),
        ("keep it", Choice.KEEP),
        ("Conservé", Choice.KEEP),
        ("keep", Choice.KEEP),
        ("Retirer !", Choice.REMOVE),
        ("à retirer", Choice.REMOVE),
        ("Remove", Choice.REMOVE),
        ("a discuter", Choice.DISCUSS),
        ("à\u00a0discuter", Choice.DISCUSS),
        ("Discuss", Choice.DISCUSS),
        ("à voir", Choice.DISCUSS),
        ("à voir ensemble", Choice.DISCUSS),
        ("À revoir", Choice.DISCUSS),
        ("il faut retirer", Choice.REMOVE),
        ("il ne faut pas retirer", None),
        ("", None),
        ("ok", None),
        ("oui", None),
        ("x", None),
        ("Conserver ?", None),
        ("ne pas retirer", None),
        ("pas conserver", None),
        ("conserver ou retirer", None),
        ("Conserver / Retirer", None),
        ("retirer en mars", None),
        ("conserver jusqu'au 31/12/2026", None),
        ("don't keep", None),
    ],
)
def test_a_decision_is_what_can_mean_one_thing_only(text, choice):
    assert choice_of(text) is choice


def test_references_as_people_and_programs_leave_them():
    assert references("f-1a2b3c4d ") == ("F-1A2B3C4D",)
    assert references("Réf. F\u20111A2B3C4D (idle)") == ("F-1A2B3C4D",)
    assert references("F - 1A2B3C4D") == ("F-1A2B3C4D",)
    assert references("F-1A2B3C4D5") == ()
    assert references("A-00000001, F-00000002") == ("A-00000001", "F-00000002")


@pytest.mark.parametrize(
    ("cell", "is_named"),
    [
        ("Ann Gone\ngone@dubois.example", True),
        ("GONE@DUBOIS.EXAMPLE", True),
        ("Mme Ann GONE", True),
        ("Ann", False),
        ("Ann Gone\nother.gone@dubois.example", False),
        ("gone@dubois.example.com", False),
        ("Ann Gone <agone@dubois.example>", False),
        ("Paul Gone", False),
    ],
)
def test_a_row_names_the_person_of_its_reference(cell, is_named):
    assert names(cell, "gone@dubois.example", "Ann Gone") is is_named


@pytest.mark.parametrize("cell", ["Ann\nann@firm.example", "Ann\nann_firm.example#EXT#@dubois.example"])
def test_a_guest_is_named_by_either_address(cell):
    """As the sheet shows it, and as reports before it did."""
    assert names(cell, "ann_firm.example#EXT#@dubois.example", "Ann")
    assert not names("Ann\nbob@firm.example", "ann_firm.example#EXT#@dubois.example", "Ann")


def test_whose_workbook_it_is():
    for language in ("fr", "en"):
        for text in ("workbook.title", "workbook.title_both"):
            assert named_in(Texts(language).text(text, client="Dubois & Fils")) == "Dubois & Fils"
    assert named_in("Classeur1") == ""
    assert is_client("DUBOIS & fils", ["Dubois & Fils"])
    assert not is_client("Dubois", ["Dubois & Fils"])


def test_two_clients_of_one_name_are_not_guessed_between(tmp_path):
    for folder in ("one", "two"):
        returned.folder_of(tmp_path / folder, name="Dubois")
    title = Texts("fr").text("workbook.title", client="Dubois")
    with pytest.raises(SettingsError, match="Name the client's folder"):
        client_of(tmp_path, title, locked=False)


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    folder = returned.folder_of(tmp_path_factory.mktemp("client"), ASSESSMENT)
    with Store(folder / "history.sqlite") as store:
        yield Asked(store, Contract(client=ASSESSMENT.client), date(2026, 8, 12))


def row_of(number, line, decision, **changes):
    columns = frozenset({"ref", "user", "product", "decision"})
    cells = {"ref": line.finding.ref, "user": line.person, "product": line.product, "decision": decision, **changes}
    return ReturnedRow(place=f"row {number}", columns=columns, faults={}, **cells)


def matched(asked, rows):
    back = Returned(
        file=returned.Path("r.xlsx"), title="", made_at=datetime(2026, 8, 5, 6, 28, tzinfo=UTC), rows=tuple(rows)
    )
    terms = Terms(by="X", until=date(2027, 8, 11), today=date(2026, 8, 12))
    return match(back, asked, (), terms)


@settings(deadline=None, max_examples=60)
@given(
    order=st.permutations(range(len(LINES))),
    words=st.lists(st.sampled_from(("", *WORDS)), min_size=len(LINES), max_size=len(LINES)),
    left=st.sets(st.sampled_from(range(len(LINES)))),
)
def test_shuffled_and_deleted_rows_keep_each_decision_on_its_own_line(asked, order, words, left):
    """Property: what is taken is exactly what each remaining row says of its own line."""
    rows = [row_of(number, LINES[number], words[number]) for number in order if number not in left]
    found = matched(asked, rows)
    wanted = {
        (LINES[number].finding.ref, LINES[number].product): words[number]
        for number in order
        if number not in left and words[number] and not _is_nothing_to_remove(number, words[number])
    }
    assert {(one.ref, one.product): one.choice for one in found.decisions} == {
        line: choice_of(word) for line, word in wanted.items()
    }
    nothing = [number for number in order if number not in left and _is_nothing_to_remove(number, words[number])]
    assert len(found.of_kind("refused")) == len(nothing)
    assert found.absent == len(left)


def _is_nothing_to_remove(number, word):
    """Nobody is asked to take away what is missing, or what somebody works with."""
    in_use = ("m365.downgrade_candidates", "m365.office_activations", "m365.office_shared_hosts")
    found = LINES[number].finding
    return word == "Retirer" and (found.message.text.endswith("missing_plan_2") or found.rule in in_use)


@settings(deadline=None, max_examples=60)
@given(
    refs=st.permutations(range(len(LINES))),
    people=st.permutations(range(len(LINES))),
    products=st.permutations(range(len(LINES))),
)
def test_columns_sorted_apart_never_give_a_person_what_was_said_of_another(asked, refs, people, products):
    """Property: a row is taken only where reference, person and product are of one line."""
    torn = [
        row_of(number, LINES[ref], "Retirer", user=LINES[person].person, product=LINES[product].product)
        for number, (ref, person, product) in enumerate(zip(refs, people, products, strict=True))
    ]
    whole = {
        (LINES[ref].finding.ref, LINES[ref].product)
        for ref, person, product in zip(refs, people, products, strict=True)
        if LINES[ref].person == LINES[person].person and LINES[product].product in _products(LINES[ref].finding.ref)
    }
    for one in matched(asked, torn).decisions:
        assert any(ref == one.ref for ref, _ in whole)
        assert one.product in _products(one.ref)


def _products(ref):
    return {line.product for line in LINES if line.finding.ref == ref}
