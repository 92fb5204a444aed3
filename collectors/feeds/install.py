"""Putting downloads into service: compile what changed into a new file, swap it in, then keep the raw copies."""

import hashlib
import logging
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from collectors.errors import FeedError, FeedInvalid
from collectors.feeds import database
from collectors.feeds.feed import Edition, Feed, RawPart
from collectors.feeds.layout import Layout
from collectors.feeds.records import FeedState
from collectors.feeds.sidecar import PartState, digest_of

if TYPE_CHECKING:
    from collectors.feeds.compile import Compiler, Member, Staged

_LOG = logging.getLogger(__name__)
_SHRUNK_BELOW = 0.5
CLOCKS_APART = timedelta(days=1)  # time zones and clocks that run ahead a little


class BaseDamaged(Exception):
    """The compiled file to start from turned out to be damaged while it was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A feed about to be compiled: all its `parts`, of which `new` ones wait beside the old.

    `releases` are the release keys of the estate (None: unknown); losing one of them is refused like shrinking.
    """

    feed: Feed
    parts: Mapping[str, PartState]
    checked_at: datetime
    new: frozenset[str] = field(default_factory=frozenset)
    accept_shrunk: bool = False
    releases: Collection[str] | None = None


def source_key(feed: Feed, parts: Mapping[str, PartState]) -> str:
    """Identify what a feed is compiled from: the reader's revision and the bytes of every part."""
    text = "\n".join(f"{name} {parts[name].sha256}" for name in sorted(parts))
    return f"{feed.revision}:{hashlib.sha256(text.encode()).hexdigest()}"


def compiled_keys(path: Path) -> dict[str, str] | None:
    """Return the source key of each compiled feed; None when the file is absent, damaged or of another version.

    All of it is looked at: damage among the rows would else be met by each audit and mended by no update.
    """
    try:
        return database.load_source_keys(path, whole=True)
    except FeedError as error:
        if path.exists():
            _LOG.warning("%s The compiled file is built anew from the downloads.", error.problem)
        return None


def install(
    layout: Layout,
    candidates: Sequence[Candidate],
    *,
    known: Collection[str],
    base_usable: bool,
    on_compile: Callable[[str], None],
    all_or_nothing: bool = False,
) -> dict[str, FeedError]:
    """Compile candidates into a new file and swap it in; return what failed, by feed.

    A failed feed keeps its rows. With `all_or_nothing`, the first failure of a feed with new files raises and nothing
    changes. Rows of feeds that are no longer `known` go. Raises FeedError when the new file cannot be made at all,
    BaseDamaged when it must start from nothing.
    """
    try:
        return _install(
            layout,
            candidates,
            known=known,
            base_usable=base_usable,
            on_compile=on_compile,
            all_or_nothing=all_or_nothing,
        )
    except sqlite3.DatabaseError as error:
        if base_usable:
            raise BaseDamaged(str(error)) from error
        raise FeedError(str(layout.database), f"cannot be made: {error}.", hint="Check the disk.") from error


def _install(
    layout: Layout,
    candidates: Sequence[Candidate],
    *,
    known: Collection[str],
    base_usable: bool,
    on_compile: Callable[[str], None],
    all_or_nothing: bool,
) -> dict[str, FeedError]:
    from collectors.feeds.compile import Compiler, DiskRefuses

    failed: dict[str, FeedError] = {}
    with Compiler(layout.database, base=layout.database if base_usable else None) as compiler:
        for gone in compiler.source_keys().keys() - set(known):
            compiler.drop(gone)
        for candidate in candidates:
            on_compile(candidate.feed.name)
            try:
                _compile(compiler, layout, candidate)
            except DiskRefuses:
                raise
            except FeedError as error:
                if all_or_nothing and candidate.new:
                    raise
                failed[candidate.feed.name] = error
        if len(failed) == len(candidates) and base_usable:
            return failed
        compiler.finish()
    return failed


def promote(layout: Layout, feed: str, parts: Collection[str], new: Collection[str]) -> None:
    """Take the waiting files of a feed into service and remove files that are no longer parts of it.

    Raises FeedError when the disk refuses.
    """
    folder = layout.raw(feed, "")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for part in new:
            layout.waiting(feed, part).replace(layout.raw(feed, part))
        for file in folder.iterdir():
            if file.name not in parts and (file.is_symlink() or not file.is_dir()):
                file.unlink()
    except OSError as error:
        problem = f"its download cannot be kept in {folder}: {error.strerror}."
        raise FeedError(feed, problem, hint="Check space and permissions.") from error
    layout.forget_waiting(feed)


