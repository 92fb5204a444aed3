"""m365.device_licenses: products counted by server, device or resource (case 10). Never "unused", never redundant.

Server licenses are compared with the servers this audit saw: more licenses than servers is to be checked, and unknown
where none of the machines could be audited (told of each of them: the run is no less complete for this). Where no
machine was to be audited there is nothing to compare with and nothing to be done about it: told, like rooms, shared
telephones, resource accounts and storage, of which only the client knows how many there are.

Texts: `fail` (count), `servers` (count), `no_machines` (count), `out_of_scope` (count), `devices` (count), `resources`
(count), `pass`, `not_applicable`, `remedy`, `evidence`. Parameters: product, servers.
"""

from collections.abc import Iterable
from dataclasses import replace

from collectors.cloud.facts import TenantFact
from collectors.feeds.records import Severity
from rules.messages import Message, Params
from rules.model import Confidence, Evidence, Finding, FreeReason, Outcome, Priority, PriorityLevel, SkuKind
from rules.tenants.billing import Position, positions
from rules.tenants.rule import TenantCase, TenantRule, finding
from rules.tenants.wording import seats_evidence, uncounted

ID = "m365.device_licenses"
_KINDS = (SkuKind.SERVER, SkuKind.DEVICE, SkuKind.RESOURCE)
_SERVERS = ("windows_server", "linux")


def check(case: TenantCase) -> Iterable[Finding]:
    """Yield one finding per SKU that is counted by something else than people, or one PASS."""
    found = [_answer(case, position) for position in _counted_otherwise(case)]
    return found or [finding(ID, case, Outcome.PASS, "pass")]


def _counted_otherwise(case: TenantCase) -> list[Position]:
    return [
        position
        for position in positions(case).values()
        if position.kind in _KINDS and position.free_reason is not FreeReason.LISTED and position.sku.enabled != 0
    ]


def _answer(case: TenantCase, position: Position) -> Finding:
    if position.sku.enabled is None:
        return uncounted(ID, case, position)
    if position.kind is not SkuKind.SERVER:
        text = "devices" if position.kind is SkuKind.DEVICE else "resources"
        return _told(case, position, Outcome.NOT_APPLICABLE, text)
    if case.without_machines:
        return _told(case, position, Outcome.NOT_APPLICABLE, "out_of_scope")  # the scope was chosen
    if not case.servers:
        return replace(_told(case, position, Outcome.UNKNOWN, "no_machines"), limited=True)
    surplus = position.sku.enabled - _servers(case)
    if surplus <= 0:
        return _told(case, position, Outcome.PASS, "servers")
    params: Params = {"count": surplus, "product": position.name, "servers": _servers(case)}
    return finding(
        ID,
        case,
        Outcome.FAIL,
        "fail",
        key=position.sku.sku_id,
        params=params,
        severity=Severity.LOW,
        confidence=Confidence.TENTATIVE,
        remedy="remedy",
        priority=Priority(level=PriorityLevel.WATCH, score=12.0),
        evidence=(_evidence(case), seats_evidence(case, position)),
    )


def _told(case: TenantCase, position: Position, outcome: Outcome, text: str) -> Finding:
    params: Params = {"count": position.sku.enabled, "product": position.name, "servers": _servers(case)}
    evidence = (_evidence(case), seats_evidence(case, position))
    return finding(ID, case, outcome, text, key=position.sku.sku_id, params=params, evidence=evidence)


def _servers(case: TenantCase) -> int:
    return sum(case.servers.get(kind, 0) for kind in _SERVERS)


def _evidence(case: TenantCase) -> Evidence:
    seen = ", ".join(f"{kind} {count}" for kind, count in sorted(case.servers.items())) or "0"
    return Evidence(what=Message(text=f"rules.{ID}.evidence"), seen=seen, as_of=case.as_of)


RULE = TenantRule(
    id=ID,
    needs=(TenantFact.SKUS,),
    check=check,
    applies=lambda case: bool(_counted_otherwise(case)) or bool(case.snapshot.gaps_of(TenantFact.SKUS)),
)
