"""What the product flags on an oracle's host."""

from collections.abc import Iterable
from datetime import date

from collectors.feeds.feed import FeedRecord
from collectors.model import PackageScheme
from rules.kernels import advisory_source
from rules.matching import Matcher
from rules.model import PatchState
from rules.verdicts import PatchVerdict
from tests.quality.oracles import OracleHost, knowledge


def missing(host: OracleHost, records: Iterable[FeedRecord], *, as_of: date | None = None) -> tuple[PatchVerdict, ...]:
    """Verdicts of missing patches, with the feed as it stood on a day (default: when the host was scanned)."""
    matcher = Matcher(knowledge(records, as_of=as_of or host.scanned_on))
    return tuple(verdict for verdict in matcher.match(host.snapshot) if verdict.state is PatchState.MISSING)


def binaries(verdicts: Iterable[PatchVerdict]) -> dict[str, str]:
    """Installed binary packages flagged, with the version each must reach."""
    return {
        package.name: version
        for verdict in verdicts
        for package, version in zip(
            verdict.packages, verdict.fixed_versions or ("",) * len(verdict.packages), strict=True
        )
    }


def offered_sources(host: OracleHost, origin: str = "") -> set[str]:
    """Sources, as advisories name them, of the updates offered (from origins that hold `origin`)."""
    sources = host.source_of
    return {
        advisory_source(sources[name], PackageScheme.DEB)
        for name, update in host.offered.items()
        if name in sources and origin in update.origin
    }
