"""What counts as advisory coverage of a release."""

from dataclasses import replace
from datetime import date

from collectors.feeds.records import Advisory, AffectedRange, FeedRecords, FeedState, Severity, WindowsBuild
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


DSA = Advisory(id="DSA-1-1", feed="debian-advisories", cves=("CVE-2026-1", "CVE-2026-2"))


def entry(cve: str, severity: Severity, cvss: float | None = None) -> Advisory:
    return Advisory(id=f"DEBIAN-{cve}", feed="osv-debian", cves=(cve,), severity=severity, cvss=cvss, security=False)


def rated(*entries: Advisory, advisory: Advisory = DSA) -> Advisory:
    return Knowledge.from_records(FeedRecords(advisories=(advisory, *entries))).advisories[advisory.id]


def test_an_advisory_its_vendor_does_not_rate_takes_the_gravest_rating_of_its_cves() -> None:
    found = rated(entry("CVE-2026-1", Severity.MEDIUM, 5.5), entry("CVE-2026-2", Severity.HIGH, 7.5))
    assert (found.severity, found.cvss) == (Severity.HIGH, 7.5)


def test_G4_a_rating_below_high_needs_every_cve_rated() -> None:
    assert rated(entry("CVE-2026-1", Severity.MEDIUM)).severity is Severity.UNKNOWN
    assert rated(entry("CVE-2026-1", Severity.HIGH)).severity is Severity.HIGH
    assert rated(entry("CVE-2026-1", Severity.LOW), entry("CVE-2026-2", Severity.MEDIUM)).severity is Severity.MEDIUM


def test_a_vendors_own_rating_is_never_replaced() -> None:
    own = replace(DSA, severity=Severity.LOW)
    knowledge = Knowledge.from_records(FeedRecords(advisories=(own, entry("CVE-2026-1", Severity.CRITICAL))))
    assert knowledge.advisories[own.id] is own
    assert knowledge.rated_by_cves == frozenset()


def test_G5_of_two_feeds_that_publish_one_advisory_the_earlier_date_starts_the_clock() -> None:
    lists = replace(DSA, issued_on=date(2026, 11, 10))
    osv = replace(DSA, feed="osv-debian", issued_on=date(2026, 11, 2), severity=Severity.HIGH, cves=("CVE-2026-9",))
    for order in ((lists, osv), (osv, lists)):
        found = Knowledge.from_records(FeedRecords(advisories=order)).advisories[DSA.id]
        assert (found.issued_on, found.severity) == (date(2026, 11, 2), Severity.HIGH)
        assert (found.feed, found.cves) == (order[0].feed, order[0].cves)
    undated = Knowledge.from_records(FeedRecords(advisories=(replace(DSA, issued_on=None), lists)))
    assert undated.advisories[DSA.id].issued_on == date(2026, 11, 10)


def test_ranges_are_found_by_product_and_builds_by_their_number() -> None:
    chrome = AffectedRange(cve="CVE-2026-1", product="google:chrome", fixed_version="150.0.1")
    older = replace(chrome, cve="CVE-2026-2", fixed_version="149.0.1")
    build = WindowsBuild(build="26100.8655", kb="KB5094126", released_on=date(2026, 6, 9))
    knowledge = Knowledge.from_records(FeedRecords(ranges=(chrome, older), windows_builds=(build,)))
    assert knowledge.ranges == {"google:chrome": (chrome, older)}
    assert knowledge.windows_builds == {"26100.8655": build}
    assert Knowledge.from_records(FeedRecords()).ranges == {}
