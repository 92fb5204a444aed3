"""Office that users' licenses cover, matched with the machines where it runs."""

from datetime import timedelta

from collectors.cloud.facts import Activations, ManagedDevice, Report, TenantFact
from collectors.feeds.records import FeedRecords
from rules.knowledge import Knowledge
from rules.rights import Channel, Metric
from rules.software.position import Status
from rules.software.tenant_rights import CloudRight, rights_of
from tests.lab.holdings import (
    TODAY,
    apps,
    device,
    install,
    line,
    machines,
    noted,
    person,
    position,
    profile,
    right,
    tenant,
)
from tests.lab.tenants import held, sku, user
from tests.lab.tenants import tenant as cloud

APPS = "microsoft-365-apps/business"
OFFICE, SHARED = CloudRight.OFFICE, CloudRight.SHARED


def told_of(devices, *users, rights=(), **changes):
    terms = {name: changes.pop(name) for name in ("primary_users",) if name in changes}
    return line(position(devices, rights, tenants=[tenant(*users, **changes)], **terms), APPS)


def test_intune_names_the_user_of_a_machine():
    told = told_of([device("pc01", apps())], person("ann", OFFICE), managed={"PC01": "Ann@example.com"})
    assert (told.status, told.not_subject, told.required, told.gap) == (Status.OK, 1, 0, 0)
    assert told.users == ("ann@example.com",)


def test_the_client_may_name_the_user_of_a_machine():
    told = told_of(
        [device("pc01", apps())], person("ann", OFFICE), primary_users={"pc01.contoso.local": "ann@example.com"}
    )
    assert told.status is Status.OK


def test_profiles_resemble_names_in_the_usual_ways():
    jean = person("jean.dupont", OFFICE, name="Jean Dupont")
    for folder in ("jean.dupont", "jdupont", "JeanDupont", "dupontj", "jean.dupont.CONTOSO"):
        told = told_of([device("pc01", apps(), profiles=(profile(folder),))], jean)
        assert told.status is Status.OK, folder


def test_a_profile_two_people_might_bear_names_nobody():
    users = (person("jean.dupont", OFFICE), person("jules.dupont", OFFICE))
    told = told_of([device("pc01", apps(), profiles=(profile("jdupont"),))], *users)
    assert told.status is Status.CHECK


def test_one_license_covers_several_machines_of_its_user():
    pcs = machines(3, apps(), profiles=(profile("ann"),))
    assert told_of(pcs, person("ann", OFFICE)).status is Status.OK


def test_an_unknown_user_is_a_question_and_never_a_deficit():
    told = told_of(machines(2, apps()), person("ann", OFFICE))
    assert (told.status, told.required) == (Status.CHECK, 2)
    assert "cloud_user_unknown" in noted(told)


def test_a_person_firmly_known_to_have_no_right_is_a_deficit():
    told = told_of([device("pc01", apps())], person("ann"), managed={"pc01": "ann@example.com"})
    assert (told.status, told.gap) == (Status.UNDER, -1)
    assert "cloud_without" in noted(told)


def test_somebody_else_on_the_machine_with_the_right_covers_it():
    pc = device("pc01", apps(), profiles=(profile("bob"),))
    told = told_of([pc], person("ann"), person("bob", OFFICE), managed={"pc01": "ann@example.com"})
    assert told.status is Status.OK


def test_a_profile_never_makes_a_deficit():
    told = told_of([device("pc01", apps(), profiles=(profile("ann"),))], person("ann"))
    assert told.status is Status.CHECK


def test_people_with_office_activated_stand_in_for_machines_without_a_known_user():
    users = [person(name, OFFICE, computers=1) for name in ("ann", "bob")]
    fresh = told_of(machines(2, apps()), *users, activations_on=TODAY)
    fewer = told_of(machines(3, apps()), *users, activations_on=TODAY)
    stale = told_of(machines(2, apps()), *users, activations_on=TODAY - timedelta(days=8))
    assert (fresh.status, fewer.status, stale.status) == (Status.OK, Status.CHECK, Status.CHECK)
    assert "cloud_activated" in noted(fresh)
    assert fewer.required == 1


def test_somebody_met_on_a_machine_does_not_stand_in_for_another():
    pcs = [device("pc01", apps(), profiles=(profile("ann"),)), device("pc02", apps())]
    told = told_of(pcs, person("ann", OFFICE, computers=2), activations_on=TODAY)
    assert told.status is Status.CHECK


