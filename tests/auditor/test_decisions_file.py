"""decisions.toml: written by the product, edited by people, read strictly, never half written."""

import stat
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.decisions.file import decision_notes, decisions, default_end, with_decisions_in, write
from auditor.errors import SettingsError
from rules.contract import Contract, LicenseException, TenantTerms
from rules.decisions import Choice, Decision

ONE = Decision(
    ref="F-1A2B3C4D",
    rule="m365.inactive_users",
    person="ann@dubois.example",
    choice=Choice.KEEP,
    decided_on=date(2026, 8, 12),
    decided_by="Mme Dubois",
    product="Business Premium",
    sku="SPB",
    until=date(2027, 8, 11),
    comment='Congé "long"\njusqu\'en mars \\ puis on verra',
)
TWO = replace(ONE, ref="F-00000002", person="bob@dubois.example", choice=Choice.REMOVE, until=None, comment="")


def bare(found):
    return [replace(one, place="") for one in found]


def refused(folder, text):
    (folder / "decisions.toml").write_text(text, "utf-8")
    with pytest.raises(SettingsError) as caught:
        decisions(folder)
    return str(caught.value)


TABLE = """
[[decisions]]
ref = "F-1A2B3C4D"
rule = "m365.inactive_users"
person = "ann@dubois.example"
decision = "remove"
decided_on = 2026-08-12
decided_by = "Mme Dubois"
"""


def test_without_a_file_nothing_is_decided(tmp_path):
    assert decisions(tmp_path) == ()


def test_what_is_written_is_read_back(tmp_path):
    write(tmp_path, (), (TWO, ONE))
    assert bare(decisions(tmp_path)) == [ONE, TWO]  # a stable order: by person
    assert decisions(tmp_path)[1].place == "decisions.toml, decisions[2]"


@settings(deadline=None, max_examples=60)
@given(comment=st.text(max_size=80), product=st.text(max_size=30))
def test_whatever_a_comment_holds_is_read_back(tmp_path_factory, comment, product):
    folder = tmp_path_factory.mktemp("f")
    decision = replace(ONE, comment=comment.strip(), product=product.strip())
    try:
        decision.comment.encode(), decision.product.encode()
    except UnicodeEncodeError:
        return  # no workbook can hold a lone surrogate
    write(folder, (), (decision,))
    assert bare(decisions(folder)) == [decision]


def test_what_people_wrote_into_the_file_stays(tmp_path):
    file = tmp_path / "decisions.toml"
    file.write_text(f"# ours\nformat = 1\n{TABLE}# Ann comes back in May\n", "utf-8")
    before = decisions(tmp_path)
    write(tmp_path, before, (TWO,))
    text = file.read_text("utf-8")
    assert text.startswith(f"# ours\nformat = 1\n{TABLE}# Ann comes back in May\n")
    assert bare(decisions(tmp_path)) == [*bare(before), TWO]


def test_a_newer_decision_takes_the_place_of_the_older_one(tmp_path):
    write(tmp_path, (), (ONE, TWO))
    before = decisions(tmp_path)
    write(tmp_path, before, (replace(ONE, choice=Choice.DISCUSS, until=None),))
    assert [one.choice for one in decisions(tmp_path)] == [Choice.DISCUSS, Choice.REMOVE]


def test_tables_written_in_one_line_are_understood_and_kept(tmp_path):
    line = ", ".join(TABLE.strip().splitlines()[1:])
    (tmp_path / "decisions.toml").write_text(f"decisions = [{{{line}}}]\n", "utf-8")
    before = decisions(tmp_path)
    write(tmp_path, before, (TWO,))
    assert bare(decisions(tmp_path)) == [*bare(before), TWO]


def test_a_comment_that_looks_like_a_table_is_none(tmp_path):
    tricky = replace(ONE, comment='x\n[[decisions]]\nref = "F-00000000"')
    write(tmp_path, (), (tricky,))
    write(tmp_path, decisions(tmp_path), (TWO,))
    assert bare(decisions(tmp_path)) == [tricky, TWO]


def test_a_file_changed_meanwhile_is_not_written_over(tmp_path):
    write(tmp_path, (), (ONE,))
    with pytest.raises(SettingsError, match="changed meanwhile"):
        write(tmp_path, (), (TWO,))
    assert bare(decisions(tmp_path)) == [ONE]


def test_a_file_that_cannot_be_replaced_stays_whole(tmp_path, monkeypatch):
    write(tmp_path, (), (ONE,))
    text = (tmp_path / "decisions.toml").read_bytes()

    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SettingsError, match="No space left"):
        write(tmp_path, decisions(tmp_path), (TWO,))
    assert (tmp_path / "decisions.toml").read_bytes() == text
    assert [path.name for path in tmp_path.iterdir()] == ["decisions.toml"]


def test_its_mode_stays(tmp_path):
    write(tmp_path, (), (ONE,))
    file = tmp_path / "decisions.toml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o640)
    write(tmp_path, decisions(tmp_path), (TWO,))
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("remove", "kepp"), "decisions[1].decision"),
        (("remove", "keep"), "decisions[1].until: it is missing"),
        (("decided_by", "decided_bye"), "decided_bye"),
        (("F-1A2B3C4D", "F-1"), "no reference"),
        (("m365.inactive_users", "m365.inactive_user"), "Did you mean `m365.inactive_users`?"),
        (("2026-08-12", "2026-08-12T10:00:00"), "time of day"),
        (('"Mme Dubois"', '" "'), "it is empty"),
        (("[[decisions]]", "[[decision]]"), "unknown key"),
    ],
)
def test_mistakes_are_told_with_their_place(tmp_path, change, told):
    assert told in refused(tmp_path, TABLE.replace(*change))


def test_one_line_decided_twice_is_refused(tmp_path):
    assert "the same ref and sku as decisions[1]" in refused(tmp_path, TABLE + TABLE)


def test_only_what_is_kept_has_a_last_day(tmp_path):
    assert "only a" in refused(tmp_path, f"{TABLE}until = 2027-01-01\n")


def test_what_is_kept_becomes_an_exception_for_its_reason_and_weaker_ones():
    own = LicenseException(who="x@y", reason="r", until=date(2027, 1, 1))
    contract = Contract(client="c", m365=TenantTerms(exceptions=(own,)))
    made = with_decisions_in(contract, (replace(ONE, place="decisions.toml, decisions[1]"), TWO))
    assert made.decisions[1] == TWO
    first, second = made.m365.exceptions
    assert first == own
    assert (second.who, second.product, second.until) == ("ann@dubois.example", "SPB", date(2027, 8, 11))
    assert "m365.redundant_licenses" in second.rules
    assert "m365.disabled_users" not in second.rules
    assert second.reason == 'Congé "long" jusqu\'en mars \\ puis on verra (Mme Dubois, 2026-08-12)'
    assert second.place == "decisions.toml, decisions[1]"


def test_without_a_comment_the_reason_is_that_the_client_decided():
    made = with_decisions_in(Contract(client="c"), (replace(ONE, comment=""),))
    assert made.m365.exceptions[0].reason == "decided by the client (Mme Dubois, 2026-08-12)"


def test_twelve_months_and_no_more_than_waivers():
    assert default_end(date(2026, 8, 12)) == date(2027, 8, 11)
    assert default_end(date(2028, 2, 29)) == date(2029, 2, 27)
    far = replace(ONE, until=date(2031, 1, 1), place="decisions.toml, decisions[1]")
    (note,) = decision_notes((far, TWO), date(2026, 8, 12))
    assert "more than three years" in note
