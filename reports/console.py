"""The report in a few plain lines, for the terminal and the log."""

from typing import Final

from reports import words
from reports.sheet import Report
from reports.sheets.coverage import first_reason
from reports.texts import DEFAULT_ZONE, Texts
from reports.view import MachineState
from rules.model import Assessment, Outcome, PriorityLevel

_MOST_NAMES: Final = 10
_MOST_ACTIONS: Final = 5


def summary_lines(assessment: Assessment, language: str, *, zone: str = DEFAULT_ZONE) -> list[str]:
    """What a reader needs first, in order: what was not seen, what is missing, what to do. No control characters.

    Names come from machines: unprintable characters in them are shown escaped, so that none reaches the terminal.
    """
    texts = Texts(language, zone=zone)
    report = Report(assessment, texts)
    view = report.view
    say = texts.text
    lines = [say("console.heading", client=assessment.client, day=texts.date(texts.local_day(assessment.as_of)))]
    if assessment.demo:
        lines.append(say("workbook.demo"))
    lines.append(say("console.coverage", count=view.known, reached=view.reached))
    lines += _not_audited(report)
    if view.stale_feeds:
        lines.append(say("console.stale", names=", ".join(title for title, _ in view.stale_feeds)))
    unknown = view.known - view.decided
    lines.append(say("console.updated", updated=view.updated, base=view.decided, unknown=unknown))
    if view.judged or view.missing:
        lines.append(
            say(
                "console.missing",
                missing=len(view.missing),
                urgent=view.urgent.findings,
                overdue=view.overdue.findings,
                exploited=view.exploited.findings,
            )
        )
    else:
        lines.append(say("console.missing_unknown"))
    checked = view.rebooting(Outcome.FAIL) + view.rebooting(Outcome.PASS)
    lines.append(say("console.reboot", count=view.rebooting(Outcome.FAIL), base=checked))
    checked = view.supporting(Outcome.FAIL) + view.supporting(Outcome.PASS)
    lines.append(say("console.support", count=len(view.out_of_support), base=checked))
    return [printable(line) for line in [*lines, *_actions(report)]]


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
        text = "console.action" if action.due_on is not None else "console.action_undated"
        lines.append(texts.text(text, number=number, ref=action.ref, proposal=proposal, due=action.due_on))
    return lines if wanted else [*lines, texts.text("console.action_none")]


def printable(text: str) -> str:
    """Escape what a terminal would act upon or turn around; no-break spaces stay."""
    return "".join(
        character
        if character.isprintable() or character in "\u00a0\u202f"
        else character.encode("unicode_escape").decode()
        for character in text
    )
