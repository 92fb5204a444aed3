"""The archives as OSV builds them: one member per document, named by its id, colon included ("ALSA-2022:8194.json")."""

import importlib
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from collectors.errors import FeedInvalid
from collectors.feeds import osv_debian
from collectors.feeds.archive import read_directory, read_members
from collectors.feeds.cache import FeedStore
from collectors.feeds.feed import Feed
from tests.lab.feed_samples import affected, document
from tests.lab.http_server import feed_server
from tests.lab.made_up_feeds import HTTP, TODAY, zip_bytes

ARCHIVES: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "osv_almalinux": [("ALSA-2022:8194", affected("AlmaLinux:9", "libtiff", "4.4.0-2.el9"))],
    "osv_alpine": [("ALPINE-CVE-2024-9143", affected("Alpine:v3.20", "openssl", "3.3.2-r1"))],
    "osv_debian": [("DSA-5865-1", affected("Debian:12", "webkit2gtk", "2.46.6-1~deb12u1"))],
    "osv_opensuse": [("openSUSE-SU-2025:0145-1", affected("openSUSE:Leap 15.6", "chromium", "136.0-bp156.2.1"))],
    "osv_redhat": [("RHSA-2024:1234", affected("Red Hat:enterprise_linux:9::baseos", "openssl", "1:3.0.7-25.el9_3"))],
    "osv_rocky": [("RLSA-2024:8121", affected("Rocky Linux:9", "bcel", "0:6.4.1-9.el9_1"))],
    "osv_suse": [("SUSE-SU-2024:3926-1", affected("SUSE:Linux Enterprise Server 15 SP5", "curl", "8.0.1-1"))],
    "osv_ubuntu": [("USN-7095-1", affected("Ubuntu:24.04:LTS", "linux", "6.8.0-48.48"))],
}


def _feed(module: str) -> Feed:
    found: Feed = importlib.import_module(f"collectors.feeds.{module}").FEED
    assert found.parse_member is not None
    return found


def _zip(path: Path, documents: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in documents.items():
            archive.writestr(f"{name}.json", data)
    return path


@pytest.mark.parametrize("module", ARCHIVES)
def test_the_archive_of_every_vendor_is_read_member_by_member(module: str, tmp_path: Path) -> None:
    feed = _feed(module)
    path = _zip(tmp_path / "all.zip", {name: document(name, entry) for name, entry in ARCHIVES[module]})
    entries = list(enumerate(read_directory(feed.name, path)))
    assert feed.parse_member is not None
    (chunk,) = read_members(feed.name, path, entries, feed.parse_member)
    assert [row[0] for row in chunk.advisories] == [name for name, _ in ARCHIVES[module]]
    assert len(chunk.affected) == 1


def test_one_broken_member_refuses_the_archive_by_name(tmp_path: Path) -> None:
    feed = _feed("osv_debian")
    path = _zip(tmp_path / "all.zip", {"DSA-1-1": b'{"id": "DSA-1-1", "affected": {}}'})
    assert feed.parse_member is not None
    with pytest.raises(FeedInvalid, match=r"DSA-1-1\.json"):
        list(read_members(feed.name, path, list(enumerate(read_directory(feed.name, path))), feed.parse_member))


@pytest.mark.parametrize("module", ARCHIVES)
def test_feeds_are_named_after_their_module_and_declare_who_publishes_them(module: str) -> None:
    feed = _feed(module)
    assert feed.name == module.replace("_", "-")
    assert feed.licence
    assert feed.homepage.startswith("https://")
    assert (feed.max_age_days, feed.enabled_by_default) == (3, True)
    assert all(part.serves for part in feed.parts({}, TODAY))


@pytest.mark.parametrize(("days", "age"), [(29, 0), (31, 31)])
def test_a_mirror_that_serves_one_archive_for_a_month_no_longer_makes_it_look_fresh(tmp_path, days, age):
    """Not even by "not modified": its own date counts then."""
    written = datetime(2026, 8, 1, tzinfo=UTC)
    now = [written]
    with feed_server() as server:
        headers = {"Last-Modified": format_datetime(written, usegmt=True)}
        archive = zip_bytes({"DSA-1-1.json": document("DSA-1-1", affected("Debian:12", "a", "1"))})
        url = server.serve("/Debian/all.zip", archive, headers=headers).removesuffix("/Debian/all.zip")
        feed = replace(osv_debian.FEED, minimum_records=1, settings={"base": url})
        store = FeedStore(tmp_path, feeds=[feed], now=lambda: now[0])
        assert store.update(http=HTTP)[0].state.age_days(now[0]) == 0
        now[0] += timedelta(days=days)
        (done,) = store.update(http=HTTP)
    assert done.outcome == "unchanged"
    assert done.state.age_days(now[0]) == age
