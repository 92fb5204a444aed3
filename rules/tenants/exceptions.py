"""What the client accepted: SKUs left out of alerts, people who keep their license until a day.

An excepted finding stays visible and marked; it is no longer counted. After its last day it returns by itself. An
exception that met nothing is reported: it is misspelt, or no longer needed. It is not where nobody could tell: users
unread, or activity unknown this month of somebody who is there.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from collectors.cloud.facts import TenantFact
from rules.contract import LicenseException
from rules.messages import Message, Params
from rules.model import NO_PRIORITY, Evidence, Finding, Outcome
from rules.prices import Money
from rules.tenants.billing import positions
from rules.tenants.rule import TenantCase
from rules.tenants.skus import is_meant

ABOUT_PEOPLE = (
    "m365.disabled_users",
    "m365.inactive_users",
    "m365.never_active_users",
    "m365.mailbox_licenses",
    "m365.office_activations",
    "m365.office_shared_hosts",
    "m365.downgrade_candidates",
)
"""Rules about people that may be blind while users were read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exempted:
    """Findings with exceptions marked, and the exceptions in force that met none ("who" or "who: product")."""

    findings: tuple[Finding, ...]
    unmatched: tuple[str, ...]


def marked(case: TenantCase, findings: Iterable[Finding]) -> Exempted:
    """Mark what the client's file accepts today."""
    in_force = [one for one in case.contract.m365.exceptions if case.today <= one.until]
    used: set[LicenseException] = set()
    told = tuple(_marked(case, found, in_force, used) for found in findings)
    idle = [one for one in in_force if one not in used and _is_idle(case, told, one)]
    return Exempted(
        findings=told, unmatched=tuple(f"{one.who}: {one.product}" if one.product else one.who for one in idle)
    )


def _is_idle(case: TenantCase, findings: Iterable[Finding], exception: LicenseException) -> bool:
    """Whether it is known that an exception meets nothing, and that this is worth telling.

    One narrowed to some rules answers a question of the report: that the question went away is no mistake of anybody's.
    """
    if exception.rules or not case.snapshot.reached:
        return False
    if any(case.snapshot.gaps_of(kind) for kind in (TenantFact.USERS, TenantFact.SKUS)):
        return False
    if all(user.upn.casefold() != exception.who.casefold() for user in case.snapshot.users):
        return True
    return all(found.outcome is not Outcome.UNKNOWN or found.rule not in ABOUT_PEOPLE for found in findings)


def _marked(
    case: TenantCase, found: Finding, in_force: Iterable[LicenseException], used: set[LicenseException]
) -> Finding:
    if found.outcome is not Outcome.FAIL:
        return found
    if found.person:
        return _excepted(case, found, in_force, used)
    position = positions(case).get(found.key)
    if position is None or not position.left_out:
        return found
    what = Message(text="rules.m365.left_out")
    return _set_aside(found, Evidence(what=what, seen=position.name, source="client.toml, m365.left_out"))


def _excepted(
    case: TenantCase, found: Finding, in_force: Iterable[LicenseException], used: set[LicenseException]
) -> Finding:
    """Set a finding about a person aside, or the part of it that an exception for one product means."""
    for one in in_force:
        if one.who.casefold() != found.person.casefold() or (one.rules and found.rule not in one.rules):
            continue
        shares = () if found.money is None else found.money.shares
        if not one.product:
            if one.rules and shares:
                continue
            used.add(one)
            return _set_aside(found, _evidence(one))
        left = tuple(share for share in shares if not _means(case, one, share.sku_id))
        if len(left) == len(shares):
            continue
        used.add(one)
        if not left:
            return _set_aside(found, _evidence(one))
        anniversary = None if found.money is None else found.money.anniversary_on
        found = replace(found, money=Money.of(left, anniversary), evidence=(*found.evidence, _evidence(one)))
    return found


def _means(case: TenantCase, exception: LicenseException, sku_id: str) -> bool:
    position = positions(case).get(sku_id)
    return position is not None and is_meant(position.sku, (exception.product,))


def _set_aside(found: Finding, evidence: Evidence) -> Finding:
    return replace(
        found,
        outcome=Outcome.NOT_APPLICABLE,
        priority=NO_PRIORITY,
        money=None,
        due_on=None,
        evidence=(*found.evidence, evidence),
    )


def _evidence(exception: LicenseException) -> Evidence:
    params: Params = {"reason": exception.reason, "until_on": exception.until.isoformat()}
    what = Message(text="rules.m365.excepted", params=params)
    return Evidence(what=what, seen=exception.product or exception.who, source=exception.place)
