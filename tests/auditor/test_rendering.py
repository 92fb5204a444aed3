"""Which files a wish becomes, and that one which cannot be written costs no other."""

import json

import pytest

from auditor.errors import HistoryError, SettingsError
from auditor.rendering import Wish, check_wish, write_reports
from tests.lab import assessments as lab
from tests.lab.snapshots import debian_host

HOSTS = (debian_host("web-01"), debian_host("db/01"))


def sample():
    return lab.assessment(tuple(lab.machine(host.target.name) for host in HOSTS), ())


def wish(folder, *exports, **changes):
    return Wish(folder=folder, languages=("fr",), exports=exports, **changes)


def test_cyclonedx_is_one_file_per_machine_in_a_folder_of_its_own(tmp_path):
    delivered, problems = write_reports(sample(), wish(tmp_path, "cyclonedx"), machines=lambda: HOSTS)
    assert problems == ()
    documents = sorted(item.path for item in delivered if item.path.suffix == ".json")
    assert len(documents) == 2
    assert {file.parent for file in documents} == {documents[0].parent}
    assert documents[0].parent.parent == tmp_path
    names = {json.loads(file.read_text())["metadata"]["component"]["name"] for file in documents}
    assert names == {"web-01", "db/01"}


def test_without_that_wish_no_machine_is_read_again(tmp_path):
    def read():
        raise AssertionError("nobody asked")

    delivered, problems = write_reports(sample(), wish(tmp_path, "json"), machines=read)
    assert (len(delivered), problems) == (2, ())


def test_a_folder_that_is_taken_costs_these_files_and_no_other(tmp_path):
    folder = write_reports(sample(), wish(tmp_path, "cyclonedx"), machines=lambda: HOSTS)[0][-1].path.parent
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    folder.write_text("a file")
    delivered, problems = write_reports(sample(), wish(tmp_path, "cyclonedx"), machines=lambda: HOSTS)
    assert [item.path.suffix for item in delivered] == [".xlsx"]
    assert len(problems) == 1


def test_a_history_that_fails_half_way_keeps_what_was_written(tmp_path):
    def read():
        yield HOSTS[0]
        raise HistoryError("history.sqlite", "the snapshot of db cannot be read.")

    delivered, problems = write_reports(sample(), wish(tmp_path, "cyclonedx"), machines=read)
    assert [item.path.suffix for item in delivered] == [".xlsx", ".json"]
    assert "history.sqlite" in problems[0]


def test_an_export_that_does_not_exist_is_refused_with_the_nearest_one(tmp_path):
    with pytest.raises(SettingsError, match="cyclonedx"):
        check_wish(wish(tmp_path, "cyclondx"))
    check_wish(wish(tmp_path, "cyclonedx", "json", "csv", "annex"))
