"""Every text the rules can emit exists in every language, with the same placeholders."""

import re
from pathlib import Path

import pytest

from collectors.feeds.records import Severity
from collectors.model import FactKind, GapReason
from reports.texts import Texts, languages, tables
from rules.checks import discover
from rules.kernels import KernelDoubt
from rules.rulings import Doubt
from rules.windows.doubts import WindowsDoubt

ROOT = Path(__file__).parents[2]
PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")


def _texts(language):
    def walk(table, prefix):
        for key, value in table.items():
            if isinstance(value, dict):
                yield from walk(value, f"{prefix}.{key}")
            else:
                yield f"{prefix}.{key}", value

    return dict(walk(tables(language)["rules"], "rules"))


@pytest.mark.parametrize("language", languages())
def test_all_languages_have_the_same_rule_texts_with_the_same_placeholders(language):
    english, other = _texts("en"), _texts(language)
    assert sorted(english) == sorted(other)
    differing = {
        key for key in english if set(PLACEHOLDER.findall(english[key])) != set(PLACEHOLDER.findall(other[key]))
    }
    assert differing == set()


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("rule", discover(), ids=lambda rule: rule.id)
def test_every_rule_has_a_title_and_says_why_it_matters(rule, language):
    texts = Texts(language, strict=True)
    assert texts.message(rule.title)
    assert texts.message(rule.impact).endswith(".")


@pytest.mark.parametrize("language", languages())
def test_every_kind_of_fact_reason_severity_and_doubt_has_words(language):
    texts = Texts(language)
    wanted = [f"rules.fact.{kind.value}" for kind in FactKind]
    wanted += [f"rules.unknown.{kind.value}" for kind in FactKind]
    for reason in GapReason:
        wanted += [f"rules.{part}_{reason.value}" for part in ("host.coverage.not_audited", "host.coverage.remedy")]
        wanted.append(f"rules.gap.{reason.value}")
    wanted += [f"rules.evidence.advisory_{severity.value}" for severity in Severity]
    wanted += [f"rules.priority.severity_{severity.value}" for severity in Severity]
    wanted += [f"rules.patch.missing.undecided.{doubt.value}" for doubt in (*Doubt, *KernelDoubt, *WindowsDoubt)]
    assert [text for text in wanted if not texts.has(text)] == []


def test_every_text_id_written_in_the_rules_exists():
    """Literal ids in the source; those put together from parts are covered by the rules' own tests."""
    written = set()
    for file in (ROOT / "rules").rglob("*.py"):
        written |= set(re.findall(r'text="(rules\.[a-z_.]+)"', file.read_text("utf-8")))
    assert len(written) > 20
    assert [text for text in sorted(written) if not Texts("en").has(text)] == []


def test_no_text_is_dead():
    """Every text under [rules] is named, whole or by its last part, somewhere in the rules or the reports."""
    source = "\n".join(
        file.read_text("utf-8") for folder in ("rules", "reports", "auditor") for file in (ROOT / folder).rglob("*.py")
    )
    by_value = ("fact", "gap", "unknown", "reboot", "patch.missing.undecided", "host.coverage")  # keyed by an enum
    by_value += ("m365.fact", "m365.unknown", "m365.coverage")
    exempt = tuple(f"rules.{group}." for group in by_value)
    dead = []
    for key in _texts("en"):
        last = key.removesuffix(".one").removesuffix(".other").rpartition(".")[2]
        parts = (last, last.rpartition("_")[0] + "_", last.split("_")[0] + "_{")
        if not key.startswith(exempt) and not any(part in source for part in parts if part != "_"):
            dead.append(key)
    assert dead == []
