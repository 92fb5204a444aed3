"""Every note of the position is said somewhere, and worded in every language with nothing left out."""

from dataclasses import replace
from datetime import timedelta

from collectors.model import FactKind
from reports.texts import tables
from rules.rights import Channel, Metric
from rules.software.tenant_rights import CloudRight
from tests.lab.holdings import (
    TODAY,
    apps,
    device,
    install,
    key,
    machines,
    noted,
    office,
    person,
    position,
    profile,
    program,
    right,
    server,
    sql,
    tenant,
    unreached,
    virtual_server,
    windows,
    windows_server,
)

OFFICE, YESTERDAY = CloudRight.OFFICE, TODAY - timedelta(days=1)


def on_workstations():
    """Windows on every basis, and products counted in every way."""
    users = (
        person("ann", OFFICE, CloudRight.WINDOWS_ENTERPRISE, CloudRight.SHARED, computers=1),
        person("bob", OFFICE, computers=1),
        person("cyd"),
    )
    owners = {f"many{number:02}": "ann@example.com" for number in range(1, 7)}
    owners |= {
        "ent": "ann@example.com",
        "cyd-pc": "cyd@example.com",
        "two": "ann@example.com",
        "one": "ann@example.com",
    }
    pcs = [
        device("oem", windows(), activations=(key(),)),
        device("ent", windows("Enterprise"), activations=(key("Volume:GVLK"),)),
        device("mak", windows(), activations=(key("Volume:MAK"),)),
        device("re", windows(), activations=(key("Volume:MAK", firmware="[4.0] Professional OEM:DM"),)),
        device("shop", windows(), activations=(key("Retail"),)),
        device("kms", windows(), activations=(key("Volume:GVLK", kms_host="kms.example-activator.com"),)),
        device("own", windows(), activations=(key("Volume:GVLK", kms_host="127.0.0.2"),)),
        device("off", windows(), activations=(key("Retail", status=5),)),
        device("vm", windows(), virtual=True),
        device("blind", windows(), unread=frozenset({FactKind.ACTIVATION})),
        device("none", windows()),
        *machines(6, apps(), prefix="many"),
        device("cyd-pc", apps()),
        *machines(2, apps(), prefix="lost"),
        device("rds1", apps(shared_computer=True), profiles=(profile("ann"),)),
        device("rds2", apps(shared_computer=True), profiles=(profile("bob"),)),
        device("one", install("autocad", version="2024"), install("adobe-photoshop")),
        device("two", install("autocad", version="2025"), install("revit", version="2025")),
        device("who", install("autocad", version="2025")),
        device("twice", office(version="2016"), office(version="2019"), identity="a" * 31 + "b"),
        device("clone", identity="a" * 31 + "b"),
        device("java", install("oracle-java"), install("skype-for-business", "Basic"), install("solidworks")),
        device("cad", install("ptc-creo")),
        device("free", install("teamviewer", version="15"), install("adobe-acrobat"), install("twinmotion")),
        device("sys", install("system-center")),
        device("paie", unrecognized=(program("Kompas Paie"),)),
        device("was", office(version="2019"), days_ago=60),
    ]
    rights = [
        right("office", 9, version="2019", channel=Channel.VOLUME, maintenance_end=YESTERDAY, second_device=True),
        right("office", 1, id="gone", version="2019", end=YESTERDAY),
        right("Adobe Creative Cloud All Apps", 1, Metric.NAMED_USER),
        right("autocad", 1, Metric.NAMED_USER),
        right("revit", 1, id="pc"),
        right("revit", 2, Metric.NAMED_USER, id="man"),
        right("solidworks", 1, Metric.CORE),
        right("ptc-creo", 0, Metric.CONCURRENT),
        right("Microsoft 365 Business Premium", 25, Metric.SUBSCRIPTION_SEAT),
        right("Kompas*", 5),
        right("*s Paie", 3),
        right("Nowhere*", 1),
        right("visio", 1),
        right("winzip", 1, Metric.DEVICE, channel=Channel.OEM, bound_to=("oem",)),
    ]
    return pcs, rights, [tenant(*users, activations_on=TODAY)], owners


def said():
    """Notes of estates that bring up everything there is to say."""
    pcs, rights, tenants, owners = on_workstations()
    whole = position(pcs, rights, tenants=tenants, primary_users=owners, private_use_allowed={"teamviewer": "ok"})
    yield whole
    yield position([*pcs, unreached("x")], rights, tenants=tenants, primary_users=owners)
    yield position(pcs)
    yield position([device("a", office()), device("b")], [right("office", 1, version="2021", channel=Channel.VOLUME)])
    yield position([device("a", install("winzip"))], [right("winzip", 1, channel=Channel.OEM, bound_to=("b",))])
    yield position([device("a", install("oracle-java", license=install("oracle-java").license.FREE))], [])
    owned = {"pc01": "ann@example.com", "pc02": "ann@example.com"}
    yield position(machines(2, office()), [right("office", 1, version="2019", second_device=True)], primary_users=owned)
    yield position([device("a", apps())], [])
    yield position([device("a")], [right("visio", 1)])
    yield position([device("a", windows())], [right("windows", 1, Metric.USER)])
    yield position([device("a", apps())], [], tenants=[tenant(read=False)])
    yield position([device("a", office("Home and Business", channel=Channel.RETAIL))], [])
    yield position([device("a", apps("Personal or Family"), profiles=(profile("cyd"),))], [], tenants=[tenant()])
    firm = tenant(person("cyd"), person("ann", OFFICE), managed={"a": "cyd@example.com"})
    yield position([device("a", apps(), profiles=(profile("cyd"), profile("ann", 40)))], [], tenants=[firm])
    yield position([device("a")], [right("Microsoft 365 Business Premium", 3, Metric.SUBSCRIPTION_SEAT)])
    yield position([device("a", install("autocad"))], [right("autocad", 1, id="next", start=TODAY + timedelta(days=9))])
    yield position([device("a", unread=frozenset({FactKind.USER_APPLICATIONS}))], [right("zoom", 1)])
    yield position([], [right("zoom", 1)])
    mixed = [right("autocad", 3), right("autocad", 2, Metric.NAMED_USER, id="people")]
    yield position(machines(5, install("autocad")), mixed)
    yield from on_servers()
    yield from on_shared_machines()
    yield from on_rights_in_doubt()


