"""The verdicts on SQL Server and Exchange Server: a build is compared inside its own servicing branch (W25)."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date

from collectors.feeds.records import AffectedPackage, FixState
from collectors.model import HostSnapshot
from rules.knowledge import Knowledge
from rules.model import PatchState
from rules.verdicts import PatchVerdict, ProductLine
from rules.windows.builds import Numbers, numbers
from rules.windows.doubts import WindowsDoubt
from rules.windows.opened import Opened, Product, doubt_about, verdict_on

_SQL_YEARS: dict[Numbers, str] = {
    (10, 50): "2008r2",
    (11, 0): "2012",
    (12, 0): "2014",
    (13, 0): "2016",
    (14, 0): "2017",
    (15, 0): "2019",
    (16, 0): "2022",
    (17, 0): "2025",
}
# Where the servicing branches of each version begin: (service pack, first build) of GDR, then of the cumulative
# updates (or the Azure Connect Feature Pack of 2016 SP3).
# Source: https://learn.microsoft.com/troubleshoot/sql/releases/download-and-install-latest-updates
_SQL_BRANCHES: dict[int, tuple[tuple[int, bool, int], ...]] = {
    10: ((3, False, 6000), (3, True, 6500)),
    11: ((4, False, 7001),),
    12: ((2, False, 5000), (2, True, 5511), (3, False, 6024), (3, True, 6205)),
    13: (
        (0, False, 1601),
        (1, False, 4001),
        (1, True, 4411),
        (2, False, 5026),
        (2, True, 5149),
        (3, False, 6300),
        (3, True, 7000),
    ),
    14: ((0, False, 1000), (0, True, 3006)),
    15: ((0, False, 2000), (0, True, 4003)),
    16: ((0, False, 1000), (0, True, 4003)),
    17: ((0, False, 1000), (0, True, 4003)),
}

_EXCHANGE_YEARS: dict[Numbers, str] = {(14, 3): "2010", (15, 0): "2013", (15, 1): "2016", (15, 2): "2019"}
_FIRST_SUBSCRIPTION_BUILD = (
    2562  # of 15.2; Source: https://learn.microsoft.com/exchange/new-features/build-numbers-and-release-dates
)

_Branch = tuple[int, bool]  # service pack, on the track of cumulative updates


def needed(snapshot: HostSnapshot) -> dict[str, set[str]]:
    """Release keys and package names of the server products installed."""
    found: dict[str, set[str]] = {}
    if snapshot.windows is None:
        return found
    for instance in snapshot.windows.sql_instances:
        if release := _sql_release(numbers(instance.version)):
            found[release] = {"sql-server"}
    if release := _exchange_release(numbers(snapshot.windows.exchange_version)):
        found[release] = {"exchange"}
    return found


def verdicts(knowledge: Knowledge, snapshot: HostSnapshot) -> Iterator[PatchVerdict]:
    """Judge every SQL Server instance and the Exchange Server of one host."""
    windows = snapshot.windows
    if windows is None:
        return
    for instance in windows.sql_instances:
        version = numbers(instance.version)
        release = _sql_release(version)
        name = f"SQL Server {release.partition(':')[2].replace('r2', ' R2')}".strip()
        product = Product(ProductLine.SQL_SERVER, name, instance.version, instance.name)
        yield from _judged(knowledge, product, release, "sql-server", version, _open_sql)
    if windows.exchange_version:
        version = numbers(windows.exchange_version)
        release = _exchange_release(version)
        name = f"Exchange Server {release.partition(':')[2].replace('se', 'SE')}".strip()
        product = Product(ProductLine.EXCHANGE, name, windows.exchange_version)
        yield from _judged(knowledge, product, release, "exchange", version, _open_exchange)


_Rows = list[tuple[AffectedPackage, Numbers]]


def _judged(
    knowledge: Knowledge,
    product: Product,
    release: str,
    package: str,
    version: Numbers,
    open_rows: Callable[[_Rows, Numbers], Iterable[AffectedPackage]],
) -> Iterator[PatchVerdict]:
    if len(version) < 3:
        yield doubt_about(product, WindowsDoubt.VERSION)
        return
    if not release or not knowledge.advisory_feeds(release):
        yield doubt_about(product, WindowsDoubt.NOT_COVERED)
        return
    by_advisory: defaultdict[str, _Rows] = defaultdict(list)
    unread = []
    for row in knowledge.affected.get((release, package), ()):
        advisory = knowledge.advisories.get(row.advisory)
        if advisory is None or not advisory.security or row.state is not FixState.FIXED:
            continue
        fixed = numbers(row.fixed_version)
        if fixed[:1] == version[:1]:
            by_advisory[row.advisory].append((row, fixed))
        else:
            unread.append(Opened(advisory, "", row.remedy))
    opened = [
        Opened(knowledge.advisories[identity], row.fixed_version, row.remedy)
        for identity, rows in by_advisory.items()
        for row in open_rows(rows, version)
    ]
    if opened:
        yield verdict_on(product, opened, PatchState.MISSING)
    # An update without a build is decided by the build of a later one: they are cumulative inside a branch.
    decided = max(_closed_days(knowledge, by_advisory, opened), default=None)
    doubtful = [
        one
        for one in unread
        if one.advisory.id not in by_advisory
        and not (decided and one.advisory.issued_on and decided >= one.advisory.issued_on)
    ]
    if doubtful and not opened:
        yield doubt_about(product, WindowsDoubt.BUILD, doubtful)


def _closed_days(knowledge: Knowledge, judged: Iterable[str], opened: Iterable[Opened]) -> Iterator[date]:
    """The days of the advisories that the installed build closes."""
    still_open = {one.advisory.id for one in opened}
    for identity in judged:
        day = knowledge.advisories[identity].issued_on
        if identity not in still_open and day is not None:
            yield day


def _open_sql(rows: _Rows, version: Numbers) -> Iterator[AffectedPackage]:
    """Rows of the instance's own branch that it is below; of the next service pack when its own is served no more."""
    own = _sql_branch(version)
    by_branch: defaultdict[_Branch, list[tuple[Numbers, AffectedPackage]]] = defaultdict(list)
    for row, fixed in rows:
        by_branch[_sql_branch(fixed)].append((fixed, row))
    if own in by_branch:
        yield from (row for fixed, row in by_branch[own] if version < fixed)
        return
    packs = [pack for pack, _ in by_branch]
    if packs and own[0] < min(packs):
        lowest = min(by_branch)
        yield from (row for _, row in by_branch[lowest])


