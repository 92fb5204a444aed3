"""Windows Server and SQL Server by core, and access licenses (cases 52 to 60)."""

from datetime import date

from rules.rights import Channel, Metric
from rules.software.cores import CoreRule, core_rule
from rules.software.position import Status
from rules.software.tenant_rights import CloudRight
from tests.lab.holdings import (
    device,
    line,
    noted,
    person,
    position,
    right,
    server,
    sql,
    tenant,
    virtual_server,
    windows_server,
)

STANDARD, DATACENTER = "windows-server/standard/2022", "windows-server/datacenter/2022"
SQL = "sql-server/standard/2022"


def packs(count, edition="Standard", version="2022", **changes):
    """Two-core packs of Windows Server."""
    return right("windows-server", count, Metric.CORE, units_per_pack=2, edition=edition, version=version, **changes)


def host_with(guests, *, edition="Standard", sockets=2, cores=24):
    host = server("hv01", windows_server(edition), sockets=sockets, cores=cores, roles=("hyper-v",))
    return [host, *(virtual_server(f"vm{n}", windows_server(), host="HV01.contoso.local") for n in range(guests))]


def test_case_52_six_cores_need_sixteen():
    told = line(position([server("srv", windows_server(), sockets=1, cores=6)], [packs(8)]), STANDARD)
    assert (told.required, told.owned, told.status) == (16, 16, Status.OK)


def test_case_52_six_cores_are_short_with_six():
    told = line(position([server("srv", windows_server(), sockets=1, cores=6)], [packs(3)]), STANDARD)
    assert (told.status, told.gap) == (Status.UNDER, -10)


def test_case_53_two_processors_of_four_cores_need_sixteen():
    assert line(position([server("srv", windows_server(), sockets=2, cores=8)], []), STANDARD).required == 16


def test_case_54_standard_counts_all_cores_again_for_every_two_virtual_machines():
    told = line(position(host_with(5), [packs(12)]), STANDARD)
    assert (told.required, told.owned, told.gap, told.installed) == (72, 24, -48, 6)
    assert "cores_guests" in noted(told)


def test_case_54_datacenter_counts_them_once():
    told = line(position(host_with(5, edition="Datacenter"), [packs(12, "Datacenter")]), DATACENTER)
    assert (told.required, told.gap, told.status) == (24, 0, Status.OK)


def test_spare_datacenter_licenses_cover_a_host_of_standard():
    summary = position(host_with(5), [packs(12, "Datacenter")])
    told = line(summary, DATACENTER)
    assert (told.status, told.required, told.gap) == (Status.OK, 24, 0)
    assert "cores_moved" in noted(told)
    assert STANDARD not in {one.key for one in summary.lines}


def test_case_55_logical_processors_never_count():
    told = line(position([server("srv", windows_server(), sockets=1, cores=8, logical=16)], []), STANDARD)
    assert told.required == 16
    told = line(position([server("srv", windows_server(), sockets=1, cores=20, logical=40)], []), STANDARD)
    assert told.required == 20


def test_case_56_a_virtual_machine_without_a_known_host_is_unknown():
    told = line(position([virtual_server("vm1", windows_server())], [packs(8)]), STANDARD)
    assert (told.status, told.required, told.gap) == (Status.UNKNOWN, None, None)
    assert "host_unknown" in noted(told)


def test_case_56_declared_hosts_group_virtual_machines():
    guests = [virtual_server(f"vm{n}", windows_server()) for n in range(4)]
    host = server("hv01", sockets=1, cores=16)
    told = line(position([host, *guests], [packs(16)], hosts={"HV01": ("vm0", "VM1", "vm2", "vm3")}), STANDARD)
    assert (told.required, told.status) == (32, Status.OK)


