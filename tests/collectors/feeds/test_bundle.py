"""The offline bundle: what one site exports another can check, and nothing enters unchecked."""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from auditor.commands.feeds import command
from collectors.errors import BundleInvalid, FeedError
from collectors.feeds.cache import FeedStore
from collectors.feeds.feed import Feed
from tests.lab.http_server import FeedServer, feed_server
from tests.lab.made_up_feeds import HTTP, archive, body, plain_feed, rows, zip_feed

START = datetime(2026, 8, 22, 12, tzinfo=UTC)


@pytest.fixture
def server():
    with feed_server() as running:
        yield running


@pytest.fixture
def feeds(server: FeedServer) -> list[Feed]:
    server.serve("/rows.json", body(rows(10)))
    server.serve("/all.zip", archive({"a.json": rows(8, "debian:13")}))
    return [plain_feed(f"{server.url}/rows.json"), zip_feed(f"{server.url}/all.zip")]


def store(tmp_path: Path, name: str, feeds: list[Feed], days: int = 0) -> FeedStore:
    return FeedStore(tmp_path / name, feeds=feeds, now=lambda: START + timedelta(days=days))


@pytest.fixture
def bundle(feeds: list[Feed], tmp_path: Path) -> Path:
    online = store(tmp_path, "online", feeds)
    online.update(http=HTTP)
    online.export(tmp_path / "feeds.bundle")
    return tmp_path / "feeds.bundle"


def fixed(offline: FeedStore) -> list[str]:
    return [row.fixed_version for row in offline.load({"debian:12": ["pkg-1"], "debian:13": ["pkg-1"]}).affected]


def test_a_site_without_internet_gets_the_same_rows_with_the_same_provenance(feeds, bundle, tmp_path):
    online, offline = store(tmp_path, "online", feeds), store(tmp_path, "offline", feeds, days=5)
    states = offline.import_bundle(bundle)
    assert states == online.states() == offline.states()
    assert states[0].checked_at == START  # the age counts from the export site's refresh, not from the import
    assert fixed(offline) == fixed(online) == ["1.0-1", "1.0-1"]


def test_the_manifest_tells_licence_address_checksum_and_date_of_everything_inside(feeds, bundle, server):
    with zipfile.ZipFile(bundle) as opened:
        manifest = json.loads(opened.read("manifest.json"))
        names = set(opened.namelist())
    assert (manifest["format"], manifest["version"]) == ("auditor-feeds", 1)
    assert names == {"manifest.json", "raw/plain/rows.json", "raw/zipped/all.zip"}
    entry = manifest["feeds"]["plain"]
    assert (entry["licence"], entry["homepage"]) == ("CC0-1.0", "https://feed.example/")
    part = entry["parts"]["rows.json"]
    assert part["url"] == f"{server.url}/rows.json"
    assert part["size_bytes"] == len(body(rows(10)))
    assert part["fetched_at"] == START.isoformat()
    assert len(part["sha256"]) == 64
    assert part["etag"]


def test_export_tells_the_checksum_to_compare_over_another_channel(feeds, bundle, tmp_path):
    import hashlib

    again = tmp_path / "again.bundle"
    assert store(tmp_path, "online", feeds).export(again) == hashlib.sha256(again.read_bytes()).hexdigest()


def test_there_is_nothing_to_export_before_the_first_update(feeds, tmp_path):
    with pytest.raises(FeedError, match="there are no feeds to export"):
        store(tmp_path, "empty", feeds).export(tmp_path / "feeds.bundle")


def test_an_export_that_cannot_be_written_names_the_file(feeds, bundle, tmp_path):
    with pytest.raises(FeedError, match=r"absent/feeds\.bundle: cannot be written: No such file"):
        store(tmp_path, "online", feeds).export(tmp_path / "absent/feeds.bundle")


def rewrite(path: Path, change: Callable[[dict[str, Any], dict[str, bytes]], None]) -> None:
    """Take a bundle apart, let `change` edit manifest and files, put it together again."""
    with zipfile.ZipFile(path) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    manifest = json.loads(files.pop("manifest.json"))
    change(manifest, files)
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("manifest.json", json.dumps(manifest))
        for name, data in files.items():
            made.writestr(name, data)


