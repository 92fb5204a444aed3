"""Feed records made by hand for the matching tests: one call per advisory, rows in few words.

knowledge(advisory("DSA-1", fixed("openssl", "3.0.15-1"), cves=("CVE-2026-1",)), entry("CVE-2026-2", no_fix("zlib")))
"""

from dataclasses import replace
from datetime import date
from typing import Any

from collectors.feeds.records import Advisory, AffectedPackage, FeedRecords, FixState, PackageKind
from rules.knowledge import Knowledge

Made = tuple[Advisory, tuple[AffectedPackage, ...]]


def row(package: str, state: FixState, *, release: str = "debian:12", **fields: Any) -> AffectedPackage:
    return AffectedPackage(
        advisory="",
        release=release,
        package=package,
        kind=fields.pop("kind", PackageKind.SOURCE),
        state=state,
        **fields,
    )


def fixed(package: str, version: str, **fields: Any) -> AffectedPackage:
    return row(package, FixState.FIXED, fixed_version=version, **fields)


def fixed_binary(package: str, version: str, **fields: Any) -> AffectedPackage:
    return fixed(package, version, kind=PackageKind.BINARY, **fields)


def no_fix(package: str, reason: str = "no-dsa", **fields: Any) -> AffectedPackage:
    return row(package, FixState.NO_FIX, reason=reason, **fields)


def pending(package: str, version: str, **fields: Any) -> AffectedPackage:
    return row(package, FixState.PENDING, fixed_version=version, **fields)


def not_affected(package: str, **fields: Any) -> AffectedPackage:
    return row(package, FixState.NOT_AFFECTED, **fields)


def advisory(identity: str, *rows: AffectedPackage, issued_on: date | None = date(2026, 11, 1), **fields: Any) -> Made:
    """An announced security advisory (`security=False` for a bug fix)."""
    made = Advisory(id=identity, feed=fields.pop("feed", "test"), issued_on=issued_on, **fields)
    return made, tuple(replace(one, advisory=identity) for one in rows)


def entry(cve: str, *rows: AffectedPackage, **fields: Any) -> Made:
    """A tracker's entry of one CVE: announced by nobody."""
    return advisory(f"DEBIAN-{cve}", *rows, issued_on=None, cves=(cve,), security=False, **fields)


def knowledge(*made: Made) -> Knowledge:
    return Knowledge.from_records(
        FeedRecords(
            advisories=tuple(one for one, _ in made), affected=tuple(affected for _, rows in made for affected in rows)
        )
    )
