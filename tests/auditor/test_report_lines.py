"""What the terminal says of the files it wrote: one line each, but one line for a folder of files per machine."""

from pathlib import Path

import pytest

from auditor.delivery import Delivered
from auditor.outcomes import _report_lines
from reports.texts import Texts


def written(*paths: str) -> list[Delivered]:
    return [Delivered(path=Path(path), wanted=Path(path)) for path in paths]


@pytest.mark.parametrize(
    ("language", "told"),
    [("fr", "Rapports\u00a0: 2 fichiers dans out/sbom"), ("en", "Reports: 2 files in out/sbom")],
)
def test_files_per_machine_are_told_by_their_folder_and_count(language, told):
    delivered = written("out/a.xlsx", "out/b.xlsx", "out/sbom/pc.json", "out/sbom/srv.json")
    lines = _report_lines(Texts(language), delivered)
    assert len(lines) == 3
    assert lines[0].endswith("out/a.xlsx")
    assert lines[1].endswith("out/b.xlsx")
    assert lines[2] == told


def test_a_single_file_of_a_folder_is_named():
    lines = _report_lines(Texts("en"), written("out/a.xlsx", "out/sbom/pc.json"))
    assert lines == ["Report: out/a.xlsx", "Report: out/sbom/pc.json"]
    assert _report_lines(Texts("en"), []) == []
