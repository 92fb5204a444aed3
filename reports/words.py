"""Sentences that several sheets and the terminal share: what an action is, why, and by when."""

import re
from collections import Counter
from datetime import date, timedelta
from typing import Final

from collectors.feeds.records import Severity
from reports.actions import Action
from reports.sheet import Report
from reports.view import exploited, is_out_of_support, late_days
from rules.model import Finding

OUTLOOK_DAYS: Final = 30
_RELEASE_MARK: Final = re.compile(r"[-.]?\d+(\.\d+)*$")
_IMPACTS: Final = {"install_exploited": "exploited"}
_WITH_DEADLINE: Final = frozenset({"install", "install_exploited", "reboot"})
_COUNTED_BY_FINDING: Final = frozenset({"install", "install_exploited", "see"})


def finding_text(report: Report, action: Action) -> str:
    """Say what was found."""
    texts = report.texts
    if not action.kind:
        first = action.findings[0]
        return texts.message(first.message) if len(action.findings) == 1 else texts.text(f"rules.{action.rule}.title")
    text = f"actions.{action.kind}.finding"
    if action.kind == "migrate":
        ended = {is_out_of_support(finding) for finding in action.findings}
        text += "" if len(ended) > 1 else "_ended" if True in ended else "_ending"
    count = len(action.findings) if action.kind in _COUNTED_BY_FINDING else len(action.machines)
    return texts.text(text, count=count, severities=severities(report, action.findings))


def severities(report: Report, findings: tuple[Finding, ...]) -> str:
    """Count findings by severity in words: "2 critique, 5 élevée"."""
    counts = Counter(finding.severity for finding in findings)
    return ", ".join(
        report.texts.text(f"severity_count.{severity.value}", count=counts[severity])
        for severity in Severity
        if counts[severity]
    )


def proposal(report: Report, action: Action) -> str:
    """Say what to do, as one imperative sentence."""
    texts = report.texts
    if action.kind:
        return texts.text(
            f"actions.{action.kind}.proposal",
            count=len(action.machines),
            sheet=report.title("coverage"),
            product=subscriptions(report, action.findings),
        )
    remedies = list(dict.fromkeys(texts.message(finding.remedy) for finding in action.findings if finding.remedy))
    return "\n".join(remedies[:3]) or texts.text("actions.impact.other")


def impact(report: Report, action: Action) -> str:
    """Say why it matters, and whether a deadline has passed."""
    texts = report.texts
    if action.kind:
        text = texts.text(f"actions.impact.{_IMPACTS.get(action.kind, action.kind)}")
    else:
        text = texts.text(f"rules.{action.rule}.impact")
    if action.overdue and action.kind in _WITH_DEADLINE:
        text = f"{text} {texts.text('actions.impact.overdue', count=action.overdue)}"
    return text


def machines(report: Report, action: Action, limit: int = 12) -> str:
    """Name the machines of an action."""
    return report.texts.listing(list(action.machines), limit=limit)


def exploited_packages(report: Report) -> list[str]:
    """Names of the software with a missing fix for an exploited flaw, the most urgent first, each once."""
    return list(
        dict.fromkeys(
            described(report, finding.key).partition(", ")[0] or finding.key
            for finding in report.view.missing
            if exploited(finding)
        )
    )


def described(report: Report, package: str) -> str:
    """Name a package in plain words ("OpenSSL, chiffrement"); "" when the texts do not know it."""
    for name in (package, _RELEASE_MARK.sub("", package)):
        if name and report.texts.has(f"packages.{name}"):
            return report.texts.text(f"packages.{name}")
    return ""


def subscriptions(report: Report, findings: tuple[Finding, ...]) -> str:
    """Name what has to be bought for the fixes of these findings: "Ubuntu Pro", "SUSE LTSS"."""
    texts = report.texts
    names = dict.fromkeys(
        texts.text(f"entitlements.{service}") if texts.has(f"entitlements.{service}") else service
        for service in (str(finding.message.params.get("entitlement") or "") for finding in findings)
        if service
    )
    return texts.listing(list(names), limit=3) or texts.text("entitlements.any")


def due(report: Report, action: Action) -> str:
    """Say by when; a day that lies behind is called what it is. "" without a deadline."""
    if action.due_on is None:
        return ""
    passed = action.due_on < report.view.day
    return report.texts.text("due.passed" if passed else "due.ahead", day=action.due_on)


def longest_delay(report: Report) -> int:
    """Days by which the oldest missing patch is past its deadline."""
    return max((late_days(finding, report.view.day) for finding in report.view.missing), default=0)


def coming_deadlines(report: Report) -> list[date]:
    """Deadlines of missing patches from the day of the data on, within the outlook, earliest first."""
    day = report.view.day
    last = day + timedelta(days=OUTLOOK_DAYS)
    return sorted(
        finding.due_on
        for finding in report.view.missing
        if finding.due_on is not None and day <= finding.due_on <= last
    )
