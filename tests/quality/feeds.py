"""The shared feed samples, read by the product's own parsers; each once per process."""

import csv
import tarfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

from collectors.feeds import debian_advisories, debian_index, osv_almalinux
from collectors.feeds.feed import FeedRecord, RawPart
from collectors.feeds.records import Advisory, AffectedPackage, FixState, PackageKind
from tests.quality.oracles import data


@cache
def debian_lists() -> tuple[FeedRecord, ...]:
    """DSA and DLA lists: the real ones to 2025-02-13 and the reconstructed rest to 2026-08-22."""
    folder = data("feeds/debian-dsa-dla")
    names = sorted(path.name for path in folder.iterdir() if path.name.startswith(("DSA", "DLA")))
    return tuple(debian_advisories.records({name: (folder / name).read_text(encoding="utf-8") for name in names}))


@cache
def debian_security_index(codename: str) -> tuple[FeedRecord, ...]:
    """The security suite's index of 2026-11-22, its hash chain checked."""
    folder = data("feeds/debian-packages-index")
    names = (f"{codename}-security_InRelease", f"{codename}-security_main_amd64_Packages.xz")
    return tuple(debian_index.parse(tuple(_part(folder / name) for name in names)))


def _part(path: Path) -> RawPart:
    return RawPart(name=path.name, url="", path=path, sha256="", fetched_at=datetime(2026, 11, 22, tzinfo=UTC))


@cache
def alma_errata() -> tuple[FeedRecord, ...]:
    """AlmaLinux in OSV, 2019-05-07 to 2026-08-20: 5,680 advisories."""
    with tarfile.open(data("feeds/almalinux-osv/osv-database.tar.xz")) as archive:
        return tuple(_alma_records(archive))


def _alma_records(archive: tarfile.TarFile) -> Iterator[FeedRecord]:
    for member in archive:
        if member.name.endswith(".json"):
            file = archive.extractfile(member)
            assert file is not None
            yield from osv_almalinux.parse_member(member.name, file.read())


@cache
def ubuntu_security_versions() -> tuple[FeedRecord, ...]:
    """Versions seen in Ubuntu's security pockets: one advisory each, dated by the first image that had it."""
    with (data("feeds/ubuntu-observed-versions") / "observed.csv").open(encoding="utf-8", newline="") as file:
        return tuple(
            record for row in csv.DictReader(file) if row["in_security_pocket"] == "1" for record in _seen(row)
        )


def _seen(row: dict[str, str]) -> tuple[FeedRecord, FeedRecord]:
    identity = f"{row['release']}/{row['binary']}_{row['version']}"
    return (
        Advisory(id=identity, feed="ubuntu-observed", issued_on=date.fromisoformat(row["first_seen"])),
        AffectedPackage(
            advisory=identity,
            release=f"ubuntu:{row['release']}",
            package=row["binary"],
            kind=PackageKind.BINARY,
            state=FixState.FIXED,
            fixed_version=row["version"],
        ),
    )


@cache
def ubuntu_first_seen() -> dict[tuple[str, str, str], date]:
    """Day each (release, binary, version) was first seen, whatever its pocket."""
    with (data("feeds/ubuntu-observed-versions") / "observed.csv").open(encoding="utf-8", newline="") as file:
        return {
            (row["release"], row["binary"], row["version"]): date.fromisoformat(row["first_seen"])
            for row in csv.DictReader(file)
        }
