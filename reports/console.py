"""The report in a few plain lines, for the terminal and the log."""

from typing import Final

from reports import license_words, words
from reports.sheet import Report
from reports.sheets.coverage import first_reason
from reports.texts import DEFAULT_ZONE, Texts
from reports.view import MachineState
from rules.model import Assessment, Outcome, PriorityLevel
from rules.software.position import Status

_MOST_NAMES: Final = 10
_MOST_ACTIONS: Final = 5


def summary_lines(assessment: Assessment, language: str, *, zone: str = DEFAULT_ZONE) -> list[str]:
    """What a reader needs first, in order: what was not seen, what is missing, what to do. No control characters.

    Names come from machines: unprintable characters in them are shown escaped, so that none reaches the terminal.
    """
    texts = Texts(language, zone=zone)
    report = Report(assessment, texts)
    view, say = report.view, texts.text
    lines = [say("console.heading", client=assessment.client, day=texts.date(texts.local_day(assessment.as_of)))]
    if assessment.demo:
        lines.append(say("workbook.demo"))
    machines = _machines(report) if view.known or not view.licenses.tenants else []
    return [printable(line) for line in [*lines, *machines, *_tenants(report), *_software(report), *_actions(report)]]


def _machines(report: Report) -> list[str]:
    view, say = report.view, report.texts.text
    lines = [say("console.coverage", count=view.reached, known=view.known)]
    lines += _not_audited(report)
    if view.feeds_never_fetched:
        lines.append(say("console.never", names=", ".join(view.feeds_never_fetched)))
    if view.feeds_too_old:
        lines.append(say("console.stale", names=", ".join(view.feeds_too_old)))
    unknown = view.known - view.decided
    lines.append(say("console.updated", updated=view.updated, base=view.decided, unknown=unknown))
    if view.judged:
        lines.append(
            say(
                "console.missing",
                missing=len(view.missing),
                urgent=view.urgent.findings,
                overdue=view.overdue.findings,
                exploited=view.exploited.findings,
            )
        )
    elif view.missing:  # what the machines' own updaters offer; how grave it is nobody could look up
        lines.append(say("console.missing_at_least", count=len(view.missing)))
    else:
        lines.append(say("console.missing_unknown"))
    for text, count, outcomes in (
        ("reboot", view.rebooting(Outcome.FAIL), view.rebooting),
        ("support", len(view.out_of_support), view.supporting),
    ):
        checked = outcomes(Outcome.FAIL) + outcomes(Outcome.PASS)
        lines.append(say(f"console.{text}" if checked else f"console.{text}_unknown", count=count, base=checked))
    return lines


def _tenants(report: Report) -> list[str]:
    texts, licenses = report.texts, report.licenses
    lines = [
        texts.text(
            "console.tenant_unread",
            name=license_words.tenant_name(tenant),
            reason=license_words.gap_reason(report, gap),
        )
        for tenant, gap in licenses.hidden
    ]
    if licenses.readable:
        people = len({(review.finding.subject, review.person) for review in report.reviews})
        counts = {"bought": licenses.totals.bought, "surplus": licenses.totals.surplus}
        lines.append(texts.text("console.licenses", **counts, deficit=licenses.missing.seats, people=people))
    elif licenses.tenants:
        lines.append(texts.text("console.licenses_unknown"))
    return lines


def _software(report: Report) -> list[str]:
    """Installed software against what was bought, in one line; none where there is no position."""
    texts, software = report.texts, report.software
    if not software.told:
        return []
    if software.empty:
        return [texts.text("console.software_unknown")]
    counts = software.counts
    base = sum(count for status, count in counts.items() if status is not Status.FREE) + len(software.accepted)
    if not software.declared:
        return [texts.text("console.software_undeclared", count=base)]
    told = {name: counts[Status(name)] for name in ("under", "excess", "check", "unknown")}
    return [texts.text("console.software", count=base, short=software.short.units, **told)]


def _not_audited(report: Report) -> list[str]:
    texts = report.texts
    machines = report.view.in_state(MachineState.NOT_AUDITED)
    lines = [
        texts.text(
            "console.not_audited", machine=machine.name, reason=texts.text(f"gap.reason.{first_reason(machine)}")
        )
        for machine in machines[:_MOST_NAMES]
    ]
    if len(machines) > _MOST_NAMES:
        lines.append(texts.text("console.more", rest=len(machines) - _MOST_NAMES))
    return lines


def _actions(report: Report) -> list[str]:
    texts = report.texts
    wanted = [action for action in report.actions if action.level is not PriorityLevel.WATCH][:_MOST_ACTIONS]
    lines = [texts.text("console.actions")]
    for number, action in enumerate(wanted, 1):
        proposal = words.proposal(report, action).replace("\n", " ")
        due = words.due(report, action)
        text = "console.action" if due else "console.action_undated"
        lines.append(texts.text(text, number=number, ref=action.ref, proposal=proposal, due=due))
    return lines if wanted else [*lines, texts.text("console.action_none")]


def printable(text: str) -> str:
    """Escape what a terminal would act upon or turn around; no-break spaces stay."""
    return "".join(
        character
        if character.isprintable() or character in "\u00a0\u202f"
        else character.encode("unicode_escape").decode()
        for character in text
    )
