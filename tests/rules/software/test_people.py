"""Whom a right is for where a machine does not tell: shared machines, session hosts, programs of one person alone.

Between what is certain and what is possible nothing is called in order, lacking or needless.
"""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from collectors.model import Application, FactKind, Gap, GapReason
from rules.rights import Channel, Metric
from rules.software.devices import device_of
from rules.software.position import Status
from tests.lab.holdings import (
    NOW,
    TODAY,
    device,
    install,
    line,
    machines,
    noted,
    office,
    position,
    profile,
    program,
    right,
    server,
    sql,
    unreached,
    windows_server,
)
from tests.lab.windows_snapshots import windows_host

LT = "autocad-lt/2025"
OFFICE = "office/standard/2021"
CAD = install("autocad-lt", version="2025")
STANDARD = office("Standard", "2021", channel=Channel.VOLUME)
THREE = tuple(profile(name) for name in ("jean", "luc", "paul"))
EIGHT = tuple(profile(name) for name in "abcdefgh")


def named(quantity, **changes):
    return right("AutoCAD LT", quantity, Metric.NAMED_USER, unit_price=Decimal(540), yearly=True, **changes)


def session_host(*installs, profiles=EIGHT, **changes):
    roles = ("remote-desktop-session-host",)
    return server("rds", windows_server(), *installs, roles=roles, profiles=profiles, **changes)


def rds(quantity, metric=Metric.USER_CAL):
    return right("CAL RDS 2022", quantity, metric, unit_price=Decimal(150))


def volume(quantity):
    return right("Office Standard 2021", quantity, channel=Channel.VOLUME)


@pytest.mark.parametrize(
    ("quantity", "status"),
    [(0, Status.UNDER), (1, Status.CHECK), (2, Status.CHECK), (3, Status.OK), (4, Status.EXCESS)],
)
def test_on_a_shared_machine_one_person_is_certain_and_everybody_possible(quantity, status):
    told = line(position([device("workshop", CAD, profiles=THREE)], [named(quantity)]), LT)
    assert told.status is status
    assert (told.cost, told.saving) == ((540 if quantity == 0 else None), (540 if quantity == 4 else None))
    assert ("people_shared" in noted(told)) == (quantity < 3)
    assert told.required == (1 if quantity == 0 else 3)


def test_who_left_and_the_accounts_of_the_provider_make_no_machine_a_shared_one():
    others = (profile("jean", 2), profile("leaver", 200), profile("adm-marie", 1), profile("Administrateur", 1))
    told = line(position([device("pc", CAD, profiles=others)], [named(1)]), LT)
    assert (told.status, told.users, told.required) == (Status.OK, ("jean",), 1)
    colleague = (profile("jean", 2), profile("luc", 60))
    assert line(position([device("pc", CAD, profiles=colleague)], [named(1)]), LT).status is Status.CHECK


def test_who_perhaps_uses_nothing_of_a_suite_gets_it_last():
    shared = tuple(profile(name) for name in ("bob", "carl", "dan"))
    revit = install("revit", version="2024")
    old = install("autocad", version="2024")
    pcs = [
        device("p1", install("autocad", version="2025"), profiles=(profile("zoe"),)),
        device("p2", old, revit, profiles=shared),
    ]
    suite = right("AEC Collection", 2, Metric.NAMED_USER, unit_price=Decimal(3000), yearly=True)
    assert line(position(pcs, [suite]), "autocad/2025").status is Status.OK


def test_people_of_several_shared_machines_count_once():
    two = [device("one", CAD, profiles=THREE), device("two", CAD, profiles=THREE)]
    enough, few = (line(position(two, [named(count)]), LT) for count in (3, 1))
    assert (enough.status, enough.required) == (Status.OK, 3)
    assert few.status is Status.CHECK  # one person may use both


def test_who_is_certain_elsewhere_is_no_further_person_of_a_shared_machine():
    pcs = [device("own", CAD, profiles=THREE[:1]), device("workshop", CAD, profiles=THREE)]
    told = line(position(pcs, [named(1)]), LT)
    assert (told.status, told.required, told.users) == (Status.CHECK, 3, ("jean",))
    short = line(position(pcs, [named(0)]), LT)
    assert (short.status, short.gap, short.at_least) == (Status.UNDER, -1, True)


OLD_CAD = install("autocad-lt", version="2024")
OLD_LT = "autocad-lt/2024"


def subscription(quantity):
    return named(quantity, channel=Channel.SUBSCRIPTION, end=TODAY + timedelta(days=90))


