"""Feed records indexed for judging; built once per run from the rows the estate needs."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from collectors.feeds.records import (
    Advisory,
    AffectedPackage,
    AffectedRange,
    Exploited,
    ExploitProbability,
    FeedRecords,
    FeedState,
    Lifecycle,
    PlanName,
    Severity,
    SkuName,
    WindowsBuild,
)


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What the feeds say, by the keys that rules ask with. All look-ups answer None or an empty tuple when unknown."""

    feeds: Mapping[str, FeedState]
    advisories: Mapping[str, Advisory]
    affected: Mapping[tuple[str, str], tuple[AffectedPackage, ...]]  # by (release, package)
    exploited: Mapping[str, Exploited]
    probabilities: Mapping[str, ExploitProbability]
    lifecycles: Mapping[tuple[str, str], Lifecycle]  # by (product, cycle)
    rated_by_cves: frozenset[str] = frozenset()  # advisories without a rating of their own, rated by their CVEs'
    ranges: Mapping[str, tuple[AffectedRange, ...]] = field(default_factory=dict)  # by product ("google:chrome")
    windows_builds: Mapping[str, WindowsBuild] = field(default_factory=dict)  # by build ("26100.8655")
    sku_names: Mapping[str, SkuName] = field(default_factory=dict)  # by SKU GUID
    plan_names: Mapping[str, PlanName] = field(default_factory=dict)  # by service plan GUID, of any one of its SKUs
    sku_plans: Mapping[str, frozenset[str]] = field(default_factory=dict)  # service plan GUIDs by SKU GUID

    @classmethod
    def from_records(cls, records: FeedRecords) -> "Knowledge":
        """Index records; where two feeds publish one advisory, the first one stands, with the earlier date (G5).

        What the first leaves open (rating, score, CVEs, date) is taken from the second. An advisory its vendor does not
        rate (DSA, DLA) takes the rating of its CVEs' entries when they say enough.
        """
        affected: defaultdict[tuple[str, str], list[AffectedPackage]] = defaultdict(list)
        for row in records.affected:
            affected[row.release, row.package].append(row)
        ranges: defaultdict[str, list[AffectedRange]] = defaultdict(list)
        for span in records.ranges:
            ranges[span.product].append(span)
        advisories: dict[str, Advisory] = {}
        for advisory in records.advisories:
            known = advisories.setdefault(advisory.id, advisory)
            if known is not advisory:
                advisories[advisory.id] = _merged(known, advisory)
        rated = dict(_rated_by_cves(advisories.values(), records.advisories))
        advisories.update(rated)
        return cls(
            feeds={feed.name: feed for feed in records.feeds},
            advisories=advisories,
            affected={key: tuple(rows) for key, rows in affected.items()},
            exploited={entry.cve: entry for entry in records.exploited},
            probabilities={entry.cve: entry for entry in records.probabilities},
            lifecycles={(entry.product, entry.cycle): entry for entry in records.lifecycles},
            rated_by_cves=frozenset(rated),
            ranges={product: tuple(spans) for product, spans in ranges.items()},
            windows_builds={entry.build: entry for entry in records.windows_builds},
            sku_names={entry.sku_id: entry for entry in records.sku_names},
            plan_names={entry.id: entry for entry in records.plan_names},
            sku_plans=_plans_by_sku(records.plan_names),
        )

    def advisory_feeds(self, release: str) -> tuple[FeedState, ...]:
        """Feeds holding advisory rows for a release; empty means no verdict is possible.

        Feeds that only explain CVEs support no verdict alone: without one that announces fixes there is none.
        """
        covering = tuple(feed for feed in self.feeds.values() if release in feed.covers)
        return covering if any(feed.announces for feed in covering) else ()

    def is_stale(self, feed: FeedState, as_of: datetime, limits: Mapping[str, int]) -> bool:
        """Whether a feed is older than its limit, was never fetched (G6), or not since the last Patch Tuesday."""
        return feed.is_stale(as_of, limits.get(feed.name))


def _plans_by_sku(names: Iterable[PlanName]) -> dict[str, frozenset[str]]:
    plans: defaultdict[str, set[str]] = defaultdict(set)
    for entry in names:
        plans[entry.sku_id].add(entry.id)
    return {sku: frozenset(ids) for sku, ids in plans.items()}


def _merged(first: Advisory, second: Advisory) -> Advisory:
    dates = [day for day in (first.issued_on, second.issued_on) if day is not None]
    merged = replace(
        first,
        issued_on=min(dates, default=None),
        severity=second.severity if first.severity is Severity.UNKNOWN else first.severity,
        cvss=second.cvss if first.cvss is None else first.cvss,
        cves=first.cves or second.cves,
    )
    return first if merged == first else merged


_GRAVEST_FIRST = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW)


def _rated_by_cves(unrated: Iterable[Advisory], entries: Iterable[Advisory]) -> Iterable[tuple[str, Advisory]]:
    """Yield, by id, the advisories that their CVEs' entries rate.

    Below high only when every CVE is rated: what is undisclosed may be graver, and counts as high (G4).
    """
    ratings: dict[str, list[Advisory]] = {}
    for entry in entries:
        if not entry.security and len(entry.cves) == 1 and entry.severity is not Severity.UNKNOWN:
            ratings.setdefault(entry.cves[0], []).append(entry)
    if not ratings:
        return
    for advisory in unrated:
        if not advisory.security or advisory.severity is not Severity.UNKNOWN or not advisory.cves:
            continue
        found = [ratings[cve] for cve in advisory.cves if cve in ratings]
        given = [entry for of_cve in found for entry in of_cve]
        gravest = min((entry.severity for entry in given), key=_GRAVEST_FIRST.index, default=Severity.UNKNOWN)
        if gravest in (Severity.CRITICAL, Severity.HIGH) or (given and len(found) == len(advisory.cves)):
            score = max((entry.cvss for entry in given if entry.cvss is not None), default=None)
            yield advisory.id, replace(advisory, severity=gravest, cvss=score)