def _compile(compiler: "Compiler", layout: Layout, candidate: Candidate) -> None:
    from collectors.feeds.archive import MISREAD

    feed = candidate.feed
    raw = tuple(_raw_part(layout, candidate, name) for name in sorted(candidate.parts))
    previous = compiler.state(feed.name)
    try:
        _check_kept(layout, candidate)
        edition = _edition(candidate, raw)
        staged, members = _stage(compiler, feed, raw)
    except MISREAD as error:
        raise FeedInvalid(feed.name, f"it is not understood ({type(error).__name__}: {str(error)[:200]}).") from error
    except OSError as error:
        raise FeedError(feed.name, f"its download cannot be read: {error.strerror or error}.") from error
    if not candidate.accept_shrunk:
        try:
            _refuse_shrunk(candidate, staged, previous)
        except FeedInvalid:
            compiler.reject(staged)
            raise
    parts = [candidate.parts[name] for name in sorted(candidate.parts)]
    state = FeedState(
        name=feed.name,
        title=feed.title,
        url=parts[0].url if len(parts) == 1 else feed.homepage,
        licence=feed.licence,
        max_age_days=feed.max_age_days,
        fetched_at=max(part.fetched_at for part in parts),
        checked_at=candidate.checked_at,
        published_at=edition.published_at,
        sha256=digest_of(parts),
        size_bytes=sum(part.size_bytes for part in parts),
        edition=edition.label,
        announces=feed.announces,
        patch_tuesday=feed.patch_tuesday,
    )
    compiler.apply(state, staged, source_key=source_key(feed, candidate.parts), members=members)


def edition_moved(layout: Layout, candidate: Candidate, compiled: FeedState) -> bool:
    """Whether unchanged bytes now tell another age: some publishers' own date counts only once it is long past."""
    from collectors.feeds.archive import MISREAD

    raw = tuple(_raw_part(layout, candidate, name) for name in sorted(candidate.parts))
    try:
        return _edition(candidate, raw).published_at != compiled.published_at
    except (FeedError, OSError, *MISREAD):
        return True  # compiling it will tell what is wrong


def _edition(candidate: Candidate, raw: tuple[RawPart, ...]) -> Edition:
    """Return what the publisher says, without a date that is still to come: a feed bearing it would never age."""
    feed = candidate.feed
    edition = feed.edition(raw)
    if edition.published_at is None or edition.published_at <= candidate.checked_at + CLOCKS_APART:
        return edition
    _LOG.warning(
        "%s is dated %s, which is still to come: its age counts from the last refresh. Check this machine's clock.",
        feed.name,
        f"{edition.published_at:%Y-%m-%d}",
    )
    return Edition(label=edition.label)


def _check_kept(layout: Layout, candidate: Candidate) -> None:
    """Refuse a kept copy that is not what it was: after a crash, say, or on a failing disk. It is then fetched anew."""
    for name in sorted(candidate.parts.keys() - candidate.new):
        path = layout.raw(candidate.feed.name, name)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != candidate.parts[name].sha256:
            path.unlink()
            raise FeedInvalid(
                candidate.feed.name,
                f"the copy of {name} kept here is not the file that was downloaded.",
                hint="The next update downloads it again.",
            )


def _raw_part(layout: Layout, candidate: Candidate, name: str) -> RawPart:
    part = candidate.parts[name]
    place = layout.waiting if name in candidate.new else layout.raw
    return RawPart(
        name=name,
        url=part.url,
        path=place(candidate.feed.name, name),
        sha256=part.sha256,
        fetched_at=part.fetched_at,
        last_modified=_modified_at(part),
        seen_at=max(part.fetched_at, candidate.checked_at),
    )


def _modified_at(part: PartState) -> datetime | None:
    try:
        moment = parsedate_to_datetime(part.last_modified)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def _stage(compiler: "Compiler", feed: Feed, raw: tuple[RawPart, ...]) -> "tuple[Staged, dict[str, Member] | None]":
    from collectors.feeds.rows import pack

    if feed.parse_member is not None:
        return _stage_archives(compiler, feed, raw)
    if feed.parse_part is not None:
        return _stage_parts(compiler, feed, raw)
    if feed.parse is None:
        raise FeedInvalid(feed.name, "the feed module declares no way to parse it.")
    return compiler.stage(feed.name, pack(feed.name, feed.parse(raw))), None


