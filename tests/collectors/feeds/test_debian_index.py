import gzip
import hashlib
import lzma
from datetime import UTC, datetime
from pathlib import Path

import pytest

from collectors.errors import FeedInvalid, FeedUnreachable
from collectors.feeds import debian_index
from collectors.feeds.debian_index import FEED, parse, read_release
from collectors.feeds.feed import RawPart
from collectors.feeds.records import Advisory, AffectedPackage, FixState, PackageKind
from tests.lab.feed_samples import raw_part, sample
from tests.lab.made_up_feeds import TODAY

PACKAGES = """\
Package: linux-image-6.1.0-31-amd64
Source: linux-signed-amd64 (6.1.128+1)
Version: 6.1.128-1
Architecture: amd64
Description: Linux 6.1 for 64-bit PCs (signed)
 Package: not-a-package

Package: libtasn1-6
Version: 4.19.0-2+deb12u1
Architecture: amd64

Package: libtasn1-bin
Source: libtasn1-6
Version: 4.19.0-2+deb12u1
Architecture: amd64

Package: tzdata
Version: 2025b-0+deb12u1
Architecture: all
"""

RELEASE = """\
-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA256

Origin: Debian
Label: {label}
Suite: oldstable-security
Codename: {codename}
Date: Sat, 21 Nov 2026 00:53:02 UTC
{until}MD5Sum:
 d41d8cd98f00b204e9800998ecf8427e        0 main/binary-amd64/Packages
SHA256:
 {digest} {size} main/binary-amd64/Packages
-----BEGIN PGP SIGNATURE-----

iQIzBAEBCgAdFiEE
-----END PGP SIGNATURE-----
Label: forged outside the signature
"""
UNTIL = "Valid-Until: Sat, 28 Nov 2026 00:53:02 UTC\n"
FETCHED = datetime(2026, 11, 22, tzinfo=UTC)


def _suite(
    folder: Path,
    *,
    packages: str = PACKAGES,
    listed: str = "",
    packing: str = ".xz",
    label: str = "Debian-Security",
    codename: str = "bookworm-security",
    until: str = UNTIL,
    fetched_at: datetime = FETCHED,
) -> tuple[RawPart, ...]:
    content = packages.encode()
    digest = hashlib.sha256((listed or packages).encode()).hexdigest()
    release = RELEASE.format(label=label, codename=codename, until=until, digest=digest, size=len(content))
    (folder / "bookworm-security_InRelease").write_text(release, encoding="utf-8")
    index = folder / f"bookworm-security_main_amd64_Packages{packing}"
    index.write_bytes({".xz": lzma.compress, ".gz": gzip.compress, "": bytes}[packing](content))
    return tuple(raw_part(path, fetched_at=fetched_at) for path in (folder / "bookworm-security_InRelease", index))


@pytest.mark.parametrize("packing", [".xz", ".gz", ""])
def test_D2_everything_the_security_suite_offers_is_security_by_origin(tmp_path: Path, packing: str) -> None:
    found = list(parse(_suite(tmp_path, packing=packing)))
    advisories = [one for one in found if isinstance(one, Advisory)]
    assert {one.id: (one.security, one.cves, one.issued_on) for one in advisories} == {
        "debian-security:bookworm/linux-signed-amd64_6.1.128+1": (True, (), None),
        "debian-security:bookworm/libtasn1-6_4.19.0-2+deb12u1": (True, (), None),
        "debian-security:bookworm/tzdata_2025b-0+deb12u1": (True, (), None),
    }
    rows = [one for one in found if isinstance(one, AffectedPackage)]
    assert {(one.package, one.fixed_version) for one in rows} == {
        ("linux-image-6.1.0-31-amd64", "6.1.128-1"),
        ("libtasn1-6", "4.19.0-2+deb12u1"),
        ("libtasn1-bin", "4.19.0-2+deb12u1"),
        ("tzdata", "2025b-0+deb12u1"),
    }
    assert {(one.release, one.kind, one.state) for one in rows} == {("debian:12", PackageKind.BINARY, FixState.FIXED)}


def test_a_binary_names_the_advisory_of_its_source_version(tmp_path: Path) -> None:
    rows = {one.package: one.advisory for one in parse(_suite(tmp_path)) if isinstance(one, AffectedPackage)}
    assert rows["libtasn1-bin"] == rows["libtasn1-6"] == "debian-security:bookworm/libtasn1-6_4.19.0-2+deb12u1"


def test_an_index_that_its_release_file_does_not_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FeedInvalid, match="is not the file its InRelease lists"):
        list(parse(_suite(tmp_path, listed=PACKAGES + "\n")))


@pytest.mark.parametrize("packing", [".xz", ".gz"])
def test_a_truncated_index_is_refused(tmp_path: Path, packing: str) -> None:
    release, index = _suite(tmp_path, packing=packing)
    index.path.write_bytes(index.path.read_bytes()[:-12])
    with pytest.raises(FeedInvalid, match="cannot be unpacked"):
        list(parse((release, index)))


def test_an_index_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    release, index = _suite(tmp_path)
    index.path.write_bytes(b"<html>maintenance</html>")
    with pytest.raises(FeedInvalid, match="cannot be unpacked"):
        list(parse((release, index)))


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian_index, "_LARGEST_INDEX", 100)
    with pytest.raises(FeedInvalid, match="unpacks to more than"):
        list(parse(_suite(tmp_path)))


def test_an_index_without_release_file_is_refused(tmp_path: Path) -> None:
    _, index = _suite(tmp_path)
    with pytest.raises(FeedInvalid, match="came without its InRelease"):
        list(parse((index,)))


