"""The KEV catalog: the real one in full, and what becomes of one that is not whole."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from collectors.errors import FeedInvalid
from collectors.feeds import kev
from collectors.feeds.cache import FeedStore
from collectors.feeds.records import Exploited
from tests.lab.feed_samples import sample
from tests.lab.http_server import feed_server
from tests.lab.made_up_feeds import HTTP, TODAY, raw_part

ENTRY = {
    "cveID": "CVE-2026-11111",
    "vendorProject": "Example",
    "product": "Server",
    "vulnerabilityName": "Example Server Use-After-Free Vulnerability",
    "dateAdded": "2026-03-02",
    "dueDate": "2026-03-23",
    "knownRansomwareCampaignUse": "Known",
    "cwes": [],
}


def catalog(*entries: dict[str, object], count: int | None = None) -> bytes:
    return json.dumps(
        {
            "title": "CISA Catalog of Known Exploited Vulnerabilities",
            "catalogVersion": "2026.03.02",
            "dateReleased": "2026-03-02T15:00:00.1234Z",
            "count": len(entries) if count is None else count,
            "vulnerabilities": list(entries),
        }
    ).encode()


def parse(tmp_path: Path, data: bytes) -> list[Exploited]:
    path = tmp_path / "catalog.json"
    path.write_bytes(data)
    return list(kev.parse((raw_part(path),)))


def test_the_catalog_of_august_2026_has_1662_entries_and_338_known_in_ransomware():
    catalog_2026 = sample("feeds/cisa-kev/known_exploited_vulnerabilities.json")
    entries = list(kev.parse((raw_part(catalog_2026),)))
    assert len(entries) == 1662
    assert sum(entry.ransomware for entry in entries) == 338
    assert len({entry.cve for entry in entries}) == 1662
    microsoft = [
        row for row in json.loads(catalog_2026.read_bytes())["vulnerabilities"] if row["vendorProject"] == "Microsoft"
    ]
    assert len({row["cveID"] for row in microsoft} & {entry.cve for entry in entries}) == 382
    assert kev.edition((raw_part(catalog_2026),)).label == "2026.08.07"


def test_an_entry_carries_the_due_date_of_the_directive(tmp_path):
    assert parse(tmp_path, catalog(ENTRY)) == [
        Exploited(
            cve="CVE-2026-11111",
            added_on=date(2026, 3, 2),
            due_on=date(2026, 3, 23),
            ransomware=True,
            name="Example Server Use-After-Free Vulnerability",
        )
    ]


def test_ransomware_use_is_known_only_when_the_catalog_says_known(tmp_path):
    assert not parse(tmp_path, catalog(ENTRY | {"knownRansomwareCampaignUse": "Unknown"}))[0].ransomware


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<html>Please sign in to the hotel network</html>", "is no KEV catalog"),
        (catalog(ENTRY)[:-40], "is no KEV catalog"),
        (b"\xff\xfe\x00", "is no KEV catalog"),
        (catalog(ENTRY, count=2), "announces 2 entries and holds 1"),
        (catalog(ENTRY | {"dueDate": "next week"}), "dueDate"),
        (catalog(ENTRY | {"dateAdded": 20260302}), "dateAdded"),
        (catalog(ENTRY | {"cveID": "=HYPERLINK(1)"}), "which is no CVE"),
        (catalog(ENTRY | {"cveID": "CVE-2026-" + "9" * 400}), "which is no CVE"),
        (b"[" * 100_000, "is no KEV catalog"),
    ],
)
def test_anything_but_a_whole_catalog_is_refused_with_its_reason(tmp_path, data, words):
    with pytest.raises(FeedInvalid, match=words):
        parse(tmp_path, data)


@pytest.mark.parametrize(("days", "counts"), [(4, False), (21, False), (22, True), (400, True)])
def test_a_quiet_week_does_not_age_the_catalog_but_an_old_copy_does(tmp_path, days, counts):
    path = tmp_path / "catalog.json"
    path.write_bytes(catalog(ENTRY))
    released = datetime(2026, 3, 2, 15, 0, 0, 123400, tzinfo=UTC)
    edition = kev.edition((raw_part(path, fetched_at=released + timedelta(days=days)),))
    assert edition.published_at == (released if counts else None)


def test_the_mirror_is_asked_only_in_place_of_cisas_own_address():
    assert kev.parts({"url": kev.FEED.settings["url"]}, TODAY)[0].fallbacks
    assert kev.parts({"url": "http://mirror.example/kev.json"}, TODAY)[0].fallbacks == ()


def test_a_frozen_mirror_that_answers_not_modified_for_ever_is_found_old(tmp_path):
    """Only what is looked at again can be seen to have stood still: the age counts from the catalog's own date then."""
    now = [datetime(2026, 3, 3, tzinfo=UTC)]
    with feed_server() as server:
        feed = replace(kev.FEED, minimum_records=1, settings={"url": server.serve("/kev", catalog(ENTRY))})
        store = FeedStore(tmp_path, feeds=[feed], now=lambda: now[0])
        ages = []
        for _ in range(4):
            (done,) = store.update(http=HTTP)
            ages.append(done.state.age_days(now[0]))
            now[0] += timedelta(days=10)
        assert len({headers.get("If-None-Match") for headers in server.asked("/kev")}) == 2
    assert done.outcome == "unchanged"
    assert ages[:3] == [0, 0, 0]
    assert ages[3] > 30
    assert store.load({}).feeds == store.states() == (done.state,)
