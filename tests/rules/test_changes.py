"""Comparing two runs: fixed only where it was looked for again; a deadline is kept only where nobody can doubt it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.changes import Comparison, Deadline, Look, Sighting, Subject, compared, fingerprint
from rules.messages import Message
from rules.model import Finding, Outcome, PatchState

JULY, AUGUST, SEPTEMBER = date(2026, 7, 1), date(2026, 8, 1), date(2026, 9, 1)
WEB = Subject(name="web", reached=True, identity="id-web")
SRV = Subject(name="srv", reached=True, identity="id-srv")


def sight(key: str = "sudo", outcome: Outcome = Outcome.FAIL, **changes: object) -> Sighting:
    values: dict[str, object] = {"rule": "patch.missing", "subject": "web", "key": key, "outcome": outcome} | changes
    name = fingerprint(str(values["rule"]), str(values["subject"]), str(values["key"]))
    return Sighting(fingerprint=name, **values)  # type: ignore[arg-type]


def passed(subject: str = "web", rule: str = "patch.missing", key: str = "") -> Sighting:
    return sight(key, Outcome.PASS, subject=subject, rule=rule)


def look(
    on: date, *sightings: Sighting, subjects: Sequence[Subject] = (WEB,), carried: Sequence[Sighting] = ()
) -> Look:
    return Look(on=on, subjects=tuple(subjects), sightings=sightings, carried=tuple(carried))


def never(_: Sighting) -> None:
    return None


def compare(before: Look | None, now: Look) -> Comparison:
    return compared(before, now, never)


def after(comparison: Comparison, now: Look) -> Look:
    """A run as the next one gets it: with the days it found, and what it carries."""
    return replace(
        now,
        sightings=tuple(replace(one, first_on=comparison.first_on.get(one.fingerprint)) for one in now.sightings),
        carried=(*comparison.unseen, *comparison.kept),
    )


def keys(sightings: Sequence[Sighting]) -> list[str]:
    return [one.key for one in sightings]


def test_a_fingerprint_is_the_one_findings_have() -> None:
    finding = Finding(rule="a", subject="b", key="c", outcome=Outcome.FAIL, message=Message(text="x"))
    assert fingerprint("a", "b", "c") == finding.fingerprint


def test_a_first_run_has_nothing_new_and_finds_everything_today() -> None:
    found = compare(None, look(JULY, sight(), sight("", Outcome.UNKNOWN), passed("srv")))
    assert (found.new, found.fixed, found.unseen, found.still_open) == ((), (), (), 0)
    assert set(found.first_on.values()) == {JULY}
    assert len(found.first_on) == 2


def test_what_is_still_there_is_still_open_since_it_was_first_found() -> None:
    before = look(JULY, sight(first_on=date(2026, 5, 1)))
    found = compare(before, look(AUGUST, sight()))
    assert (found.still_open, found.new, found.fixed) == (1, (), ())
    assert found.first_on == {sight().fingerprint: date(2026, 5, 1)}


def test_new_and_fixed() -> None:
    found = compare(look(JULY, sight("sudo")), look(AUGUST, sight("openssl")))
    assert keys(found.new) == ["openssl"]
    assert keys([gone.sighting for gone in found.fixed]) == ["sudo"]
    assert found.first_on[sight("openssl").fingerprint] == AUGUST


def test_a_finding_on_a_machine_that_was_not_reached_is_not_re_audited() -> None:
    unreached = replace(WEB, reached=False)
    now = look(AUGUST, sight("", Outcome.UNKNOWN), subjects=(unreached,))
    found = compare(look(JULY, sight()), now)
    assert (keys(found.unseen), found.fixed) == (["sudo"], ())


def test_a_machine_that_is_no_part_of_a_run_is_not_re_audited() -> None:
    """An ad hoc run over some machines, or one that was stopped, says nothing about the others."""
    before = look(JULY, sight(), sight(subject="srv"), subjects=(WEB, SRV))
    found = compare(before, look(AUGUST, passed("srv"), subjects=(SRV,)))
    assert [one.subject for one in found.unseen] == ["web"]
    assert [gone.sighting.subject for gone in found.fixed] == ["srv"]


def test_what_was_not_looked_at_is_compared_when_it_is_seen_again() -> None:
    """Open in July, not reached in August: in September it is still open since July, or fixed; never new."""
    july = look(JULY, sight("sudo", first_on=JULY), sight("bash", first_on=JULY))
    august = look(AUGUST, sight("", Outcome.UNKNOWN), subjects=(replace(WEB, reached=False),))
    between = after(compare(july, august), august)
    found = compare(between, look(SEPTEMBER, sight("sudo")))
    assert (found.still_open, keys([gone.sighting for gone in found.fixed]), found.new) == (1, ["bash"], ())
    assert found.first_on[sight("sudo").fingerprint] == JULY


def test_partial_runs_in_a_row_forget_nothing_about_the_others() -> None:
    whole = look(JULY, sight("sudo", first_on=JULY), sight("x", subject="srv"), subjects=(WEB, SRV))
    part = look(AUGUST, passed("srv"), subjects=(SRV,))
    first = compare(whole, part)
    again = look(AUGUST + timedelta(days=1), passed("srv"), subjects=(SRV,))
    second = compare(after(first, part), again)
    assert (keys(first.unseen), keys(second.unseen), keys(second.kept)) == (["sudo"], [], ["sudo"])
    last = compare(after(second, again), look(SEPTEMBER, sight("sudo"), passed("srv"), subjects=(WEB, SRV)))
    assert (last.still_open, last.new) == (1, ())


def test_what_nobody_asked_about_for_over_a_year_is_forgotten() -> None:
    old = sight(last_on=JULY - timedelta(days=401))
    found = compare(
        look(JULY - timedelta(days=1), passed("srv"), carried=[old]), look(JULY, passed("srv"), subjects=(SRV,))
    )
    assert (found.unseen, found.kept, found.fixed) == ((), (), ())


@pytest.mark.parametrize(
    ("doubt", "hidden"),
    [
        (sight("", Outcome.UNKNOWN), True),
        (sight("incomplete", Outcome.UNKNOWN), True),
        (sight("sudo", Outcome.UNKNOWN), True),
        (sight("undecided:other", Outcome.UNKNOWN, doubts=frozenset({"sudo"})), True),
        (sight("undecided:other", Outcome.UNKNOWN, doubts=frozenset({"bash"})), False),
        (sight("undecided:other", Outcome.UNKNOWN), True),
        (sight("unread:office", Outcome.UNKNOWN), True),
        (sight("mitigated:sudo", Outcome.NOT_APPLICABLE, state=PatchState.MITIGATED), True),
        (sight("mitigated:linux", Outcome.NOT_APPLICABLE, state=PatchState.MITIGATED), False),
        (sight("", Outcome.NOT_APPLICABLE, state=PatchState.OUT_OF_SUPPORT), True),
        (sight("", Outcome.NOT_APPLICABLE), False),
        (sight("other", Outcome.UNKNOWN, rule="host.reboot_pending"), None),
    ],
    ids=lambda value: value.key or value.outcome.value if isinstance(value, Sighting) else "",
)
def test_a_finding_is_fixed_only_when_its_rule_answered_about_it(doubt: Sighting, hidden: bool | None) -> None:
    """Behind a blind spot of its rule it is neither open nor fixed; `None`: its rule said nothing at all."""
    found = compare(look(JULY, sight()), look(AUGUST, doubt))
    assert keys(found.unseen) == (["sudo"] if hidden or hidden is None else [])
    assert len(found.fixed) == (0 if hidden or hidden is None else 1)


def test_windows_itself_is_judged_although_products_beside_it_were_not_read() -> None:
    before = look(JULY, sight("Windows 11 24H2"), sight("Microsoft 365 Apps"))
    found = compare(before, look(AUGUST, sight("unread:office", Outcome.UNKNOWN), sight("", Outcome.PASS)))
    assert keys([gone.sighting for gone in found.fixed]) == ["Windows 11 24H2"]
    assert keys(found.unseen) == ["Microsoft 365 Apps"]


def test_what_only_the_way_of_looking_hides_is_told_once() -> None:
    """Somebody is signed out on nearly every machine: a finding behind that would be carried for ever."""
    limit = sight("", Outcome.UNKNOWN, limited=True)
    before = look(JULY, sight())
    first = compare(before, look(AUGUST, limit))
    second = compare(after(first, look(AUGUST, limit)), look(SEPTEMBER, limit))
    assert (keys(first.unseen), first.fixed) == (["sudo"], ())
    assert (second.unseen, second.kept, second.fixed) == ((), (), ())


def test_a_finding_about_the_whole_estate_is_fixed_only_when_all_of_it_answered() -> None:
    about_all = sight("teamviewer", rule="software.unwanted", subject="")
    answer = sight("", Outcome.PASS, rule="software.unwanted", subject="")
    before = look(JULY, about_all, subjects=(WEB, SRV))
    assert len(compare(before, look(AUGUST, answer, subjects=(WEB, SRV))).fixed) == 1
    without = compare(before, look(AUGUST, answer, subjects=(WEB, replace(SRV, reached=False))))
    assert (len(without.unseen), without.fixed) == (1, ())
    partial = compare(before, look(AUGUST, answer, subjects=(WEB,)))
    assert (len(partial.unseen), partial.fixed) == (1, ())


def test_what_was_fixed_and_is_back_is_reopened_since_its_first_day() -> None:
    before = sight(rule="updates.blocked", key="", first_on=JULY)
    now = look(SEPTEMBER, sight(rule="updates.blocked", key=""))
    found = compared(look(AUGUST, passed()), now, lambda _: before)
    assert (len(found.reopened), found.new) == (1, ())
    assert found.first_on == {before.fingerprint: JULY}


def test_a_later_fix_of_the_same_package_is_new_and_not_reopened() -> None:
    """The fingerprint names a package: last year's hole is closed, this is another one."""
    past = sight(released_on=date(2026, 3, 1), first_on=date(2026, 3, 5))
    now = look(SEPTEMBER, sight(released_on=date(2026, 8, 20)))
    found = compared(look(AUGUST, passed()), now, lambda _: past)
    assert (keys(found.new), found.reopened) == (["sudo"], ())
    assert found.first_on == {past.fingerprint: SEPTEMBER}


