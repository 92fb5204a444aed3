"""`auditor explain` says what the day of a finding means: by it something is installed, or on it something ends."""

from dataclasses import replace
from datetime import date

import pytest

from auditor.explanation import Explanation
from auditor.explanation_text import worded
from tests.lab import assessments as lab
from tests.lab import software

INSTALL = {"fr": "À installer avant le", "en": "Install before"}


@pytest.mark.parametrize(
    ("rule", "installs"),
    [
        ("patch.missing", True),
        ("application.known_exploited", True),
        ("software.rights_ending", False),
        ("software.surplus", False),
        ("waiver.ending", False),
        ("m365.renewal_decision", False),
        ("system.end_of_support", False),
    ],
)
@pytest.mark.parametrize("language", ["fr", "en"])
def test_only_an_update_is_to_be_installed_before_its_day(rule: str, installs: bool, language: str) -> None:
    found = replace(software.found("no_entitlement", "winrar"), rule=rule, due_on=date(2027, 3, 1))
    explanation = Explanation(
        run=1, assessment=lab.spotless(), machine=None, snapshot=None, findings=(found,), chain=None
    )
    told = worded(explanation, language)
    assert (INSTALL[language] in told) is installs
    assert "2027" in told
    assert installs or {"fr": "Échéance", "en": "Due"}[language] in told
