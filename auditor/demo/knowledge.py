"""The demonstration's feed excerpt, compiled into the very file that downloaded feeds are compiled into."""

import tomllib
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import msgspec

from auditor.demo.tenant import knowledge as licenses
from auditor.demo.windows import knowledge as microsoft
from collectors.feeds.database import write as write_database
from collectors.feeds.feed import FeedRecord
from collectors.feeds.records import (
    Advisory,
    AffectedPackage,
    Exploited,
    ExploitProbability,
    FeedState,
    FixState,
    Lifecycle,
    PackageKind,
    Severity,
)

_FILE = Path(__file__).parent / "feeds.toml"
_LICENCE = "Apache-2.0 (written for this demonstration)"
_ADDRESS = "demo:feeds.toml"
_MAX_AGE_DAYS = 3
_TRACKER = "https://www.cve.org/CVERecord?id="


class _Written(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Base of what is read from feeds.toml."""


class _Feed(_Written, kw_only=True):
    title: str
    edition: str = "demo"


class _Advisory(_Written, kw_only=True):
    """`affects`: "release kind package version [entitlement] [%module]" or "release kind package no_fix reason"."""

    feed: str
    id: str
    title: str
    severity: Severity
    affects: tuple[str, ...]
    cvss: float | None = None
    issued_on: date | None = None
    cves: tuple[str, ...] = ()
    security: bool = True


class _File(_Written, kw_only=True):
    feeds: dict[str, _Feed]
    advisories: tuple[_Advisory, ...]
    exploited: tuple[Exploited, ...]
    probabilities: dict[str, tuple[float, float]]
    lifecycles: tuple[Lifecycle, ...]


def compile_into(path: Path, as_of: datetime) -> None:
    """Write the excerpt to `path` as a compiled feed file, published on the day of the demonstration."""
    content = msgspec.convert(tomllib.loads(_FILE.read_text("utf-8")), _File)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_database(
        path, [(_state(name, feed, as_of), list(_records(name, content))) for name, feed in content.feeds.items()]
    )


def _state(name: str, feed: _Feed, as_of: datetime) -> FeedState:
    return FeedState(
        name=name,
        title=feed.title,
        url=_ADDRESS,
        licence=_LICENCE,
        max_age_days=_MAX_AGE_DAYS,
        fetched_at=as_of,
        checked_at=as_of,
        published_at=as_of,
        edition=feed.edition,
    )


def _records(name: str, content: _File) -> Iterator[FeedRecord]:
    """Records of one feed; those of no advisory belong to the feed that would tell them."""
    for advisory in content.advisories:
        if advisory.feed == name:
            yield _advisory(advisory)
            yield from (_affected(advisory.id, line) for line in advisory.affects)
    match name:
        case "kev":
            yield from content.exploited
        case "epss":
            for cve, (probability, percentile) in content.probabilities.items():
                yield ExploitProbability(cve=cve, probability=probability, percentile=percentile)
        case "endoflife":
            yield from content.lifecycles
    yield from microsoft.records(name)
    yield from licenses.records(name)


def _advisory(written: _Advisory) -> Advisory:
    return Advisory(
        id=written.id,
        feed=written.feed,
        title=written.title,
        severity=written.severity,
        cvss=written.cvss,
        issued_on=written.issued_on,
        cves=written.cves,
        security=written.security,
        url=_TRACKER + written.cves[0] if written.cves else "",
    )


def _affected(advisory: str, line: str) -> AffectedPackage:
    release, kind, package, version, *more = line.split()
    if version == FixState.NO_FIX:
        return AffectedPackage(
            advisory=advisory,
            release=release,
            package=package,
            kind=PackageKind(kind),
            state=FixState.NO_FIX,
            reason=more[0],
        )
    return AffectedPackage(
        advisory=advisory,
        release=release,
        package=package,
        kind=PackageKind(kind),
        state=FixState.FIXED,
        fixed_version=version,
        module=next((word[1:] for word in more if word.startswith("%")), ""),
        entitlement=next((word for word in more if not word.startswith("%")), ""),
    )
