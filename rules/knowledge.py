"""Feed records indexed for judging; built once per run from the rows the estate needs."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from collectors.feeds.records import (
    Advisory,
    AffectedPackage,
    Exploited,
    ExploitProbability,
    FeedRecords,
    FeedState,
    Lifecycle,
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

    @classmethod
    def from_records(cls, records: FeedRecords) -> "Knowledge":
        """Index records; where two feeds publish the same advisory id, the first one's date and severity stand."""
        affected: defaultdict[tuple[str, str], list[AffectedPackage]] = defaultdict(list)
        for row in records.affected:
            affected[row.release, row.package].append(row)
        advisories: dict[str, Advisory] = {}
        for advisory in records.advisories:
            advisories.setdefault(advisory.id, advisory)
        return cls(
            feeds={feed.name: feed for feed in records.feeds},
            advisories=advisories,
            affected={key: tuple(rows) for key, rows in affected.items()},
            exploited={entry.cve: entry for entry in records.exploited},
            probabilities={entry.cve: entry for entry in records.probabilities},
            lifecycles={(entry.product, entry.cycle): entry for entry in records.lifecycles},
        )

    def advisory_feeds(self, release: str) -> tuple[FeedState, ...]:
        """Feeds holding advisory rows for a release; empty means no verdict is possible.

        Feeds that only explain CVEs support no verdict alone: without one that announces fixes there is none.
        """
        covering = tuple(feed for feed in self.feeds.values() if release in feed.covers)
        return covering if any(feed.announces for feed in covering) else ()

    def is_stale(self, feed: FeedState, as_of: datetime, limits: Mapping[str, int]) -> bool:
        """Whether a feed is older than its limit, or was never fetched (G6)."""
        age = feed.age_days(as_of)
        return age is None or age > limits.get(feed.name, feed.max_age_days)
