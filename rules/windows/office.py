"""The verdict on Office: Click-to-Run by its channel and build (W22-W24), MSI by the updates that left a trace.

A channel serves several version branches at once (Monthly Enterprise three, Semi-Annual two), each with builds of its
own; a lower number in another channel may be newer. A machine is judged inside its own branch as long as its channel
still serves that; then it needs the oldest branch that is served.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import NamedTuple

from collectors.feeds.records import Advisory, FixState
from collectors.model import HostSnapshot
from collectors.windows.facts import OfficeInstall
from rules.knowledge import Knowledge
from rules.model import PatchState
from rules.verdicts import PatchVerdict, ProductLine
from rules.windows.builds import Numbers, numbers
from rules.windows.doubts import WindowsDoubt
from rules.windows.offers import offered_kbs
from rules.windows.opened import Opened, Product, doubt_about, verdict_on
from rules.windows.traces import Traces

CLICK_TO_RUN, MSI = "click-to-run", "msi"
CURRENT = "492350f6-3a01-4f97-b9c0-c7c6ddf67d60"  # one branch at a time: what was before it gets no more builds
_SAME_DAY = timedelta(days=6)  # builds of one security release appear within days of each other
_PARTS = (
    "office",
    "access",
    "excel",
    "onenote",
    "outlook",
    "powerpoint",
    "project",
    "publisher",
    "visio",
    "word",
    "skype-for-business",
)
_MSI_VERSIONS = {14: "2010", 15: "2013", 16: "2016"}


class _Build(NamedTuple):
    """One security build of a channel."""

    version: Numbers
    text: str
    advisory: Advisory

    @property
    def branch(self) -> int:
        return self.version[2]

    @property
    def day(self) -> date:
        return self.advisory.issued_on or date.min


def needed(snapshot: HostSnapshot) -> dict[str, set[str]]:
    """Release keys and package names of every Office installed."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for office in () if snapshot.windows is None else snapshot.windows.office:
        if office.kind == CLICK_TO_RUN and office.channel:
            found[f"office:{office.channel}"].add("office")
        elif office.kind == MSI and (release := _msi_release(office)):
            found[release].update(f"{part}/{_bits(office)}" for part in _PARTS)
    return dict(found)


def verdicts(knowledge: Knowledge, snapshot: HostSnapshot, traces: Traces) -> Iterator[PatchVerdict]:
    """Judge every Office of one host; which branches are still served is told by the day it was seen."""
    for office in () if snapshot.windows is None else snapshot.windows.office:
        if office.kind == CLICK_TO_RUN:
            yield from _click_to_run(knowledge, office, snapshot.taken_at.date())
        else:
            yield from _msi(knowledge, office, snapshot, traces)


def name_of(office: OfficeInstall) -> str:
    """What the product is called."""
    names = [product.casefold() for product in office.products]
    if office.kind == MSI:
        return f"Office {_MSI_VERSIONS.get((numbers(office.version) or (0,))[0], '')}".strip() + " (MSI)"
    if any(name.startswith("o365") for name in names):
        return "Microsoft 365 Apps"
    for year in ("2024", "2021", "2019", "2016"):
        if any(year in name for name in names):
            volume = any(year in name and "volume" in name for name in names)
            return f"Office LTSC {year}" if volume and year in ("2021", "2024") else f"Office {year}"
    return "Microsoft Office"


def _click_to_run(knowledge: Knowledge, office: OfficeInstall, today: date) -> Iterator[PatchVerdict]:
    product = Product(ProductLine.OFFICE, name_of(office), office.version)
    own = numbers(office.version)
    release = f"office:{office.channel}"
    builds = _builds(knowledge, release)
    if len(own) != 4:
        yield doubt_about(product, WindowsDoubt.VERSION)
    elif not office.channel:
        yield doubt_about(product, WindowsDoubt.CHANNEL)
    elif not builds:
        yield doubt_about(product, WindowsDoubt.NOT_COVERED)
    else:
        yield from _in_channel(knowledge, product, own, office.channel, builds, today)


