"""The excerpt about Microsoft's products (`microsoft.toml`), as the records the real feeds would yield."""

import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

import msgspec

from collectors.feeds.feed import FeedRecord
from collectors.feeds.office_channels import CHANNELS
from collectors.feeds.records import (
    Advisory,
    AffectedPackage,
    AffectedRange,
    Exploited,
    ExploitProbability,
    FixState,
    Lifecycle,
    PackageKind,
    Severity,
    WindowsBuild,
)

FILE: Final = Path(__file__).parents[1] / "microsoft.toml"
_GUIDE: Final = "https://msrc.microsoft.com/update-guide/vulnerability/"
_UNTOLD: Final = "-"


class _Written(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Base of what is read from microsoft.toml."""


class _Update(_Written, kw_only=True):
    kb: str = ""
    kind: str = "Security Update"
    rows: tuple[str, ...]
    flaws: tuple[str, ...]


class _Microsoft(_Written):
    flaws: str
    builds: str
    office_builds: str
    office_served: str
    ranges: str


class _File(_Written):
    updates: tuple[_Update, ...]
    microsoft: _Microsoft
    exploited: tuple[Exploited, ...]
    probabilities: dict[str, tuple[float, float]]
    lifecycles: tuple[Lifecycle, ...]


def records(feed: str) -> Iterator[FeedRecord]:  # noqa: C901 - one case per feed
    """Records that the feed of this name would tell about the demonstration's Windows machines; none for others."""
    content = msgspec.convert(tomllib.loads(FILE.read_text("utf-8")), _File)
    match feed:
        case "msrc":
            yield from map(_flaw, _lines(content.microsoft.flaws))
            for update in content.updates:
                yield from _rows(update)
        case "windows-builds":
            yield from map(_build, _lines(content.microsoft.builds))
        case "office-channels":
            for line in _lines(content.microsoft.office_builds):
                yield from _office(*line.split())
            for channel, version, day in map(str.split, _lines(content.microsoft.office_served)):
                ends_on = None if day == _UNTOLD else date.fromisoformat(day)
                yield Lifecycle(product=f"office-channel:{channel}", cycle=version, support_ends_on=ends_on)
        case "nvd-kev":
            for cve, product, fixed in map(str.split, _lines(content.microsoft.ranges)):
                yield AffectedRange(cve=cve, product=product, fixed_version=fixed)
        case "kev":
            yield from content.exploited
        case "epss":
            for cve, (probability, percentile) in content.probabilities.items():
                yield ExploitProbability(cve=cve, probability=probability, percentile=percentile)
        case "endoflife":
            yield from content.lifecycles


def _flaw(line: str) -> Advisory:
    cve, title, severity, score, day = (word.strip() for word in line.split("|"))
    return Advisory(
        id=cve,
        feed="msrc",
        title=title,
        severity=Severity(severity),
        cvss=float(score),
        issued_on=date.fromisoformat(day),
        cves=(cve,),
        url=_GUIDE + cve,
    )


def _rows(update: _Update) -> Iterator[AffectedPackage]:
    for line in update.rows:
        release, package, version, *module = line.split()
        for cve in update.flaws:
            yield AffectedPackage(
                advisory=cve,
                release=release,
                package=package,
                kind=PackageKind.BINARY,
                state=FixState.FIXED,
                fixed_version="" if version == _UNTOLD else version,
                module=" ".join(module),
                remedy=update.kb,
                remedy_kind=update.kind if update.kb else "",
            )


def _build(line: str) -> WindowsBuild:
    build, kb, day, *marks = line.split()
    return WindowsBuild(
        build=build,
        kb=kb,
        released_on=date.fromisoformat(day),
        preview="preview" in marks,
        out_of_band="out-of-band" in marks,
        hotpatch="hotpatch" in marks,
    )


def _office(channel: str, build: str, day: str) -> Iterator[FeedRecord]:
    identity = f"Office {build} {CHANNELS[channel]}"
    yield Advisory(id=identity, feed="office-channels", title=identity, issued_on=date.fromisoformat(day))
    yield AffectedPackage(
        advisory=identity,
        release=f"office:{channel}",
        package="office",
        kind=PackageKind.BINARY,
        state=FixState.FIXED,
        fixed_version=build,
        module=build.split(".")[2],
    )


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
