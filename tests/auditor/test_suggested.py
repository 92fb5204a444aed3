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
        ("clients\\L\u2019Atelier", '"clients\\L\u2019Atelier"'),  # PowerShell takes it for an apostrophe
        (r"clients\Été", r"clients\Été"),
        (r"@clients", '"@clients"'),
        ("ssh://audit@web-1.example", "ssh://audit@web-1.example"),
        ("C:\\A&B\\", '"C:\\A&B\\\\"'),  # the program takes \\" for a quote, and \\\\" for a backslash at the end
    ],
)
def test_on_windows_double_quotes_hold_a_word_together_in_cmd_and_powershell(
    monkeypatch: pytest.MonkeyPatch, name: str, shown: str
) -> None:
    monkeypatch.setattr(suggested.sys, "platform", "win32")
    assert suggested.typed("auditor", "audit", name) == f"auditor audit {shown}"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (r"clients\A$B", r"'clients\A$B'"),
        (r"clients\A `B", r"'clients\A `B'"),
        ("L'Atelier $ \u2019", "'L''Atelier $ \u2019\u2019'"),
        ("clients\\\u201cA\u201d", "'clients\\\u201cA\u201d'"),
    ],
)
def test_powershell_is_not_shown_a_name_that_it_would_expand_into_another(
    monkeypatch: pytest.MonkeyPatch, name: str, shown: str
) -> None:
    """No quotes do in both shells: cmd finds no folder of that name and says so, PowerShell would say nothing."""
    monkeypatch.setattr(suggested.sys, "platform", "win32")
    assert suggested.typed("auditor", "audit", name) == f"auditor audit {shown}"