def _builds(knowledge: Knowledge, release: str) -> list[_Build]:
    found = []
    for row in knowledge.affected.get((release, "office"), ()):
        version = numbers(row.fixed_version)
        advisory = knowledge.advisories.get(row.advisory)
        if advisory is not None and advisory.security and row.state is FixState.FIXED and len(version) == 4:
            found.append(_Build(version, row.fixed_version, advisory))
    return sorted(found)


def _in_channel(
    knowledge: Knowledge, product: Product, own: Numbers, channel: str, builds: list[_Build], today: date
) -> Iterator[PatchVerdict]:
    of_branch = [build for build in builds if build.branch == own[2]]
    newer = [build for build in of_branch if build.version > own]
    if newer:
        yield _missing(product, newer)
        return
    ahead = [build for build in builds if build.branch > own[2]]
    served = None if channel == CURRENT else _served_until(knowledge, channel, own[2])
    if not ahead or (served is not None and served >= today):
        return  # of the newest branch, or of one that gets builds of its own
    latest = max((build.day for build in of_branch), default=None)
    due = [build for build in ahead if latest is None or build.day > latest + _SAME_DAY]
    if not due:
        return
    if not of_branch and any(build.branch < own[2] for build in builds) and served is None:
        yield doubt_about(product, WindowsDoubt.OTHER_CHANNEL)
        return
    yield _missing(product, _lowest_of_each_release(due))


def _missing(product: Product, builds: Iterable[_Build]) -> PatchVerdict:
    opened = [Opened(build.advisory, build.text, build.text) for build in builds]
    return verdict_on(product, opened, PatchState.MISSING)


def _lowest_of_each_release(builds: Iterable[_Build]) -> list[_Build]:
    """Of the builds that appeared together, in several branches, the one that asks for the smallest step."""
    found: list[_Build] = []
    for build in sorted(builds, key=lambda build: (build.day, build.version)):
        if not found or build.day > found[-1].day + _SAME_DAY:
            found.append(build)
        elif build.version < found[-1].version:
            found[-1] = build
    return found


def _served_until(knowledge: Knowledge, channel: str, branch: int) -> date | None:
    """The last day a channel serves a branch; None when that is not told."""
    lifecycle = knowledge.lifecycles.get((f"office-channel:{channel}", str(branch)))
    return None if lifecycle is None else lifecycle.support_ends_on


def _msi_release(office: OfficeInstall) -> str:
    version = _MSI_VERSIONS.get((numbers(office.version) or (0,))[0], "")
    return f"office-msi:{version}" if version else ""


def _bits(office: OfficeInstall) -> str:
    return "x64" if office.platform == "x64" else "x86"


def _msi(knowledge: Knowledge, office: OfficeInstall, snapshot: HostSnapshot, traces: Traces) -> Iterator[PatchVerdict]:
    """Judge an Office of the Windows Installer, whose parts are updated one by one.

    A trace of an update closes its advisories, an offer leaves them open; the newest release day without either is
    told as a doubt. Earlier ones are not: an update holds all earlier ones of its part, and which part that is no feed
    says.
    """
    product = Product(ProductLine.OFFICE_MSI, name_of(office), office.version)
    release = _msi_release(office)
    if not release or not knowledge.advisory_feeds(release):
        yield doubt_about(product, WindowsDoubt.NOT_COVERED)
        return
    offered = offered_kbs(snapshot)
    ways: defaultdict[str, set[str]] = defaultdict(set)
    for part in _PARTS:
        for row in knowledge.affected.get((release, f"{part}/{_bits(office)}"), ()):
            if row.state is FixState.FIXED and row.remedy:
                ways[row.advisory].add(row.remedy)
    missing, doubtful = [], []
    for identity, kbs in ways.items():
        advisory = knowledge.advisories.get(identity)
        if advisory is None or not advisory.security or kbs & traces.kbs:
            continue
        if kbs & offered:
            missing.append(Opened(advisory, "", min(kbs & offered)))
        else:
            doubtful.append(Opened(advisory, "", min(kbs)))
    if missing:
        yield verdict_on(product, missing, PatchState.MISSING)
    days = [one.advisory.issued_on for one in doubtful if one.advisory.issued_on is not None]
    recent = [one for one in doubtful if one.advisory.issued_on is None or one.advisory.issued_on == max(days)]
    if recent:
        yield doubt_about(product, WindowsDoubt.OFFICE_MSI, recent)
