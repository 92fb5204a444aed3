"""Findings as CSV, one line each: for a ticket system or a pivot table.

Semicolons in French and commas in English, as Excel expects them there; UTF-8 with a byte order mark, because Excel
otherwise reads it as an 8-bit code page. Every field passes the formula guard: in CSV, unlike in a workbook, a leading
`=`, `+`, `-` or `@` is run. Passed checks are left out; unknowns are not.
"""

import csv
import io
from decimal import Decimal
from typing import Final

from reports.cells import guard_csv
from reports.export import Export
from reports.texts import Texts
from reports.view import exploited, probability, update_of
from reports.workbook import named
from rules.model import Assessment, Finding, Outcome

COLUMNS: Final = (
    *("ref", "rule", "machine", "key", "outcome", "state", "severity", "confidence", "priority", "message", "remedy"),
    *(
        "installed",
        "expected",
        "update",
        "advisories",
        "cves",
        "exploited",
        "probability",
        "released",
        "due",
        "person",
        "saving",
        "cost",
        "fingerprint",
        "once",
        "waiver",
    ),
)


def render(assessment: Assessment, language: str) -> bytes:
    """The header and one line per finding that did not pass; CRLF line ends (RFC 4180)."""
    texts = Texts(language)
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";" if language == "fr" else ",", lineterminator="\r\n")
    writer.writerow([texts.text(f"annex.{column}") for column in COLUMNS])
    for finding in assessment.findings:
        if finding.outcome is not Outcome.PASS:
            writer.writerow([guard_csv(field) for field in _fields(finding, texts)])
    return out.getvalue().encode("utf-8-sig")


def _fields(finding: Finding, texts: Texts) -> tuple[str, ...]:
    params = finding.message.params
    known = exploited(finding)
    chance = probability(finding)
    return (
        finding.ref,
        finding.rule,
        finding.subject,
        finding.key,
        finding.outcome.value,
        finding.state.value,
        finding.severity.value,
        finding.confidence.value,
        finding.priority.level.value,
        texts.message(finding.message),
        "" if finding.remedy is None else texts.message(finding.remedy),
        str(params.get("installed_version") or params.get("version") or ""),
        str(params.get("fixed_version") or ""),
        update_of(finding),
        str(params.get("advisories") or ""),
        " ".join(cves_of(finding)),
        "" if "kev_count" not in params or known is None else texts.value(known),
        "" if chance is None else texts.number(chance, decimals=3),
        "" if finding.released_on is None else finding.released_on.isoformat(),
        "" if finding.due_on is None else finding.due_on.isoformat(),
        finding.person,
        *(_amount(amount, texts) for amount in amounts(finding)),
        finding.fingerprint,
        _amount(once(finding), texts),
        waiver_of(finding),
    )


def amounts(finding: Finding) -> tuple[Decimal | None, Decimal | None]:
    """What a finding saves and costs a month, in euro excluding VAT; None where no seat has a known price."""
    money = finding.money
    if money is None or not money.priced:
        return None, None
    return money.monthly, money.cost


def once(finding: Finding) -> Decimal | None:
    """What a finding costs a single time, in euro excluding VAT; None where it costs nothing once."""
    return None if finding.money is None or not finding.money.once else finding.money.once


def waiver_of(finding: Finding) -> str:
    """The waiver that accepts a finding and its last day; "" where none does."""
    return "" if finding.waiver is None else f"{finding.waiver.id} ({finding.waiver.until.isoformat()})"


def _amount(amount: Decimal | None, texts: Texts) -> str:
    return "" if amount is None else texts.number(amount, decimals=2)


def cves_of(finding: Finding) -> tuple[str, ...]:
    """All CVE ids a finding names: the evidence has the full list, the message the first few."""
    found: dict[str, None] = {}
    for params in (*(evidence.what.params for evidence in finding.evidence), finding.message.params):
        names = str(params.get("cves") or params.get("cve") or "")
        found |= dict.fromkeys(name for part in names.split(",") if (name := part.strip()).startswith("CVE-"))
    return tuple(sorted(name.split(" ")[0] for name in found))


def file_name(assessment: Assessment, language: str) -> str:
    """Name of the file, beside the workbook's."""
    return named(assessment, Texts(language), "workbook.file", ".csv")


EXPORT = Export(name="csv", suffix=".csv", media_type="text/csv", render=render, file_name=file_name)
