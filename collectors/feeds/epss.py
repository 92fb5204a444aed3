"""EPSS: the probability that a vulnerability is exploited within 30 days. Shown with its model; sets no deadline.

Source: https://www.first.org/epss/data_stats: gzip CSV, first line `#model_version:v2025.03.14,score_date:...`.
"""

import gzip
import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TextIO

from collectors.errors import FeedInvalid
from collectors.feeds.feed import Edition, Feed, Part, RawPart
from collectors.feeds.records import ExploitProbability

_NAME = "epss"
_BASE = "https://epss.empiricalsecurity.com"
_CURRENT = "epss_scores-current.csv.gz"
_FORMER = f"https://epss.cyentia.com/{_CURRENT}"
_MAX_BYTES = 128 << 20  # 360,000 scores were 11 MB decompressed in 2026
_COMMENT = re.compile(r"#model_version:(?P<model>[\w.\-]{1,40})(?:,score_date:(?P<date>[0-9T:.+\-Z]{10,32}))?\s*")
_HEADER = "cve,epss,percentile"
_ROW = re.compile(r"(CVE-\d{4}-\d{4,19}),([01](?:\.\d{1,20})?(?:[eE]-\d{1,2})?),([01](?:\.\d{1,20})?)\s*")


@contextmanager
def _open(path: Path) -> Iterator[TextIO]:
    """Open the scores, compressed or not, as capped text."""
    with path.open("rb") as raw:
        magic = raw.read(2)
        raw.seek(0)
        source = gzip.GzipFile(fileobj=raw) if magic == b"\x1f\x8b" else raw
        data = source.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise FeedInvalid(_NAME, f"its file unpacks to more than {_MAX_BYTES:,} bytes; refused.")
    yield io.TextIOWrapper(io.BytesIO(data), encoding="ascii", newline="")


def _comment(line: str) -> re.Match[str]:
    match = _COMMENT.fullmatch(line)
    if match is None:
        raise FeedInvalid(_NAME, f"its first line does not name the model: {line[:60]!r}.")
    return match


def parse(parts: tuple[RawPart, ...]) -> Iterator[ExploitProbability]:
    """Yield every score. Raises FeedInvalid, naming the line, for anything that is none."""
    with _open(parts[0].path) as lines:
        _comment(lines.readline())
        header = lines.readline().strip()
        if header != _HEADER:
            raise FeedInvalid(_NAME, f"its columns are {header[:60]!r}, not {_HEADER!r}.")
        for number, line in enumerate(lines, start=3):
            match = _ROW.fullmatch(line)
            if match is None:
                raise FeedInvalid(_NAME, f"line {number} is no score: {line[:60]!r}.")
            probability, percentile = float(match[2]), float(match[3])
            if probability > 1 or percentile > 1:
                raise FeedInvalid(_NAME, f"line {number} has a probability above 1: {line[:60]!r}.")
            yield ExploitProbability(cve=match[1], probability=probability, percentile=percentile)


def edition(parts: tuple[RawPart, ...]) -> Edition:
    """Return the model version and the day of the scores (None when the comment has no date)."""
    with _open(parts[0].path) as lines:
        match = _comment(lines.readline())
    if match["date"] is None:
        return Edition(label=match["model"])
    try:
        published = datetime.fromisoformat(match["date"])
    except ValueError as error:
        raise FeedInvalid(_NAME, f"its score date is {match['date']!r}.") from error
    published = published.replace(tzinfo=UTC) if published.tzinfo is None else published.astimezone(UTC)
    return Edition(published_at=published, label=match["model"])


def parts(settings: Mapping[str, str], _today: date) -> tuple[Part, ...]:
    """Today's file; before it appears (early afternoon, UTC) the newest one there is.

    The setting `date` (YYYY-MM-DD) asks for another day, and for no other then.
    """
    base, day = settings["base"].rstrip("/"), settings["date"]
    if day:
        return (Part(name="scores.csv.gz", url=f"{base}/epss_scores-{day}.csv.gz", max_bytes=_MAX_BYTES),)
    today = f"{base}/epss_scores-{datetime.now(UTC):%Y-%m-%d}.csv.gz"
    fallbacks = (f"{base}/{_CURRENT}", *((_FORMER,) if base == _BASE else ()))
    return (Part(name="scores.csv.gz", url=today, fallbacks=fallbacks, max_bytes=_MAX_BYTES),)


FEED = Feed(
    name=_NAME,
    title="EPSS exploit prediction scores",
    licence="Free to use with attribution: EPSS, FIRST.org, https://www.first.org/epss",
    homepage="https://www.first.org/epss/",
    max_age_days=3,
    parts=parts,
    parse=parse,
    edition=edition,
    minimum_records=100_000,
    settings={"base": _BASE, "date": ""},
)
