"""The manager's workbook never shows an identifier, and its sentences stay sentences without them."""

import io
from dataclasses import replace

import openpyxl
import pytest

from reports.plain import worded
from reports.texts import Texts
from reports.workbook import render
from rules.messages import Message
from rules.model import Outcome
from tests.lab import assessments as lab
from tests.lab.workbook_checks import problems

GUID = "f520e45e-7413-4a34-a497-d2765967d094"


@pytest.mark.parametrize(
    ("language", "text", "plain"),
    [
        ("fr", "Installer KB5066835 par Windows Update.", "Installer la mise à jour par Windows Update."),
        ("fr", "La mise à jour du 14/10/2025 (KB5066835) manque.", "La mise à jour du 14/10/2025 manque."),
        ("fr", "WSUS ne propose pas 2 mises à jour\u00a0: KB5066835, KB5066836 (+3).",
         "WSUS ne propose pas 2 mises à jour."),
        ("en", "Security update KB5066835 is not installed; 2 flaws stay open.",
         "Security update is not installed; 2 flaws stay open."),
        ("en", "KB5066835 and KB5066836 are missing.", "The updates are missing."),
        ("en", "7-Zip: 2 flaws used in attacks (CVE-2025-0411, CVE-2025-11001 (+3)), all fixed.",
         "7-Zip: 2 flaws used in attacks, all fixed."),
        ("fr", "Voir CVE-2025-0411.", "Voir une faille."),
        ("en", "Score CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H here", "Score (identifier) here"),
        ("en", f"SKU {GUID}", "SKU (identifier)"),
        ("en", "Key ABCDE-12345-FGHIJ-67890-KLMNO", "Key (identifier)"),
        ("en", "Nothing to hide: srv-01, KB, CVE, 26100.6899", "Nothing to hide: srv-01, KB, CVE, 26100.6899"),
    ],
)  # fmt: skip
def test_a_sentence_is_told_without_its_identifiers(language, text, plain):
    assert worded(Texts(language))(text) == plain


def test_check_10_no_identifier_reaches_the_manager_wherever_it_comes_from():
    """Names of machines, products and reasons are what others chose: whatever they hold, the file is clean."""
    names = ("KB5066835", GUID, "CVE-2025-0411", "ABCDE-12345-FGHIJ-67890-KLMNO")
    params = {"cves": "CVE-2025-0411", "packages": GUID}
    machines = tuple(lab.machine(name, site=name) for name in names)
    findings = [lab.missing(name, name, installed=name, fixed=name, advisory=name) for name in names]
    doubts = [replace(lab.not_seen(name), message=Message(text=f"rules.{name}", params=params)) for name in names]
    rest = [found for name in names for found in lab.healthy(name)[1:]]
    odd = lab.answered(names[0], f"rule {GUID}", Outcome.FAIL, "fail", key=GUID)
    assessment = lab.assessment(machines, (*findings, *doubts, *rest, odd), client=f"Dubois {GUID}")
    for language in ("fr", "en"):
        texts = Texts(language)
        data = render(assessment, language)
        found = [problem for problem in problems(data) if "leftover" not in problem]  # rules without words of ours
        assert found == [], texts.language


def test_charts_say_what_their_cells_say():
    from tests.lab import licensed

    line = licensed.line(licensed.PREMIUM, name=f"Unknown product {GUID}")
    data = render(licensed.told(lab.spotless(), licensed.tenant(line)), "en")
    assert problems(data) == []
    chart = openpyxl.load_workbook(io.BytesIO(data)).worksheets[2]._charts[0]
    assert chart.series[0].cat.strRef.strCache.pt[0].v == "Unknown product (identifier)"