def tamper(manifest: dict[str, Any], files: dict[str, bytes]) -> None:
    files["raw/plain/rows.json"] = files["raw/plain/rows.json"].replace(b"1.0-1", b"0.0-1")


def lose(manifest: dict[str, Any], files: dict[str, bytes]) -> None:
    del files["raw/zipped/all.zip"]


def lengthen(manifest: dict[str, Any], files: dict[str, bytes]) -> None:
    files["raw/plain/rows.json"] += b" " * 100


def from_the_future(manifest: dict[str, Any], files: dict[str, bytes]) -> None:
    manifest["version"] = 2


def of_another_kind(manifest: dict[str, Any], files: dict[str, bytes]) -> None:
    manifest["format"] = "backup"


def without_parts(manifest: dict[str, Any], files: dict[str, bytes]) -> None:
    manifest["feeds"]["plain"]["parts"] = {}


def climb(manifest: dict[str, Any], files: dict[str, bytes]) -> None:
    parts = manifest["feeds"]["plain"]["parts"]
    parts["../../../owned"] = parts.pop("rows.json")
    files["raw/plain/../../../owned"] = files.pop("raw/plain/rows.json")


def wrong_types(manifest: dict[str, Any], files: dict[str, bytes]) -> None:
    manifest["feeds"]["plain"]["parts"]["rows.json"]["size_bytes"] = "many"


def no_date(manifest: dict[str, Any], files: dict[str, bytes]) -> None:
    del manifest["feeds"]["plain"]["checked_at"]


def a_list(manifest: dict[str, Any], files: dict[str, bytes]) -> None:
    manifest["feeds"] = ["plain"]


def broken_feed(manifest: dict[str, Any], files: dict[str, bytes]) -> None:
    """Checksums match: the content itself is no feed."""
    import hashlib

    files["raw/plain/rows.json"] = b"<html></html>"
    part = manifest["feeds"]["plain"]["parts"]["rows.json"]
    part["sha256"] = hashlib.sha256(b"<html></html>").hexdigest()
    part["size_bytes"] = 13


BAD = {
    tamper: "does not have the checksum of the manifest",
    lose: r"raw/zipped/all\.zip is missing",
    lengthen: "bytes where the manifest says",
    from_the_future: "format version 2, this auditor reads version 1",
    of_another_kind: "no feed bundle",
    without_parts: "describes feed plain incompletely",
    climb: "unsafe name",
    wrong_types: "manifest is not understood",
    no_date: "manifest is not understood",
    a_list: "manifest is not understood",
    broken_feed: r"plain: rows\.json is no JSON",
}


@pytest.mark.parametrize("change", BAD, ids=lambda change: change.__name__)
def test_a_bundle_that_does_not_check_changes_nothing(feeds, bundle, server, tmp_path, change):
    server.serve("/rows.json", body(rows(9, fixed="0.9-1")))
    store(tmp_path, "offline", feeds, days=-5).update(http=HTTP)
    offline = store(tmp_path, "offline", feeds)
    before = {path: path.read_bytes() for path in sorted((tmp_path / "offline").rglob("*")) if path.is_file()}
    rewrite(bundle, change)
    with pytest.raises(BundleInvalid, match=BAD[change]) as caught:
        offline.import_bundle(bundle)
    assert caught.value.subject == str(bundle)
    after = {path: path.read_bytes() for path in sorted((tmp_path / "offline").rglob("*")) if path.is_file()}
    assert after == before
    assert "0.9-1" in fixed(offline)
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("keep", [0, 100, -1, -40])
def test_a_bundle_cut_off_anywhere_is_told(feeds, bundle, tmp_path, keep):
    bundle.write_bytes(bundle.read_bytes()[:keep])
    with pytest.raises(BundleInvalid, match=r"is no complete zip file|was cut off"):
        store(tmp_path, "offline", feeds).import_bundle(bundle)
    assert not store(tmp_path, "offline", feeds).database.exists()


