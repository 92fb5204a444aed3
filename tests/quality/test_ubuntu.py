"""Ubuntu: a recorded host and 251 images, against the versions seen in Ubuntu's security pockets."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, timedelta

import pytest

from collectors.feeds.feed import FeedRecord
from collectors.feeds.records import AffectedPackage
from tests.quality.feeds import ubuntu_first_seen, ubuntu_security_versions
from tests.quality.flagged import binaries, missing
from tests.quality.oracles import OracleHost, image_hosts, vulsio_host
from tests.quality.scoreboard import Score, record_score

FEED = "security pockets as observed"


def test_nothing_is_flagged_on_the_recorded_host_that_apt_did_not_offer(request: pytest.FixtureRequest) -> None:
    oracle = vulsio_host("ubuntu_2404")
    found = binaries(missing(oracle, ubuntu_security_versions()))
    record_score(
        request,
        Score(
            host=oracle.name,
            feed=FEED,
            flagged=len(found),
            offered=len(oracle.offered),
            false_missing=len(found.keys() - oracle.offered.keys()),
            remark="apt's offers do not tell security from the rest here; the table knows 446 packages of 24.04",
        ),
    )
    assert found.keys() - oracle.offered.keys() == set()
    assert (len(found), len(oracle.offered)) == (158, 309)


def test_nothing_is_flagged_on_the_images_that_apt_did_not_offer(request: pytest.FixtureRequest) -> None:
    """Each image as of its own package lists, whose date no note tells.

    They are at least as new as the newest version they name, and that version's first day is when another image had
    it: hours of that day differ between images, so the day before counts. By the date in the image's name, six images
    built from older lists would be flagged for packages that apt could not know of (D12).
    """
    by_release = _by_release()
    images = flagged = offered = kernels = 0
    surprises: list[tuple[str, list[str]]] = []
    found_of = wanted_of = 0
    for image in image_hosts():
        release = image.snapshot.operating_system.version_id  # type: ignore[union-attr]
        verdicts = missing(image, by_release[f"ubuntu:{release}"], as_of=_lists_date(image, release))
        found = binaries(verdict for verdict in verdicts if not verdict.kernel)
        wanted = _security_offers(image, by_release[f"ubuntu:{release}"])
        if surprise := sorted(found.keys() - image.offered.keys()):
            surprises.append((image.name, surprise))
        images, flagged, offered = images + 1, flagged + len(found), offered + len(image.offered)
        kernels += any(verdict.kernel for verdict in verdicts)
        found_of, wanted_of = found_of + len(found.keys() & wanted), wanted_of + len(wanted)
    record_score(
        request,
        Score(
            host=f"{images} Ubuntu images",
            feed=FEED,
            flagged=flagged,
            offered=offered,
            false_missing=sum(len(names) for _, names in surprises),
            found=found_of,
            expected=wanted_of,
            remark="offers the table has as security; the other three were first seen a day or a week after the image",
        ),
    )
    assert surprises == []
    assert images == 251


def _by_release() -> Mapping[str, list[FeedRecord]]:
    split: defaultdict[str, list[FeedRecord]] = defaultdict(list)
    advisory: FeedRecord | None = None
    for record in ubuntu_security_versions():  # an advisory, then its row
        if isinstance(record, AffectedPackage) and advisory is not None:
            split[record.release] += (advisory, record)
        advisory = record
    return split


def _lists_date(image: OracleHost, release: str) -> date:
    seen = ubuntu_first_seen()
    named = [(package.name, package.version) for package in image.snapshot.packages]
    named += [(update.name, update.candidate_version) for update in image.offered.values()]
    newest = max(seen.get((release, name, version), date.min) for name, version in named)
    return min(newest, image.scanned_on) - timedelta(days=1)


def _security_offers(image: OracleHost, records: list[FeedRecord]) -> set[str]:
    known = {(row.package, row.fixed_version) for row in records if isinstance(row, AffectedPackage)}
    return {name for name, update in image.offered.items() if (name, update.candidate_version) in known}
