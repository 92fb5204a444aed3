"""system.end_of_support: until when the distribution's publisher fixes this release, for this machine.

Regular support, then what follows it: Debian LTS is free and counts as support, named LTS (L10); Ubuntu ESM, Red Hat
ELS and SUSE LTSS count only for a machine entitled to them (L12). The day a date names is still supported. An end
within the contract's horizon is a FAIL to plan (`ending`). The second source is SUPPORT_END of os-release(5), where a
publisher writes it. A release the feed does not know is UNKNOWN, never "latest known".

Texts: `ended`, `ended_undated`, `ended_entitlement`, `ending` (count = days left), `regular`, `extended`, `undated`,
`unknown_release`, `unknown_entitlement`, `remedy`, `remedy_ubuntu`, `remedy_extended`.
Parameters: system, ended_on, ends_on, count, phase ("LTS", "ESM", ...; "" for regular support), extended_until_on.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from collectors.feeds.records import Lifecycle, Severity
from collectors.model import FactKind, OperatingSystem
from rules.model import Confidence, Evidence, Finding, Message, Outcome, Params, PatchState, Priority, PriorityLevel
from rules.rule import Case, FeedRole, Rule, finding

ID = "system.end_of_support"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Extension:
    """What follows regular support: its name, and the subscription and service that entitle to it ("" when free)."""

    name: str
    kind: str = ""
    service: str = ""


_EXTENSIONS = {
    "debian": _Extension(name="LTS"),
    "ubuntu": _Extension(name="ESM", kind="ubuntu-pro", service="esm-infra"),
    "rhel": _Extension(name="ELS", kind="rhel", service="els"),
    "sles": _Extension(name="LTSS", kind="suse", service="ltss"),
}
_PRODUCTS = {  # os-release ID -> (endoflife.date product, how many parts of VERSION_ID name a cycle; 0 = all)
    "debian": ("debian", 1),
    "ubuntu": ("ubuntu", 0),
    "almalinux": ("almalinux", 1),
    "rocky": ("rocky-linux", 1),
    "rhel": ("rhel", 1),
    "ol": ("oracle-linux", 1),
    "sles": ("sles", 0),
    "sles_sap": ("sles", 0),
    "opensuse-leap": ("opensuse", 0),
    "alpine": ("alpine-linux", 2),
    "fedora": ("fedora", 0),
    "amzn": ("amazon-linux", 0),
    "linuxmint": ("linuxmint", 0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Support:
    """Where a release stands today: `ends_on` the last day of the phase that counts for this machine."""

    ends_on: date | None
    phase: str = ""
    over: bool = False
    sellable_until: date | None = None  # support exists until then, but this machine is not entitled to it
    unsure: bool = False  # it depends on an entitlement that could not be read


def check(case: Case) -> Iterable[Finding]:
    """Yield exactly one finding."""
    product, cycle = _cycle(case)
    stated = _stated_end(case.system)
    evidence = tuple(_evidence(case, product, cycle, stated))
    support = _support(case, product, cycle)
    if support is None and stated is not None:
        support = _Support(ends_on=stated, over=case.today > stated)
        confidence = Confidence.TENTATIVE
    else:
        confidence = _confidence(support, stated, case.today)
    if support is None:
        return (finding(ID, case, Outcome.UNKNOWN, "unknown_release", params=_params(case), evidence=evidence),)
    return (_conclude(case, support, confidence, evidence),)


def _conclude(case: Case, support: _Support, confidence: Confidence, evidence: tuple[Evidence, ...]) -> Finding:
    params = _params(case, support)
    left = None if support.ends_on is None else (support.ends_on - case.today).days
    near = left is not None and 0 <= left <= case.contract.end_of_support_horizon_days
    if support.unsure and (support.over or near):
        return finding(ID, case, Outcome.UNKNOWN, "unknown_entitlement", params=params, evidence=evidence)
    if support.over:
        return _ended(case, support, params, confidence, evidence)
    if near:
        reason = Message(text="rules.priority.support_ends", params={"count": left})
        return finding(
            ID,
            case,
            Outcome.FAIL,
            "ending",
            params=params,
            severity=Severity.MEDIUM,
            confidence=confidence,
            remedy=_remedy(case, support),
            priority=Priority(level=PriorityLevel.PLAN, score=80.0, reasons=(reason,)),
            evidence=evidence,
            due_on=support.ends_on,
        )
    text = "undated" if support.ends_on is None else "extended" if support.phase else "regular"
    return finding(ID, case, Outcome.PASS, text, params=params, confidence=confidence, evidence=evidence)


def _ended(
    case: Case, support: _Support, params: Params, confidence: Confidence, evidence: tuple[Evidence, ...]
) -> Finding:
    if support.ends_on is None:
        text = "ended_undated"
    else:
        text = "ended_entitlement" if support.sellable_until is not None else "ended"
    return finding(
        ID,
        case,
        Outcome.FAIL,
        text,
        params=params,
        severity=Severity.HIGH,
        confidence=confidence,
        state=PatchState.OUT_OF_SUPPORT,
        remedy=_remedy(case, support),
        priority=Priority(
            level=PriorityLevel.NOW, score=500.0, reasons=(Message(text="rules.priority.out_of_support"),)
        ),
        evidence=evidence,
        due_on=support.ends_on,
    )


def _support(case: Case, product: str, cycle: Lifecycle | None) -> _Support | None:
    """Apply the release's dates to this machine; None when the feed does not know."""
    if cycle is None or (cycle.support_ends_on is None and cycle.ended is None):
        return None
    regular, extended = cycle.support_ends_on, cycle.extended_ends_on
    if regular is None:
        return _Support(ends_on=None, over=bool(cycle.ended))
    extension = _EXTENSIONS.get(product)
    if extension is None or extended is None or extended <= regular:
        return _Support(ends_on=regular, over=case.today > regular)
    entitled = _is_entitled(case, extension)
    if entitled:
        phase = extension.name if case.today > regular else ""
        return _Support(ends_on=extended, phase=phase, over=case.today > extended)
    return _Support(
        ends_on=regular,
        over=case.today > regular,
        sellable_until=extended if case.today <= extended else None,
        unsure=entitled is None and case.today <= extended,
    )


