"""Microsoft's own products on a machine, each with the release cycle that decides until when it gets fixes.

Office by its product ids, and Microsoft 365 Apps by the version branch of its channel (a subscription has no end, its
versions do, W23); SQL Server by version and service pack; .NET side by side, each major version alone (W10); .NET
Framework by its Release value; Exchange by ExSetup's version, which alone tells 2019 from Subscription Edition (W25).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from collectors.feeds.records import Lifecycle
from collectors.model import FactKind, HostSnapshot
from collectors.windows.facts import DotNet, OfficeInstall, SqlInstance
from rules.verdicts import ProductLine
from rules.windows.dotnet_framework import version_of
from rules.windows.office import CURRENT

Calendar = Mapping[str, Mapping[str, Lifecycle]]
"""Release cycles by product and name, both as endoflife.date or, for Office channels, our own feed names them."""

_OFFICE_MSI = {"12": "2007", "14": "2010", "15": "2013", "16": "2016"}
_DATED_OFFICE = re.compile(r"(?P<base>[A-Za-z]+?)(?P<year>2019|2021|2024)(?P<sold>Retail|Volume)")
_SUBSCRIBED_OFFICE = re.compile(r"(?:O365|Microsoft365)[A-Za-z]+")
_OFFICE_2016 = re.compile(
    r"(?:ProPlus|Standard|Professional|Personal|HomeBusiness|HomeStudent|Word|Excel|Outlook|PowerPoint|Access|Publisher)"
    r"(?:Pipc|ARM|VL)?(?:Retail|Volume)"
    r"|(?:Visio|Project)(?:Pro|Std)XVolume"
)
_SOLD_BOTH_WAYS = re.compile(r"(?:Visio|Project)(?:Pro|Std)Retail")  # the 2016 edition, and that of a subscription
_OFFICE_PARTS = {"visio": "Visio", "project": "Project"}
_OFFICE_VERSION_PARTS = 4  # 16.0.<branch>.<build>
_MOST_BRANCHES = (
    3  # Monthly Enterprise: Source: https://learn.microsoft.com/microsoft-365-apps/updates/overview-update-channels
)

_SQL_NAMES = {
    "10.0": "2008",
    "10.50": "2008 R2",
    "11.0": "2012",
    "12.0": "2014",
    "13.0": "2016",
    "14.0": "2017",
    "15.0": "2019",
    "16.0": "2022",
    "17.0": "2025",
}
_SQL_SERVICE_PACKS = {  # version -> the first build of each service pack, from SP1 on
    "10.0": (2531, 4000, 5500, 6000),
    "10.50": (2500, 4000, 6000),
    "11.0": (3000, 5058, 6020, 7001),
    "12.0": (4100, 5000, 6024),
    "13.0": (4001, 5026, 6300),
}  # Source: https://learn.microsoft.com/troubleshoot/sql/releases/download-and-install-latest-updates
_AZURE_CONNECT = ("13.0", 7000)  # the Azure Connect Pack of SQL Server 2016 SP3 and later is a cycle of its own

_OLD_FRAMEWORKS = ((378675, "4.5.1"), (378389, "4.5"))
_FIRST_ONE_NUMBER_DOTNET = 5  # .NET Core went by two numbers
_EXCHANGE = {"8": "2007", "14": "2010", "15.0": "2013", "15.1": "2016"}
_EXCHANGE_SUBSCRIPTION = 2562  # the first build of 15.2 that is Subscription Edition


_NOTHING: Mapping[str, Lifecycle] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One release of one product on a machine: `seen` the versions, `source` where they were read.

    `key` tells products of one machine apart and stays the same from month to month. `lifecycle` is None when the
    calendar has no such cycle; `retired` when it is older than every one the calendar still has. `server` marks what
    serves other machines, `rapid` what is replaced every few weeks.
    """

    key: str
    name: str
    calendar: str
    seen: tuple[str, ...]
    source: str
    kind: FactKind
    lifecycle: Lifecycle | None = None
    retired: bool = False
    server: bool = False
    rapid: bool = False


def by_product(lifecycles: Mapping[tuple[str, str], Lifecycle]) -> Calendar:
    """Sort the rows of the calendar by product."""
    found: defaultdict[str, dict[str, Lifecycle]] = defaultdict(dict)
    for (product, cycle), entry in lifecycles.items():
        found[product][cycle] = entry
    return dict(found)