def test_case_56_a_host_that_was_not_read_counts_the_least_and_says_so():
    guests = [virtual_server(f"vm{n}", windows_server()) for n in range(3)]
    hosts = {"esx01": ("vm0", "vm1", "vm2")}
    enough = line(position(guests, [packs(16)], hosts=hosts), STANDARD)
    short = line(position(guests, [packs(8)], hosts=hosts), STANDARD)
    assert (enough.status, enough.required, enough.at_least) == (Status.UNKNOWN, 32, True)
    assert (short.status, short.gap, short.at_least) == (Status.UNDER, -16, True)
    assert "host_not_seen" in noted(enough)


def test_case_56_the_cores_of_a_host_may_be_declared():
    guests = [virtual_server(f"vm{n}", windows_server()) for n in range(3)]
    told = line(
        position(guests, [packs(20)], hosts={"esx01": ("vm0", "vm1", "vm2")}, host_cores={"ESX01": 20}), STANDARD
    )
    assert (told.status, told.required) == (Status.OK, 40)


def test_two_virtual_machines_and_the_newest_version_decide_what_a_host_needs():
    host = server("hv01", windows_server(version="2019"), sockets=1, cores=16, roles=("hyper-v",))
    guest = virtual_server("vm1", windows_server(version="2022"), host="hv01")
    summary = position([host, guest], [packs(8, version="2019")])
    assert (line(summary, STANDARD).gap, line(summary, "windows-server/standard/2019").gap) == (-16, 16)


def test_a_newer_license_runs_an_older_server_even_oem():
    bought = packs(8, version="2022", channel=Channel.OEM)
    told = line(position([server("srv", windows_server(version="2016"))], [bought]), "windows-server/standard/2016")
    assert (told.status, told.transferred) == (Status.OK, 16)


def test_a_right_bought_by_server_counts_for_sixteen_cores():
    bought = right("Windows Server 2022 Standard", 1, Metric.SERVER)
    told = line(position([server("srv", windows_server(), sockets=1, cores=6)], [bought]), STANDARD)
    assert (told.status, told.owned, told.required) == (Status.OK, 16, 16)
    assert "server_as_cores" in noted(told)


def test_essentials_is_licensed_by_server_and_needs_no_access_licenses():
    summary = position(
        [server("srv", windows_server("Essentials"))], [right("windows-server", 1, Metric.SERVER, edition="Essentials")]
    )
    assert [one.key for one in summary.lines] == ["windows-server/essentials/2022"]
    assert summary.lines[0].status is Status.OK


def test_case_57_express_needs_no_license():
    told = line(position([server("srv", sql("Express"), cores=8)], []), "sql-server/express/2022")
    assert (told.status, told.not_subject, told.required) == (Status.FREE, 1, 0)


def test_case_57_developer_in_production_is_a_question():
    test = server("test", sql("Developer"))
    live = server("live", sql("Developer"), labels=("Production",))
    key = "sql-server/developer/2022"
    assert line(position([test], []), key).status is Status.FREE
    told = line(position([test, live], []), key)
    assert told.status is Status.CHECK
    assert "developer_in_production" in noted(told)


def test_case_58_two_virtual_cores_need_four():
    bought = right("sql-server", 2, Metric.CORE, units_per_pack=2, edition="Standard", version="2022")
    told = line(position([virtual_server("vm", sql(), cores=2)], [bought]), SQL)
    assert (told.required, told.owned, told.status) == (4, 4, Status.OK)


def test_a_physical_sql_server_counts_four_cores_per_processor_at_least():
    assert line(position([server("srv", sql(), sockets=2, cores=4)], []), SQL).required == 8


def test_several_instances_on_one_machine_count_once_in_the_highest_edition():
    summary = position([virtual_server("vm", sql("Standard"), sql("Enterprise"), sql("Express"), cores=8)], [])
    paid = {
        one.key: one.required for one in summary.lines if one.product == "sql-server" and one.status is not Status.FREE
    }
    assert paid == {"sql-server/enterprise/2022": 8}