def _sql_branch(version: Numbers) -> _Branch:
    """Service pack and track of a build; the lowest branch for a build below all."""
    branches = _SQL_BRANCHES.get(version[0], ((0, False, 0),))
    fitting = [(pack, updated) for pack, updated, first in branches if version[2] >= first]
    return fitting[-1] if fitting else (-1, False)


def _sql_release(version: Numbers) -> str:
    year = _SQL_YEARS.get(version[:2], "")
    return f"sql-server:{year}" if year else ""


def _exchange_release(version: Numbers) -> str:
    if version[:2] == (15, 2) and len(version) > 2 and version[2] >= _FIRST_SUBSCRIPTION_BUILD:
        return "exchange:se"
    year = _EXCHANGE_YEARS.get(version[:2], "")
    return f"exchange:{year}" if year else ""


def _open_exchange(rows: _Rows, version: Numbers) -> Iterator[AffectedPackage]:
    """Rows of the server's own cumulative update; where that is not listed, the next later one that is.

    A cumulative update holds all earlier ones: a flaw that a later one has, the server's own has too.
    """
    own = [(fixed, row) for row, fixed in rows if fixed[:3] == version[:3]]
    if own:
        yield from (row for fixed, row in own if version < fixed)
        return
    later = [(fixed, row) for row, fixed in rows if fixed[:3] > version[:3]]
    if later:
        yield min(later, key=lambda found: found[0])[1]
