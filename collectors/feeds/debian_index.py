"""The index of Debian's security suites: every binary package the security archive offers, by exact version.

Here security is the *origin*, not a CVE (D2): the archive also ships tzdata or ca-certificates without any. With it a
host's missing updates can be compared, package by package, with what apt offers from the origin Debian-Security.

What vouches for it: `InRelease` carries the SHA-256 of each `Packages` file (unpacked) and both must agree, and an
InRelease past its Valid-Until on the day of download is refused (a frozen or replayed mirror). The OpenPGP signature
itself is NOT checked, this product runs no gpgv: authenticity rests on the TLS of the mirror a provider chose. There is
no default mirror; the feed is off until `mirror` is set. A suite without Valid-Until is closed, as the edition says.

Source: https://wiki.debian.org/DebianRepository/Format.
"""

import gzip
import hashlib
import lzma
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import IO, cast

from collectors.errors import FeedInvalid, FeedUnreachable
from collectors.feeds.debian_advisories import CODENAMES
from collectors.feeds.feed import Edition, Feed, FeedRecord, Part, RawPart
from collectors.feeds.records import Advisory, AffectedPackage, FixState, PackageKind

_NAME = "debian-index"
_SUITES = "bullseye-security bookworm-security trixie-security"
_LARGEST_INDEX = 256 << 20  # bytes unpacked; those of security suites are about 3 MB, of the main archive 50 MB
_PACKAGES = re.compile(
    r"(?P<suite>[a-z]+-security)_(?P<component>[a-z-]+)_(?P<arch>[a-z0-9]+)_Packages(?P<packing>\.xz|\.gz|)"
)
_INRELEASE = re.compile(r"(?P<suite>[a-z]+-security)_InRelease")
_SOURCE = re.compile(r"(\S+)(?: \((\S+)\))?")
_DIGEST = re.compile(r" ([0-9a-f]{64})\s+(\d+)\s+(\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The part of an InRelease file that matters. `valid_until` is None for a closed suite; `sha256` is by path."""

    codename: str
    published_at: datetime
    valid_until: datetime | None
    sha256: Mapping[str, str]


def read_release(text: str, *, name: str) -> Release:
    """Read an InRelease (or Release) file; raises FeedInvalid unless it is one of a Debian security suite."""
    fields: dict[str, str] = {}
    digests: dict[str, str] = {}
    field = ""
    for line in _signed_part(text):
        if line.startswith(" "):
            if field == "SHA256" and (match := _DIGEST.fullmatch(line.rstrip())):
                digests[match[3]] = match[1]
            continue
        field, _, value = line.partition(":")
        fields[field] = value.strip()
    if fields.get("Label") != "Debian-Security" or not digests:
        raise FeedInvalid(_NAME, f"{name} is not the release file of a Debian security suite.")
    until = fields.get("Valid-Until", "")
    return Release(
        codename=fields.get("Codename", "").removesuffix("-security"),
        published_at=_time(fields.get("Date", ""), name),
        valid_until=_time(until, name) if until else None,
        sha256=digests,
    )


def read_packages(lines: Iterable[str], *, name: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield (package, version, source, source version) of each stanza; raises FeedInvalid on an incomplete one."""
    stanza: dict[str, str] = {}
    for line in (*lines, "\n"):
        if line.strip():
            if not line[0].isspace():
                field, _, value = line.partition(":")
                stanza[field] = value.strip()
            continue
        if stanza:
            yield _binary(stanza, name)
            stanza = {}


def parse(parts: tuple[RawPart, ...]) -> Iterator[FeedRecord]:
    """Check the hash chain of every index, then yield one advisory per source version with its binary packages."""
    releases = _releases(parts)
    seen: set[str] = set()
    for part in parts:
        if match := _PACKAGES.fullmatch(part.name):
            if match["suite"] not in releases:
                raise FeedInvalid(_NAME, f"{part.name} came without its InRelease.")
            yield from _records(part, match, releases[match["suite"]], seen)


def _releases(parts: tuple[RawPart, ...]) -> dict[str, Release]:
    releases: dict[str, Release] = {}
    for part in parts:
        if match := _INRELEASE.fullmatch(part.name):
            release = read_release(_text(part), name=part.name)
            if f"{release.codename}-security" != match["suite"] or release.codename not in CODENAMES:
                raise FeedInvalid(_NAME, f"{part.name} belongs to the suite {release.codename!r}.")
            if release.valid_until and release.valid_until < part.fetched_at:
                raise FeedInvalid(
                    _NAME,
                    f"{part.name} expired on {release.valid_until:%Y-%m-%d}, before it was fetched.",
                    hint="The mirror no longer follows Debian: set another one.",
                )
            releases[match["suite"]] = release
        elif not _PACKAGES.fullmatch(part.name):
            raise FeedInvalid(_NAME, f"{part.name} is no file of a security suite.")
    return releases


def _records(part: RawPart, match: re.Match[str], release: Release, seen: set[str]) -> Iterator[FeedRecord]:
    content = _unpack(part, match["packing"])
    path = f"{match['component']}/binary-{match['arch']}/Packages"
    if release.sha256.get(path) != hashlib.sha256(content).hexdigest():
        raise FeedInvalid(
            _NAME,
            f"{part.name} is not the file its InRelease lists as {path}.",
            hint="The mirror is in the middle of an update, or the file was changed on its way: try again later.",
        )
    binaries = read_packages(content.decode(errors="replace").splitlines(), name=part.name)
    rows: dict[str, list[tuple[str, str]]] = {}
    for package, version, source, source_version in binaries:
        rows.setdefault(f"{source}_{source_version}", []).append((package, version))
    for key, packages in rows.items():
        identity = f"debian-security:{release.codename}/{key}"
        if identity not in seen:  # one source version may stand in several components and architectures
            seen.add(identity)
            yield Advisory(id=identity, feed=_NAME, title=key.replace("_", " "))
        for package, version in packages:
            yield AffectedPackage(
                advisory=identity,
                release=CODENAMES[release.codename],
                package=package,
                kind=PackageKind.BINARY,
                state=FixState.FIXED,
                fixed_version=version,
            )


def _edition(parts: tuple[RawPart, ...]) -> Edition:
    """Date the feed by its oldest open suite; name when each suite's index expires."""
    releases = _releases(parts)
    open_suites = [release.published_at for release in releases.values() if release.valid_until]
    label = "; ".join(
        f"{suite} valid until {release.valid_until:%Y-%m-%d}" if release.valid_until else f"{suite} closed"
        for suite, release in releases.items()
    )
    return Edition(published_at=min(open_suites, default=None), label=label)


def _signed_part(text: str) -> Iterator[str]:
    """Yield the lines the signature covers: anything outside the armor is nobody's word."""
    lines = text.splitlines()
    if not lines or not lines[0].startswith("-----BEGIN PGP SIGNED MESSAGE-----"):
        yield from lines
        return
    for line in lines[lines.index("") + 1 if "" in lines else 1 :]:
        if line.startswith("-----BEGIN PGP SIGNATURE-----"):
            return
        yield line.removeprefix("- ")
    raise FeedInvalid(_NAME, "a release file ends before its signature.")


def _binary(stanza: Mapping[str, str], name: str) -> tuple[str, str, str, str]:
    package, version = stanza.get("Package"), stanza.get("Version")
    source = _SOURCE.fullmatch(stanza.get("Source") or package or "")
    if not package or not version or source is None:
        raise FeedInvalid(_NAME, f"{name} holds a stanza without package or version.")
    return package, version, source[1], source[2] or version


def _time(text: str, name: str) -> datetime:
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except ValueError as error:
        raise FeedInvalid(_NAME, f"{name} has the date {text!r}.") from error


def _text(part: RawPart) -> str:
    try:
        return part.path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise FeedInvalid(_NAME, f"{part.name} is not UTF-8 text.") from error


def _unpack(part: RawPart, packing: str) -> bytes:
    """Return the index as InRelease hashes it; refuses one that unpacks to more than any real index."""
    try:
        with _open(part.path, packing) as file:
            content = file.read(_LARGEST_INDEX + 1)
    except (lzma.LZMAError, EOFError, OSError, zlib.error) as error:
        raise FeedInvalid(_NAME, f"{part.name} cannot be unpacked: {error}.") from error
    if len(content) > _LARGEST_INDEX:
        raise FeedInvalid(_NAME, f"{part.name} unpacks to more than {_LARGEST_INDEX >> 20} MiB.")
    return content


def _open(path: Path, packing: str) -> IO[bytes]:
    if packing == ".xz":
        return lzma.open(path, "rb")
    return cast("IO[bytes]", gzip.open(path, "rb")) if packing else path.open("rb")


def _parts(settings: Mapping[str, str], _today: date) -> tuple[Part, ...]:
    mirror = settings.get("mirror", "").rstrip("/")
    if not mirror:
        raise FeedUnreachable(
            _NAME,
            "no mirror is set.",
            hint="Set `mirror` to the security archive your machines use, such as https://mirror.example/debian-security.",
        )
    architectures = settings.get("architectures", "amd64").split()
    components = settings.get("components", "main").split()
    parts = []
    for suite in settings.get("suites", _SUITES).split():
        codename = suite.removesuffix("-security")
        if codename == suite or codename not in CODENAMES:
            raise FeedUnreachable(
                _NAME, f"{suite!r} is no security suite.", hint=f"`suites` holds names as in {_SUITES!r}."
            )
        serves = (CODENAMES[codename],)
        parts.append(Part(name=f"{suite}_InRelease", url=f"{mirror}/dists/{suite}/InRelease", serves=serves))
        parts += [
            Part(
                name=f"{suite}_{component}_{architecture}_Packages.xz",
                url=f"{mirror}/dists/{suite}/{component}/binary-{architecture}/Packages.xz",
                serves=serves,
            )
            for component in components
            for architecture in architectures
        ]
    return tuple(parts)


FEED = Feed(
    name=_NAME,
    title="Debian security archive (package index)",
    licence="index metadata of the Debian archive",
    homepage="https://www.debian.org/security/",
    max_age_days=3,
    parts=_parts,
    parse=parse,
    edition=_edition,
    minimum_records=1_000,
    settings={"mirror": "", "suites": _SUITES, "components": "main", "architectures": "amd64"},
    enabled_by_default=False,
)