def test_g4_a_package_updated_once_and_late_again_is_one_fixed_and_one_new() -> None:
    """Installed on time in July, and the fix of August is missing now: the promise of July was kept."""
    old = sight(released_on=date(2026, 6, 25), due_on=date(2026, 8, 2), installed="1.0", first_on=JULY)
    new = sight(released_on=date(2026, 7, 25), due_on=date(2026, 8, 8), installed="1.1")
    found = compare(look(JULY, old), look(AUGUST, new))
    assert (len(found.new), len(found.fixed), found.still_open) == (1, 1, 0)
    assert found.fixed[0].deadline is Deadline.KEPT
    assert found.first_on[new.fingerprint] == AUGUST


def test_a_release_date_that_was_corrected_is_no_new_fix() -> None:
    """The clock moved, and the installed version did not: nothing was installed (G4, G5)."""
    old = sight(released_on=date(2026, 6, 25), installed="1.0", first_on=JULY)
    found = compare(look(JULY, old), look(AUGUST, replace(old, released_on=date(2026, 6, 28), first_on=None)))
    assert (found.still_open, found.new, found.fixed) == (1, (), ())


@pytest.mark.parametrize(
    ("due_on", "deadline"),
    [
        (date(2026, 6, 30), Deadline.MISSED),  # it was seen missing after its last day
        (JULY, Deadline.UNTOLD),  # still in time when it was last seen
        (date(2026, 7, 31), Deadline.UNTOLD),
        (AUGUST, Deadline.KEPT),  # on its last day it was seen installed
        (date(2026, 8, 2), Deadline.KEPT),
    ],
)
def test_a_deadline_is_kept_missed_or_untold(due_on: date, deadline: Deadline) -> None:
    before = look(JULY, sight(released_on=date(2026, 6, 20), due_on=due_on))
    (gone,) = compare(before, look(AUGUST, passed())).fixed
    assert gone.deadline is deadline


