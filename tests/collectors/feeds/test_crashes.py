"""Killed at any moment, on a damaged file or a full disk: one edition is in service, and the next update mends it."""

import hashlib
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from collectors.errors import FeedError, FeedInvalid
from collectors.feeds.cache import FeedStore
from collectors.feeds.compile import Compiler
from collectors.feeds.feed import Feed, Part
from collectors.feeds.sidecar import PartState, digest_of, only_one, read_sidecar
from collectors.feeds.updates import FeedOutcome, FeedUpdate
from tests.lab.http_server import feed_server
from tests.lab.made_up_feeds import HTTP, body, plain_feed, rows

START = datetime(2026, 8, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)
OLD, NEW = "1.0-1", "2.0-1"  # of one length: a size tells nothing


@pytest.fixture
def server():
    with feed_server() as running:
        yield running


def two_parts(url: str) -> Feed:
    """A feed of two files, whose rows say which edition each came from."""
    return plain_feed("", parts=(Part(name="a.json", url=f"{url}/a"), Part(name="b.json", url=f"{url}/b")))


def serve(server, edition: str) -> str:
    """Serve both files in one edition; return the digest a state must show for it."""
    files = {"a.json": body(rows(9, "debian:12", edition)), "b.json": body(renamed(edition))}
    server.serve("/a", files["a.json"])
    server.serve("/b", files["b.json"])
    return digest_of(
        PartState(name, "", hashlib.sha256(data).hexdigest(), len(data), START) for name, data in files.items()
    )


def renamed(edition: str) -> list[list[str]]:
    return [[advisory.replace("ADV-", "ADV-1"), *rest] for advisory, *rest in rows(9, "debian:13", edition)]


def store_of(tmp_path: Path, *feeds: Feed, days: int = 0, name: str = "feeds") -> FeedStore:
    return FeedStore(tmp_path / name, feeds=feeds, now=lambda: START + days * DAY)


def update(store: FeedStore) -> dict[str, FeedUpdate]:
    return {one.name: one for one in store.update(http=HTTP)}


def editions(store: FeedStore) -> set[str]:
    return {row.fixed_version for row in store.load({"debian:12": ["pkg-1", "pkg-2"], "debian:13": ["pkg-1"]}).affected}


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from collectors.feeds import compile, install, renew, sidecar
from tests.collectors.feeds.test_crashes import HTTP, START, DAY, FeedStore, two_parts

def die(*_args, **_how):
    os.kill(os.getpid(), signal.SIGKILL)

step, directory, url = sys.argv[1:]
if step == "while compiling":
    compile.Compiler.apply = die
elif step == "before the swap":
    compile.Compiler.finish = die
elif step == "after the swap":
    renew.promote = die
elif step == "between two files":
    replace = Path.replace
    def once(self, target):
        replace(self, target)
        if self.name == "a.json":
            die()
    Path.replace = once
elif step == "after the files":
    renew.write_sidecar = die
elif step == "while noting":
    sidecar.os.fsync = lambda number: die() if os.readlink(f"/proc/self/fd/{number}").endswith(".json.new") else None