def _stage_archives(
    compiler: "Compiler", feed: Feed, raw: tuple[RawPart, ...]
) -> "tuple[Staged, dict[str, Member] | None]":
    """Stage only documents whose checksum changed, where the last compilation had the same reader."""
    from collectors.feeds.archive import Entry, read_directory, read_members
    from collectors.feeds.compile import Member

    assert feed.parse_member is not None
    old = _members_of_same_reader(compiler, feed)
    following = count(max((member.number for member in old.values()), default=-1) + 1)
    members: dict[str, Member] = {}

    def changed(part: RawPart) -> Iterator[tuple[int, Entry]]:
        """Yield what is to be read, noting all members on the way."""
        for entry in read_directory(feed.name, part.path):
            name = f"{part.name}/{entry.name}"
            member = old.get(name)
            if member is None or member[:2] != entry[1:3]:
                member = Member(entry.crc, entry.size, next(following))
                yield member.number, entry
            members[name] = member

    wanted: list[Iterable[tuple[int, Entry]]] = [changed(part) for part in raw]
    gone = None
    if old:
        wanted = [list(entries) for entries in wanted]
        kept = {member.number for member in members.values()}
        gone = [member.number for member in old.values() if member.number not in kept]
    parse_member = feed.parse_member
    chunks = (
        chunk
        for part, entries in zip(raw, wanted, strict=True)
        for chunk in read_members(feed.name, part.path, entries, parse_member)
    )
    return compiler.stage(feed.name, chunks, gone=gone), members


def _stage_parts(
    compiler: "Compiler", feed: Feed, raw: tuple[RawPart, ...]
) -> "tuple[Staged, dict[str, Member] | None]":
    """Stage only files whose bytes changed, where the last compilation had the same reader."""
    from collectors.feeds.compile import Member
    from collectors.feeds.rows import Chunk, Packer

    assert feed.parse_part is not None
    parse_part = feed.parse_part
    old = _members_of_same_reader(compiler, feed)
    following = count(max((member.number for member in old.values()), default=-1) + 1)
    members: dict[str, Member] = {}
    changed: list[tuple[int, RawPart]] = []
    for part in raw:
        digest, size = int(part.sha256[:12], 16), part.path.stat().st_size
        member = old.get(part.name)
        if member is None or member[:2] != (digest, size):
            member = Member(digest, size, next(following))
            changed.append((member.number, part))
        members[part.name] = member
    kept = {member.number for member in members.values()}
    gone = [member.number for member in old.values() if member.number not in kept] if old else None

    def chunks() -> Iterator[Chunk]:
        packer = Packer(feed.name)
        for number, part in changed:
            packer.add_member(number, parse_part(part))
            yield packer.take()

    return compiler.stage(feed.name, chunks(), gone=gone), members


def _members_of_same_reader(compiler: "Compiler", feed: Feed) -> "dict[str, Member]":
    same_reader = compiler.source_keys().get(feed.name, "").startswith(f"{feed.revision}:")
    return compiler.members(feed.name) if same_reader else {}


def _refuse_shrunk(candidate: Candidate, staged: "Staged", previous: FeedState | None) -> None:
    """Refuse a download that lost most of its records, or a release of the estate."""
    feed = candidate.feed
    hint = f'If the publisher means it, allow it once with accept_shrunk = "true" for feed {feed.name}.'
    if staged.records < feed.minimum_records:
        problem = f"it holds only {staged.records:,} records, of at least {feed.minimum_records:,} expected."
        raise FeedInvalid(feed.name, problem, hint=hint)
    if previous is None:
        return
    if staged.records < previous.records * _SHRUNK_BELOW:
        problem = f"it shrank from {previous.records:,} to {staged.records:,} records."
        raise FeedInvalid(feed.name, problem, hint=hint)
    lost = set() if feed.rolling else set(previous.covers) - set(staged.covers)
    if candidate.releases is not None:
        lost &= set(candidate.releases)
    if lost:
        raise FeedInvalid(feed.name, f"it no longer speaks of {', '.join(sorted(lost))}.", hint=hint)
