"""Commands that are shown to be typed."""

import shlex
from pathlib import Path

import pytest

from auditor import suggested


@pytest.mark.parametrize("name", ["fournil", "Boulangerie Éloïse & fils", "L'Atelier", "50 % $HOME", 'a"b'])
def test_a_posix_shell_reads_the_words_that_were_meant(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(suggested.sys, "platform", "linux")
    folder = Path("clients") / name
    assert shlex.split(suggested.typed("auditor", "audit", folder)) == ["auditor", "audit", str(folder)]
    assert suggested.typed("auditor", "audit", "clients/fournil") == "auditor audit clients/fournil"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (r"clients\fournil", r"clients\fournil"),
        (r"clients\Boulangerie Martin", '"clients\\Boulangerie Martin"'),
        (r"clients\Martin&Fils", '"clients\\Martin&Fils"'),
        (r"clients\L'Atelier", '"clients\\L\'Atelier"'),
    ],
)
def test_on_windows_only_double_quotes_hold_a_word_together(
    monkeypatch: pytest.MonkeyPatch, name: str, shown: str
) -> None:
    monkeypatch.setattr(suggested.sys, "platform", "win32")
    assert suggested.typed("auditor", "audit", name) == f"auditor audit {shown}"