def test_the_newest_installation_tells_that_a_deadline_between_two_audits_was_kept() -> None:
    before = look(JULY, sight(released_on=date(2026, 6, 20), due_on=date(2026, 7, 20)))
    for installed_on, expected in (
        (date(2026, 7, 20), Deadline.KEPT),
        (date(2026, 7, 21), Deadline.UNTOLD),  # something was installed later: perhaps this
        (date(2026, 6, 30), Deadline.UNTOLD),  # older than the day it was still missing: no trace of it
    ):
        now = look(AUGUST, passed(), subjects=(replace(WEB, installed_on=installed_on),))
        assert compare(before, now).fixed[0].deadline is expected


def test_g4_without_the_vendors_date_no_deadline_is_counted() -> None:
    before = look(JULY, sight(due_on=date(2026, 6, 1)), sight("", rule="updates.blocked", due_on=date(2026, 6, 1)))
    now = look(AUGUST, passed(), passed(rule="updates.blocked"))
    assert [gone.deadline for gone in compare(before, now).fixed] == [Deadline.NONE, Deadline.NONE]


def test_the_sum_of_late_fixes_is_no_deadline_of_its_own() -> None:
    late = sight("", rule="patch.overdue", released_on=date(2026, 5, 1), due_on=date(2026, 5, 15))
    found = compare(look(JULY, late), look(AUGUST, passed(rule="patch.overdue")))
    assert [gone.deadline for gone in found.fixed] == [Deadline.NONE]


