"""Feeds of our own making, as small as a feed can be, to see what the store does with good and bad ones."""

import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path

from collectors.errors import FeedInvalid
from collectors.feeds.download import HttpSettings
from collectors.feeds.feed import Edition, Feed, FeedRecord, Part, RawPart
from collectors.feeds.records import Advisory, AffectedPackage, FixState, PackageKind

TODAY = date(2026, 11, 22)
HTTP = HttpSettings(proxies={}, read_timeout_s=60, deadline_s=120, retries=1, retry_wait_s=0.01, longest_wait_s=0.05)
"""Settings that wait for no retry, and that ignore the proxies of whoever runs the tests."""


def rows(count: int, release: str = "debian:12", fixed: str = "1.0-1") -> list[list[str]]:
    """So many rows [advisory, release, package, fixed version]."""
    return [[f"ADV-{number}", release, f"pkg-{number}", fixed] for number in range(count)]


def body(records: Iterable[list[str]]) -> bytes:
    """Rows as the made-up publisher serves them."""
    return json.dumps(list(records)).encode()


def records_of(found: Iterable[list[str]], feed: str) -> Iterator[FeedRecord]:
    """One advisory and one affected package per row."""
    for advisory, release, package, fixed in found:
        yield Advisory(id=advisory, feed=feed, cves=(advisory.replace("ADV-", "CVE-2026-10"),))
        yield AffectedPackage(
            advisory=advisory,
            release=release,
            package=package,
            kind=PackageKind.SOURCE,
            state=FixState.FIXED,
            fixed_version=fixed,
        )


def plain_feed(
    url: str, name: str = "plain", minimum: int = 1, parts: tuple[Part, ...] = (), revision: int = 1
) -> Feed:
    """A feed of JSON files, each a list of rows."""

    def parse(raw: tuple[RawPart, ...]) -> Iterator[FeedRecord]:
        for part in raw:
            try:
                found = json.loads(part.path.read_bytes())
            except ValueError as error:
                raise FeedInvalid(name, f"{part.name} is no JSON: {error}.") from error
            yield from records_of(found, name)

    def all_parts(settings: Mapping[str, str], _today: date) -> tuple[Part, ...]:
        return parts or (Part(name="rows.json", url=settings["url"], max_bytes=1 << 20),)

    return Feed(
        name=name,
        title=f"Made up {name}",
        licence="CC0-1.0",
        homepage="https://feed.example/",
        max_age_days=3,
        parts=all_parts,
        parse=parse,
        edition=lambda raw: Edition(label=f"{len(raw)} parts"),
        minimum_records=minimum,
        settings={"url": url},
        revision=revision,
    )


def parse_member(name: str, data: bytes) -> tuple[FeedRecord, ...]:
    """One document: a list of rows. Raises what a careless reader raises when it is none."""
    return tuple(records_of(json.loads(data), "zipped"))


def zip_feed(url: str, minimum: int = 1) -> Feed:
    """A feed of one archive, each member a list of rows."""
    return Feed(
        name="zipped",
        title="Made up archive",
        licence="CC0-1.0",
        homepage="https://feed.example/",
        max_age_days=3,
        parts=lambda _, _today: (Part(name="all.zip", url=url),),
        parse_member=parse_member,
        minimum_records=minimum,
    )


def archive(members: Mapping[str, list[list[str]]]) -> bytes:
    """An archive as the made-up publisher serves it."""
    return zip_bytes({name: body(found) for name, found in members.items()})


def zip_bytes(members: Mapping[str, bytes]) -> bytes:
    """An archive of any members."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as writer:
        for name, data in members.items():
            writer.writestr(zipfile.ZipInfo(name, date_time=(2026, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def raw_part(path: Path, name: str = "", **said: object) -> RawPart:
    """A downloaded part for a parser's own test."""
    from datetime import UTC, datetime

    fetched_at = said.get("fetched_at", datetime(2026, 8, 22, 12, tzinfo=UTC))
    assert isinstance(fetched_at, datetime)
    return RawPart(
        name=name or path.name, url="https://feed.example/part", path=path, sha256="0" * 64, fetched_at=fetched_at
    )
