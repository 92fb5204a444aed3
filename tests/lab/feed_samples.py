"""Advisory samples: small OSV documents written here, and the shared sample data where a checkout has it."""

import json
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from collectors.feeds.feed import FeedRecord, RawPart
from collectors.feeds.records import Advisory, AffectedPackage

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def sample(relative: str) -> Path:
    """A file or folder of the shared samples; skips the test where there is none."""
    path = SHARED / relative
    if not path.exists():
        pytest.skip(f"sample data {relative} is not beside this checkout")
    return path


def members(relative: str) -> Iterator[tuple[str, bytes]]:
    """Name and content of every file in a shared tar archive, whose names hold colons that not every disk allows."""
    with tarfile.open(sample(relative)) as archive:
        for member in archive:
            if member.isfile():
                file = archive.extractfile(member)
                assert file is not None
                yield member.name, file.read()


@cache
def fixtures(relative: str, folder: str, suffix: str = ".json") -> dict[str, bytes]:
    """The files of a shared tar archive below one of its folders."""
    found = {name: data for name, data in members(relative) if folder in name and name.endswith(suffix)}
    assert found, f"{relative} holds nothing under {folder}"
    return found


def affected(
    ecosystem: str, name: str, *fixed: str, purl: str = "", introduced: str = "0", **extra: Any
) -> dict[str, Any]:
    """One `affected` entry of an OSV document."""
    events: list[dict[str, str]] = [{"introduced": introduced}, *({"fixed": version} for version in fixed)]
    package = {"ecosystem": ecosystem, "name": name} | ({"purl": purl} if purl else {})
    return {"package": package, "ranges": [{"type": "ECOSYSTEM", "events": events}], **extra}


def document(identity: str, *entries: dict[str, Any], **fields: Any) -> bytes:
    """An OSV document."""
    base = {"id": identity, "modified": "2026-08-20T10:00:00Z", "published": "2026-08-12T00:00:00Z"}
    return json.dumps({**base, "affected": list(entries), **fields}).encode()


def advisory(records: tuple[FeedRecord, ...]) -> Advisory:
    """The one advisory among records."""
    (found,) = [record for record in records if isinstance(record, Advisory)]
    return found


def rows(records: tuple[FeedRecord, ...]) -> tuple[AffectedPackage, ...]:
    """The affected packages among records."""
    return tuple(record for record in records if isinstance(record, AffectedPackage))


def row(records: tuple[FeedRecord, ...]) -> AffectedPackage:
    """The one affected package among records."""
    (found,) = rows(records)
    return found


def raw_part(path: Path, *, name: str = "", fetched_at: datetime = datetime(2026, 11, 22, tzinfo=UTC)) -> RawPart:
    """A file as if it had been downloaded."""
    return RawPart(
        name=name or path.name, url=f"http://feeds.example/{path.name}", path=path, sha256="", fetched_at=fetched_at
    )
