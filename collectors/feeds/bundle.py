"""The offline bundle: every raw download in one zip file, with a manifest that lets the importer check each byte.

    manifest.json               format version, when made; per feed licence; per part url, sha256, size, dates, ETag
    raw/<feed>/<part>           the downloads as served

Raw downloads travel rather than the compiled file: the importing product parses them itself, so that a bundle can
bring nothing in that a download could not. The checksums guard against damage, not against forgery: compare the sha256
of the bundle over another channel where that matters.
"""

import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from collectors.errors import BundleInvalid, FeedError
from collectors.feeds.feed import Feed
from collectors.feeds.install import CLOCKS_APART, Candidate
from collectors.feeds.layout import Layout
from collectors.feeds.sidecar import Holding, PartState, part_from_json, part_to_json

FORMAT = "auditor-feeds"
FORMAT_VERSION = 1
_MANIFEST = "manifest.json"
_MANIFEST_BYTES = 16 << 20
_PART_BYTES = 4 << 30
_BLOCK = 1 << 20
_MAX_RATIO = 250  # text compresses 3 to 40 times, and most parts travel compressed already
_RATIO_FROM_BYTES = 64 << 20
_NEWER_NEEDED = "Export it again where the internet is reachable."


def write_bundle(
    path: Path, layout: Layout, known: Mapping[str, Feed], holdings: Mapping[str, Holding], made_at: datetime
) -> str:
    """Write the bundle aside and move it to `path`; return its sha256. Raises FeedError when that cannot be done."""
    shipped = {name: held for name, held in holdings.items() if held.parts and held.checked_at and name in known}
    if not shipped:
        raise FeedError(
            str(layout.directory), "there are no feeds to export.", hint="Run `auditor feeds update` first."
        )
    manifest = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "made_at": made_at.isoformat(),
        "feeds": {name: _feed_entry(known[name], held) for name, held in sorted(shipped.items())},
    }
    aside = path.with_name(f"{path.name}.new")
    try:
        with zipfile.ZipFile(aside, "w", zipfile.ZIP_DEFLATED) as bundle:
            bundle.writestr(_MANIFEST, json.dumps(manifest, indent=1))
            for name, held in sorted(shipped.items()):
                for part in sorted(held.parts):
                    packed = part.endswith((".zip", ".gz", ".xz", ".bz2", ".zst"))
                    method = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
                    _pack(bundle, layout, name, held.parts[part], method)
        digest = _sha256(aside)
        aside.replace(path)
    except FeedError:
        aside.unlink(missing_ok=True)
        raise
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise FeedError(
            str(path), f"cannot be written: {error.strerror}.", hint="Check space and permissions."
        ) from error
    return digest


def _pack(bundle: zipfile.ZipFile, layout: Layout, feed: str, part: PartState, method: int) -> None:
    """Add one part; what the importer would refuse is refused here, where it can be downloaded again."""
    raw = layout.raw(feed, part.name)
    if not raw.is_file() or _sha256(raw) != part.sha256:
        problem = f"the copy of {part.name} kept here is not the file that was downloaded."
        raw.unlink(missing_ok=True)
        raise FeedError(feed, problem, hint="Run `auditor feeds update`, then export again.")
    bundle.write(raw, f"raw/{feed}/{part.name}", compress_type=method)