def test_case_42_a_shared_computer_needs_the_shared_right_of_each_user():
    host = device("rds", apps(shared_computer=True), server=True, profiles=(profile("ann"), profile("bob")))
    both = told_of([host], person("ann", OFFICE, SHARED), person("bob", OFFICE, SHARED))
    one = told_of([host], person("ann", OFFICE, SHARED), person("bob", OFFICE))
    assert (both.status, one.status) == (Status.OK, Status.CHECK)
    assert "cloud_unshared" in noted(one)


def test_users_whose_licenses_were_not_read_are_unknown():
    told = told_of([device("pc01", apps())], read=False)
    assert (told.status, told.installed, told.required, told.gap) == (Status.UNKNOWN, 1, None, None)
    assert "cloud_unread" in noted(told)


def test_without_a_tenant_the_file_of_rights_may_tell():
    bought = right("Microsoft 365 Apps", 2, Metric.SUBSCRIPTION_SEAT)
    enough = line(position(machines(2, apps()), [bought]), APPS)
    short = line(position(machines(3, apps()), [bought]), APPS)
    assert (enough.status, enough.owned, enough.gap) == (Status.OK, 2, 0)
    assert (short.status, short.owned, short.gap) == (Status.UNKNOWN, 2, None)
    assert "cloud_absent" in noted(short)


def test_a_row_that_repeats_a_subscription_of_the_tenant_is_not_counted_twice():
    bought = right("Microsoft 365 Apps", 25, Metric.SUBSCRIPTION_SEAT)
    ann = tenant(person("ann", OFFICE))
    summary = position([device("pc01", apps(), profiles=(profile("ann"),))], [bought], tenants=[ann])
    assert (line(summary, APPS).status, line(summary, APPS).gap) == (Status.OK, 0)
    assert "cloud_rights" in noted(summary)


def test_visio_by_subscription_is_covered_by_visio_plan_2_alone():
    copy = install("visio", "Professional", channel=Channel.SUBSCRIPTION)
    pc = device("pc01", copy, profiles=(profile("ann"),))
    covered = position([pc], [], tenants=[tenant(person("ann", CloudRight.VISIO))])
    office_only = position([pc], [], tenants=[tenant(person("ann", OFFICE))])
    assert line(covered, "visio/professional").status is Status.OK
    assert line(office_only, "visio/professional").status is Status.CHECK


def test_rights_are_read_from_the_plans_a_user_really_has():
    without = held("SPB", without=["OFFICE_SHARED_COMPUTER_ACTIVATION"])
    read = rights_of(
        cloud(
            skus=[sku("SPB"), sku("O365_BUSINESS_ESSENTIALS"), sku("SPE_E3", enabled=0, suspended=5)],
            users=[
                user("ann", holds=["SPB"]),
                user("bob", holds=["O365_BUSINESS_ESSENTIALS"]),
                user("cyd", holds=["SPE_E3"]),
                user("dan", holds=[without]),
            ],
            activations=[Activations(upn="ANN@example.com", product="M365", windows=2, mac=1)],
            reports=[Report(kind=TenantFact.ACTIVATIONS, refreshed_on=TODAY, rows=1)],
            devices=[
                ManagedDevice(id="1", name="PC01", upn="ann@example.com", serial="5CD1234XYZ"),
                ManagedDevice(id="2", name="PC02", upn="ann@example.com", serial="System Serial Number"),
                ManagedDevice(id="3", name="PC03", upn="ann@example.com"),
                ManagedDevice(id="4", name="pc03", upn="bob@example.com"),
            ],
        ),
        Knowledge.from_records(FeedRecords()),
    )
    ann, bob, cyd, dan = read.users
    assert {OFFICE, SHARED, CloudRight.WINDOWS_BUSINESS} == ann.rights
    assert {OFFICE, CloudRight.WINDOWS_BUSINESS} == dan.rights
    assert (ann.computers, bob.rights, cyd.rights) == (3, frozenset(), frozenset())
    assert dict(read.managed) == {"pc01": "ann@example.com", "pc02": "ann@example.com"}
    assert dict(read.serials) == {"pc01": "5cd1234xyz"}
    assert read.read