def test_case_59_access_licenses_are_compared_with_the_users_the_client_declares():
    rights = [
        right("sql-server", 1, Metric.SERVER, edition="Standard", version="2022"),
        right("CAL SQL Server 2022", 15, Metric.USER_CAL),
    ]
    summary = position([virtual_server("vm", sql(), cores=4)], rights, users=22)
    server_line, cals = line(summary, SQL), line(summary, "sql-server-cal")
    assert (server_line.status, server_line.required, server_line.metric) == (Status.OK, 1, Metric.SERVER)
    assert (cals.status, cals.owned, cals.required, cals.gap) == (Status.UNDER, 15, 22, -7)


def test_case_59_the_people_of_microsoft_365_are_only_an_estimate():
    rights = [right("CAL Windows Server 2022", 15, Metric.USER_CAL)]
    people = tenant(*(person(f"user{n}", CloudRight.OFFICE) for n in range(22)))
    told = line(position([server("srv", windows_server())], rights, tenants=[people]), "windows-server-cal")
    assert (told.status, told.owned, told.required, told.gap) == (Status.CHECK, 15, 22, -7)
    assert "cal_estimate_users" in noted(told)


def test_case_60_device_and_user_licenses_together_are_a_human_decision():
    rights = [
        right("CAL Windows Server 2022", 30, Metric.DEVICE_CAL),
        right("CAL Windows Server 2022 utilisateur", 10, Metric.USER_CAL),
    ]
    summary = position([server("srv", windows_server())], rights, users=35, devices=28)
    told = line(summary, "windows-server-cal")
    both = next(one for one in told.notes if one.text.endswith("cal_both"))
    assert told.status is Status.CHECK
    assert [both.params[name] for name in ("user_cals", "device_cals", "users", "devices")] == [10, 30, 35, 28]


def test_servers_without_any_access_license_are_a_question():
    told = line(position([server("srv", windows_server())], [packs(8)], users=12), "windows-server-cal")
    assert (told.status, told.required) == (Status.CHECK, 12)
    assert "cal_none" in noted(told)


def test_an_access_license_does_not_reach_a_newer_server():
    rights = [right("CAL Windows Server 2016", 12, Metric.USER_CAL, version="2016")]
    told = line(position([server("srv", windows_server())], rights, users=12), "windows-server-cal")
    assert told.status is Status.CHECK
    assert "cal_older" in noted(told)


def test_access_licenses_whose_version_stands_in_their_name_do_not_reach_newer_servers():
    cals = right("CAL utilisateur Windows Server 2019", 5, Metric.USER_CAL)
    told = line(position([server("srv", windows_server(version="2022"))], [cals], users=5), "windows-server-cal")
    assert told.status is Status.CHECK
    assert "cal_older" in noted(told)


def test_remote_desktop_needs_its_own_access_licenses():
    host = server("rds", windows_server(), roles=("remote-desktop-session-host",))
    told = line(position([host], [right("CAL RDS 2022", 20, Metric.USER_CAL)], users=20), "rds-cal")
    assert (told.status, told.gap) == (Status.OK, 0)


def test_a_workstation_needs_no_server_license():
    assert not position([device("pc")], []).lines


def test_core_rules_are_dated_data_chosen_by_the_day_of_the_report():
    later = CoreRule(
        product="windows-server",
        valid_from=date(2027, 7, 1),
        per_processor=10,
        per_server=20,
        guests_per_set=3,
        source="made up",
    )
    rules = (core_rule("windows-server", date(2026, 1, 1)), later)
    assert core_rule("windows-server", date(2027, 6, 30), rules).per_server == 16
    assert core_rule("windows-server", date(2027, 7, 1), rules).per_server == 20
    assert core_rule("windows-server", date(2010, 1, 1), rules).per_server == 16


def test_case_47_a_server_license_that_came_with_another_machine_is_a_question():
    bought = right("Windows Server 2022 Standard", 1, Metric.SERVER, channel=Channel.OEM, bound_to=("srv-a",))
    moved = line(position([server("srv-b", windows_server()), server("srv-a")], [bought]), STANDARD)
    kept = line(position([server("srv-a", windows_server())], [bought]), STANDARD)
    assert (moved.status, kept.status) == (Status.CHECK, Status.OK)
    assert "bound_elsewhere" in noted(moved)
