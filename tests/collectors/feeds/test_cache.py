"""The store over a loopback server: what is renewed, what is left alone, and what a bad feed cannot do."""

import gzip
import json
import multiprocessing
import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from collectors.errors import FeedError, FeedInvalid
from collectors.feeds import discover
from collectors.feeds.cache import FeedStore
from collectors.feeds.compile import Compiler
from collectors.feeds.feed import Edition, Feed, Part
from collectors.feeds.updates import FeedOutcome, FeedProgress, FeedUpdate
from tests.lab.http_server import FeedServer, cut_off, feed_server
from tests.lab.made_up_feeds import HTTP, TODAY, archive, body, plain_feed, rows, zip_bytes, zip_feed

DAY = timedelta(days=1)
START = datetime(2026, 8, 22, 12, tzinfo=UTC)


class Clock:
    """A clock that stands still until told."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def server():
    with feed_server() as running:
        yield running


@pytest.fixture
def clock() -> Clock:
    return Clock()


def store_of(tmp_path: Path, clock: Clock, *feeds: Feed) -> FeedStore:
    return FeedStore(tmp_path / "feeds", feeds=feeds, now=clock)


def update(store: FeedStore, *names: str, **how: Any) -> dict[str, FeedUpdate]:
    return {one.name: one for one in store.update(list(names) or None, http=HTTP, **how)}


def fixed(store: FeedStore, package: str = "pkg-1", release: str = "debian:12") -> list[str]:
    return [row.fixed_version for row in store.load({release: [package]}).affected]


# what an update does


def test_a_first_update_downloads_compiles_and_tells_provenance(server, clock, tmp_path):
    url = server.serve("/rows.json", body(rows(10)))
    store = store_of(tmp_path, clock, plain_feed(url))
    done = update(store)["plain"]
    assert done.outcome is FeedOutcome.RENEWED
    assert done.state.records == 20
    assert done.state.covers == ("debian:12",)
    assert done.state.url == url
    assert done.state.licence == "CC0-1.0"
    assert done.state.size_bytes == len(body(rows(10)))
    assert done.state.fetched_at == done.state.checked_at == START
    assert (done.error, done.state.error) == ("", "")
    assert fixed(store) == ["1.0-1"]
    assert store.states() == store.load({}).feeds == (done.state,)
    assert (tmp_path / "feeds/raw/plain/rows.json").read_bytes() == body(rows(10))


def test_an_unchanged_feed_counts_as_checked_and_is_not_compiled(server, clock, tmp_path, monkeypatch):
    store = store_of(tmp_path, clock, plain_feed(server.serve("/rows.json", body(rows(10)))))
    update(store)
    clock.now += 2 * DAY
    monkeypatch.setattr(Compiler, "__init__", None)
    done = update(store)["plain"]
    assert done.outcome is FeedOutcome.UNCHANGED
    assert done.state.checked_at == START + 2 * DAY
    assert done.state.fetched_at == START
    assert store.load({}).feeds[0].age_days(clock.now) == 0


def test_the_same_bytes_served_anew_are_unchanged_too(server, clock, tmp_path):
    feed = plain_feed(server.serve("/rows.json", body(rows(10)), validators=False))
    store = store_of(tmp_path, clock, feed)
    update(store)
    assert update(store)["plain"].outcome is FeedOutcome.UNCHANGED
    assert len(server.asked("/rows.json")) == 2


def test_a_changed_feed_replaces_its_rows_and_no_others(server, clock, tmp_path):
    one, two = server.serve("/one", body(rows(10))), server.serve("/two", body(rows(10, "debian:13")))
    store = store_of(tmp_path, clock, plain_feed(one, "one"), plain_feed(two, "two"))
    update(store)
    server.serve("/one", body(rows(12, fixed="2.0-1")))
    done = update(store)
    assert [done[name].outcome for name in ("one", "two")] == [FeedOutcome.RENEWED, FeedOutcome.UNCHANGED]
    assert fixed(store) == ["2.0-1"]
    assert fixed(store, release="debian:13") == ["1.0-1"]
    assert fixed(store, "pkg-11") == ["2.0-1"]


def test_a_raw_file_that_was_deleted_is_downloaded_whole_again(server, clock, tmp_path):
    store = store_of(tmp_path, clock, plain_feed(server.serve("/rows.json", body(rows(10)))))
    update(store)
    raw = tmp_path / "feeds/raw/plain/rows.json"
    raw.unlink()
    assert update(store)["plain"].outcome is FeedOutcome.UNCHANGED
    assert raw.read_bytes() == body(rows(10))
    assert "If-None-Match" not in server.asked("/rows.json")[1]


def test_names_choose_feeds_and_an_unknown_one_is_an_error(server, clock, tmp_path):
    feeds = [plain_feed(server.serve(f"/{name}", body(rows(3))), name) for name in ("one", "two")]
    store = store_of(tmp_path, clock, *feeds)
    assert list(update(store, "two")) == ["two"]
    with pytest.raises(FeedError, match="three: there is no such feed"):
        update(store, "three")


def test_a_feed_that_is_off_is_asked_by_name_or_by_setting_only(server, clock, tmp_path):
    feed = replace(plain_feed(server.serve("/rows.json", body(rows(3)))), enabled_by_default=False)
    store = store_of(tmp_path, clock, feed)
    assert update(store) == {}
    assert update(store, settings={"plain": {"enabled": "true"}})["plain"].outcome is FeedOutcome.RENEWED
    assert update(store, "plain")["plain"].outcome is FeedOutcome.UNCHANGED
    assert update(store, settings={"plain": {"enabled": "false"}}) == {}


def test_settings_reach_the_feed_and_an_unknown_one_is_named(server, clock, tmp_path):
    mirror = server.serve("/mirror", body(rows(3)))
    store = store_of(tmp_path, clock, plain_feed(f"{server.url}/absent"))
    assert update(store, settings={"plain": {"url": mirror}})["plain"].state.url == mirror
    failed = update(store, settings={"plain": {"ulr": mirror}})["plain"]
    assert failed.outcome is FeedOutcome.FAILED
    assert failed.error == "unknown setting 'ulr'. Known settings: accept_shrunk, enabled, url."


def test_progress_tells_bytes_and_then_the_compilation(server, clock, tmp_path):
    store = store_of(tmp_path, clock, plain_feed(server.serve("/rows.json", body(rows(5000)))))
    heard: list[FeedProgress] = []
    update(store, on_progress=heard.append)
    assert heard[-1] == FeedProgress(feed="plain")
    assert heard[-1].compiling
    assert heard[-2].received_bytes == heard[-2].total_bytes == len(body(rows(5000)))


# only what an estate needs


def serving(server: FeedServer, *releases: str) -> tuple[Part, ...]:
    return tuple(
        Part(
            name=f"{release.replace(':', '-')}.json",
            url=server.serve(f"/{release}", body(rows(5, release))),
            serves=(release,),
        )
        for release in releases
    )


def test_an_estate_downloads_only_the_parts_that_serve_it(server, clock, tmp_path):
    feed = plain_feed("", parts=serving(server, "alma:8", "alma:9"))
    store = store_of(tmp_path, clock, feed, plain_feed("", "suse", parts=serving(server, "sles:15.5")))
    done = update(store, releases={"alma:9", "debian:12"})
    assert list(done) == ["plain"]
    assert done["plain"].state.covers == ("alma:9",)
    assert [path for path, _ in server.requests] == ["/alma:9"]


def test_a_part_serving_a_distribution_serves_all_its_releases():
    part = Part(name="all.zip", url="", serves=("debian",))
    assert part.needed_by({"debian:12", "alma:9"})
    assert not part.needed_by({"ubuntu:24.04"})
    assert not part.needed_by(())
    assert Part(name="kev.json", url="").needed_by(())


def test_a_part_once_downloaded_is_refreshed_with_the_others_since_their_age_is_one(server, clock, tmp_path):
    store = store_of(tmp_path, clock, plain_feed("", parts=serving(server, "alma:8", "alma:9")))
    update(store, releases={"alma:8"})
    done = update(store, releases={"alma:9"})
    assert done["plain"].state.covers == ("alma:8", "alma:9")
    assert len(server.asked("/alma:8")) == 2


# a bad feed leaves the old one in place

BAD_ROWS = {
    "cut off": (None, "cut off after"),
    "login page": (b"<html>Please sign in</html>", "rows.json is no JSON"),
    "half a file": (body(rows(10))[:-30], "rows.json is no JSON"),
    "empty": (b"", "an empty file"),
    "wrong type": (b'{"a": 7}', "is not understood"),
    "wrong row": (b'[["ADV-1", "debian:12"]]', "is not understood (ValueError"),
    "number": (b"[[1, 2, 3, 4]]", "is not understood (AttributeError"),
    "huge number": (b'[["ADV-1", "debian:12", "bash", 1' + b"0" * 4000 + b"]]", "cannot be stored"),
    "deep": (b"[" * 300_000, "is not understood (RecursionError"),
    "surrogate": (b'[["ADV-1", "debian:12", "bash", "\\udcff"]]', "cannot be stored"),
    "null": (b"null", "is not understood (TypeError"),
    "shrunk": (body(rows(4)), "it shrank from 20 to 8 records"),
    "tiny": (body(rows(1)), "only 2 records, of at least 4 expected"),
    "emptied": (b"[]", "only 0 records"),
    "lost release": (body(rows(10, "debian:13")), "no longer speaks of debian:12"),
}


@pytest.mark.parametrize("kind", BAD_ROWS)
def test_a_bad_feed_keeps_its_old_rows_and_says_why_while_others_go_on(server, clock, tmp_path, kind):
    data, words = BAD_ROWS[kind]
    feed = plain_feed(server.serve("/rows.json", body(rows(10))), minimum=4)
    other = plain_feed(server.serve("/other", body(rows(3, "debian:11"))), "other")
    store = store_of(tmp_path, clock, feed, other)
    update(store)
    before = store.states()[1]
    clock.now += DAY
    if data is None:
        server.serve("/rows.json", behave=cut_off(5000, body(rows(10))))
    else:
        server.serve("/rows.json", data)
    server.serve("/other", body(rows(4, "debian:11", "2.0-1")))
    done = update(store)
    assert done["plain"].outcome is FeedOutcome.FAILED
    assert words in done["plain"].error
    assert done["plain"].state == replace(before, error=done["plain"].error)
    assert done["other"].outcome is FeedOutcome.RENEWED
    assert fixed(store) == ["1.0-1"]
    assert fixed(store, release="debian:11") == ["2.0-1"]
    assert store.load({}).feeds[1].age_days(clock.now) == 1
    assert (tmp_path / "feeds/raw/plain/rows.json").read_bytes() == body(rows(10))
    assert not list((tmp_path / "feeds").glob("incoming/*"))

    server.serve("/rows.json", body(rows(11, fixed="3.0-1")))
    recovered = update(store)["plain"]
    assert (recovered.outcome, recovered.state.error) == (FeedOutcome.RENEWED, "")
    assert fixed(store) == ["3.0-1"]


BAD_ARCHIVES = {
    "bomb": (zip_bytes({"bomb.json": b"[" + b" " * (32 << 20) + b"]"}), "decompression bomb"),
    "nested": (zip_bytes({"a.json": b"[]", "b.zip": archive({"c.json": rows(9)})}), "no JSON document"),
    "traversal": (zip_bytes({"../../../../tmp/owned.json": body(rows(9))}), "leaves its folder"),
    "half": (archive({"a.json": rows(9)})[:-50], "no archive of JSON documents"),
    "wrong JSON": (zip_bytes({"a.json": b"{"}), "'a.json' is not understood"),
    "no archive": (b"PK\x03\x04 and then nothing", "no archive of JSON documents"),
    "shrunk": (archive({"a.json": rows(1)}), "it shrank from 20 to 2 records"),
}


@pytest.mark.parametrize("kind", BAD_ARCHIVES)
def test_a_bad_archive_keeps_the_old_rows(server, clock, tmp_path, kind):
    data, words = BAD_ARCHIVES[kind]
    store = store_of(tmp_path, clock, zip_feed(server.serve("/all.zip", archive({"a.json": rows(10)}))))
    update(store)
    server.serve("/all.zip", data)
    done = update(store)["zipped"]
    assert done.outcome is FeedOutcome.FAILED
    assert words in done.error
    assert fixed(store) == ["1.0-1"]
    assert not (tmp_path / "owned.json").exists()
    assert sorted(path.name for path in (tmp_path / "feeds").iterdir()) == [
        "feeds.sqlite", "incoming", "lock", "raw", "state.json"
    ]  # fmt: skip


def test_a_compressed_transfer_that_explodes_is_refused(server, clock, tmp_path):
    url = server.serve("/rows.json", gzip.compress(b" " * (8 << 20)), headers={"Content-Encoding": "gzip"})
    done = update(store_of(tmp_path, clock, plain_feed(url)))["plain"]
    assert "larger than the 1,048,576 bytes allowed" in done.error


def test_a_feed_that_never_came_is_known_as_such(server, clock, tmp_path):
    store = store_of(tmp_path, clock, plain_feed(f"{server.url}/absent"))
    done = update(store)["plain"]
    assert done.outcome is FeedOutcome.FAILED
    assert "HTTP 404" in done.error
    (state,) = store.load({"debian:12": ["bash"]}).feeds
    assert (state.fetched_at, state.checked_at, state.age_days(START)) == (None, None, None)
    assert state.error == done.error


def test_before_the_first_update_every_feed_is_one_never_fetched(clock, tmp_path):
    store = store_of(tmp_path, clock, plain_feed("http://feed.example/"))
    (state,) = store.load({"debian:12": ["bash"]}).feeds
    assert state.age_days(START) is None
    assert store.states() == (state,)


def test_an_operator_may_accept_a_feed_that_shrank(server, clock, tmp_path):
    store = store_of(tmp_path, clock, plain_feed(server.serve("/rows.json", body(rows(10)))))
    update(store)
    server.serve("/rows.json", body(rows(2)))
    failed = update(store)["plain"]
    assert 'accept_shrunk = "true" for feed plain' in failed.error
    done = update(store, settings={"plain": {"accept_shrunk": "true"}})["plain"]
    assert (done.outcome, done.state.records) == (FeedOutcome.RENEWED, 4)


def test_a_release_nobody_runs_may_go(server, clock, tmp_path):
    both = [*rows(10), ["ADV-x", "debian:10", "bash", "1"]]
    store = store_of(tmp_path, clock, plain_feed(server.serve("/rows.json", body(both))))
    update(store, releases={"debian:12"})
    server.serve("/rows.json", body(rows(10)))
    assert update(store, releases={"debian:12"})["plain"].state.covers == ("debian:12",)


# archives: only what changed is read again


def test_only_members_whose_checksum_changed_are_read_again(server, clock, tmp_path, monkeypatch):
    documents = {f"{n}.json": [[f"ADV-{n}", "debian:12", f"pkg-{n}", "1.0-1"]] for n in range(20)}
    store = store_of(tmp_path, clock, zip_feed(server.serve("/all.zip", archive(documents))))
    update(store)
    del documents["3.json"]
    documents["5.json"] = [["ADV-5", "debian:12", "pkg-5", "2.0-1"], ["ADV-5b", "debian:13", "pkg-5", "2.0-1"]]
    documents["new.json"] = [["ADV-new", "debian:12", "pkg-new", "9.0-1"]]
    server.serve("/all.zip", archive(documents))
    read: list[str] = []
    from collectors.feeds import archive as reader

    original = reader._inflate
    monkeypatch.setattr(reader, "_inflate", lambda file, entry: read.append(entry.name) or original(file, entry))
    done = update(store)["zipped"]
    assert sorted(read) == ["5.json", "new.json"]
    assert done.state.records == 2 * (18 + 2 + 1)
    assert done.state.covers == ("debian:12", "debian:13")
    assert fixed(store, "pkg-3") == []
    assert fixed(store, "pkg-4") == ["1.0-1"]
    assert fixed(store, "pkg-5") == ["2.0-1"]
    assert fixed(store, "pkg-5", "debian:13") == ["2.0-1"]
    assert fixed(store, "pkg-new") == ["9.0-1"]


def test_updating_step_by_step_ends_where_compiling_at_once_does(server, clock, tmp_path):
    documents = {f"{n}.json": [[f"ADV-{n}", "debian:12", f"pkg-{n % 7}", f"1.{n}"]] for n in range(60)}
    stepwise = store_of(tmp_path / "a", clock, zip_feed(server.serve("/all.zip", archive(documents))))
    update(stepwise)
    for step in range(1, 6):
        documents = {name: found for name, found in documents.items() if int(name[:-5]) % 11 != step}
        documents |= {
            f"{n}.json": [[f"ADV-{n}", "debian:12", f"pkg-{n % 7}", f"2.{n}.{step}"]] for n in range(step, 90, 9)
        }
        server.serve("/all.zip", archive(documents))
        assert update(stepwise)["zipped"].outcome is FeedOutcome.RENEWED
    at_once = store_of(tmp_path / "b", clock, zip_feed(f"{server.url}/all.zip"))
    update(at_once)
    wanted = {"debian:12": [f"pkg-{n}" for n in range(7)]}
    one, other = stepwise.load(wanted), at_once.load(wanted)
    assert set(one.affected) == set(other.affected)
    assert set(one.advisories) == set(other.advisories)
    assert len(one.affected) == len(other.affected) == stepwise.states()[0].records / 2


def test_a_reader_of_another_revision_reads_everything_again(server, clock, tmp_path):
    url = server.serve("/rows.json", body(rows(10)))
    update(store_of(tmp_path, clock, plain_feed(url)))
    done = update(store_of(tmp_path, clock, plain_feed(url, revision=2)))["plain"]
    assert done.outcome is FeedOutcome.RENEWED
    assert server.answers["/rows.json"].body == body(rows(10))


# the store itself


def test_a_damaged_or_outdated_compiled_file_is_rebuilt_from_the_downloads(server, clock, tmp_path):
    feeds = [plain_feed(server.serve(f"/{name}", body(rows(9))), name) for name in ("one", "two")]
    store = store_of(tmp_path, clock, *feeds)
    update(store)
    with sqlite3.connect(store.database) as connection:
        connection.execute("PRAGMA user_version = 0")
    connection.close()
    with pytest.raises(FeedInvalid, match="Run `auditor feeds update`"):
        store.load({})
    server.answers.clear()  # even with nobody to ask
    assert {one.outcome for one in update(store).values()} == {FeedOutcome.FAILED}
    assert fixed(store) == ["1.0-1", "1.0-1"]
    store.database.write_bytes(b"garbage")
    update(store)
    assert fixed(store) == ["1.0-1", "1.0-1"]
    assert [state.records for state in store.states()] == [18, 18]


def test_a_damaged_compiled_file_with_nothing_to_build_it_from_does_not_stand_in_the_way(server, clock, tmp_path):
    store = store_of(tmp_path, clock, plain_feed(f"{server.url}/absent"))
    store.directory.mkdir()
    store.database.write_bytes(b"garbage")
    assert update(store)["plain"].outcome is FeedOutcome.FAILED
    assert store.load({}).feeds[0].age_days(START) is None


def test_a_damaged_sidecar_costs_a_download_and_never_a_lie(server, clock, tmp_path, caplog):
    store = store_of(tmp_path, clock, plain_feed(server.serve("/rows.json", body(rows(9)))))
    update(store)
    for damage in (b"{", b"[]", b'{"version": 1, "feeds": {"plain": {}}}', b'{"version": 9, "feeds": {}}', b"\xff"):
        (tmp_path / "feeds/state.json").write_bytes(damage)
        assert store.load({}).feeds[0].checked_at == START
        assert update(store)["plain"].state.error == ""
    assert "is damaged" in caplog.text


def test_a_feed_this_product_no_longer_knows_goes_with_the_next_compilation(server, clock, tmp_path):
    feeds = [plain_feed(server.serve(f"/{name}", body(rows(9))), name) for name in ("one", "two")]
    update(store_of(tmp_path, clock, *feeds))
    server.serve("/one", body(rows(10)))
    store = store_of(tmp_path, clock, feeds[0])
    update(store)
    assert [state.name for state in store.load({}).feeds] == ["one"]
    assert fixed(store) == ["1.0-1"]


def _hold(directory: str, held: Any, release: Any) -> None:
    from collectors.feeds.sidecar import only_one

    with only_one(Path(directory) / "lock"):
        held.set()
        release.wait(20)


def test_a_second_update_at_once_is_told_who_is_first(server, clock, tmp_path):
    store = store_of(tmp_path, clock, plain_feed(server.serve("/rows.json", body(rows(9)))))
    context = multiprocessing.get_context("spawn")
    held, release = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(str(store.directory), held, release))
    other.start()
    try:
        assert held.wait(20)
        with pytest.raises(FeedError, match=rf"another update of these feeds is running \(process {other.pid}\)"):
            update(store)
    finally:
        release.set()
        other.join(20)
    assert update(store)["plain"].outcome is FeedOutcome.RENEWED


def test_a_folder_that_cannot_be_made_is_named(clock, tmp_path):
    (tmp_path / "file").write_text("in the way")
    store = FeedStore(tmp_path / "file/feeds", feeds=[], now=clock)
    with pytest.raises(
        FeedError, match=r"file/feeds: the feed folder cannot be written: (Not a directory|File exists)"
    ):
        store.update(http=HTTP)


LIMITED = """
import resource, sys
from pathlib import Path
from collectors.feeds.cache import FeedStore
from tests.lab.made_up_feeds import HTTP, plain_feed
store = FeedStore(Path(sys.argv[1]), feeds=[plain_feed(sys.argv[2])])
resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))
for one in store.update(http=HTTP):
    print(one.outcome, one.error)