def statuses(pcs, quantity, **terms):
    found = position(pcs, [subscription(quantity)], **terms)
    return line(found, LT).status, line(found, OLD_LT).status


@pytest.mark.parametrize("people", [(), THREE[:2]])
def test_two_versions_on_machines_of_the_same_people_may_be_one_persons(people):
    pcs = [device("new", CAD, profiles=people), device("old", OLD_CAD, profiles=people)]
    assert Status.UNDER not in statuses(pcs, 1)
    assert Status.UNDER in statuses(pcs, 0)
    if people:
        told = line(position(pcs, [subscription(2)]), OLD_LT)
        assert ("people_once" in noted(told), told.entitlements) == (True, ("AutoCAD LT x2",))
    assert statuses(pcs, 2) == (Status.OK, Status.OK)
    assert statuses(pcs, 3) == (Status.EXCESS, Status.OK)


def test_who_may_use_a_newer_version_elsewhere_needs_one_right_for_both():
    pcs = [device("workshop", CAD, profiles=THREE[:2]), device("own", OLD_CAD, profiles=THREE[:1])]
    assert statuses(pcs, 2) == (Status.OK, Status.OK)
    one = position(pcs, [subscription(1)])
    assert [told.status for told in one.lines] == [Status.CHECK, Status.CHECK]
    assert "people_maybe_newer" in noted(line(one, OLD_LT))
    host = [session_host(CAD, profiles=THREE[:2]), device("own", OLD_CAD, profiles=THREE[:1])]
    assert statuses(host, 2, users=4) == (Status.OK, Status.OK)


def test_three_people_of_two_shared_machines_need_three_rights_whoever_uses_which_version():
    pcs = [device("one", CAD, profiles=THREE[:2]), device("two", OLD_CAD, profiles=THREE)]
    assert Status.CHECK in statuses(pcs, 2)
    assert statuses(pcs, 3) == (Status.OK, Status.OK)
    assert sorted(told.gap for told in position(pcs, [subscription(5)]).lines) == [0, 2]


def test_two_people_of_an_older_version_are_two_whoever_uses_the_newer_one():
    pcs = [
        device("workshop", CAD, profiles=THREE[:2]),
        *(device(who.name, OLD_CAD, profiles=(who,)) for who in THREE[:2]),
    ]
    assert Status.UNDER in statuses(pcs, 1)
    assert statuses(pcs, 2) == (Status.OK, Status.OK)


def test_a_right_that_runs_one_version_alone_settles_no_other():
    pcs = [device("workshop", CAD, profiles=THREE[:2]), device("own", OLD_CAD, profiles=THREE[:1])]
    bought = named(2, version="2025", channel=Channel.RETAIL)
    assert line(position(pcs, [bought]), OLD_LT).status is Status.CHECK
    unsure = line(position(pcs, [named(2, version="2025")]), OLD_LT)
    assert (unsure.status, "downgrade_unsure" in noted(unsure)) == (Status.CHECK, True)


def test_what_lacks_where_all_units_are_used_elsewhere_is_not_without_any_right():
    pcs = [device("new", CAD, profiles=THREE[:1]), device("old", OLD_CAD, profiles=THREE[1:2])]
    told = line(position(pcs, [named(1, id="A", channel=Channel.SUBSCRIPTION)]), OLD_LT)
    assert (told.status, told.gap, told.entitlements) == (Status.UNDER, -1, ("A",))
    assert "used_up" in noted(told)


def test_somebody_of_a_shared_machine_is_one_more_than_who_is_certain_elsewhere():
    pcs = [device("own", CAD, profiles=THREE[:1]), device("workshop", CAD, profiles=THREE[1:])]
    told = line(position(pcs, [named(1)]), LT)
    assert (told.status, told.required, told.gap, told.at_least) == (Status.UNDER, 2, -1, True)
    assert line(position(pcs, [named(2)]), LT).status is Status.CHECK


def test_a_declared_primary_user_settles_a_shared_machine():
    pc = device("workshop", CAD, profiles=THREE)
    told = line(position([pc], [named(1)], primary_users={"workshop": "jean@example.com"}), LT)
    assert (told.status, told.required) == (Status.OK, 1)


def test_the_people_of_an_older_version_who_may_have_the_newer_one_are_not_short_for_sure():
    newer, older = device("new", CAD, profiles=THREE[:1]), device("old", install("autocad-lt", version="2024"))
    told = line(position([newer, older], [named(1)]), "autocad-lt/2024")
    assert (told.status, told.cost) == (Status.CHECK, None)
    assert "user_unknown" in noted(told)


