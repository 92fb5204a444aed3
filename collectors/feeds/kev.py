"""CISA's catalog of Known Exploited Vulnerabilities: what is attacked today, and by when BOD 22-01 wants it fixed.

Source: https://www.cisa.gov/known-exploited-vulnerabilities-catalog (JSON schema linked there).
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta

import msgspec

from collectors.errors import FeedInvalid
from collectors.feeds.feed import Edition, Feed, Part, RawPart
from collectors.feeds.records import Exploited

_NAME = "kev"
_URL = "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json"
_MIRROR = "https://raw.githubusercontent.com/cisagov/kev-data/develop/known_exploited_vulnerabilities.json"
_CVE = re.compile(r"CVE-\d{4}-\d{4,19}")

# The catalog changes when something is exploited, not daily: a week of silence is normal, a month never was. Within
# that time "last looked at" tells its age; beyond it, what we were served is an old copy and its own date counts.
_QUIET = timedelta(days=21)


class _Entry(msgspec.Struct, rename="camel"):
    cve_id: str = msgspec.field(name="cveID")
    date_added: date
    due_date: date
    vulnerability_name: str = ""
    known_ransomware_campaign_use: str = "Unknown"


class _Catalog(msgspec.Struct, rename="camel"):
    catalog_version: str
    date_released: datetime
    count: int
    vulnerabilities: list[_Entry]


def _read(parts: tuple[RawPart, ...]) -> _Catalog:
    try:
        catalog = msgspec.json.decode(parts[0].path.read_bytes(), type=_Catalog)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FeedInvalid(_NAME, f"{parts[0].name} is no KEV catalog: {error}.") from error
    if catalog.count != len(catalog.vulnerabilities):
        problem = f"the catalog announces {catalog.count} entries and holds {len(catalog.vulnerabilities)}."
        raise FeedInvalid(_NAME, problem)
    return catalog


def parse(parts: tuple[RawPart, ...]) -> Iterator[Exploited]:
    """Yield every entry. Raises FeedInvalid when the catalog is incomplete or of another shape."""
    for entry in _read(parts).vulnerabilities:
        if not _CVE.fullmatch(entry.cve_id):
            raise FeedInvalid(_NAME, f"an entry is named {entry.cve_id[:40]!r}, which is no CVE.")
        yield Exploited(
            cve=entry.cve_id,
            added_on=entry.date_added,
            due_on=entry.due_date,
            ransomware=entry.known_ransomware_campaign_use == "Known",
            name=entry.vulnerability_name,
        )


def edition(parts: tuple[RawPart, ...]) -> Edition:
    """Return the catalog version; its date only where it shows that the copy served is an old one."""
    catalog = _read(parts)
    released = catalog.date_released
    released = released.replace(tzinfo=UTC) if released.tzinfo is None else released.astimezone(UTC)
    # Since a frozen mirror answers "not modified" for ever, what counts is when these bytes were last seen.
    outdated = (parts[0].seen_at or parts[0].fetched_at) - released > _QUIET
    return Edition(published_at=released if outdated else None, label=catalog.catalog_version)


def parts(settings: Mapping[str, str], _today: date) -> tuple[Part, ...]:
    """One file; CISA's own repository is asked when its site refuses."""
    url = settings["url"]
    return (Part(name="catalog.json", url=url, fallbacks=(_MIRROR,) if url == _URL else (), max_bytes=64 << 20),)


FEED = Feed(
    name=_NAME,
    title="CISA Known Exploited Vulnerabilities",
    licence="CC0-1.0 (US Government work)",
    homepage="https://www.cisa.gov/known-exploited-vulnerabilities-catalog",
    max_age_days=3,
    parts=parts,
    parse=parse,
    edition=edition,
    minimum_records=1000,
    settings={"url": _URL},
)