print(store.load({"debian:12": ["pkg-1"]}).affected[0].fixed_version)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs setrlimit")
def test_a_disk_that_fills_up_while_compiling_leaves_the_old_file(server, clock, tmp_path):
    url = server.serve("/rows.json", body(rows(200)))
    store = store_of(tmp_path, clock, plain_feed(url))
    update(store)
    server.serve("/rows.json", body(rows(3000, fixed="2.0-1")))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    told = subprocess.run(
        [sys.executable, "-c", LIMITED, str(store.directory), url], env=environment, capture_output=True, check=True
    ).stdout.decode()
    assert told.startswith("failed ")
    assert "cannot be written" in told
    assert told.endswith("1.0-1\n")
    assert not list(store.directory.glob("feeds.sqlite.*"))
    assert update(store)["plain"].outcome is FeedOutcome.RENEWED
    assert fixed(store) == ["2.0-1"]


def test_an_interrupted_download_leaves_everything_as_it_was(server, clock, tmp_path):
    store = store_of(tmp_path, clock, plain_feed(server.serve("/rows.json", body(rows(10)))))
    update(store)
    before = json.loads((tmp_path / "feeds/state.json").read_text())

    def interrupt(progress: FeedProgress) -> None:
        raise KeyboardInterrupt

    server.serve("/rows.json", body(rows(10_000)))
    with pytest.raises(KeyboardInterrupt):
        update(store, on_progress=interrupt)
    assert json.loads((tmp_path / "feeds/state.json").read_text()) == before
    assert fixed(store) == ["1.0-1"]
    assert not list((tmp_path / "feeds").glob("incoming/*"))


