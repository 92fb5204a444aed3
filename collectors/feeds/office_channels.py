"""Office channels: the builds of each Click-to-Run channel, and which of them are security releases.

Office installed by Click-to-Run has no KB: it is patched when its build is the newest security build of its own channel
or a later one of the same version (W22). A lower number in another channel may be newer, hence every row is filed
under the channel's GUID, which is what a machine's CDNBaseUrl names (W23).

Two kinds of answer are read: the list of all channels, and the newest security release of one of them.
Source: "Release discovery API" in learn.microsoft.com/microsoft-365-apps (OfficeReleases, LatestRelease).
"""

import logging
import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import NamedTuple

import msgspec

from collectors.errors import FeedInvalid
from collectors.feeds.feed import Feed, FeedRecord, Part, RawPart
from collectors.feeds.records import Advisory, AffectedPackage, FixState, Lifecycle, PackageKind

_LOG = logging.getLogger(__name__)
_NAME = "office-channels"
_BASE = "https://clients.config.office.net/releases/v1.0"
_PAGE = "https://learn.microsoft.com/officeupdates/microsoft365-apps-security-updates"

CHANNELS = {
    "492350f6-3a01-4f97-b9c0-c7c6ddf67d60": "Current",
    "64256afe-f5d9-4f86-8936-8840a6a4f5be": "CurrentPreview",
    "55336b82-a18d-4dd6-b5f6-9e5095c314a6": "MonthlyEnterprise",
    "7ffbc6bf-bc32-4f92-8982-f9dd17fd3114": "SemiAnnual",
    "b8f9b850-328d-4355-9145-c59439a0c4cf": "SemiAnnualPreview",
    "7983bac0-e531-40cf-be00-fd24fe66619c": "PerpetualVL2024",
    "5030841d-c919-4594-8d2d-84ae4f96e58e": "PerpetualVL2021",
    "f2e724c1-748f-4b47-8fb8-8e0d210e9208": "PerpetualVL2019",
    "5440fd1f-7ecb-4221-8110-145efaa6372f": "BetaChannel",
}
"""Short name of each channel by the GUID in lower case that stands in CDNBaseUrl."""

# What the API and its examples call the channels, in lower case and without blanks.
_ALIASES = {
    "monthly": "Current",
    "currentchannel": "Current",
    "monthlyenterprisechannel": "MonthlyEnterprise",
    "mec": "MonthlyEnterprise",
    "sac": "SemiAnnual",
    "semiannualchannel": "SemiAnnual",
    "semi-annualenterprisechannel": "SemiAnnual",
    "semiannualenterprise": "SemiAnnual",
    "sact": "SemiAnnualPreview",
    "semiannualchannelpreview": "SemiAnnualPreview",
    "semi-annualenterprisechannel(preview)": "SemiAnnualPreview",
    "ltsb": "PerpetualVL2019",
    "ltsb2021": "PerpetualVL2021",
    "ltsb2024": "PerpetualVL2024",
    "ltsc": "PerpetualVL2019",
    "ltsc2021": "PerpetualVL2021",
    "ltsc2024": "PerpetualVL2024",
    "insiderfast": "BetaChannel",
    "beta": "BetaChannel",
    "currentchannel(preview)": "CurrentPreview",
    "currentchannelpreview": "CurrentPreview",
}
_GUIDS = {name.lower(): guid for guid, name in CHANNELS.items()}
_ALL = "releases.json"
_LATEST = ("Monthly", "MonthlyEnterpriseChannel", "SAC", "SACT", "LTSB", "LTSB2021")

_SECURITY = {3, "3", "security", "securityupdate", "securityupdates"}
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_BUILD = re.compile(r"16\.0\.(\d{4,6})\.(\d{4,6})")
_ISO_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ].*)?")
_US_DAY = re.compile(r"(\d\d?)/(\d\d?)/(\d{4})(?: .*)?")
_FIRST_YEAR = 2000  # an earlier year stands for "none" (0001-01-01, 01/01/0001)


class _BuildVersion(msgspec.Struct, rename="camel"):
    build_version_string: str | None = None


class _Release(msgspec.Struct, rename="camel"):
    release_version: str | None = None
    build_version: _BuildVersion | None = None
    legacy_version: str | None = None
    release_type: int | str | None = None
    availability_date: str | None = None
    end_of_support_date: str | None = None
    cdn_base_url: str | None = msgspec.field(name="cdnBaseURL", default=None)


class _Channel(msgspec.Struct, rename="camel"):
    channel_id: str
    office_versions: list[_Release]
    latest_version: str | None = None


class _Build(NamedTuple):
    """One build of one channel; `number` orders the builds of a channel."""

    number: tuple[int, int]
    text: str
    security: bool
    available_on: date | None
    ends_on: date | None

    @property
    def version(self) -> str:
        """The version branch of a build ("19628" of 16.0.19628.20214)."""
        return str(self.number[0])


def parse(parts: tuple[RawPart, ...]) -> Iterator[FeedRecord]:
    """Yield, per channel, an advisory and its row for each security build, then the lifecycle of each version.

    A channel we have no GUID for is logged and left out. Raises FeedInvalid for another shape, a date or a build that
    is none, and when no channel is known at all.
    """
    builds: dict[str, dict[str, _Build]] = {}
    for part in parts:
        for guid, build in _read(part):
            of_channel = builds.setdefault(guid, {})
            known = of_channel.get(build.text)
            of_channel[build.text] = build if known is None else _merged(known, build)
    if not builds:
        raise FeedInvalid(_NAME, "the answer names no channel that is known here.")
    for guid, of_channel in builds.items():
        yield from _records(guid, sorted(of_channel.values()))