@pytest.mark.parametrize(
    ("quantity", "users", "status"),
    [
        (1, None, Status.CHECK),
        (8, None, Status.OK),
        (12, None, Status.OK),  # somebody without a profile there may connect: no surplus is proved
        (12, 20, Status.OK),
        (20, 20, Status.OK),
        (22, 20, Status.EXCESS),  # beyond everybody
    ],
)
def test_named_users_of_a_session_host_are_at_most_those_who_may_connect(quantity, users, status):
    told = line(position([session_host(CAD)], [named(quantity)], users=users), LT)
    assert told.status is status
    assert told.saving == (2 * 540 if status is Status.EXCESS else None)
    assert ("session_people" in noted(told)) == (quantity == 12)


def test_a_session_host_without_profiles_leaves_its_people_open():
    bare = session_host(CAD, profiles=())
    unknown = line(position([bare], [named(5)]), LT)
    few, enough = (line(position([bare], [named(count)], users=6), LT) for count in (5, 6))
    assert [one.status for one in (unknown, few, enough)] == [Status.CHECK, Status.CHECK, Status.OK]
    assert "session_untold" in noted(unknown)
    assert "session_untold" in noted(few)


def test_one_session_host_may_hold_several_users_at_one_time():
    few, enough = (
        line(position([session_host(CAD)], [right("AutoCAD LT", count, Metric.CONCURRENT)]), LT) for count in (1, 8)
    )
    assert (few.status, enough.status) == (Status.CHECK, Status.OK)


def test_office_on_a_session_host_takes_a_right_for_every_device_that_connects():
    host = session_host(STANDARD)
    open_, few, enough, many = (
        line(position([host], [volume(count)], devices=declared), OFFICE)
        for count, declared in ((1, None), (1, 6), (6, 6), (7, 6))
    )
    assert [one.status for one in (open_, few, enough, many)] == [
        Status.CHECK,
        Status.CHECK,
        Status.OK,
        Status.EXCESS,
    ]
    assert "session_devices" in noted(open_)
    assert "session_devices_declared" in noted(few)
    assert line(position([host], [volume(0)]), OFFICE).status is Status.UNDER


def test_the_devices_that_have_office_themselves_may_be_those_that_connect():
    estate = [session_host(STANDARD), *machines(3, STANDARD)]
    told, open_ = (line(position(estate, [volume(3)], devices=declared), OFFICE) for declared in (3, None))
    assert (told.status, told.required, told.gap) == (Status.OK, 3, 0)
    assert (open_.status, open_.cost) == (Status.CHECK, None)
    assert line(position(estate, [volume(2)], devices=3), OFFICE).gap == -1


def test_other_programs_of_a_session_host_are_counted_by_machine():
    told = line(position([session_host(install("winrar"))], [right("WinRAR", 1)]), "winrar")
    assert told.status is Status.OK


@pytest.mark.parametrize("metric", [Metric.USER_CAL, Metric.DEVICE_CAL])
@pytest.mark.parametrize(
    ("quantity", "status"), [(0, Status.CHECK), (8, Status.CHECK), (20, Status.OK), (21, Status.EXCESS)]
)
def test_who_connects_to_a_session_host_is_not_declared_so_few_licenses_are_a_question(metric, quantity, status):
    told = line(position([session_host()], [rds(quantity, metric)], users=20, devices=20), "rds-cal")
    assert (told.status, told.required, told.cost) == (status, 20, None)
    unknown = {"rds_users_unknown", "rds_devices_unknown"} & set(noted(told))
    assert bool(unknown) == (status is Status.CHECK)


def test_a_session_host_without_any_access_license_is_a_question():
    told = line(position([session_host()], [], users=20), "rds-cal")
    assert told.status is Status.CHECK
    assert {"cal_none_uncounted", "rds_users_unknown"} <= set(noted(told))