FeedStore(Path(directory), feeds=[two_parts(url)], now=lambda: START + DAY).update(http=HTTP)
"""
STEPS = (
    "while compiling",
    "before the swap",
    "after the swap",
    "between two files",
    "after the files",
    "while noting",
)


@pytest.mark.skipif(sys.platform != "linux", reason="kills with SIGKILL and looks into /proc")
@pytest.mark.parametrize("step", STEPS)
def test_an_update_killed_at_any_step_leaves_one_edition_and_the_next_one_mends_it(server, tmp_path, step):
    digests = {serve(server, OLD): OLD}
    store = store_of(tmp_path, two_parts(server.url), days=3)
    update(store_of(tmp_path, two_parts(server.url)))
    digests[serve(server, NEW)] = NEW
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "-c", KILLED, step, str(store.directory), server.url]
    assert subprocess.run(command, env=environment, check=False).returncode == -signal.SIGKILL

    def consistent() -> None:
        (state,) = store.states()
        assert editions(store) == {digests[state.sha256]}
        assert state.checked_at in {START, START + DAY}

    consistent()
    answers, server.answers = server.answers, {}
    assert update(store)["plain"].outcome is FeedOutcome.FAILED
    consistent()  # the copies on disk may be of two editions: they must not be compiled into one
    server.answers = answers
    update(store)
    assert editions(store) == {NEW}
    assert update(store)["plain"].outcome is FeedOutcome.UNCHANGED
    (state,) = store.states()
    assert (digests[state.sha256], state.checked_at, state.error) == (NEW, START + 3 * DAY, "")
    assert not list(store.directory.glob("incoming/*"))
    store.export(tmp_path / "bundle")
    elsewhere = store_of(tmp_path, two_parts(server.url), days=3, name="elsewhere")
    elsewhere.import_bundle(tmp_path / "bundle")
    assert editions(elsewhere) == {NEW}


def test_rows_of_an_older_file_do_not_look_as_fresh_as_the_last_download(server, tmp_path):
    """A compiled file put back from a backup, or after a power cut, holds what was known then."""
    store = store_of(tmp_path, two_parts(server.url), days=9)
    serve(server, OLD)
    update(store_of(tmp_path, two_parts(server.url)))
    backup = store.database.read_bytes()
    serve(server, NEW)
    update(store)
    store.database.write_bytes(backup)
    assert editions(store) == {OLD}
    assert store.load({}).feeds[0].checked_at == store.states()[0].checked_at == START
    update(store)
    assert editions(store) == {NEW}
    assert store.states()[0].checked_at == START + 9 * DAY


def damage(store: FeedStore) -> None:
    """Overwrite pages in the middle of the compiled file, far from the list of feeds."""
    size = store.database.stat().st_size
    with store.database.open("rb+") as file:
        file.seek(size // 2)
        file.write(b"\xa5" * (size // 4))


def test_rows_damaged_on_disk_are_rebuilt_even_when_nothing_new_came(server, tmp_path):
    """What the reader's error promises: "Run `auditor feeds update`; it is rebuilt from the downloads"."""
    store = store_of(tmp_path, plain_feed(server.serve("/rows.json", body(rows(5000)))))
    update(store)
    damage(store)
    with pytest.raises(FeedInvalid, match="feeds update"):
        store.load({"debian:12": [f"pkg-{number}" for number in range(5000)]})
    assert update(store)["plain"].outcome is not FeedOutcome.FAILED
    assert len(store.load({"debian:12": [f"pkg-{number}" for number in range(5000)]}).affected) == 5000


def test_a_copy_damaged_on_disk_is_neither_compiled_nor_exported_and_is_fetched_anew(server, tmp_path):
    store = store_of(tmp_path, plain_feed(server.serve("/rows.json", body(rows(9)))))
    update(store)
    raw = tmp_path / "feeds/raw/plain/rows.json"
    raw.write_bytes(raw.read_bytes().replace(b"1.0-1", b"0.0-1"))
    with pytest.raises(FeedError, match="is not the file that was downloaded"):
        store.export(tmp_path / "bundle")
    assert not list(tmp_path.glob("bundle*"))
    update(store)
    assert b"1.0-1" in raw.read_bytes()
    raw.write_bytes(raw.read_bytes().replace(b"1.0-1", b"0.0-1"))
    store.database.unlink()
    assert "not the file that was downloaded" in update(store)["plain"].error
    assert store.load({"debian:12": ["pkg-1"]}).affected == ()
    update(store)
    assert editions(store) == {OLD}


def test_a_disk_that_fills_up_at_one_feed_brings_no_other_into_service_from_that_file(server, tmp_path, monkeypatch):
    """Without a journal nothing written before the disk was full can be trusted: the whole new file goes."""
    one, two = server.serve("/one", body(rows(200))), server.serve("/two", body(rows(5, "debian:13")))
    store = store_of(tmp_path, plain_feed(one, "one"), plain_feed(two, "two"))
    update(store)
    before = store.database.read_bytes()
    server.serve("/one", body(rows(300, fixed=NEW)))
    server.serve("/two", body(rows(5, "debian:13", fixed=NEW)))
    insert = Compiler._insert_affected
    full = ["one"]

    def insert_until_full(self, feed, affected, *how):
        insert(self, feed, affected, *how)
        if full:
            raise sqlite3.OperationalError(f"database or disk is full at {full.pop()}")

    monkeypatch.setattr(Compiler, "_insert_affected", insert_until_full)
    assert {name: done.outcome for name, done in update(store).items()} == dict.fromkeys(
        ("one", "two"), FeedOutcome.FAILED
    )
    assert store.database.read_bytes() == before
    assert update(store)["two"].outcome is FeedOutcome.RENEWED
    assert editions(store) == {NEW}


