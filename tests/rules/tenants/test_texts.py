"""Every text the rules about Microsoft 365 can emit exists in every language."""

import re
from pathlib import Path

import pytest

from collectors.cloud.facts import TenantFact
from collectors.model import GapReason
from reports.texts import Texts, languages
from rules.checks import discover_tenant_rules

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("rule", discover_tenant_rules(), ids=lambda rule: rule.id)
def test_every_rule_has_a_title_and_says_why_it_matters(rule, language):
    texts = Texts(language, strict=True)
    assert texts.message(rule.title)
    assert texts.message(rule.impact).endswith(".")


@pytest.mark.parametrize("language", languages())
def test_every_kind_of_fact_and_reason_has_words(language):
    texts = Texts(language)
    wanted = [f"rules.m365.{group}.{kind.value}" for group in ("fact", "unknown") for kind in TenantFact]
    wanted += [
        f"rules.m365.coverage.{part}_{reason.value}" for part in ("not_audited", "remedy") for reason in GapReason
    ]
    assert [text for text in wanted if not texts.has(text)] == []


def test_every_text_id_written_in_the_rules_exists():
    """Literal ids in the source; those put together from parts are covered by the rules' own tests."""
    files = [*(ROOT / "rules" / "tenants").glob("*.py"), *(ROOT / "rules" / "checks").glob("m365_*.py")]
    written = {text for file in files for text in re.findall(r'text="(rules\.[a-z0-9_.]+)"', file.read_text("utf-8"))}
    assert written
    assert [text for text in sorted(written) if not Texts("en").has(text)] == []