def on_rights_in_doubt():
    """Rights whose rows leave open what they cover, or that nothing on a machine is compared with."""
    newer, older = device("a", office(version="2024")), device("a", office(version="2016"))
    for ended in (TODAY.replace(year=2023), TODAY.replace(year=2020)):
        yield position([newer], [right("office", 1, version="2019", maintenance_end=ended)])
    for channel in (Channel.UNKNOWN, Channel.RETAIL):
        yield position([older], [right("office", 1, version="2019", channel=channel)])
    yield position([device("a", install("oracle-java"))], [right("Oracle Java SE", 9, Metric.USER)])
    yield position([device("a", install("visio", "Professional"))], [right("Visio Pro 2016", 1)])
    yield position([server("sql8", sql("Evaluation"))], [])


def on_servers():
    """Hosts and virtual machines of every kind, SQL Server and access licenses."""
    guests = [virtual_server(f"vm{number}", windows_server(), host="hv") for number in range(3)]
    host = server("hv", windows_server(), cores=16)
    cals = [right("CAL Windows Server 2016", 5, Metric.USER_CAL, version="2016")]
    enterprise = tenant(person("ann", CloudRight.WINDOWS_ENTERPRISE))
    yield position([host, *guests], [right("windows-server", 4, Metric.SERVER, edition="Standard"), *cals])
    yield position([host, *guests], [right("windows-server", 8, Metric.CORE, edition="Datacenter", units_per_pack=2)])
    told = {"host_cores": {"esx": 16}}
    for edition, count in (("Standard", 2), ("Standard", 3), ("Datacenter", 1)):
        yield position(
            [virtual_server(f"on{number}", windows_server(edition), host="esx") for number in range(count)], [], **told
        )
    yield position([device("cores", windows_server(), server=True)], [])
    yield position([server("rok", replace(windows_server(), channel=Channel.OEM), sockets=2, cores=24)], [])
    yield position([server("dc", windows_server("Datacenter"))], cals, users=5, tenants=[enterprise])
    yield position([server("srv", windows_server())], cals, tenants=[enterprise])
    yield position(
        [virtual_server("lost", windows_server()), virtual_server("esx-vm", windows_server(), host="esx")], []
    )
    bare = replace(server("sql1", sql()), processors=None)
    yield position([bare, server("sql2", sql("Developer"), labels=("production",))], [])
    yield position([server("sql3", sql()), virtual_server("sql4", sql("Express"))], [])
    yield position([virtual_server("sql5", sql("Enterprise"))], [])
    yield position(
        [server("sql6", sql())], [right("sql-server", 1, Metric.SERVER), right("sql-server", 2, Metric.CORE, id="c")]
    )
    yield position([server("sql7", sql())], [right("sql-server", 1, Metric.SERVER)], users=3)
    devices = [right("CAL Windows Server 2022", 5, Metric.DEVICE_CAL)]
    yield position([server("srv", windows_server()), device("pc")], devices)
    yield position([server("srv", windows_server())], devices, devices=3)
    yield position([server("srv", windows_server())], [*devices, *cals], users=3)
    yield position([server("srv", windows_server())], [right("CAL Windows Server 2022", 5, Metric.USER_CAL)])
    yield position([server("srv", windows_server())], [], users=4)


def on_shared_machines():
    """Session hosts and machines of several people."""
    named, several = [right("autocad", 2, Metric.NAMED_USER)], (profile("ann"), profile("bob"), profile("cyd"))
    host = server("rds", windows_server(), install("autocad"), office(), roles=("remote-desktop-session-host",))
    rds = [right("CAL RDS 2022", 1, Metric.USER_CAL)]
    yield position([replace(host, profiles=several)], [*rds, right("autocad", 9, Metric.NAMED_USER)], users=4)
    yield position([host], [*named, right("CAL RDS 2022", 1, Metric.DEVICE_CAL)], devices=4)
    yield position([device("workshop", install("autocad"), profiles=several)], [*named, *rds])
    old = device("old", install("autocad", version="2022"), profiles=several[:1])
    for count in (1, 2):
        right_of_both = right("autocad", count, Metric.NAMED_USER, channel=Channel.SUBSCRIPTION)
        new = device("new", install("autocad", version="2024"), profiles=several[:2])
        yield position([new, old], [right_of_both])
    yield position([unreached("x")], rds)
    unversioned = server("new", install("windows-server", "Standard"))
    yield position(
        [unversioned], [right("CAL", 5, Metric.USER_CAL), right("CAL", 3, Metric.DEVICE_CAL)], users=4, devices=3
    )
    yield position([unversioned], [right("CAL", 5, Metric.USER_CAL), right("CAL", 3, Metric.DEVICE_CAL)])


def test_every_note_is_said_by_some_position_and_worded_in_every_language():
    told = {name for summary in said() for one in (summary, *summary.lines) for name in noted(one)}
    for language in ("en", "fr"):
        assert told == set(tables(language)["software"]["note"])


def test_no_note_names_its_parameters_to_the_reader():
    for language in ("en", "fr"):
        words = str(tables(language)["software"])
        assert "(s)" not in words
        assert "None" not in words