def test_a_release_file_past_its_validity_when_fetched_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FeedInvalid, match="expired on 2026-11-28") as raised:
        list(parse(_suite(tmp_path, fetched_at=datetime(2026, 11, 29, tzinfo=UTC))))
    assert "another one" in raised.value.hint
    last_minute = datetime(2026, 11, 28, 0, 53, 2, tzinfo=UTC)
    assert list(parse(_suite(tmp_path, fetched_at=last_minute)))


def test_L10_a_suite_without_validity_is_closed_and_the_edition_says_so(tmp_path: Path) -> None:
    parts = _suite(tmp_path, until="", fetched_at=datetime(2030, 1, 1, tzinfo=UTC))
    assert list(parse(parts))
    edition = FEED.edition(parts)
    assert (edition.label, edition.published_at) == ("bookworm-security closed", None)


def test_the_edition_is_dated_by_the_oldest_open_suite(tmp_path: Path) -> None:
    edition = FEED.edition(_suite(tmp_path))
    assert edition.published_at == datetime(2026, 11, 21, 0, 53, 2, tzinfo=UTC)
    assert edition.label == "bookworm-security valid until 2026-11-28"


@pytest.mark.parametrize(
    ("label", "codename"),
    [("Debian", "bookworm-security"), ("Debian-Security", "trixie-security"), ("Debian-Security", "bookworm")],
)
def test_the_release_file_of_another_suite_is_refused(tmp_path: Path, label: str, codename: str) -> None:
    parts = _suite(tmp_path, label=label, codename=codename)
    if codename == "bookworm":  # "bookworm" and "bookworm-security" are one codename to us, the label decides
        assert list(parse(parts))
        return
    with pytest.raises(FeedInvalid):
        list(parse(parts))


def test_what_stands_outside_the_signature_is_nobodys_word() -> None:
    text = RELEASE.format(label="Debian-Security", codename="bookworm-security", until=UNTIL, digest="0" * 64, size=1)
    assert read_release(text, name="x").sha256 == {"main/binary-amd64/Packages": "0" * 64}
    forged = text.replace("Label: Debian-Security\n", "")
    with pytest.raises(FeedInvalid, match="not the release file of a Debian security suite"):
        read_release(forged + "\nLabel: Debian-Security\n", name="x")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html></html>",
        RELEASE.split("-----BEGIN PGP SIGNATURE-----", maxsplit=1)[0],
        RELEASE.format(
            label="Debian-Security", codename="bookworm-security", until="", digest="0" * 64, size=1
        ).replace("Sat, 21 Nov", "Some day"),
    ],
)
def test_a_broken_release_file_is_refused(text: str) -> None:
    with pytest.raises(FeedInvalid):
        read_release(text, name="x")


@pytest.mark.parametrize("packages", ["Package: a\n", "Version: 1\n", "Package: a\nSource: b (1\nVersion: 1\n"])
def test_a_stanza_without_package_version_or_source_is_refused(tmp_path: Path, packages: str) -> None:
    with pytest.raises(FeedInvalid, match="without package or version"):
        list(parse(_suite(tmp_path, packages=packages)))


def test_the_feed_is_off_and_has_no_mirror_of_its_own() -> None:
    assert not FEED.enabled_by_default
    with pytest.raises(FeedUnreachable, match="no mirror is set") as raised:
        FEED.parts({}, TODAY)
    assert "mirror.example" in raised.value.hint


def test_the_settings_name_mirror_suites_components_and_architectures() -> None:
    parts = FEED.parts(
        {
            "mirror": "http://mirror.example/debian-security/",
            "suites": "bookworm-security",
            "components": "main non-free-firmware",
            "architectures": "arm64",
        },
        TODAY,
    )
    assert [part.url for part in parts] == [
        "http://mirror.example/debian-security/dists/bookworm-security/InRelease",
        "http://mirror.example/debian-security/dists/bookworm-security/main/binary-arm64/Packages.xz",
        "http://mirror.example/debian-security/dists/bookworm-security/non-free-firmware/binary-arm64/Packages.xz",
    ]
    assert [part.name for part in parts] == [
        "bookworm-security_InRelease",
        "bookworm-security_main_arm64_Packages.xz",
        "bookworm-security_non-free-firmware_arm64_Packages.xz",
    ]
    assert parts[0].needed_by({"debian:12"})
    assert not parts[0].needed_by({"debian:13"})


@pytest.mark.parametrize("suite", ["bookworm", "bookworm-updates", "sid-security"])
def test_only_security_suites_may_be_named(suite: str) -> None:
    with pytest.raises(FeedUnreachable, match="is no security suite"):
        FEED.parts({"mirror": "http://mirror.example", "suites": suite}, TODAY)


def test_the_shared_indexes_hold_their_hash_chain_and_every_stanza() -> None:
    folder = sample("feeds/debian-packages-index")
    paths = sorted(path for path in folder.iterdir() if "-security_" in path.name)
    parts = tuple(raw_part(path, fetched_at=FETCHED) for path in paths)
    rows = [one for one in parse(parts) if isinstance(one, AffectedPackage)]
    releases = [row.release for row in rows]
    assert {release: releases.count(release) for release in releases} == {
        "debian:11": 3_816,
        "debian:12": 3_016,
        "debian:13": 2_493,
    }
    edition = FEED.edition(parts)
    assert edition.published_at == datetime(2026, 11, 21, 0, 53, 2, tzinfo=UTC)
    assert "bullseye-security closed" in edition.label
