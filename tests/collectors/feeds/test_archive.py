"""Archives of JSON documents: read as their directory says or refused with the reason."""

import io
import struct
import zipfile
from pathlib import Path

import pytest

from collectors.errors import FeedInvalid
from collectors.feeds import archive
from tests.lab.made_up_feeds import body, parse_member, rows, zip_bytes


def read(path: Path) -> list[str]:
    entries = enumerate(archive.read_directory("zipped", path))
    chunks = archive.read_members("zipped", path, entries, parse_member)
    return [row[0] for chunk in chunks for row in chunk.advisories]


def on_disk(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "all.zip"
    path.write_bytes(data)
    return path


def refused(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(FeedInvalid, match=words):
        read(on_disk(tmp_path, data))


GOOD = {f"ADV-2026:{number}.json": body([[f"ADV-{number}", "debian:12", "bash", "1.0"]]) for number in range(5)}


def test_documents_come_in_the_order_of_the_archive(tmp_path):
    assert read(on_disk(tmp_path, zip_bytes(GOOD))) == ["ADV-0", "ADV-1", "ADV-2", "ADV-3", "ADV-4"]


def test_folders_are_passed_over_and_stored_members_are_read(tmp_path):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as writer:
        writer.writestr("2026/", b"")
        writer.writestr("2026/ADV.json", body(rows(1)))
    assert read(on_disk(tmp_path, made.getvalue())) == ["ADV-0"]


def test_an_archive_of_more_members_than_a_short_number_holds(tmp_path):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as writer:
        for number in range(65_600):
            writer.writestr(zipfile.ZipInfo(f"{number}.json"), b"[]")
    assert len(list(archive.read_directory("zipped", on_disk(tmp_path, made.getvalue())))) == 65_600


def test_many_documents_are_read_by_several_processes_in_order(tmp_path):
    many = {f"{number}.json": body([[f"ADV-{number}", "debian:12", "bash", "1.0"]]) for number in range(3_500)}
    assert read(on_disk(tmp_path, zip_bytes(many))) == [f"ADV-{number}" for number in range(3_500)]


def test_a_broken_document_among_many_is_named(tmp_path):
    many = {f"{number}.json": body(rows(1)) for number in range(3_500)} | {"2345.json": b'[["ADV-1", '}
    refused(tmp_path, zip_bytes(many), r"'2345\.json' is not understood \(JSONDecodeError")


@pytest.mark.parametrize(
    "name",
    ["../../etc/cron.d/x.json", "/etc/x.json", "a/../../x.json", "..\\x.json", "C:x.json", "./x.json", "a\nb.json"],
)
def test_a_name_that_leaves_its_folder_is_refused(tmp_path, name):
    refused(tmp_path, zip_bytes({"good.json": b"[]", name: b"[]"}), "leaves its folder")


@pytest.mark.parametrize("name", ["inner.zip", "readme.txt", "x.json.gz", "x"])
def test_an_archive_within_the_archive_or_any_other_file_is_refused(tmp_path, name):
    refused(tmp_path, zip_bytes({"good.json": b"[]", name: zip_bytes(GOOD)}), "no JSON document")


def test_a_bomb_of_zeros_is_refused_by_its_ratio(tmp_path):
    refused(tmp_path, zip_bytes({"bomb.json": b"0" * (32 << 20)}), "decompression bomb")


def test_a_bomb_that_lies_about_its_size_is_stopped_at_the_size_announced(tmp_path):
    data = bytearray(zip_bytes({"bomb.json": b"0" * (4 << 20)}))
    at = data.rfind(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<L", 1000)
    refused(tmp_path, bytes(data), "checksum or size is wrong")


def test_members_that_share_their_data_cannot_multiply_it(tmp_path):
    """Overlapping members, the trick of the quoted bomb: the sum announced is what counts."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as writer:
        writer.writestr("0.json", b" " * (1 << 20))
        one = writer.filelist[0]
        for number in range(1, 100):
            twin = zipfile.ZipInfo(f"{number}.json")
            twin.compress_type, twin.CRC = one.compress_type, one.CRC
            twin.compress_size, twin.file_size, twin.header_offset = one.compress_size, one.file_size, one.header_offset
            writer.filelist.append(twin)
            writer.NameToInfo[twin.filename] = twin
    refused(tmp_path, made.getvalue(), "decompression bomb")


def test_a_member_larger_than_a_document_can_be_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_MEMBER_BYTES", 1000)
    refused(tmp_path, zip_bytes({"big.json": body(rows(100))}), "announces")


@pytest.mark.parametrize("keep", [0, 10, 100, -1, -22, -30, -200])
def test_an_archive_cut_off_anywhere_is_refused(tmp_path, keep):
    refused(tmp_path, zip_bytes(GOOD)[:keep], "is no archive of JSON documents")


def test_a_page_of_a_login_portal_is_no_archive(tmp_path):
    refused(tmp_path, b"<html>Please sign in</html>" * 50, "is no zip file")


def test_a_flipped_bit_in_a_document_is_found(tmp_path):
    data = bytearray(zip_bytes(GOOD))
    data[data.find(b"ADV-2026:2.json") + 20] ^= 0x10
    refused(tmp_path, bytes(data), r"ADV-2026:2\.json")


def test_two_members_of_one_name_are_refused(tmp_path):
    data = zip_bytes({"one.json": b"[]", "two.json": b"[]"}).replace(b"two.json", b"one.json")
    refused(tmp_path, data, "two members named 'one.json'")


def test_an_encrypted_member_is_refused(tmp_path):
    data = bytearray(zip_bytes({"secret.json": b"[]"}))
    at = data.rfind(b"PK\x01\x02")
    data[at + 8] |= 1
    refused(tmp_path, bytes(data), "encrypted")


def test_an_unknown_compression_is_refused(tmp_path):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_LZMA) as writer:
        writer.writestr("x.json", b"[]")
    refused(tmp_path, made.getvalue(), "method 14")


@pytest.mark.parametrize(
    "document",
    [b"", b"null", b"[1, 2]", b'{"a": 1}', b'[["ADV-1", "debian:12", "bash"]]', b"[" * 200_000, b'["\xff"]'],
)
def test_a_document_of_another_shape_is_refused_and_never_a_crash(tmp_path, document):
    refused(tmp_path, zip_bytes({"good.json": b"[]", "bad.json": document}), r"'bad\.json' is not understood")
