"""software.activation: Windows and Office activated by a KMS host that is not the company's, or not activated at all.

A volume client that points at a public KMS host, or at itself, is the mark of an illicit activator (case 49): critical,
to be checked by a person. What is not activated is a technical finding and no deficit (case 50): the right may be there
and the activation have failed. Rows without a partial key are inert (case 51), rows of subscriptions say nothing about
them: Microsoft 365 keeps its state elsewhere. An evaluation edition is told while it runs: it stops.
Source: LicenseStatus of SoftwareLicensingProduct (sppwmi.mof).

Texts: `fail_external`, `fail_itself`, `fail_unlicensed`, `fail_grace`, `fail_not_genuine`, `fail_notification`,
`fail_evaluation`, `pass` (count), `none`, `not_applicable`, `remedy_kms`, `remedy`, `remedy_evaluation`, `evidence`,
`evidence_kms`. Parameters: product, products, kms_host, ends_on, count.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from collectors.feeds.records import Severity
from collectors.model import FactKind
from collectors.windows.facts import Activation
from rules.messages import Message, Params
from rules.model import Confidence, Evidence, Finding, Outcome, Priority, PriorityLevel
from rules.rule import Case, Rule, finding, joined
from rules.software.kms import KmsPlace, domains_of, kms_place

ID = "software.activation"
KMS_KEY = "kms"
_LICENSED = 1
_STATUS = {0: "unlicensed", 2: "grace", 3: "grace", 4: "not_genuine", 5: "notification", 6: "grace"}
_EVALUATION = "TIMEBASED_EVAL"
_SUBSCRIPTION = "TIMEBASED_SUB"
_SOURCE = "SoftwareLicensingProduct"
_SCORES = {"grace": 30.0, "evaluation": 55.0}


def check(case: Case) -> Iterable[Finding]:
    """Yield one FAIL for KMS hosts that are not the company's, one per license that is not activated, or one PASS."""
    rows = _rows(case)
    found = [*_foreign(case, rows), *_inactive(case, rows)]
    if found:
        return found
    if not rows:
        return (finding(ID, case, Outcome.NOT_APPLICABLE, "none"),)
    evidence = tuple(_proof(case, row) for row in rows)
    return (finding(ID, case, Outcome.PASS, "pass", params={"count": len(rows)}, evidence=evidence),)


def _rows(case: Case) -> tuple[Activation, ...]:
    """Licenses with a key (case 51), without those of subscriptions."""
    windows = case.snapshot.windows
    if windows is None:
        return ()
    return tuple(row for row in windows.activations if row.partial_key and _SUBSCRIPTION not in row.description.upper())


def _foreign(case: Case, rows: Iterable[Activation]) -> Iterator[Finding]:
    """One finding about all licenses of this machine that a KMS host activated which is not the company's."""
    domains = domains_of(case.snapshot)
    placed = [(row, place) for row in rows if (place := kms_place(row, domains)) is not KmsPlace.NONE]
    if not placed:
        return
    external = [row for row, place in placed if place is KmsPlace.EXTERNAL]
    told = external or [row for row, _ in placed]
    params: Params = {
        "kms_host": joined(dict.fromkeys(row.kms_host for row in told)),
        "products": joined(row.name for row in told),
    }
    yield finding(
        ID,
        case,
        Outcome.FAIL,
        "fail_external" if external else "fail_itself",
        key=KMS_KEY,
        params=params,
        severity=Severity.CRITICAL,
        confidence=Confidence.TENTATIVE,
        remedy=Message(text=f"rules.{ID}.remedy_kms", params=params),
        priority=Priority(level=PriorityLevel.NOW, score=500.0),
        evidence=tuple(_kms_proof(case, row) for row, _ in placed),
    )


def _inactive(case: Case, rows: Iterable[Activation]) -> Iterator[Finding]:
    for row in rows:
        state = "evaluation" if _EVALUATION in row.description.upper() else _STATUS.get(row.status, "unlicensed")
        if row.status == _LICENSED and state != "evaluation":
            continue
        ends_on = _ends_on(case, row)
        params: Params = {"product": row.name, "ends_on": None if ends_on is None else ends_on.isoformat()}
        text = f"fail_{state}" if state not in _SCORES or ends_on else f"fail_{state}_undated"
        mild = state == "grace"
        yield finding(
            ID,
            case,
            Outcome.FAIL,
            text,
            key=row.activation_id,
            params=params,
            severity=Severity.LOW if mild else Severity.MEDIUM,
            remedy=Message(text=f"rules.{ID}.remedy_evaluation" if state == "evaluation" else f"rules.{ID}.remedy"),
            priority=Priority(
                level=PriorityLevel.WATCH if mild else PriorityLevel.PLAN, score=_SCORES.get(state, 50.0)
            ),
            evidence=(_proof(case, row),),
            due_on=ends_on,
        )


def _ends_on(case: Case, row: Activation) -> date | None:
    """The day a grace or evaluation period ends, None where the machine does not tell."""
    if row.expires_at is not None:
        return row.expires_at.date()
    if not row.grace_minutes or row.status == 0:
        return None
    return (case.snapshot.taken_at + timedelta(minutes=row.grace_minutes)).date()


def _proof(case: Case, row: Activation) -> Evidence:
    seen = f"LicenseStatus {row.status}, {row.channel or row.description}, …{row.partial_key}".replace(", ,", ",")
    what = Message(text=f"rules.{ID}.evidence", params={"product": row.name})
    return Evidence(what=what, seen=seen, expected="LicenseStatus 1", source=_SOURCE, as_of=case.snapshot.taken_at)


def _kms_proof(case: Case, row: Activation) -> Evidence:
    what = Message(text=f"rules.{ID}.evidence_kms", params={"product": row.name})
    return Evidence(what=what, seen=row.kms_host, source=_SOURCE, as_of=case.snapshot.taken_at)


RULE = Rule(
    id=ID,
    needs=(FactKind.ACTIVATION,),
    check=check,
    applies=lambda case: case.is_windows,
)