def test_a_copy_that_cannot_be_read_is_no_fault_of_the_compiled_file(server, tmp_path):
    one, two = server.serve("/one", body(rows(9))), server.serve("/two", body(rows(9, "debian:13")))

    def parse(_raw):
        yield from (tmp_path / "gone").open()

    store = store_of(tmp_path, replace(plain_feed(one, "one"), parse=parse), plain_feed(two, "two"))
    done = update(store)
    assert done["one"].error == "its download cannot be read: No such file or directory."
    assert done["two"].outcome is FeedOutcome.RENEWED


def test_a_foreign_folder_among_the_copies_does_not_stand_in_the_way(server, tmp_path):
    """Some file servers put a folder of snapshots everywhere."""
    store = store_of(tmp_path, plain_feed(server.serve("/rows.json", body(rows(9)))))
    (tmp_path / "feeds/raw/plain/.snapshot").mkdir(parents=True)
    assert update(store)["plain"].outcome is FeedOutcome.RENEWED
    assert read_sidecar(tmp_path / "feeds/state.json")["plain"].error == ""


def test_copies_that_cannot_be_kept_are_that_feeds_error(server, tmp_path):
    one, two = server.serve("/one", body(rows(9))), server.serve("/two", body(rows(9, "debian:13")))
    store = store_of(tmp_path, plain_feed(one, "one"), plain_feed(two, "two"))
    (tmp_path / "feeds/raw").mkdir(parents=True)
    (tmp_path / "feeds/raw/one").write_text("in the way")
    done = update(store)
    assert (done["one"].outcome, done["two"].outcome) == (FeedOutcome.FAILED, FeedOutcome.RENEWED)
    assert "cannot be kept" in done["one"].error


def as_nobody(directory: Path) -> str:
    """What a user without rights reads from a store: its editions, or the error by type and words."""
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        os.seteuid(65534)
        try:
            found = str(editions(FeedStore(directory, feeds=[], now=lambda: START)))
        except Exception as error:  # noqa: BLE001 - a child of a test tells all it met
            found = repr(error)
        os.write(writer, found.encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as answer:
        return answer.read()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root to become somebody else")
def test_a_folder_of_another_user_is_named_as_such_and_a_readable_one_need_not_be_writable(server):
    with tempfile.TemporaryDirectory() as made:  # pytest's own folders are closed to others
        folder = Path(made)
        folder.chmod(0o755)
        store = store_of(folder, plain_feed(server.serve("/rows.json", body(rows(9)))))
        update(store)
        store.directory.chmod(0o555)
        assert as_nobody(store.directory) == str({OLD})
        store.database.chmod(0o600)
        assert re.match(r"FeedError.*Permission denied", as_nobody(store.directory))
        store.directory.chmod(0o700)
        assert re.match(r"FeedError.*Permission denied", as_nobody(store.directory))


def test_what_another_process_changed_until_the_lock_was_ours_is_not_forgotten(server, tmp_path, monkeypatch):
    """Its note of what it downloaded would be overwritten with an older one, under files that are newer."""
    serve(server, OLD)
    store = store_of(tmp_path, two_parts(server.url), days=1)
    update(store_of(tmp_path, two_parts(server.url)))
    serve(server, NEW)

    @contextmanager
    def late(path):
        monkeypatch.undo()
        update(store_of(tmp_path, two_parts(server.url)))
        server.answers.clear()
        with only_one(path):
            yield

    monkeypatch.setattr("collectors.feeds.cache.only_one", late)
    assert update(store)["plain"].outcome is FeedOutcome.FAILED
    assert editions(store) == {NEW}
    for name, part in read_sidecar(tmp_path / "feeds/state.json")["plain"].parts.items():
        raw = (tmp_path / "feeds/raw/plain" / name).read_bytes()
        assert part.sha256 == hashlib.sha256(raw).hexdigest()
    store.export(tmp_path / "bundle")


def test_downloads_left_by_a_killed_update_go_with_the_next_one_even_of_other_feeds(server, tmp_path):
    left = tmp_path / "feeds/incoming/zipped/all.zip"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    update(store_of(tmp_path, plain_feed(server.serve("/rows.json", body(rows(9))))))
    assert not left.exists()


def test_a_refresh_noted_under_a_clock_that_ran_ahead_ages_from_the_next_update_on(server, tmp_path):
    feed = plain_feed(server.serve("/rows.json", body(rows(9))))
    update(store_of(tmp_path, feed, days=900))
    server.answers.clear()
    update(store_of(tmp_path, feed))
    later = store_of(tmp_path, feed, days=30)
    update(later)
    assert later.load({}).feeds[0].age_days(START + 30 * DAY) == 30
