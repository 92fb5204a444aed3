"""Zip archives of many JSON documents (OSV): read member by member, in several processes, trusting nothing.

Members are never extracted to disk. The directory and the members are read here rather than by `zipfile`, whose file
objects cost more than inflating and decoding a document of 3 kB, and which reads archives that are not quite whole.
Source: APPNOTE.TXT (the .ZIP file format), sections 4.3.7, 4.3.12, 4.3.14 and 4.3.16.
"""

import gc
import lzma
import os
import re
import struct
import sys
import threading
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import msgspec

from collectors.errors import FeedError, FeedInvalid
from collectors.feeds.feed import FeedRecord
from collectors.feeds.rows import Chunk, Packer

if TYPE_CHECKING:
    from concurrent.futures import Future

ParseMember = Callable[[str, bytes], tuple[FeedRecord, ...]]

MAX_MEMBERS = 3_000_000
MAX_MEMBER_BYTES = 256 << 20
MAX_TOTAL_BYTES = 64 << 30
MAX_RATIO = 250  # JSON documents compress 3 to 40 times; a bomb of zeros more than 1,000 times
_RATIO_FROM_BYTES = 8 << 20

# What a parser may raise on input it did not expect; anything of these makes the feed invalid, never a crash.
MISREAD = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    lzma.LZMAError,
    msgspec.MsgspecError,
    zlib.error,
)

_LOCAL_HEADER = struct.Struct("<4s2B4HL2L2H")
_DIRECTORY_ENTRY = struct.Struct("<4s4x2H4x3L3H8xL")
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64 = struct.Struct("<4sLQL")
_LONGEST_COMMENT = 65_535
_IN_64 = 0xFFFF
_IN_64_LONG = 0xFFFFFFFF
_ENCRYPTED = 0x1
_STORED, _DEFLATED = 0, 8
_MAX_DIRECTORY_BYTES = 1 << 30
_SAFE_NAME = re.compile(r"(?![A-Za-z]:)(?!(?:[^/]*/)*\.\.?/)[^/\\\x00-\x1f][^\\\x00-\x1f]*\.json")
_FOLDER = re.compile(r"(?![A-Za-z]:)(?!(?:[^/]*/)*\.\.?/)[^/\\\x00-\x1f][^\\\x00-\x1f]*/")

_SPAWN_FROM_MEMBERS = 3_000
_BATCH_MEMBERS = 1_000
_BATCH_BYTES = 8 << 20


class Entry(NamedTuple):
    """One member as the archive's directory describes it; `crc` is of the decompressed document."""

    name: str
    crc: int
    size: int
    packed_size: int
    offset: int
    stored: bool


def read_directory(feed: str, path: Path) -> Iterator[Entry]:
    """Yield the documents of an archive, in its order, while others already read them.

    Raises FeedInvalid when it is no zip file, cut off, encrypted, holds anything but JSON documents (another archive,
    a name that climbs out of its folder), names one twice, or would unpack to more than a feed can be.
    """
    try:
        packed = path.stat().st_size
        with path.open("rb") as archive:
            count, directory = _read_end(archive, packed)
        yield from _bounded(_entries(count, directory), packed)
    except (ValueError, struct.error) as error:
        raise FeedInvalid(feed, f"{path.name} is no archive of JSON documents: {error}.") from error


def _bounded(entries: Iterable[Entry], packed: int) -> Iterator[Entry]:
    """Pass entries on until two have one name, or they announce more than an archive of this size can hold."""
    most = min(MAX_TOTAL_BYTES, max(_RATIO_FROM_BYTES, packed * MAX_RATIO))
    names: set[str] = set()
    total = 0
    for number, entry in enumerate(entries, start=1):
        names.add(entry.name)
        total += entry.size
        if len(names) != number:
            raise ValueError(f"it holds two members named {entry.name[:100]!r}")
        if total > most:
            raise ValueError(f"it would unpack from {packed:,} to more than {most:,} bytes, a decompression bomb")
        yield entry


def _read_end(archive: BinaryIO, size: int) -> tuple[int, bytes]:
    """Return the number of members and the directory, which must fill the file up to its end record."""
    start = max(0, size - _END.size - _LONGEST_COMMENT)
    archive.seek(start)
    tail = archive.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise ValueError("it is no zip file, or cut off before its directory")
    _, _, _, _, count, length, offset, _ = _END.unpack_from(tail, at)
    end = start + at
    if count == _IN_64 or length == _IN_64_LONG or offset == _IN_64_LONG:
        magic, _, position, _ = _LOCATOR64.unpack(_read_at(archive, end - _LOCATOR64.size, _LOCATOR64.size))
        if magic != b"PK\x06\x07":
            raise ValueError("its directory record is missing")
        magic, _, _, _, _, _, _, count, length, offset = _END64.unpack(_read_at(archive, position, _END64.size))
        if magic != b"PK\x06\x06":
            raise ValueError("its directory record is damaged")
        end = position
    if count > MAX_MEMBERS or length > _MAX_DIRECTORY_BYTES:
        raise ValueError(f"it announces {count:,} members")
    if offset + length != end:
        raise ValueError("its directory is not where it says")
    return count, _read_at(archive, offset, length)


def _read_at(archive: BinaryIO, offset: int, length: int) -> bytes:
    if offset < 0:
        raise ValueError("it is cut off")
    archive.seek(offset)
    data = archive.read(length)
    if len(data) != length:
        raise ValueError("it is cut off")
    return data


