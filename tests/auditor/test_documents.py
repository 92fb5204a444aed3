"""README and docs: what they point at exists, what they show is there, and what they tell to type is accepted."""

import re
import struct
import tomllib
from pathlib import Path

import pytest

from auditor.cli import COMMANDS
from tests.auditor import pictures, readme

ROOT = Path(__file__).parents[2]
DOCUMENTS = (
    "README.md",
    "docs/windows.md",
    "docs/linux.md",
    "docs/microsoft-365.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")


def _text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def _anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_leads_somewhere(name: str) -> None:
    for link in _LINK.findall(_text(name)):
        if link.startswith("http"):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / name).parent / path if path else ROOT / name
        assert target.exists(), f"{name} -> {link}"
        if anchor:
            assert anchor in _anchors(target.read_text("utf-8")), f"{name} -> {link}"


def test_the_pictures_are_those_that_the_script_makes_and_small() -> None:
    there = {file.name: file for file in pictures.IMAGES.iterdir()}
    assert set(there) == pictures.names()
    for file in there.values():
        data = file.read_bytes()
        width, height = struct.unpack(">II", data[16:24])
        assert data[:8] == b"\x89PNG\r\n\x1a\n"
        assert len(data) < pictures.MAX_BYTES, file.name
        assert min(width, height) > 400, file.name
    assert sum(name in _text("README.md") for name in there) >= len(pictures.PICTURED), "they are shown"


@pytest.mark.parametrize("name", DOCUMENTS[:4])
def test_every_option_that_is_named_exists(name: str) -> None:
    known = set(_OPTION.findall(readme.document()))
    text = re.sub(r"```(powershell|sh)\n(?!auditor).*?```", "", _text(name), flags=re.DOTALL)  # other programs' options
    assert {option for option in _OPTION.findall(text) if option not in known} <= {"--version"}


def test_every_command_of_the_readme_exists() -> None:
    typed = set(re.findall(r"^auditor ([a-z]+)", _text("README.md"), re.MULTILINE))
    assert typed <= set(COMMANDS)
    assert {"init", "doctor", "audit", "demo", "schedule", "decisions", "history"} <= typed


@pytest.mark.parametrize("name", DOCUMENTS[:4])
def test_every_piece_of_a_client_file_is_one(name: str) -> None:
    for block in re.findall(r"```toml\n(.*?)```", _text(name), re.DOTALL):
        assert tomllib.loads(block)


def test_the_first_two_commands_stay_first() -> None:
    text = _text("README.md")
    (first, *_) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    assert [line.split("  ")[0].strip() for line in first.strip().splitlines()] == ["make audit", "make test"]


def test_fifteen_promises_each_with_what_keeps_it() -> None:
    rows = re.findall(r"^\| (\d+)\. .+ \| (.+) \|$", _text("README.md"), re.MULTILINE)
    assert [number for number, _ in rows] == [str(number) for number in range(1, 16)]
    assert all(kept.strip() for _, kept in rows)
