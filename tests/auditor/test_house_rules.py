"""Rules of the repository that no linter holds."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_TEST = """
import pytest

@pytest.mark.peer
def test_peer():
    pytest.skip({reason!r})

def test_ordinary():
    pytest.skip("not here")
"""


def _run(folder: Path, reason: str, ci: str) -> str:
    (folder / "test_it.py").write_text(_TEST.format(reason=reason))
    environment = os.environ | {"AUDITOR_CI_PEERS": ci, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-p", "no:cacheprovider", "test_it.py"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("reason", "ci", "expected"),
    [
        ("needs /usr/sbin/sshd", "", "2 skipped"),
        ("needs /usr/sbin/sshd", "1", "1 failed, 1 skipped"),
        ("ooxml-validator is not installed", "1", "2 skipped"),
    ],
)
def test_a_peer_that_ci_installs_must_not_be_skipped_there(tmp_path: Path, reason: str, ci: str, expected: str) -> None:
    assert _run(tmp_path, reason, ci).startswith(expected)


def test_make_help_names_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    assert targets == set(re.findall(r"^([a-z]+):.*##", makefile, re.MULTILINE))
    assert {"audit", "test", "check", "bench"} <= targets


def test_ci_script_is_valid_bash_and_executable() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", str(script)], check=True)
