"""Which build belongs to which KB, since when, and whether it was a preview: explains builds, decides no verdict.

Two shapes of list are read: the exports of github.com/jyonke/windows-update-history (Apache-2.0, the default), and
lists grouped by version as github.com/thkn-hofa/ms-windows-versions keeps them. A build is filed under the number in
its own row, never under the name of its list, which may hold another branch (D13). Where lists differ, a build is what
any of them says it is; the KB that came last stands.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date

import msgspec

from collectors.errors import FeedInvalid
from collectors.feeds.feed import Feed, Part, RawPart
from collectors.feeds.records import WindowsBuild

_NAME = "windows-builds"
_BASE = "https://raw.githubusercontent.com/jyonke/windows-update-history/main/exports"
_LISTS = "Microsoft_Windows_10.json Microsoft_Windows_11.json Microsoft_Windows_Server.json"

_BUILD = re.compile(r"(?:10\.0\.)?(\d{4,6}\.\d{1,6})")
_KB = re.compile(r"(?:KB)?(\d{6,8})", re.IGNORECASE)
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")

# Their own updates for machines that need no restart; their build lies between the last preview and the month's
# cumulative update (D8). Lists name them by a word in their type or title, or do not tell.
_HOTPATCH = re.compile(r"hot ?patch", re.IGNORECASE)


class _Exported(msgspec.Struct, rename="pascal"):
    """One row of an export: `ReleaseType` is Standard, Preview, Out-of-band or Unknown."""

    build: str
    availability_date: str | None = None
    release_type: str | None = None
    article: str | None = msgspec.field(name="KBArticle", default=None)


class _Listed(msgspec.Struct, rename="pascal"):
    """One row of a list grouped by version."""

    build: str
    date: str | None = None
    article: str | None = msgspec.field(name="KB", default=None)
    out_of_band: bool = False
    preview: bool = False
    hotpatch: bool = False


class _Group(msgspec.Struct, rename="pascal"):
    key: str
    value: list[_Listed]


def parse(parts: tuple[RawPart, ...]) -> Iterator[WindowsBuild]:
    """Yield one record per build. Raises FeedInvalid for a list of another shape, a build or a date that is none."""
    builds: dict[str, WindowsBuild] = {}
    for part in parts:
        for build in _read(part):
            known = builds.get(build.build)
            builds[build.build] = build if known is None else _merged(known, build)
    yield from builds.values()


def _read(part: RawPart) -> Iterator[WindowsBuild]:
    data = part.path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    try:
        found = msgspec.json.decode(data)
        if isinstance(found, dict):
            groups = msgspec.convert(found, dict[str, list[_Listed]])
            yield from (_listed(part, row) for rows in groups.values() for row in rows)
        elif isinstance(found, list) and found and "Value" in found[0]:
            yield from (_listed(part, row) for group in msgspec.convert(found, list[_Group]) for row in group.value)
        else:
            yield from (_exported(part, row) for row in msgspec.convert(found, list[_Exported]))
    except (msgspec.MsgspecError, UnicodeDecodeError, TypeError) as error:
        raise FeedInvalid(_NAME, f"{part.name} is no list of Windows builds: {error}.") from error


def _exported(part: RawPart, row: _Exported) -> WindowsBuild:
    kind = (row.release_type or "").lower()
    return WindowsBuild(
        build=_build(part, row.build),
        kb=_kb(row.article),
        released_on=_day(part, row.availability_date),
        preview=kind == "preview",
        out_of_band=kind.startswith("out-of-band"),
        hotpatch=_HOTPATCH.search(kind) is not None,
    )


def _listed(part: RawPart, row: _Listed) -> WindowsBuild:
    return WindowsBuild(
        build=_build(part, row.build),
        kb=_kb(row.article),
        released_on=_day(part, row.date),
        preview=row.preview,
        out_of_band=row.out_of_band,
        hotpatch=row.hotpatch,
    )


def _build(part: RawPart, text: str) -> str:
    found = _BUILD.fullmatch(text.strip())
    if found is None:
        raise FeedInvalid(_NAME, f"{part.name} names a build {text[:40]!r}, which is none.")
    return found[1]


def _kb(text: str | None) -> str:
    """Normalize to "KB5094126"; "" for the first build of a version, which no KB brings."""
    found = _KB.fullmatch((text or "").strip())
    return f"KB{found[1]}" if found else ""


def _day(part: RawPart, text: str | None) -> date | None:
    """Read 2026-08-11 or 2026/08/11."""
    if not text:
        return None
    try:
        return date.fromisoformat(text.strip().replace("/", "-")[:10])
    except ValueError as error:
        raise FeedInvalid(_NAME, f"{part.name} dates a build {text[:40]!r}.") from error


def _merged(first: WindowsBuild, second: WindowsBuild) -> WindowsBuild:
    """Join what two rows say of one build: client and server lists share branches, and a build may be released twice.

    Released again under another KB it keeps its first day, and the later KB is the one in the catalog today.
    """
    days = [day for day in (first.released_on, second.released_on) if day is not None]
    later = second if (second.released_on or date.min) >= (first.released_on or date.min) else first
    return replace(
        first,
        kb=later.kb or first.kb or second.kb,
        released_on=min(days, default=None),
        preview=first.preview or second.preview,
        out_of_band=first.out_of_band or second.out_of_band,
        hotpatch=first.hotpatch or second.hotpatch,
    )


def parts(settings: Mapping[str, str], _today: date) -> tuple[Part, ...]:
    """One file per list."""
    base = settings["base"].rstrip("/")
    return tuple(
        Part(
            name=_UNSAFE.sub("-", name.rpartition("/")[2]),
            url=f"{base}/{name}",
            serves=("windows",),
            max_bytes=32 << 20,
        )
        for name in settings["lists"].split()
    )


FEED = Feed(
    name=_NAME,
    title="Windows update history",
    licence="Apache-2.0",
    homepage="https://github.com/jyonke/windows-update-history",
    max_age_days=30,
    parts=parts,
    parse=parse,
    minimum_records=500,
    settings={"base": _BASE, "lists": _LISTS},
)
