"""waivers.toml: what is accepted names a rule that exists, a reason, who approved it and its last day (issue 5)."""

from datetime import date
from pathlib import Path

import pytest

from auditor.errors import SettingsError
from auditor.waivers import known_rules, waiver_notes, waivers
from rules.waivers import Waiver

ONE = """
[[waivers]]
rule = "host.reboot_pending"
subject = "srv-*"
key = "kernel"
reason = "inventory"
approved_by = "M. Martin"
until = 2027-03-31
"""


def read(folder: Path, text: str) -> tuple[Waiver, ...]:
    (folder / "waivers.toml").write_text(text, "utf-8")
    return waivers(folder)


def refused(folder: Path, text: str) -> str:
    with pytest.raises(SettingsError) as caught:
        read(folder, text)
    assert caught.value.subject == str(folder / "waivers.toml")
    return str(caught.value)


def test_without_a_file_nothing_is_waived(tmp_path):
    assert waivers(tmp_path) == ()
    assert read(tmp_path, "format = 1\n") == ()


def test_every_field_of_a_waiver(tmp_path):
    (waiver,) = read(tmp_path, ONE + 'id = "W1"\n')
    assert waiver == Waiver(
        id="W1",
        rule="host.reboot_pending",
        subject="srv-*",
        key="kernel",
        reason="inventory",
        approved_by="M. Martin",
        until=date(2027, 3, 31),
        place="waivers.toml, waivers[1]",
    )


def test_a_waiver_without_subject_and_key_is_for_all_of_its_rule_and_gets_a_stable_id(tmp_path):
    short = ONE.replace('subject = "srv-*"\n', "").replace('key = "kernel"\n', "")
    (waiver,) = read(tmp_path, short)
    assert (waiver.subject, waiver.key) == ("*", "*")
    (later,) = read(tmp_path, short.replace("2027", "2028").replace("inventory", "still"))
    assert waiver.id == later.id
    assert waiver.id.startswith("W-")


def test_rules_of_every_kind_are_known(tmp_path):
    assert {"host.reboot_pending", "m365.seat_limit", "software.under_licensed"} <= set(known_rules())
    for rule in ("software.under_licensed", "m365.*", "patch.*"):
        assert read(tmp_path, ONE.replace("host.reboot_pending", rule))[0].rule == rule


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("host.reboot_pending", "host.reboot_pendin", ("waivers[1].rule", "Did you mean `host.reboot_pending`?")),
        ("host.reboot_pending", "hots.*", ("waivers[1].rule: no rule is named 'hots.*'",)),
        ("until = 2027-03-31", "", ("waivers[1]: `until` is missing",)),
        ("2027-03-31", '"soon"', ("waivers[1].until: expected a date",)),
        ("2027-03-31", "2027-03-31T10:00:00", ("waivers[1].until: expected a date",)),
        ('reason = "inventory"', "", ("`reason` is missing",)),
        ('"inventory"', '"  "', ("waivers[1].reason: it is empty",)),
        ('"M. Martin"', '""', ("waivers[1].approved_by: expected a text in quotes, and not an empty one",)),
        ("reason =", "raison =", ("waivers[1].raison: unknown key. Did you mean `reason`?",)),
        ("[[waivers]]", "[waivers]", ("waivers: expected tables [[waivers]]",)),
        ("[[waivers]]", "[[waiver]]", ("waiver: unknown key. Did you mean `waivers`?",)),
        ("[[waivers]]", "format = 2\n[[waivers]]", ("this auditor reads format 1",)),
        ("until", 'id = "two words"\nuntil', ("waivers[1].id: 'two words' is no id",)),
    ],
)
def test_every_error_names_key_and_problem(tmp_path, old, new, parts):
    told = refused(tmp_path, ONE.replace(old, new))
    for part in parts:
        assert part in told


def test_a_waiver_for_everything_is_refused(tmp_path):
    everything = ONE.replace("host.reboot_pending", "*").replace("srv-*", "*").replace("kernel", "*")
    assert "it would waive every finding there is" in refused(tmp_path, everything)
    assert read(tmp_path, everything.replace('subject = "*"', 'subject = "srv-old"'))


def test_the_same_waiver_twice_is_refused(tmp_path):
    assert "waivers[2]: the same rule, subject and key as waivers[1]" in refused(tmp_path, ONE + ONE)
    assert "the same id" in refused(tmp_path, ONE + 'id = "A"\n' + ONE.replace("srv-*", "b") + 'id = "a"\n')
    assert len(read(tmp_path, ONE + ONE.replace("srv-*", "nas-*"))) == 2


def test_a_waiver_for_more_than_three_years_is_told(tmp_path):
    found = read(tmp_path, ONE)
    assert waiver_notes(found, date(2024, 3, 31)) == ()
    (note,) = waiver_notes(found, date(2024, 3, 29))
    assert note.startswith("waivers.toml, waivers[1]: accepted until 2027-03-31, more than three years")
