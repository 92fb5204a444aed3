"""Feed records about Microsoft's products, made by hand: one call per flaw, rows in few words.

known(flaw("CVE-2026-1", lcu("26100.8655", "KB5094126")), builds=(build("26100.8655", "KB5094126"),))
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from collectors.feeds.records import (
    Advisory,
    AffectedPackage,
    Exploited,
    FeedRecords,
    FeedState,
    FixState,
    Lifecycle,
    PackageKind,
    Severity,
    WindowsBuild,
)
from rules.knowledge import Knowledge

MAY, JUNE, JULY = date(2026, 5, 12), date(2026, 6, 9), date(2026, 7, 14)
Made = tuple[Advisory, tuple[AffectedPackage, ...]]
CLIENT, SERVER = "windows:26100-client", "windows:26100-server"


def row(release: str, package: str, version: str = "", kb: str = "", **fields: Any) -> AffectedPackage:
    """One row of an advisory; the advisory's id is put in by `flaw`."""
    return AffectedPackage(
        advisory="",
        release=release,
        package=package,
        kind=PackageKind.BINARY,
        state=FixState.FIXED,
        fixed_version=version,
        remedy=kb,
        remedy_kind=fields.pop("remedy_kind", "Security Update"),
        **fields,
    )


def lcu(build: str, kb: str, *, kind: str = "client", architecture: str = "x64", **fields: Any) -> AffectedPackage:
    """A cumulative update of Windows: `build` "26100.8655"."""
    prefix = {"9200": "6.2", "9600": "6.3"}.get(build.partition(".")[0], "10.0")
    release = f"windows:{build.partition('.')[0]}-{kind}"
    return row(release, f"windows/{architecture}", f"{prefix}.{build}", kb, **fields)


def without_build(kb: str, *, release: str = CLIENT, **fields: Any) -> AffectedPackage:
    """A row whose fixed build is none of the branch (M2)."""
    return row(release, "windows/x64", "", kb, **fields)


def flaw(cve: str, *rows: AffectedPackage, on: date | None = JUNE, **fields: Any) -> Made:
    """One flaw of Microsoft's update guide."""
    fields.setdefault("severity", Severity.HIGH)
    cves = fields.pop("cves", (cve,))
    made = Advisory(id=cve, feed=fields.pop("feed", "msrc"), issued_on=on, cves=cves, url=f"https://x/{cve}", **fields)
    return made, tuple(replace(one, advisory=cve) for one in rows)


def office_build(version: str, channel: str, *, on: date) -> Made:
    """One security build of an Office channel."""
    identity = f"Office {version} {channel[:8]}"
    row_of = row(f"office:{channel}", "office", version, module=version.split(".")[2], remedy_kind="")
    return flaw(identity, row_of, on=on, feed="office-channels", cves=(), severity=Severity.UNKNOWN)


def build(number: str, kb: str, on: date = JUNE, **fields: Any) -> WindowsBuild:
    """One published build."""
    return WindowsBuild(build=number, kb=kb, released_on=on, **fields)


def feed_state(name: str, covers: Iterable[str] = (), *, checked_at: datetime | None = None) -> FeedState:
    """A feed that was renewed lately."""
    return FeedState(
        name=name,
        title=f"Feed {name}",
        url=f"https://{name}.example/",
        licence="test",
        max_age_days=7,
        checked_at=checked_at or datetime(2026, 6, 19, 20, 0, tzinfo=UTC),
        covers=tuple(covers),
    )


def known(
    *made: Made,
    builds: tuple[WindowsBuild, ...] = (),
    lifecycles: tuple[Lifecycle, ...] = (),
    exploited: tuple[Exploited, ...] = (),
    covers: Iterable[str] = (),
    checked_at: datetime | None = None,
) -> Knowledge:
    """Knowledge from these records; feeds cover what has rows, and `covers`."""
    covered = dict.fromkeys([*(one.release for _, rows in made for one in rows), *covers])
    offices = [release for release in covered if release.startswith("office:")]
    feeds = (
        feed_state("msrc", [release for release in covered if release not in offices], checked_at=checked_at),
        feed_state("office-channels", offices, checked_at=checked_at),
        *(feed_state(name, checked_at=checked_at) for name in ("kev", "epss", "endoflife")),
    )
    return Knowledge.from_records(
        FeedRecords(
            feeds=feeds,
            advisories=tuple(advisory for advisory, _ in made),
            affected=tuple(one for _, rows in made for one in rows),
            windows_builds=builds,
            lifecycles=lifecycles,
            exploited=exploited,
        )
    )