@pytest.mark.parametrize(
    ("product", "key"),
    [
        ("CAL RDS 2022", "rds-cal"),
        ("CAL Exchange 2019", "exchange-server-cal"),
        ("CAL SQL Server 2022", "sql-server-cal"),
        ("CAL Windows Server 2022", "windows-server-cal"),
    ],
)
@pytest.mark.parametrize("quantity", [8, 20, 40])
def test_access_licenses_without_a_server_that_asks_for_them_are_neither_short_nor_in_order(product, key, quantity):
    bought = right(product, quantity, Metric.USER_CAL, unit_price=Decimal(150))
    summary = position(machines(2), [bought], users=20)
    told = line(summary, key)
    assert (told.status, told.cost, told.saving) == (Status.CHECK, None, None)
    assert "cal_no_server" in noted(told)
    assert "cal_servers" not in noted(told)
    for unread in (unreached("x"), device("srv", server=True, unread=frozenset({FactKind.ROLES}))):
        open_ = line(position([*machines(2), unread], [bought], users=20), key)
        assert (open_.status, open_.required, open_.gap) == (Status.UNKNOWN, None, None)
        assert "cal_server_unseen" in noted(open_)


def test_access_licenses_of_sql_server_tell_that_it_is_counted_by_server():
    told = line(
        position([server("sql", sql())], [right("CAL SQL Server 2022", 5, Metric.USER_CAL)], users=5), "sql-server-cal"
    )
    assert (told.status, told.devices) == (Status.OK, ("sql",))


def test_case_60_a_need_of_both_kinds_is_no_number():
    both = [
        right("CAL Windows Server 2022", 30, Metric.DEVICE_CAL),
        right("CAL Windows Server 2022 utilisateur", 10, Metric.USER_CAL),
    ]
    estate = [server("srv", windows_server())]
    known = line(position(estate, both, users=35, devices=28), "windows-server-cal")
    open_ = line(position(estate, both, devices=28), "windows-server-cal")
    assert (known.status, known.required, known.gap) == (Status.CHECK, None, None)
    assert (open_.status, open_.required, open_.gap) == (Status.UNKNOWN, None, None)
    assert {"cal_both", "cal_both_need"} <= set(noted(known))
    assert "cal_both_uncounted" in noted(open_)


def with_balsamiq(*owners, missing=()):
    """A machine on which these people each have a program alone; "" has it for all. Of `missing` nothing is seen."""
    rows = [
        Application(
            name="Balsamiq Wireframes 4.7",
            version="4.7",
            scope="user" if owner else "machine",
            publisher="Balsamiq Studios LLC",
            user=profile(owner).sid if owner else "",
        )
        for owner in owners
    ]
    gaps = [
        Gap(kind=FactKind.USER_APPLICATIONS, collector="x", reason=GapReason.MISSING, detail=name) for name in missing
    ]
    people = tuple(profile(name) for name in sorted({*owners, *missing} - {""}))
    seen = windows_host("pc", profiles=people, gaps=tuple(gaps), taken_at=NOW)
    return device_of(replace(seen, applications=tuple(rows)))


def balsamiq(quantity, metric=Metric.USER):
    ends = TODAY + timedelta(days=30)
    return right("Balsamiq*", quantity, metric, unit_price=Decimal(90), yearly=True, end=ends)


@pytest.mark.parametrize("metric", [Metric.USER, Metric.DEVICE])
def test_a_program_no_table_knows_that_somebody_has_alone_proves_no_surplus(metric):
    told = line(position([with_balsamiq("alice", missing=("bob",))], [balsamiq(2, metric)]), "program:balsamiq*")
    assert (told.status, told.saving) == (Status.OK, None)
    assert "behind_users" in noted(told)
    whole = line(position([with_balsamiq("alice")], [balsamiq(2, metric)]), "program:balsamiq*")
    assert (whole.status, whole.saving) == (Status.EXCESS, Decimal(90))


def test_people_who_each_have_a_program_alone_are_all_counted():
    few = line(position([with_balsamiq("alice", "bob")], [balsamiq(1)]), "program:balsamiq*")
    assert (few.status, few.required, few.users) == (Status.UNDER, 2, ("alice", "bob"))


def test_a_program_that_is_also_there_for_everybody_is_nobodys_alone():
    pc = with_balsamiq("alice", "", missing=("bob",))
    assert pc.personal == ()
    told = line(position([pc], [balsamiq(1)]), "program:balsamiq*")
    assert (told.status, told.required) == (Status.CHECK, 2)


def test_a_pattern_that_fits_several_programs_of_a_machine_counts_the_people_of_all():
    one, other = program("Kompas Paie"), program("Kompas Compta")
    pc = device("pc", unrecognized=(one, other), personal=((one, ("ann",)), (other, ("bob",))))
    for_all = replace(pc, personal=((one, ("ann",)),), profiles=THREE)
    bought = [right("Kompas*", 2, Metric.USER)]
    assert line(position([pc], bought), "program:kompas*").users == ("ann", "bob")
    assert line(position([for_all], bought), "program:kompas*").status is Status.CHECK
