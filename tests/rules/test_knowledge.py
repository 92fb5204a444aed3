"""What counts as advisory coverage of a release."""

from dataclasses import replace

from collectors.feeds.records import FeedRecords, FeedState
from rules.knowledge import Knowledge

TRACKER = FeedState(
    name="debian-tracker", title="", url="", licence="", max_age_days=3, covers=("debian:12",), announces=False
)
LISTS = replace(TRACKER, name="debian-advisories", announces=True)


def test_a_feed_that_only_explains_cves_supports_no_verdict_alone() -> None:
    knowledge = Knowledge.from_records(FeedRecords(feeds=(TRACKER,)))
    assert knowledge.advisory_feeds("debian:12") == ()


def test_beside_announcements_the_age_of_the_explanations_counts_too() -> None:
    knowledge = Knowledge.from_records(FeedRecords(feeds=(LISTS, TRACKER)))
    assert knowledge.advisory_feeds("debian:12") == (LISTS, TRACKER)
    assert knowledge.advisory_feeds("debian:13") == ()