def _read(part: RawPart) -> Iterator[tuple[str, _Build]]:
    """Yield GUID and build of each release of one answer."""
    channels = _channels(part)
    for channel in channels:
        guid = _guid(channel)
        if guid is None:
            _LOG.warning("%s: channel %r is not known; machines on it cannot be judged", _NAME, channel.channel_id[:60])
            continue
        for release in channel.office_versions:
            build = _build(part, release)
            if build is not None:
                yield guid, build


def _channels(part: RawPart) -> list[_Channel]:
    """Decode one answer. Only the list of channels must be understood: the others say again what stands in it."""
    data = part.path.read_bytes()
    try:
        if part.name == _ALL:
            return msgspec.json.decode(data, type=list[_Channel])
        release = msgspec.json.decode(data, type=_Release)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if part.name != _ALL:
            _LOG.warning("%s: %s is not understood and left out: %s", _NAME, part.name, error)
            return []
        raise FeedInvalid(_NAME, f"{part.name} is no answer of the release discovery API: {error}.") from error
    if _text_of(release) == "":
        _LOG.warning("%s: %s holds no build and is left out", _NAME, part.name)
        return []
    if release.release_type is None:
        release.release_type = "security"  # what was asked for
    channel = part.name.removeprefix("security-").removesuffix(".json")
    return [_Channel(channel_id=channel, office_versions=[release])]


def _guid(channel: _Channel) -> str | None:
    """The GUID of a channel: out of the address its files come from, else by its name."""
    for release in channel.office_versions:
        found = _GUID.search(release.cdn_base_url or "")
        if found is not None:
            return found[0].lower()
    name = channel.channel_id.replace(" ", "").lower()
    if _GUID.fullmatch(name):
        return name
    return _GUIDS.get(_ALIASES.get(name, name).lower())


def _build(part: RawPart, release: _Release) -> _Build | None:
    text = _text_of(release)
    found = _BUILD.fullmatch(text)
    if found is None:
        if text:  # Office for Mac and the 2016 perpetual builds count otherwise
            _LOG.debug("%s: %r is no Click-to-Run build", _NAME, text[:40])
            return None
        raise FeedInvalid(_NAME, f"{part.name} holds a release without a build.")
    kind = release.release_type
    return _Build(
        number=(int(found[1]), int(found[2])),
        text=text,
        security=(kind.replace(" ", "").lower() if isinstance(kind, str) else kind) in _SECURITY,
        available_on=_day(part, release.availability_date),
        ends_on=_day(part, release.end_of_support_date),
    )


def _text_of(release: _Release) -> str:
    told = release.build_version.build_version_string if release.build_version else None
    return (told or release.legacy_version or "").strip()


def _day(part: RawPart, text: str | None) -> date | None:
    """Read 2026-08-11T17:00:00Z or 08/11/2026; None for an absent date and for one that stands for none."""
    if not text:
        return None
    iso, american = _ISO_DAY.fullmatch(text.strip()), _US_DAY.fullmatch(text.strip())
    numbers = iso.group(1, 2, 3) if iso else american.group(3, 1, 2) if american else ()
    try:
        day = date(*map(int, numbers))
    except (TypeError, ValueError) as error:
        raise FeedInvalid(_NAME, f"{part.name} holds the date {text[:40]!r}.") from error
    return day if day.year >= _FIRST_YEAR else None


def _merged(first: _Build, second: _Build) -> _Build:
    """Join what two answers say of one build."""
    days = [day for day in (first.available_on, second.available_on) if day is not None]
    return first._replace(
        security=first.security or second.security,
        available_on=min(days, default=None),
        ends_on=first.ends_on or second.ends_on,
    )


def _records(guid: str, builds: list[_Build]) -> Iterator[FeedRecord]:
    """Yield the records of one channel, whose builds are in order."""
    channel = CHANNELS.get(guid, guid)
    for build in builds:
        if build.security:
            identity = f"Office {build.text} {channel}"
            yield Advisory(id=identity, feed=_NAME, title=identity, issued_on=build.available_on, url=_PAGE)
            yield AffectedPackage(
                advisory=identity,
                release=f"office:{guid}",
                package="office",
                kind=PackageKind.BINARY,
                state=FixState.FIXED,
                fixed_version=build.text,
                module=build.version,
            )
    for version in dict.fromkeys(build.version for build in builds):
        of_version = [build for build in builds if build.version == version]
        ends = [build.ends_on for build in of_version if build.ends_on is not None]
        released = [build.available_on for build in of_version if build.available_on is not None]
        yield Lifecycle(
            product=f"office-channel:{guid}",
            cycle=version,
            codename=channel,
            released_on=min(released, default=None),
            support_ends_on=max(ends, default=None),
            latest=of_version[-1].text,
        )


def parts(settings: Mapping[str, str], _today: date) -> tuple[Part, ...]:
    """The list of all channels, and the newest security release of each; the latter may be missing."""
    base = settings["base"].rstrip("/")
    return (
        Part(
            name=_ALL, url=f"{base}/OfficeReleases", serves=("windows",), accept="application/json", max_bytes=32 << 20
        ),
        *(
            Part(
                name=f"security-{channel}.json",
                url=f"{base}/LatestRelease/{channel}?ReleaseType=security",
                serves=("windows",),
                accept="application/json",
                max_bytes=1 << 20,
                optional=True,
            )
            for channel in _LATEST
        ),
    )


FEED = Feed(
    name=_NAME,
    title="Microsoft 365 Apps and Office LTSC, releases by channel",
    licence="Microsoft terms of use (downloaded at run time, not redistributed)",
    homepage=_PAGE,
    max_age_days=7,
    parts=parts,
    parse=parse,
    minimum_records=5,
    settings={"base": _BASE},
    rolling=True,
)