def _feed_entry(feed: Feed, held: Holding) -> dict[str, Any]:
    assert held.checked_at is not None
    return {
        "title": feed.title,
        "licence": feed.licence,
        "homepage": feed.homepage,
        "checked_at": held.checked_at.isoformat(),
        "parts": {name: part_to_json(part) for name, part in sorted(held.parts.items())},
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_bundle(
    path: Path,
    layout: Layout,
    known: Mapping[str, Feed],
    holdings: Mapping[str, Holding],
    *,
    accept_shrunk: bool,
    now: datetime,
) -> list[Candidate]:
    """Check a bundle and unpack what is newer than installed beside the files in service.

    Feeds this product does not know are left out. Raises BundleInvalid, having left nothing behind, when the file is
    no bundle, of another format version, damaged, tampered with, incomplete, dated after `now`, or older than
    everything installed.
    """
    candidates: list[Candidate] = []
    try:
        with as_bundle_error(path), zipfile.ZipFile(path) as bundle:
            manifest = _read_manifest(path, bundle)
            _refuse_bomb(path, manifest)
            for name, entry in manifest["feeds"].items():
                candidate = _candidate(path, name, entry, known, _whole(layout, name, holdings.get(name)))
                if candidate is not None:
                    _refuse_future(path, candidate, now)
                    candidates.append(replace(candidate, accept_shrunk=accept_shrunk))
                    for part in candidate.parts.values():
                        _unpack(path, bundle, layout, name, part)
            if not candidates:
                _refuse_old(path, datetime.fromisoformat(manifest["made_at"]))
    except BaseException:
        for candidate in candidates:
            layout.forget_waiting(candidate.feed.name)
        raise
    return candidates


def _whole(layout: Layout, feed: str, held: Holding | None) -> Holding | None:
    """What is installed of a feed, when its files are really there: an import must be able to bring them back."""
    if held is None or not all(layout.raw(feed, part).is_file() for part in held.parts):
        return None
    return held


def _refuse_future(path: Path, candidate: Candidate, now: datetime) -> None:
    """A refresh still to come would keep the feed young, and later bundles out, until that day."""
    if candidate.checked_at > now + CLOCKS_APART:
        problem = f"feed {candidate.feed.name} was refreshed on {candidate.checked_at:%Y-%m-%d}, which is still to come"
        raise BundleInvalid(
            str(path), f"{problem}.", hint="Check the clock of this machine and of the one that exported."
        )


def _refuse_bomb(path: Path, manifest: Mapping[str, Any]) -> None:
    """Stop before the disk is full: one part may be large, all together not more than such a file can hold."""
    packed = path.stat().st_size
    total = sum(part["size_bytes"] for entry in manifest["feeds"].values() for part in entry["parts"].values())
    if total > max(_RATIO_FROM_BYTES, packed * _MAX_RATIO):
        raise BundleInvalid(str(path), f"it would unpack from {packed:,} to {total:,} bytes, a decompression bomb.")


def _refuse_old(path: Path, made_at: datetime) -> None:
    problem = f"the bundle was made on {made_at:%Y-%m-%d}; the feeds installed here are as new or newer."
    raise BundleInvalid(str(path), problem, hint=_NEWER_NEEDED)


def _read_manifest(path: Path, bundle: zipfile.ZipFile) -> dict[str, Any]:
    try:
        info = bundle.getinfo(_MANIFEST)
    except KeyError as error:
        raise BundleInvalid(str(path), "this file is no feed bundle, or was cut off: it has no manifest.") from error
    if info.file_size > _MANIFEST_BYTES:
        raise BundleInvalid(str(path), "the manifest of the bundle is too large to be one.")
    manifest: dict[str, Any] = json.loads(bundle.read(info))
    if manifest["format"] != FORMAT:
        raise BundleInvalid(str(path), "this zip file is no feed bundle.")
    if manifest["version"] != FORMAT_VERSION:
        problem = f"the bundle has format version {manifest['version']}, this auditor reads version {FORMAT_VERSION}."
        raise BundleInvalid(str(path), problem, hint="Use the same auditor version on both sides.")
    return manifest


def _candidate(
    path: Path, name: str, entry: Mapping[str, Any], known: Mapping[str, Feed], installed: Holding | None
) -> Candidate | None:
    """Describe one feed of the manifest; None when it is unknown here or not newer than what is installed."""
    if name not in known:
        return None
    checked_at = datetime.fromisoformat(entry["checked_at"])
    parts = {part: part_from_json(part, described) for part, described in entry["parts"].items()}
    if checked_at.tzinfo is None or not parts:
        raise BundleInvalid(str(path), f"the manifest describes feed {name} incompletely.")
    for part in parts:
        if not part.replace("-", "").replace("_", "").replace(".", "").isalnum() or part.startswith("."):
            raise BundleInvalid(str(path), f"feed {name} has a part with the unsafe name {part[:60]!r}.")
    if installed is not None and installed.parts and installed.checked_at and installed.checked_at >= checked_at:
        return None
    return Candidate(feed=known[name], parts=parts, new=frozenset(parts), checked_at=checked_at, releases=())


def _unpack(path: Path, bundle: zipfile.ZipFile, layout: Layout, feed: str, part: PartState) -> None:
    member = f"raw/{feed}/{part.name}"
    try:
        info = bundle.getinfo(member)
    except KeyError as error:
        raise BundleInvalid(str(path), f"{member} is missing from the bundle.", hint=_NEWER_NEEDED) from error
    if info.file_size != part.size_bytes or part.size_bytes > _PART_BYTES:
        problem = f"{member} has {info.file_size:,} bytes where the manifest says {part.size_bytes:,}."
        raise BundleInvalid(str(path), problem, hint=_NEWER_NEEDED)
    target = layout.waiting(feed, part.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with bundle.open(info) as source, target.open("wb") as out:
        while block := source.read(_BLOCK):
            digest.update(block)
            out.write(block)
    if digest.hexdigest() != part.sha256:
        problem = f"{member} does not have the checksum of the manifest: the bundle is damaged or was changed."
        raise BundleInvalid(str(path), problem, hint=_NEWER_NEEDED)


@contextmanager
def as_bundle_error(path: Path) -> Iterator[None]:
    """Turn what may go wrong while a bundle is read into a BundleInvalid that names the file."""
    try:
        yield
    except BundleInvalid:
        raise
    except FeedError as error:
        hint = error.hint
        if "accept_shrunk" in hint:  # a setting of updates; here the operator decides
            hint = "If the publisher means it, import it with --accept-shrunk."
        raise BundleInvalid(str(path), f"{error.subject}: {error.problem}", hint=hint) from error
    except FileNotFoundError as error:
        raise BundleInvalid(str(path), "there is no such file.") from error
    except (zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError, RuntimeError) as error:
        problem = f"the file is no complete zip file ({error})."
        raise BundleInvalid(str(path), problem, hint="Copy it again, then compare sizes.") from error
    except OSError as error:
        raise BundleInvalid(str(path), f"it cannot be read or unpacked: {error.strerror}.") from error
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise BundleInvalid(str(path), f"its manifest is not understood ({type(error).__name__}: {error}).") from error