def test_w4_a_fix_that_waits_for_a_reboot_has_kept_nothing_yet() -> None:
    before = look(JULY, sight("linux", released_on=date(2026, 6, 20), due_on=date(2026, 8, 20)))
    pending = sight("", rule="host.reboot_pending", doubts=frozenset({"linux"}), released_on=date(2026, 6, 20))
    (gone,) = compare(before, look(AUGUST, passed(), pending)).fixed
    assert gone.deadline is Deadline.NONE
    late = look(JULY, sight("linux", released_on=date(2026, 5, 20), due_on=date(2026, 6, 20)))
    (missed,) = compare(late, look(AUGUST, passed(), pending)).fixed
    assert missed.deadline is Deadline.MISSED


def test_a_clock_that_was_set_back_tells_no_deadline() -> None:
    before = look(AUGUST, sight(released_on=date(2026, 6, 20), due_on=date(2026, 8, 10)))
    (gone,) = compare(before, look(JULY, passed())).fixed
    assert gone.deadline is Deadline.UNTOLD


def test_a_machine_with_a_new_name_keeps_its_findings() -> None:
    before = look(JULY, sight("sudo", first_on=date(2026, 3, 1)), sight("bash"))
    renamed = Subject(name="boutique", reached=True, identity="id-web")
    found = compare(before, look(AUGUST, sight("sudo", subject="boutique"), subjects=(renamed,)))
    assert (found.still_open, found.new) == (1, ())
    assert [(gone.sighting.subject, gone.sighting.key) for gone in found.fixed] == [("boutique", "bash")]
    assert found.first_on == {sight("sudo", subject="boutique").fingerprint: date(2026, 3, 1)}


