"""subscription.not_registered: a Red Hat or SUSE machine without a subscription (L19).

A license finding beside the missing patches, which stay: without registration the repositories are empty and no fix can
arrive. A machine rented from a cloud provider is not registered either: the provider's own repositories (RHUI) deliver
the fixes, and the subscription is in the rent. Ubuntu needs no subscription for its ordinary fixes (see
`patch.needs_subscription`).

Texts: `fail`, `expired`, `pass`, `pass_cloud`, `unseen`, `not_applicable`, `remedy`. Parameters: system, expires_at.
"""

from collections.abc import Iterable

from collectors.feeds.records import Severity
from collectors.model import FactKind, Subscription
from rules.messages import Message, Params
from rules.model import Evidence, Finding, Outcome, Priority, PriorityLevel
from rules.rule import Case, Rule, finding, joined

ID = "subscription.not_registered"
_KINDS = {"rhel": "rhel", "sles": "suse", "sles_sap": "suse"}
_COMMANDS = {"rhel": "subscription-manager register", "suse": "SUSEConnect --regcode"}


def applies(case: Case) -> bool:
    """Only distributions whose ordinary fixes need a subscription."""
    return case.system.id in _KINDS


def check(case: Case) -> Iterable[Finding]:
    """Yield FAIL when not registered or expired, PASS when registered, UNKNOWN when it could not be told."""
    kind = _KINDS[case.system.id]
    entry = next((found for found in case.snapshot.subscriptions if found.kind == kind), None)
    rented = [found.id for found in case.snapshot.repositories if found.enabled and "rhui" in found.id.lower()]
    if rented and (entry is None or not entry.attached):
        line = Evidence(
            what=Message(text="rules.evidence.cloud_repositories"),
            seen=joined(rented),
            as_of=case.snapshot.taken_at,
        )
        yield finding(ID, case, Outcome.PASS, "pass_cloud", params={"system": _name(case)}, evidence=(line,))
        return
    if entry is None or entry.attached is None:
        yield finding(ID, case, Outcome.UNKNOWN, "unseen", params={"system": _name(case)})
        return
    expired = entry.attached and entry.expires_at is not None and entry.expires_at < case.as_of
    if entry.attached and not expired:
        yield finding(
            ID, case, Outcome.PASS, "pass", params={"system": _name(case)}, evidence=(_evidence(case, entry),)
        )
        return
    params: Params = {
        "system": _name(case),
        "expires_at": None if entry.expires_at is None else entry.expires_at.isoformat(),
    }
    yield finding(
        ID,
        case,
        Outcome.FAIL,
        "expired" if expired else "fail",
        params=params,
        severity=Severity.HIGH,
        remedy=Message(text=f"rules.{ID}.remedy", params={"command": _COMMANDS[kind]}),
        priority=Priority(level=PriorityLevel.PLAN, score=70.0, reasons=(Message(text="rules.priority.no_updates"),)),
        evidence=(_evidence(case, entry),),
    )


def _name(case: Case) -> str:
    return case.system.pretty_name or case.system.id


def _evidence(case: Case, entry: Subscription) -> Evidence:
    text = "attached" if entry.attached else "not_attached"
    return Evidence(
        what=Message(text=f"rules.evidence.subscription_{text}", params={"kind": entry.kind}),
        seen=", ".join(entry.services),
        as_of=case.snapshot.taken_at,
    )


RULE = Rule(id=ID, needs=(FactKind.SUBSCRIPTION,), applies=applies, check=check)
