"""antivirus.signatures_old: Microsoft Defender is off with nothing in its place, or its signatures are old.

Signatures up to 3 days old are current, up to 7 tolerated; older ones are a FAIL, as is a machine without any active
antivirus. Where another product is active Defender steps aside: its signatures cannot be read, so that this is
NOT_APPLICABLE and names it. Windows Server has no list of antivirus products: there the programs installed tell, and
say so. The age is counted to when it was read.

Texts: `pass` (count = days), `tolerated` (count), `fail` (count), `off`, `off_policy`, `unseen`, `other_product`,
`other_installed`, `not_applicable`, `remedy`, `remedy_off`. Parameters: count, limit_days, version, updated_at,
product.
"""

import re
from collections.abc import Iterable
from datetime import timedelta

from collectors.feeds.records import Severity
from collectors.model import FactKind
from collectors.windows.facts import Antivirus
from rules.messages import Message, Params
from rules.model import Confidence, Evidence, Finding, Outcome, Priority, PriorityLevel
from rules.products import normalized, programs
from rules.rule import Case, Rule, finding, joined

ID = "antivirus.signatures_old"
TOLERATED_AFTER_DAYS = 3
LIMIT_DAYS = 7
_DAY = timedelta(days=1)
_PROTECTS = re.compile(  # programs that are an antivirus, for servers, where Windows keeps no list of them
    r"(?:eset (?:endpoint|server|file|mail) (?:antivirus|security)|bitdefender endpoint security|kaspersky (?:endpoint|"
    r"security|small office)|sophos (?:endpoint|anti-virus|intercept)|trend micro (?:apex|worry-free|deep security|"
    r"security agent)|symantec endpoint protection|(?:trellix|mcafee) endpoint security|crowdstrike|sentinel agent|"
    r"sentinelone|withsecure|f-secure|panda (?:endpoint|security)|watchguard (?:endpoint|epdr)|g ?data (?:security|"
    r"antivirus)|cortex xdr|harfanglab|cybereason|malwarebytes|webroot secureanywhere|avast (?:business|premium)|"
    r"avg (?:business|antivirus)|norton)\b.*"
)


def check(case: Case) -> Iterable[Finding]:
    """Yield exactly one finding."""
    windows = case.snapshot.windows
    antivirus = None if windows is None else windows.antivirus
    if antivirus is None:
        return (finding(ID, case, Outcome.UNKNOWN, "unseen"),)
    if antivirus.enabled:
        return (_by_age(case, antivirus),)
    others = antivirus.other_products
    if others:
        return (_stands_aside(case, antivirus, others, "other_product", Confidence.FIRM),)
    installed = tuple(dict.fromkeys(entry.name for entry in programs(case.snapshot) if _is_antivirus(entry.name)))
    if installed:
        return (_stands_aside(case, antivirus, installed, "other_installed", Confidence.TENTATIVE),)
    if antivirus.enabled is None or case.snapshot.gaps_of(FactKind.ANTIVIRUS):
        return (finding(ID, case, Outcome.UNKNOWN, "unseen", evidence=(_evidence(case, antivirus),)),)
    return (_off(case, antivirus),)


def _by_age(case: Case, antivirus: Antivirus) -> Finding:
    evidence = (_evidence(case, antivirus),)
    if antivirus.signatures_at is None:
        return finding(ID, case, Outcome.UNKNOWN, "unseen", evidence=evidence)
    age = (case.snapshot.taken_at - antivirus.signatures_at) / _DAY
    params: Params = {
        "count": max(0, int(age)),
        "limit_days": LIMIT_DAYS,
        "version": antivirus.signature_version,
        "updated_at": antivirus.signatures_at.isoformat(),
    }
    if age <= LIMIT_DAYS:
        text = "pass" if age <= TOLERATED_AFTER_DAYS else "tolerated"
        return finding(ID, case, Outcome.PASS, text, params=params, evidence=evidence)
    return finding(
        ID,
        case,
        Outcome.FAIL,
        "fail",
        params=params,
        severity=Severity.MEDIUM,
        remedy=Message(text=f"rules.{ID}.remedy"),
        priority=_priority(PriorityLevel.PLAN, 58.0),
        evidence=evidence,
    )


def _stands_aside(
    case: Case, antivirus: Antivirus, products: tuple[str, ...], text: str, confidence: Confidence
) -> Finding:
    params: Params = {"product": joined(products, 3)}
    evidence = (_evidence(case, antivirus),)
    return finding(ID, case, Outcome.NOT_APPLICABLE, text, params=params, confidence=confidence, evidence=evidence)


def _off(case: Case, antivirus: Antivirus) -> Finding:
    return finding(
        ID,
        case,
        Outcome.FAIL,
        "off_policy" if antivirus.disabled_by == "policy" else "off",
        severity=Severity.HIGH,
        remedy=Message(text=f"rules.{ID}.remedy_off"),
        priority=_priority(PriorityLevel.NOW, 400.0),
        evidence=(_evidence(case, antivirus),),
    )


def _priority(level: PriorityLevel, score: float) -> Priority:
    return Priority(level=level, score=score, reasons=(Message(text="rules.priority.no_antivirus"),))


def _evidence(case: Case, antivirus: Antivirus) -> Evidence:
    updated = None if antivirus.signatures_at is None else antivirus.signatures_at.isoformat()
    state = {True: "on", False: f"off {antivirus.disabled_by}".strip(), None: "?"}[antivirus.enabled]
    return Evidence(
        what=Message(text=f"rules.{ID}.evidence", params={"updated_at": updated}),
        seen=f"{antivirus.signature_version} ({state})".strip(),
        source="Windows Defender",
        as_of=case.snapshot.taken_at,
    )


def _is_antivirus(name: str) -> bool:
    return _PROTECTS.fullmatch(normalized(name)) is not None


RULE = Rule(id=ID, needs=(FactKind.ANTIVIRUS,), check=check, applies=lambda case: case.is_windows)
