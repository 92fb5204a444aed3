"""Waivers: findings the client accepts for a time. They attach to findings, are printed, and never delete one.

A waived finding stays what it is in every sheet of facts, marked; it is left out of the action plan, of what is to be
decided and of the exit code. After its last day the finding counts again by itself.
"""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rules.contract import Contract
    from rules.model import Assessment


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """One accepted risk, from `waivers.toml`.

    `rule` is a rule's id, or a pattern of ids with `*`; `subject` a pattern of machine, tenant or person names, `key`
    one of what else tells findings of a rule apart (a product, a package, a SKU), or a finding's reference
    ("F-1A2B3C4D"); both "*" for all. `until` is the last day it holds. `id` names it in reports; `place` says where it
    stands.
    """

    id: str
    rule: str
    reason: str
    approved_by: str
    until: date
    subject: str = "*"
    key: str = "*"
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverUse:
    """What became of a waiver in one run.

    `matched` counts the failed findings it speaks of, also once it has expired. `state` is "in_force", "expiring"
    (within the announced days), "expired" or "orphaned" (in force, met nothing though everything it speaks of was
    looked at).
    """

    waiver: Waiver
    matched: int
    state: str


def with_waivers(assessment: "Assessment", contract: "Contract", today: date, *, whole: bool = True) -> "Assessment":
    """Attach the contract's waivers to the failed findings they accept, and tell what became of each.

    Holds to the day `until` included. Fills `Assessment.waivers`; what someone must know about a waiver (it ends, it
    has ended and its finding stands, it met nothing) becomes a finding of rule "waiver.ending" or "waiver.orphaned".
    `whole` false: only a part of what the client has was looked at, and nothing is called orphaned.
    """
    from rules.waiving import applied  # late: findings carry waivers, so their module needs this one first

    return applied(assessment, contract, today, whole=whole)
