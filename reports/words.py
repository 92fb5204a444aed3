"""Sentences that several sheets and the terminal share: what an action is, why, and by when."""

import re
from collections import Counter
from datetime import date, timedelta
from typing import Final

from collectors.feeds.records import Severity
from collectors.model import FactKind, OperatingSystem
from reports import license_words, software_words
from reports.actions import ONE_BY_ONE, Action, monthly
from reports.cells import shorten
from reports.grid import lines_of
from reports.sheet import Report
from reports.view import exploited, is_out_of_support, late_days
from rules.model import Finding, MachineSummary

OUTLOOK_DAYS: Final = 30
_PRODUCTS_SHOWN: Final = 4
_MACHINES_SHOWN: Final = 12
_MACHINE_LINES: Final = 8
_NAME_LIMIT: Final = 60
_DOMAIN: Final = re.compile(r"(?:[\w-]+\.)*[^\W\d][\w-]*")
_WINDOWS_BUILD: Final = re.compile(r"\d+\.\d+$")
_RELEASE_MARK: Final = re.compile(r"[-.]?\d+(\.\d+)*$")
_IMPACTS: Final = {
    **dict.fromkeys(("install_exploited", "windows_exploited", "programs_exploited"), "exploited"),
    **dict.fromkeys(("windows_10", "windows_11", "programs"), "migrate"),
    "windows": "install",
}
_WITH_DEADLINE: Final = frozenset(
    {"install", "install_exploited", "windows", "windows_exploited", "programs_exploited", "reboot"}
)
_COUNTED_BY_FINDING: Final = frozenset({"install", "install_exploited", "programs", "programs_exploited", "see"})


def system(system: OperatingSystem) -> str:
    """Name a system; Windows with its build, which decides what is installed: "Windows 11 Pro 24H2 (26100.6899)"."""
    name = system.pretty_name or system.id
    build = _WINDOWS_BUILD.search(system.version_id) if system.id == "windows" else None
    return f"{name} ({build[0]})" if build else name


def system_name(system: OperatingSystem) -> str:
    """Name a system as people do, without its build."""
    return system.pretty_name or system.id


def is_windows(machine: MachineSummary) -> bool:
    """Whether a machine that was seen runs Windows."""
    return machine.operating_system is not None and machine.operating_system.id == "windows"


def area(report: Report, kind: FactKind, *, windows: bool) -> str:
    """Name one kind of fact; Windows has programs where Linux has packages and what stands beside them."""
    texts = report.texts
    own = f"fact.{kind.value}_windows"
    return texts.text(own if windows and texts.has(own) else f"fact.{kind.value}")


def finding_text(report: Report, action: Action) -> str:
    """Say what was found."""
    texts = report.texts
    if action.tenant and action.kind:
        return license_words.finding_text(report, action)
    if action.estate and action.kind:
        return software_words.finding_text(report, action)
    if not action.kind:
        first = action.findings[0]
        return texts.message(first.message) if len(action.findings) == 1 else texts.text(f"rules.{action.rule}.title")
    text = f"actions.{action.kind}.finding"
    if action.kind == "migrate":
        ended = {is_out_of_support(finding) for finding in action.findings}
        text += "" if len(ended) > 1 else "_ended" if True in ended else "_ending"
    count = len(action.findings) if action.kind in _COUNTED_BY_FINDING else len(action.machines)
    return texts.text(
        text,
        count=count,
        severities=severities(report, action.findings),
        month=month(report, action.findings),
        products=products(report, action.findings),
    )


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
    if action.decided is not None:
        text = f"decided.{action.decided.choice.value}"
        return texts.text(text, count=len(action.findings), day=action.decided.since, sheet=report.title("users"))
    if action.tenant and action.kind:
        return license_words.proposal(report, action)
    if action.estate and action.kind:
        return software_words.proposal(report, action)
    if action.kind:
        return texts.text(
            f"actions.{action.kind}.proposal",
            count=len(action.machines),
            sheet=report.title("coverage"),
            product=subscriptions(report, action.findings),
            month=month(report, action.findings),
            products=products(report, action.findings),
        )
    if action.rule in ONE_BY_ONE and action.findings[0].remedy is not None:
        return license_words.about_product(report, action)
    remedies = list(dict.fromkeys(texts.message(finding.remedy) for finding in action.findings if finding.remedy))
    return "\n".join(remedies[:3]) or texts.text("actions.impact.other")