def releases(snapshot: HostSnapshot, calendar: Calendar) -> Iterator[Release]:
    """Yield each release of Microsoft's products once, however many copies of it the machine has."""
    windows = snapshot.windows
    if windows is None:
        return
    yield from _offices(windows.office, calendar)
    yield from _sql_servers(windows.sql_instances, calendar)
    if windows.dotnet is not None:
        yield from _runtimes(windows.dotnet, calendar)
        yield from _frameworks(windows.dotnet, calendar)
    if windows.exchange_version:
        yield _exchange(windows.exchange_version, calendar)


def _offices(installs: Iterable[OfficeInstall], calendar: Calendar) -> Iterator[Release]:
    seen: set[str] = set()
    for install in installs:
        found = _msi(install, calendar) if install.kind == "msi" else _click_to_run(install, calendar)
        for release in found:
            if release.key not in seen:
                seen.add(release.key)
                yield release


def _msi(install: OfficeInstall, calendar: Calendar) -> Iterator[Release]:
    year = _OFFICE_MSI.get(install.version.partition(".")[0], "")
    yield _office("", year, install, calendar, cycle=year)


def _click_to_run(install: OfficeInstall, calendar: Calendar) -> Iterator[Release]:
    subscribed = any(_SUBSCRIBED_OFFICE.fullmatch(product) for product in install.products)
    if subscribed:
        yield _subscription(install, calendar)
    for product in install.products:
        dated = _DATED_OFFICE.fullmatch(product)
        if dated is not None:
            year = dated["year"]
            long_term = year == "2024" and dated["sold"] == "Volume"
            yield _office(dated["base"], year, install, calendar, cycle=f"{year}-ltsc" if long_term else year)
        elif _OFFICE_2016.fullmatch(product):
            yield _office(product, "2016", install, calendar, cycle="2016")
        elif _SOLD_BOTH_WAYS.fullmatch(product) and not subscribed:
            yield _office(product, "", install, calendar, cycle="")


def _office(product: str, year: str, install: OfficeInstall, calendar: Calendar, *, cycle: str) -> Release:
    part = next((name for word, name in _OFFICE_PARTS.items() if product.lower().startswith(word)), "Office")
    return Release(
        key=f"{part.lower()}:{year}".rstrip(":"),
        name=f"Microsoft {part} {year}".strip(),
        calendar="office",
        seen=(f"{', '.join(install.products)} {install.version}".strip(),),
        source="Windows Installer" if install.kind == "msi" else "ClickToRun",
        kind=FactKind.OFFICE,
        lifecycle=calendar.get("office", _NOTHING).get(cycle),
    )


def _subscription(install: OfficeInstall, calendar: Calendar) -> Release:
    product = f"office-channel:{install.channel}"
    parts = install.version.split(".")
    branch = parts[2] if len(parts) == _OFFICE_VERSION_PARTS and parts[2].isdecimal() else ""
    cycles = calendar.get(product, _NOTHING)
    lifecycle = cycles.get(branch)
    return Release(
        key="microsoft-365-apps",
        name="Microsoft 365 Apps",
        calendar=product,
        seen=(f"{', '.join(install.products)} {install.version}".strip(),),
        source="ClickToRun",
        kind=FactKind.OFFICE,
        lifecycle=lifecycle,
        retired=bool(branch) and _is_retired(install.channel, int(branch), cycles),
        rapid=True,
    )


def _is_retired(channel: str, branch: int, cycles: Mapping[str, Lifecycle]) -> bool:
    """Whether a channel has left a branch without a date behind: it serves one branch, or three at most.

    One branch more is allowed for, because a new one reaches machines over some weeks.
    """
    own = cycles.get(str(branch))
    if own is not None and (own.support_ends_on is not None or own.ended is not None):
        return False
    newer = sum(int(cycle) > branch for cycle in cycles if cycle.isdecimal())
    if own is None:
        return bool(cycles) and newer == len(cycles)
    return newer > (1 if channel == CURRENT else _MOST_BRANCHES)


def _sql_servers(instances: Iterable[SqlInstance], calendar: Calendar) -> Iterator[Release]:
    by_cycle: defaultdict[tuple[str, str], list[SqlInstance]] = defaultdict(list)
    for instance in instances:
        by_cycle[_sql_cycle(instance.version, instance.service_pack)].append(instance)
    for (cycle, name), found in sorted(by_cycle.items()):
        yield Release(
            key=f"sql-server:{cycle}".rstrip(":"),
            name=f"SQL Server {name}".strip(),
            calendar="mssqlserver",
            seen=tuple(f"{instance.name} {instance.version} {instance.edition}".strip() for instance in found),
            source=r"HKLM\SOFTWARE\Microsoft\Microsoft SQL Server",
            kind=FactKind.SQL_SERVER,
            lifecycle=calendar.get("mssqlserver", _NOTHING).get(cycle),
            server=True,
        )