def test_a_flipped_bit_in_a_bundle_is_found(feeds, bundle, tmp_path):
    data = bytearray(bundle.read_bytes())
    data[data.find(b"raw/zipped/all.zip") + 60] ^= 1
    bundle.write_bytes(bytes(data))
    with pytest.raises(BundleInvalid):
        store(tmp_path, "offline", feeds).import_bundle(bundle)


def test_an_absent_bundle_is_named(feeds, tmp_path):
    with pytest.raises(BundleInvalid, match=r"absent\.bundle: there is no such file"):
        store(tmp_path, "offline", feeds).import_bundle(tmp_path / "absent.bundle")


def test_any_other_zip_file_is_no_bundle(feeds, tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as made:
        made.writestr("readme.txt", "hello")
    with pytest.raises(BundleInvalid, match="no feed bundle, or was cut off"):
        store(tmp_path, "offline", feeds).import_bundle(tmp_path / "x.zip")


def test_an_older_bundle_never_replaces_newer_feeds(feeds, bundle, server, tmp_path):
    offline = store(tmp_path, "offline", feeds, days=1)
    server.serve("/rows.json", body(rows(10, fixed="2.0-1")))
    offline.update(http=HTTP)
    with pytest.raises(BundleInvalid, match="made on 2026-08-22; the feeds installed here are as new or newer"):
        offline.import_bundle(bundle)
    assert "2.0-1" in fixed(offline)


def test_of_a_mixed_bundle_only_what_is_newer_is_taken(feeds, bundle, server, tmp_path):
    offline = store(tmp_path, "offline", feeds, days=1)
    server.serve("/rows.json", body(rows(10, fixed="2.0-1")))
    offline.update(["plain"], http=HTTP)
    plain, zipped = offline.import_bundle(bundle)
    assert sorted(fixed(offline)) == ["1.0-1", "2.0-1"]
    assert (plain.checked_at, zipped.checked_at) == (START + timedelta(days=1), START)


def test_a_bundle_whose_feed_shrank_is_refused_unless_accepted_and_one_without_a_release_is_not(
    feeds, bundle, server, tmp_path
):
    offline, other = store(tmp_path, "offline", feeds), store(tmp_path, "other", feeds)
    server.serve("/rows.json", body([*rows(30), ["ADV-x", "debian:10", "bash", "1"]]))
    store(tmp_path, "offline", feeds, days=-5).update(http=HTTP)
    with pytest.raises(BundleInvalid, match="plain: it shrank from 62 to 20 records"):
        offline.import_bundle(bundle)
    states = offline.import_bundle(bundle, accept_shrunk=True)
    assert (states[0].records, states[0].covers) == (20, ("debian:12",))
    server.serve("/rows.json", body([*rows(9), ["ADV-x", "debian:10", "bash", "1"]]))
    store(tmp_path, "other", feeds, days=-5).update(http=HTTP)
    assert other.import_bundle(bundle)[0].covers == ("debian:12",)


def test_feeds_of_a_newer_product_in_a_bundle_are_left_out(feeds, bundle, tmp_path):
    states = store(tmp_path, "offline", feeds[:1]).import_bundle(bundle)
    assert [state.name for state in states] == ["plain"]
    assert not (tmp_path / "offline/raw/zipped").exists()


def test_an_import_goes_on_where_the_internet_left_off(feeds, bundle, server, tmp_path):
    """The ETag travels too: a site that gets its connection back does not download everything again."""
    offline = store(tmp_path, "offline", feeds, days=2)
    offline.import_bundle(bundle)
    server.requests.clear()
    assert {one.outcome for one in offline.update(http=HTTP)} == {"unchanged"}
    assert all("If-None-Match" in headers for _, headers in server.requests)


LIMITED = """
import resource, sys
from pathlib import Path
from collectors.errors import BundleInvalid
from collectors.feeds.cache import FeedStore
from tests.lab.made_up_feeds import plain_feed, zip_feed
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
try:
    FeedStore(Path(sys.argv[1]), feeds=[plain_feed(""), zip_feed("")]).import_bundle(Path(sys.argv[2]))
except BundleInvalid as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs setrlimit")
@pytest.mark.parametrize("limit", [200, 30_000], ids=["unpacking", "compiling"])
def test_an_import_that_runs_out_of_disk_changes_nothing(feeds, bundle, tmp_path, limit):
    offline = tmp_path / "offline"
    told = subprocess.run(
        [sys.executable, "-c", LIMITED, str(offline), str(bundle), str(limit)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        check=True,
    ).stdout.decode()
    assert told.startswith(f"{bundle}: ")
    assert "cannot be" in told
    assert [path.name for path in offline.rglob("*") if path.is_file()] == ["lock"]


def test_a_bundle_refreshed_in_the_future_is_refused_it_would_never_age(feeds, bundle, tmp_path):
    behind = store(tmp_path, "behind", feeds, days=-30)
    with pytest.raises(BundleInvalid, match="refreshed on 2026-08-22, which is still to come") as caught:
        behind.import_bundle(bundle)
    assert "clock" in caught.value.hint
    assert not list(tmp_path.glob("behind/incoming/*"))
    assert behind.load({}).affected == ()


def test_a_bundle_that_announces_more_than_it_can_hold_is_stopped_before_the_disk_is_full(feeds, tmp_path):
    zeros = 200 << 20
    part = {"url": "", "sha256": "0" * 64, "size_bytes": zeros, "fetched_at": START.isoformat()}
    entry = {"checked_at": START.isoformat(), "parts": {"rows.json": {**part, "etag": "", "last_modified": ""}}}
    manifest = {"format": "auditor-feeds", "version": 1, "made_at": START.isoformat(), "feeds": {"plain": entry}}
    bomb = tmp_path / "bomb"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("manifest.json", json.dumps(manifest))
        with made.open("raw/plain/rows.json", "w") as member:
            for _ in range(zeros >> 20):
                member.write(b"\0" * (1 << 20))
    with pytest.raises(BundleInvalid, match="decompression bomb"):
        store(tmp_path, "offline", feeds).import_bundle(bomb)


def test_the_same_bundle_brings_back_what_was_lost(feeds, bundle, tmp_path):
    offline = store(tmp_path, "offline", feeds)
    offline.import_bundle(bundle)
    offline.database.unlink()
    (tmp_path / "offline/raw/plain/rows.json").unlink()
    offline.import_bundle(bundle)
    assert fixed(offline) == ["1.0-1", "1.0-1"]


def test_a_feed_that_no_longer_compiles_does_not_keep_a_bundle_of_others_out(feeds, bundle, server, tmp_path):
    other = plain_feed(server.serve("/other", body(rows(9))), "other")
    store(tmp_path, "offline", [*feeds, other], days=-5).update(["other"], http=HTTP)
    (tmp_path / "offline/raw/other/rows.json").write_bytes(b"bit rot")
    (tmp_path / "offline/feeds.sqlite").unlink()
    offline = store(tmp_path, "offline", [*feeds, other])
    states = {state.name: state for state in offline.import_bundle(bundle)}
    assert states["plain"].checked_at == START
    assert "is not the file that was downloaded" in states["other"].error


def test_an_operator_may_import_a_feed_that_shrank(feeds, bundle, server, tmp_path, monkeypatch):
    """The setting that allows it for updates is read by no import: the refusal must name what works here."""
    monkeypatch.setattr("collectors.feeds.discover", lambda: tuple(feeds))
    server.serve("/rows.json", body(rows(30)))
    store(tmp_path, "offline", feeds, days=-5).update(http=HTTP)
    with pytest.raises(BundleInvalid) as caught:
        store(tmp_path, "offline", feeds).import_bundle(bundle)
    assert "--accept-shrunk" in caught.value.hint
    asked = ["import", str(bundle), "--accept-shrunk", "--feeds", str(tmp_path / "offline")]
    told = CliRunner().invoke(command, asked, catch_exceptions=False)
    assert told.exit_code == 0
    assert "20 records" in told.output