def month(report: Report, findings: tuple[Finding, ...]) -> str:
    """Name the month of the newest Windows update among findings ("octobre 2025"): it contains all earlier ones."""
    days = [day for day in map(monthly, findings) if day is not None]
    return report.texts.month(max(days)) if days else ""


def products(report: Report, findings: tuple[Finding, ...]) -> str:
    """Name the programs that findings are about, each once."""
    names = dict.fromkeys(str(finding.message.params.get("product") or finding.key) for finding in findings)
    return report.texts.listing(list(names), limit=_PRODUCTS_SHOWN)


def impact(report: Report, action: Action) -> str:
    """Say why it matters, and whether a deadline has passed."""
    texts = report.texts
    if action.tenant and action.kind:
        return license_words.impact(report, action)
    if action.estate and action.kind:
        return software_words.impact(report, action)
    if action.kind:
        text = texts.text(f"actions.impact.{_IMPACTS.get(action.kind, action.kind)}")
    else:
        text = texts.text(f"rules.{action.rule}.impact")
    if action.overdue and action.kind in _WITH_DEADLINE:
        text = f"{text} {texts.text('actions.impact.overdue', count=action.overdue)}"
    return text


def impact_with_once(report: Report, action: Action) -> str:
    """The same, with what it costs a single time: an amount of another kind than one of every year."""
    money, text = action.money, impact(report, action)
    if money is None or not money.once:
        return text
    return f"{text} {report.texts.text('actions.impact.cost_once', amount=report.texts.euros(money.once))}"


def machines(report: Report, action: Action, across: int) -> str:
    """Name the machines of an action, or Microsoft 365: as many as eight lines of `across` characters hold.

    Without the domain where no other machine has the same name before it.
    """
    if action.tenant:
        return ", ".join(tenant_label(report, name) for name in action.machines)
    hosts = Counter(_host(machine.name) for machine in report.view.machines)
    names = [shorten(_host(name) if hosts[_host(name)] < 2 else name, _NAME_LIMIT) for name in action.machines]
    limit = _MACHINES_SHOWN
    while limit > 1 and lines_of(report.texts.listing(names, limit=limit), across) > _MACHINE_LINES:
        limit -= 1
    return report.texts.listing(names, limit=limit)


def _host(name: str) -> str:
    """A machine's name without its domain; an address has none."""
    first, _, domain = name.partition(".")
    return first if first and _DOMAIN.fullmatch(domain) else name


def tenant_label(report: Report, name: str) -> str:
    """Microsoft 365, with the organization's name where the client has several."""
    texts, tenants = report.texts, report.licenses.tenants
    named = next((license_words.tenant_name(tenant) for tenant in tenants if tenant.target.name == name), name)
    if len(tenants) > 1:
        return texts.text("sheets.coverage.microsoft_named", name=named)
    return texts.text("sheets.coverage.microsoft")


def exploited_packages(report: Report) -> list[str]:
    """Names of the software with a missing fix for an exploited flaw, the most urgent first, each once."""
    return list(dict.fromkeys(plain_product(report, finding) for finding in report.view.missing if exploited(finding)))


def product(finding: Finding) -> str:
    """What a missing fix belongs to, as its publisher names it: a package, a product of Microsoft's, a program."""
    params = finding.message.params
    return str(params.get("package") or params.get("product") or finding.key)


def plain_product(report: Report, finding: Finding) -> str:
    """What a missing fix belongs to, as people call it: "OpenSSL" rather than "libssl3t64"."""
    return described(report, finding.key).partition(", ")[0] or product(finding)


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