# the feeds of this product


def test_every_feed_module_is_found_and_says_where_it_comes_from():
    feeds = discover()
    assert {"kev", "epss", "endoflife"} <= {feed.name for feed in feeds}
    assert [feed.name for feed in feeds] == sorted(feed.name for feed in feeds)
    for feed in feeds:
        assert feed.title
        assert feed.licence
        assert feed.homepage.startswith("https://")
        assert feed.minimum_records > 0
        assert [feed.parse, feed.parse_member, feed.parse_part].count(None) == 2
        if feed.enabled_by_default:
            assert all(part.url.startswith("https://") for part in feed.parts(feed.settings, TODAY))


def test_staleness_limits_are_those_of_the_project():
    limits = {feed.name: feed.max_age_days for feed in discover()}
    assert limits.pop("endoflife") == limits.pop("windows-builds") == 30
    assert limits.pop("m365-skus") == 120
    assert {limits.pop(name) for name in ("msrc", "office-channels", "nvd-kev")} == {7}
    assert set(limits.values()) == {3}
    assert [feed.name for feed in discover() if feed.patch_tuesday] == ["msrc"]


@pytest.mark.parametrize("ahead", [timedelta(days=400), timedelta(hours=20)])
def test_a_publisher_date_to_come_never_keeps_a_feed_young(server, clock, tmp_path, ahead):
    """Only what a time zone explains is taken; a feed dated next year would else be current until then."""
    dated = replace(
        plain_feed(server.serve("/rows.json", body(rows(9)))),
        edition=lambda _raw: Edition(published_at=START + ahead, label="of next year"),
    )
    store = store_of(tmp_path, clock, dated)
    state = update(store)["plain"].state
    assert state.edition == "of next year"
    assert state.published_at == (START + ahead if ahead < DAY else None)
    server.answers.clear()
    clock.now += 30 * DAY
    update(store)
    age = store.load({}).feeds[0].age_days(clock.now)
    assert age is not None
    assert age > 29


@pytest.mark.parametrize("urls", [(), ("/a", "/a")])
def test_settings_that_name_no_file_or_one_twice_are_that_feeds_error(server, clock, tmp_path, urls):
    twice = tuple(Part(name=url.strip("/"), url=f"{server.url}{url}") for url in urls)
    feed = replace(plain_feed(server.serve("/a", body(rows(9)))), parts=lambda _settings, _today: twice)
    done = update(store_of(tmp_path, clock, feed))["plain"]
    assert done.outcome is FeedOutcome.FAILED
    assert done.error == (
        f"its settings name {'the same file twice' if urls else 'no file to download'}. Settings that decide it: url."
    )


def test_a_time_without_zone_in_the_sidecar_is_damage(server, clock, tmp_path, caplog):
    store = store_of(tmp_path, clock, plain_feed(server.serve("/rows.json", body(rows(9)))))
    update(store)
    sidecar = tmp_path / "feeds/state.json"
    sidecar.write_text(
        sidecar.read_text().replace('"checked_at": "2026-08-22T12:00:00+00:00"', '"checked_at": "2026-08-22"')
    )
    assert store.load({}).feeds[0].age_days(START) == 0
    assert "is damaged" in caplog.text