def test_two_machines_of_one_identity_are_nobodys_new_name() -> None:
    """Cloned machines share an id: which of them the old name was, nobody knows."""
    twins = (replace(WEB, name="a"), replace(WEB, name="b"))
    found = compare(look(JULY, sight()), look(AUGUST, passed("a"), passed("b"), subjects=twins))
    assert (keys(found.unseen), found.fixed) == (["sudo"], ())


def test_an_unknown_stands_since_the_first_run_that_could_not_tell() -> None:
    doubt = sight("", Outcome.UNKNOWN)
    before = look(JULY, replace(doubt, first_on=date(2026, 6, 1)))
    assert compare(before, look(AUGUST, doubt)).first_on == {doubt.fingerprint: date(2026, 6, 1)}
    assert compare(look(JULY, passed()), look(AUGUST, doubt)).first_on == {doubt.fingerprint: AUGUST}


_names = st.sampled_from(["web", "srv"])
_found = st.lists(
    st.tuples(_names, st.sampled_from(["a", "b", ""]), st.sampled_from(list(Outcome))),
    max_size=8,
    unique_by=lambda one: one[:2],
)


@given(_found, _found, st.booleans(), st.booleans())
def test_nothing_that_was_open_is_lost_or_counted_twice(
    then: list[tuple[str, str, Outcome]], today: list[tuple[str, str, Outcome]], web: bool, srv: bool
) -> None:
    """Every finding that was open is still open, fixed or not re-audited; every one of today is new or still open."""
    subjects = (replace(WEB, reached=web), replace(SRV, reached=srv))
    before = look(JULY, *(sight(key, outcome, subject=name) for name, key, outcome in then), subjects=(WEB, SRV))
    now = look(AUGUST, *(sight(key, outcome, subject=name) for name, key, outcome in today), subjects=subjects)
    found = compare(before, now)
    was_open = {one.fingerprint for one in before.sightings if one.outcome is Outcome.FAIL}
    is_open = {one.fingerprint for one in now.sightings if one.outcome is Outcome.FAIL}
    gone = [one.sighting.fingerprint for one in found.fixed] + [one.fingerprint for one in found.unseen]
    assert sorted(gone) == sorted(was_open - is_open)
    assert len(found.new) + found.still_open == len(is_open)
    reached = {subject.name for subject in subjects if subject.reached}
    assert all(one.sighting.subject in reached for one in found.fixed)


@pytest.mark.parametrize("rule", ["waiver.ending", "waiver.orphaned"])
def test_a_waiver_nobody_needs_to_speak_of_any_more_is_settled(rule: str) -> None:
    """Rules about waivers give no answer when there is nothing to say: that was told as not re-audited for a year."""
    told = sight("W1", rule=rule, subject="")
    found = compare(look(JULY, told, passed()), look(AUGUST, passed()))
    assert (keys([gone.sighting for gone in found.fixed]), found.unseen) == (["W1"], ())
    away = compare(look(JULY, told, passed()), look(AUGUST, subjects=(replace(WEB, reached=False),)))
    assert (away.fixed, keys(away.unseen)) == ((), ["W1"])


def test_what_the_client_decided_to_keep_is_not_fixed_and_counts_again_when_that_ends() -> None:
    def person(outcome: Outcome = Outcome.FAIL) -> Sighting:
        return sight("ann", outcome, rule="m365.inactive_users", subject="srv")

    accepted = look(AUGUST, person(Outcome.NOT_APPLICABLE), subjects=(SRV,))
    found = compare(look(JULY, person(), subjects=(SRV,)), accepted)
    assert (found.fixed, found.unseen, keys(found.kept)) == ((), (), ["ann"])
    ended = compare(after(found, accepted), look(SEPTEMBER, person(), subjects=(SRV,)))
    assert (ended.still_open, ended.new, ended.reopened) == (1, (), ())
    settled = compare(after(found, accepted), look(SEPTEMBER, passed("srv", "m365.inactive_users"), subjects=(SRV,)))
    assert keys([gone.sighting for gone in settled.fixed]) == ["ann"]
