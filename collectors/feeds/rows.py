"""Feed records as plain rows, the form in which they cross process borders and enter the compiled file.

A chunk names each release, package and detail once and refers to it by number, so that neither pickling nor the
process that writes has to look at every string again.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import attrgetter

from collectors.errors import FeedInvalid
from collectors.feeds.feed import FeedRecord
from collectors.feeds.records import (
    Advisory,
    AffectedPackage,
    AffectedRange,
    Exploited,
    ExploitProbability,
    Lifecycle,
    PlanName,
    SkuName,
    WindowsBuild,
)
from collectors.feeds.schema import DETAIL_FIELDS, DETAIL_SEPARATOR

# id, title, severity, cvss, issued_on (ISO), cves (space-separated), security, url, member (number within the chunk)
AdvisoryRow = tuple[str, str, str, float | None, str | None, str, bool, str, int]

CHUNK_RECORDS = 20_000

_DETAIL = attrgetter(*DETAIL_FIELDS)


@dataclass(slots=True)
class AffectedColumns:
    """Affected packages by column, which cross process borders at a third of the cost of rows.

    `advisory` is a number within the packer's scope; `release`, `package` and `detail` are places in `Chunk.names`.
    """

    advisory: list[int] = field(default_factory=list)
    release: list[int] = field(default_factory=list)
    package: list[int] = field(default_factory=list)
    detail: list[int] = field(default_factory=list)
    fixed_version: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.advisory)


@dataclass(slots=True)
class Chunk:
    """Rows of some records. `names` holds releases, packages and details (`DETAIL_FIELDS` of an affected package).

    `first` is the number of its first advisory: advisories of chunks of one packer count on.
    """

    first: int = 0
    names: list[str] = field(default_factory=list)
    advisories: list[AdvisoryRow] = field(default_factory=list)
    affected: AffectedColumns = field(default_factory=AffectedColumns)
    exploited: list[tuple[str, str, str, bool, str]] = field(default_factory=list)
    probabilities: list[tuple[str, float, float]] = field(default_factory=list)
    lifecycles: list[tuple[str | bool | None, ...]] = field(default_factory=list)
    ranges: list[tuple[str, str, str, str, str, str, str]] = field(default_factory=list)
    windows_builds: list[tuple[str, str, str | None, bool, bool, bool]] = field(default_factory=list)
    sku_names: list[tuple[str, str, str]] = field(default_factory=list)
    plan_names: list[tuple[str, str, str, str]] = field(default_factory=list)


class Packer:
    """Turns records of one feed into chunks. Advisories are numbered in order of arrival from 0."""

    def __init__(self, feed: str) -> None:
        self._feed = feed
        self._advisories: dict[str, int] = {}
        self._count = 0
        self._names: dict[str, int] = {}
        self._details: dict[tuple[str, ...], int] = {}
        self._affected: list[tuple[int, int, int, int, str]] = []
        self.chunk = Chunk()

    def take(self) -> Chunk:
        """Hand over what was added since the last call; advisory numbers go on."""
        chunk, self.chunk = self.chunk, Chunk(first=self._count)
        chunk.names = list(self._names)
        if self._affected:
            chunk.affected = AffectedColumns(*map(list, zip(*self._affected, strict=True)))
        self._names.clear()
        self._details.clear()
        self._affected.clear()
        return chunk

    def add_member(self, member: int, records: Iterable[FeedRecord]) -> None:
        """Add the records of one archive member; its affected packages may name its own advisories only."""
        self._advisories.clear()
        for record in records:
            if isinstance(record, AffectedPackage):
                self._add_affected(record)
            elif isinstance(record, Advisory):
                self._add_advisory(record, member)
            else:
                raise FeedInvalid(self._feed, f"an archive member may not hold {type(record).__name__} records.")

    def add(self, record: FeedRecord) -> None:
        """Add one record of a feed that is parsed as a whole. Of two advisories with one id, the first stands."""
        match record:
            case AffectedPackage():
                self._add_affected(record)
            case Advisory():
                self._add_advisory(record, -1)
            case ExploitProbability():
                self.chunk.probabilities.append((record.cve, record.probability, record.percentile))
            case Exploited():
                self.chunk.exploited.append(
                    (
                        record.cve,
                        record.added_on.isoformat(),
                        record.due_on.isoformat(),
                        record.ransomware,
                        record.name,
                    )
                )
            case Lifecycle():
                self.chunk.lifecycles.append(_lifecycle_row(record))
            case AffectedRange():
                self.chunk.ranges.append(
                    (
                        record.product,
                        record.cve,
                        record.introduced,
                        record.fixed_version,
                        record.last_affected,
                        record.target,
                        record.edition,
                    )
                )
            case WindowsBuild():
                released = None if record.released_on is None else record.released_on.isoformat()
                self.chunk.windows_builds.append(
                    (record.build, record.kb, released, record.preview, record.out_of_band, record.hotpatch)
                )
            case SkuName():
                self.chunk.sku_names.append((record.sku_id, record.part_number, record.name))
            case PlanName():
                self.chunk.plan_names.append((record.id, record.sku_id, record.name, record.title))

    def _add_advisory(self, record: Advisory, member: int) -> None:
        if record.id in self._advisories:
            return
        self._advisories[record.id] = self._count
        self._count += 1
        self.chunk.advisories.append(
            (
                record.id,
                record.title,
                record.severity.value,
                record.cvss,
                None if record.issued_on is None else record.issued_on.isoformat(),
                " ".join(record.cves),
                record.security,
                record.url,
                member,
            )
        )

    def _add_affected(self, record: AffectedPackage) -> None:
        advisory = self._advisories.get(record.advisory)
        if advisory is None:
            problem = f"{record.package} in {record.release} names advisory {record.advisory!r}, which is not there."
            raise FeedInvalid(self._feed, problem)
        names = self._names
        fields = _DETAIL(record)
        detail = self._details.get(fields)
        if detail is None:
            detail = self._details[fields] = names.setdefault(DETAIL_SEPARATOR.join(fields), len(names))
        release = names.setdefault(record.release, len(names))
        package = names.setdefault(record.package, len(names))
        self._affected.append((advisory, release, package, detail, record.fixed_version))


def _lifecycle_row(record: Lifecycle) -> tuple[str | bool | None, ...]:
    dates = (record.released_on, record.support_ends_on, record.extended_ends_on)
    released, supported, extended = (None if day is None else day.isoformat() for day in dates)
    return (
        record.product,
        record.cycle,
        record.codename,
        released,
        supported,
        extended,
        record.extended_name,
        record.ended,
        record.lts,
        record.latest,
    )


def pack(feed: str, records: Iterable[FeedRecord]) -> Iterator[Chunk]:
    """Turn a stream of records into chunks of bounded size; raises what the stream raises."""
    packer = Packer(feed)
    for number, record in enumerate(records, start=1):
        packer.add(record)
        if number % CHUNK_RECORDS == 0:
            yield packer.take()
    yield packer.take()
