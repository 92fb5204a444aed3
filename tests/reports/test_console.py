"""The report in plain lines, for the terminal."""

import pytest

from reports.console import printable, summary_lines
from reports.texts import languages
from tests.lab import assessments as lab


def test_what_was_not_seen_comes_before_what_is_missing():
    lines = summary_lines(lab.ordinary(), "fr")
    assert lines[0] == "Menuiserie Dubois & Fils\u00a0: données au 05/08/2026"
    assert lines[1] == "Couverture\u00a0: 8 machines auditées sur 10"
    assert lines[2:4] == [
        "  non auditée\u00a0: nas-archives (Injoignable)",
        "  non auditée\u00a0: srv-paie (Accès refusé par la machine)",
    ]
    assert "6, dont 4 critiques, élevés ou non notés, 3 en retard, 2 pour une faille exploitée" in lines[5]
    assert lines[9].startswith("  1. [A-")


def test_unknown_is_never_a_zero():
    lines = summary_lines(lab.blind(), "en")
    assert "Missing patches: unknown" in lines
    assert any("Debian Security Tracker" in line for line in lines)


def test_without_a_verdict_no_severity_is_counted():
    """What a machine's own updater offers is told, and no "0 critical" that nobody looked up."""
    from collectors.feeds.records import Severity
    from rules.model import Outcome

    found = (
        lab.missing("m", "sudo", severity=Severity.UNKNOWN),
        lab.answered("m", "patch.missing", Outcome.UNKNOWN, "x"),
    )
    lines = summary_lines(lab.assessment((lab.machine("m"),), found), "en")
    assert any(line.startswith("Missing patches: at least 1 (") for line in lines)
    assert not any("0 critical" in line for line in lines)
    assert "Reboots pending: unknown" in lines


def test_nothing_to_do_is_said():
    assert summary_lines(lab.spotless(), "fr")[-1] == "  rien"


def test_many_machines_are_counted_rather_than_listed():
    names = [f"m{number:02d}" for number in range(15)]
    findings = [finding for name in names for finding in lab.not_audited(name)]
    lines = summary_lines(lab.assessment(tuple(map(lab.absent, names)), tuple(findings)), "en")
    assert "  and 5 more" in lines
    assert sum("not audited:" in line for line in lines) == 10


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("sample", lab.SAMPLES)
def test_no_line_can_command_the_terminal(sample, language):
    for line in summary_lines(lab.SAMPLES[sample](), language):
        assert all(character.isprintable() or character in "\u00a0\u202f" for character in line)


def test_control_and_direction_characters_are_shown_escaped():
    assert printable("a\x1b[31m\u202eb\n") == "a\\x1b[31m\\u202eb\\n"
    assert printable("é\u00a0😀") == "é\u00a0😀"
