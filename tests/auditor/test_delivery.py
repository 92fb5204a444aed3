"""A report is at its place, or beside it with the reason told; never half written, never lost."""

import errno
import os
from pathlib import Path

import pytest

from auditor.delivery import deliver, prepare_folder
from auditor.errors import DeliveryError


def test_a_report_arrives_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    delivered = deliver(tmp_path / "reports", "a.xlsx", b"new")
    assert delivered.path == delivered.wanted == tmp_path / "reports" / "a.xlsx"
    assert [(file.name, file.read_bytes()) for file in (tmp_path / "reports").iterdir()] == [("a.xlsx", b"new")]


def test_an_older_report_of_that_name_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"old")
    assert deliver(tmp_path, "a.xlsx", b"new").problem == ""
    assert (tmp_path / "a.xlsx").read_bytes() == b"new"


def test_a_report_has_the_rights_of_an_ordinary_new_file(tmp_path: Path) -> None:
    (tmp_path / "ordinary").write_bytes(b"")
    delivered = deliver(tmp_path, "a.xlsx", b"new")
    assert delivered.path.stat().st_mode == (tmp_path / "ordinary").stat().st_mode


@pytest.mark.parametrize("lock", ["~$a.xlsx", ".~lock.a.xlsx#"])
def test_a_report_open_in_a_spreadsheet_program_stays_and_the_new_one_stands_beside_it(
    tmp_path: Path, lock: str
) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"old, open")
    (tmp_path / lock).write_bytes(b"")
    delivered = deliver(tmp_path, "a.xlsx", b"new")
    assert delivered.path == tmp_path / "a (2).xlsx"
    assert "open in a spreadsheet program" in delivered.problem
    assert (tmp_path / "a.xlsx").read_bytes() == b"old, open"
    assert delivered.path.read_bytes() == b"new"


def test_the_next_free_name_is_taken(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").mkdir()
    (tmp_path / "a (2).xlsx").write_bytes(b"last month's alternative")
    assert deliver(tmp_path, "a.xlsx", b"new").path == tmp_path / "a (3).xlsx"


def test_a_system_that_refuses_to_replace_an_open_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows: the file is open elsewhere, without any owner file beside it."""
    (tmp_path / "a.xlsx").write_bytes(b"old, open")
    replace = Path.replace

    def refuse(self: Path, target: Path) -> Path:
        if target.name == "a.xlsx":
            raise PermissionError(errno.EACCES, "The process cannot access the file")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    delivered = deliver(tmp_path, "a.xlsx", b"new")
    assert (delivered.path.name, delivered.path.read_bytes()) == ("a (2).xlsx", b"new")
    assert "cannot be replaced" in delivered.problem


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write to read-only files")
def test_a_read_only_report_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"old")
    (tmp_path / "a.xlsx").chmod(0o444)
    assert deliver(tmp_path, "a.xlsx", b"new").path.name == "a (2).xlsx"


def test_a_full_disk_is_an_error_that_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"old")

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DeliveryError, match="disk is full"):
        deliver(tmp_path, "a.xlsx", b"new")
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("a.xlsx", b"old")]


def test_a_folder_that_is_a_file_is_refused_before_anything_is_visited(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("in the way")
    with pytest.raises(DeliveryError, match="reports cannot be written here"):
        prepare_folder(tmp_path / "reports")
    with pytest.raises(DeliveryError, match="cannot be written"):
        deliver(tmp_path / "reports", "a.xlsx", b"new")


def test_preparing_a_folder_leaves_nothing_in_it(tmp_path: Path) -> None:
    prepare_folder(tmp_path / "deep" / "reports")
    assert list((tmp_path / "deep" / "reports").iterdir()) == []