def _is_entitled(case: Case, extension: _Extension) -> bool | None:
    """Whether this machine receives the extension; None when that could not be read."""
    if not extension.kind:
        return True
    if case.snapshot.gaps_of(FactKind.SUBSCRIPTION):
        return None
    entry = next((found for found in case.snapshot.subscriptions if found.kind == extension.kind), None)
    if entry is None or entry.attached is None:
        return None
    expired = entry.expires_at is not None and entry.expires_at < case.as_of
    has_service = any(extension.service in service.lower() for service in entry.services)
    return entry.attached and has_service and not expired


def _cycle(case: Case) -> tuple[str, Lifecycle | None]:
    system = case.system
    if system.id == "centos":
        stream = "stream" in system.pretty_name.lower()
        product, parts = ("centos-stream" if stream else "centos"), 1
    else:
        product, parts = _PRODUCTS.get(system.id, ("", 0))
    pieces = system.version_id.split(".")
    name = ".".join(pieces[:parts] if parts else pieces)
    lifecycles = case.knowledge.lifecycles
    return product, lifecycles.get((product, name)) or lifecycles.get((product, f"{name}.0"))


def _stated_end(system: OperatingSystem) -> date | None:
    """SUPPORT_END of os-release(5), None when absent or not a date."""
    try:
        return date.fromisoformat(system.support_end)
    except ValueError:
        return None


def _confidence(support: _Support | None, stated: date | None, today: date) -> Confidence:
    """Two sources that agree on today's answer confirm it; that contradict each other make it tentative."""
    if support is None or stated is None:
        return Confidence.FIRM
    return Confidence.CONFIRMED if (today > stated) == support.over else Confidence.TENTATIVE


def _params(case: Case, support: _Support | None = None) -> Params:
    system = case.system
    params: Params = {"system": system.pretty_name or f"{system.id} {system.version_id}".strip()}
    if support is None:
        return params
    ends_on = None if support.ends_on is None else support.ends_on.isoformat()
    until = support.sellable_until
    return params | {
        "ended_on": ends_on,
        "ends_on": ends_on,
        "count": None if support.ends_on is None else max(0, (support.ends_on - case.today).days),
        "phase": support.phase,
        "extended_until_on": None if until is None else until.isoformat(),
    }


def _remedy(case: Case, support: _Support) -> Message:
    until = support.sellable_until
    if until is None:
        return Message(text=f"rules.{ID}.remedy")
    text = "remedy_ubuntu" if case.system.id == "ubuntu" else "remedy_extended"
    return Message(text=f"rules.{ID}.{text}", params={"extended_until_on": until.isoformat()})


def _evidence(case: Case, product: str, cycle: Lifecycle | None, stated: date | None) -> Iterable[Evidence]:
    system = case.system
    yield Evidence(
        what=Message(text="rules.evidence.system"),
        seen=f"ID={system.id} VERSION_ID={system.version_id}",
        source="os-release",
        as_of=case.snapshot.taken_at,
    )
    feed = FeedRole.LIFECYCLES.player(case.knowledge.feeds)
    if cycle is not None:
        params: Params = {
            "regular_on": None if cycle.support_ends_on is None else cycle.support_ends_on.isoformat(),
            "extended_on": None if cycle.extended_ends_on is None else cycle.extended_ends_on.isoformat(),
        }
        text = "lifecycle" if cycle.extended_ends_on is None else "lifecycle_extended"
        yield Evidence(
            what=Message(text=f"rules.evidence.{text}", params=params),
            seen=f"{product} {cycle.cycle}",
            source="" if feed is None else feed.title,
            url=f"https://endoflife.date/{product}",
            as_of=None if feed is None else feed.published_at or feed.checked_at,
        )
    if stated is not None:
        yield Evidence(
            what=Message(text="rules.evidence.support_end", params={"stated_on": stated.isoformat()}),
            seen=system.support_end,
            source="os-release SUPPORT_END",
            as_of=case.snapshot.taken_at,
        )


RULE = Rule(id=ID, needs=(FactKind.OPERATING_SYSTEM,), feeds=(FeedRole.LIFECYCLES,), check=check)