def _entries(count: int, directory: bytes) -> Iterator[Entry]:
    at = 0
    unpack = _DIRECTORY_ENTRY.unpack_from
    for _ in range(count):
        magic, flags, method, crc, packed_size, size, name_size, extra_size, comment_size, offset = unpack(
            directory, at
        )
        start = at + _DIRECTORY_ENTRY.size
        name = directory[start : start + name_size].decode("utf-8")
        at = start + name_size + extra_size + comment_size
        if magic != b"PK\x01\x02" or at > len(directory):
            raise ValueError("its directory is damaged")
        if _SAFE_NAME.fullmatch(name) is None:
            if _FOLDER.fullmatch(name) and size == 0:
                continue
            raise ValueError(f"the member {name[:100]!r} is no JSON document, or leaves its folder")
        if flags & _ENCRYPTED or method not in {_STORED, _DEFLATED}:
            raise ValueError(f"the member {name[:100]!r} is encrypted or compressed by method {method}")
        if size > MAX_MEMBER_BYTES or packed_size > MAX_MEMBER_BYTES:
            raise ValueError(f"the member {name[:100]!r} announces {size:,} bytes")
        yield Entry(name, crc, size, packed_size, offset, method == _STORED)
    if at != len(directory):
        raise ValueError("its directory holds more members than announced")


def read_members(
    feed: str, path: Path, entries: Iterable[tuple[int, Entry]], parse_member: ParseMember
) -> Iterator[Chunk]:
    """Read the numbered members of an archive into chunks; the number is what `AdvisoryRow` calls `member`.

    Many members are read by worker processes, whose chunks come back in order. Raises FeedInvalid naming the member
    that is damaged or not understood.
    """
    following = iter(entries)
    first = list(islice(following, _SPAWN_FROM_MEMBERS))
    if len(first) < _SPAWN_FROM_MEMBERS:
        for batch in _batches(first):
            yield _raise_or_give(feed, _read_batch(feed, str(path), batch, parse_member))
        return
    yield from _read_in_processes(feed, path, chain(first, following), parse_member)


def _read_in_processes(
    feed: str, path: Path, entries: Iterable[tuple[int, Entry]], parse_member: ParseMember
) -> Iterator[Chunk]:
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    workers = worker_count()
    # A fork starts at once but copies the locks of other threads, a progress display's say, in whatever state they are.
    alone = sys.platform == "linux" and threading.active_count() == 1
    context = get_context("fork" if alone else "spawn")
    # Records refer to nothing that refers back: looking for such rings would be a tenth of a worker's time.
    with ProcessPoolExecutor(workers, mp_context=context, initializer=gc.disable) as pool:
        running: deque[Future[Chunk | str]] = deque()
        batches = _batches(entries)
        try:
            for batch in islice(batches, workers * 3):
                running.append(pool.submit(_read_batch, feed, str(path), batch, parse_member))
            while running:
                chunk = running.popleft().result()
                for batch in islice(batches, 1):
                    running.append(pool.submit(_read_batch, feed, str(path), batch, parse_member))
                yield _raise_or_give(feed, chunk)
        except BrokenProcessPool as error:
            problem = "a process that read its documents died; most likely memory ran out."
            raise FeedError(feed, problem) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def worker_count() -> int:
    """How many processes read documents: one for each processor we may use, up to eight."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, min(8, len(os.sched_getaffinity(0))))
    return max(1, min(8, os.cpu_count() or 1))


def _batches(entries: Iterable[tuple[int, Entry]]) -> Iterator[list[tuple[Any, ...]]]:
    """Group numbered entries, as plain tuples: those cross to another process at a fifth of the cost."""
    batch: list[tuple[Any, ...]] = []
    size = 0
    for number, entry in entries:
        batch.append((number, *entry))
        size += entry.size
        if len(batch) >= _BATCH_MEMBERS or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _raise_or_give(feed: str, chunk: Chunk | str) -> Chunk:
    if isinstance(chunk, str):
        raise FeedInvalid(feed, chunk)
    return chunk


def _read_batch(feed: str, path: str, batch: Sequence[tuple[Any, ...]], parse_member: ParseMember) -> Chunk | str:
    """Read some members; what is wrong comes back as text, since our errors cannot cross process borders."""
    packer = Packer(feed)
    with open(path, "rb", buffering=1 << 18) as archive:  # noqa: PTH123 - neighbours are read at once
        for number, *described in batch:
            entry = Entry(*described)
            try:
                packer.add_member(number, parse_member(entry.name, _inflate(archive, entry)))
            except FeedInvalid as error:
                return f"member {entry.name[:100]!r}: {error.problem}"
            except MISREAD as error:
                return f"member {entry.name[:100]!r} is not understood ({type(error).__name__}: {str(error)[:200]})."
    return packer.take()


def _inflate(archive: BinaryIO, entry: Entry) -> bytes:
    """Return one document; raises ValueError when the data is not what the directory promised."""
    archive.seek(entry.offset)
    # One read takes the header, the name and, as a rule, the whole document.
    data = archive.read(_LOCAL_HEADER.size + 1024 + entry.packed_size)
    if len(data) < _LOCAL_HEADER.size or data[:4] != b"PK\x03\x04":
        raise ValueError("its header is damaged")
    name_size, extra_size = _LOCAL_HEADER.unpack_from(data)[10:12]
    start = _LOCAL_HEADER.size + name_size + extra_size
    packed = data[start : start + entry.packed_size]
    if len(packed) < entry.packed_size:
        archive.seek(entry.offset + start)
        packed = archive.read(entry.packed_size)
    if len(packed) < entry.packed_size:
        raise ValueError("it is cut off")
    if entry.stored:
        document = packed
    else:
        inflate = zlib.decompressobj(wbits=-15)
        document = inflate.decompress(packed, entry.size + 1)
    if len(document) != entry.size or zlib.crc32(document) != entry.crc:
        raise ValueError("its checksum or size is wrong")
    return document