def server_cycle(line: ProductLine, version: str) -> tuple[str, str]:
    """The calendar's product and release cycle of a SQL Server or Exchange Server, by its version alone."""
    if line is ProductLine.EXCHANGE:
        return "msexchange", _exchange_cycle(version)
    return "mssqlserver", _sql_cycle(version)[0]


def _sql_cycle(version_of: str, service_pack: int | None = None) -> tuple[str, str]:
    """The cycle and the name of an instance's release; ("", version) for one nobody here knows."""
    parts = version_of.split(".")
    version = ".".join(parts[:2])
    if version not in _SQL_NAMES or len(parts) < 3 or not parts[2].isdecimal():
        return "", version_of
    build = int(parts[2])
    starts = _SQL_SERVICE_PACKS.get(version)
    if starts is None:
        return version, _SQL_NAMES[version]
    pack = max(sum(build >= start for start in starts), service_pack or 0)
    if not pack:
        return version, _SQL_NAMES[version]
    cycle, name = f"{version}-sp{pack}", f"{_SQL_NAMES[version]} SP{pack}"
    return (f"{cycle}-acp", name) if version == _AZURE_CONNECT[0] and build >= _AZURE_CONNECT[1] else (cycle, name)


def _runtimes(dotnet: DotNet, calendar: Calendar) -> Iterator[Release]:
    by_cycle: defaultdict[str, list[str]] = defaultdict(list)
    for runtime in dotnet.runtimes:
        parts = runtime.version.split(".")
        old = parts[0].isdecimal() and int(parts[0]) < _FIRST_ONE_NUMBER_DOTNET
        cycle = ".".join(parts[:2]) if old else parts[0]
        by_cycle[cycle].append(f"{runtime.name} {runtime.version} ({runtime.architecture})")
    for cycle, seen in sorted(by_cycle.items()):
        yield Release(
            key=f"dotnet:{cycle}",
            name=f".NET Core {cycle}" if "." in cycle else f".NET {cycle}",
            calendar="dotnet",
            seen=tuple(seen),
            source=r"dotnet\shared",
            kind=FactKind.DOTNET,
            lifecycle=calendar.get("dotnet", _NOTHING).get(cycle),
        )


def _frameworks(dotnet: DotNet, calendar: Calendar) -> Iterator[Release]:
    release = dotnet.framework_release
    versions = []
    if release is not None:
        known = version_of(dotnet) or next((name for least, name in _OLD_FRAMEWORKS if release >= least), "")
        versions.append((known, known, f"Release {release}"))
    if dotnet.framework_35:
        versions.append(("3.5-sp1", "3.5", "v3.5"))
    for cycle, name, seen in versions:
        yield Release(
            key=f"dotnet-framework:{name}".rstrip(":"),
            name=f".NET Framework {name}".strip(),
            calendar="dotnetfx",
            seen=(seen,),
            source=r"HKLM\SOFTWARE\Microsoft\NET Framework Setup\NDP",
            kind=FactKind.DOTNET,
            lifecycle=calendar.get("dotnetfx", _NOTHING).get(cycle),
        )


def _exchange_cycle(version: str) -> str:
    parts = version.split(".")
    if parts[:2] == ["15", "2"]:
        subscription = len(parts) > 2 and parts[2].isdecimal() and int(parts[2]) >= _EXCHANGE_SUBSCRIPTION
        return "subscription" if subscription else "2019"
    return _EXCHANGE.get(".".join(parts[:2])) or _EXCHANGE.get(parts[0], "")


def _exchange(version: str, calendar: Calendar) -> Release:
    cycle = _exchange_cycle(version)
    name = "Subscription Edition" if cycle == "subscription" else cycle
    return Release(
        key=f"exchange:{cycle}".rstrip(":"),
        name=f"Exchange Server {name}".strip(),
        calendar="msexchange",
        seen=(version,),
        source="ExSetup.exe",
        kind=FactKind.EXCHANGE,
        lifecycle=calendar.get("msexchange", _NOTHING).get(cycle),
        server=True,
    )
