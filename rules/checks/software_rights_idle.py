"""software.rights_idle: rows of the file of rights that meet nothing installed (case 66), or several things (case 67).

A row that meets nothing is a purchase without use, or a name that is written wrongly: "0 installed" is never "100 %
compliant". Machines that could not be read may hold the product: then it is UNKNOWN. What each row meets is
told by the position (`SoftwareSummary.idle`), in its words. One that is paid by the year and can be given up is
`software.surplus`.

Texts: those of the position; `unknown` (count = machines not read), `pass` (count = rights), `not_applicable`,
`remedy`. Parameters: right, product.
"""

from collections.abc import Iterable
from dataclasses import replace

from collectors.feeds.records import Severity
from rules.messages import Message
from rules.model import Confidence, Evidence, Finding, Outcome, Priority, PriorityLevel
from rules.rights import Entitlement
from rules.software.rule import EstateCase, EstateRule, finding
from rules.software.wording import is_saving, right_evidence

ID = "software.rights_idle"
_PRIORITY = Priority(level=PriorityLevel.WATCH, score=28.0)
_UNPROVED = "software.idle.unproved"


def check(case: EstateCase) -> Iterable[Finding]:
    """Yield one finding per row that meets nothing, or one PASS."""
    given_up = {right for line in case.summary.lines if is_saving(line) for right in line.entitlements}
    found = [
        _told(case, words, right)
        for words in case.summary.idle
        if (right := _right(case, words)) is None or right.id not in given_up
    ]
    count = len(case.contract.entitlements or ())
    return found or (finding(ID, Outcome.PASS, "pass", params={"count": count}),)


def _told(case: EstateCase, words: Message, right: Entitlement | None) -> Finding:
    blind = bool(case.unread) or words.text == _UNPROVED
    key = f"{words.text}:{sorted(map(str, words.params.values()))}" if right is None else right.id
    found = finding(
        ID,
        Outcome.UNKNOWN if blind else Outcome.FAIL,
        "unknown",
        key=key,
        params={"right": key, "count": case.unread, "product": key if right is None else right.product},
        severity=Severity.UNKNOWN if blind else Severity.LOW,
        confidence=Confidence.TENTATIVE,
        remedy="remedy",
        priority=_PRIORITY,
        evidence=(Evidence(what=words, seen=""), *(() if right is None else (right_evidence(right),))),
        limited=blind,
    )
    return found if blind and case.unread else replace(found, message=words)


def _right(case: EstateCase, words: Message) -> Entitlement | None:
    """The row a message speaks of: the one whose id it bears."""
    by_id = {right.id: right for right in case.contract.entitlements or ()}
    return next((by_id[value] for value in words.params.values() if isinstance(value, str) and value in by_id), None)


RULE = EstateRule(
    id=ID,
    check=check,
    needs_file=True,
    needs_machines=False,  # asked below: what meets nothing may be on a machine that was not read
    applies=lambda case: bool(case.summary.known),
)
