"""From open fixes of one product to its verdict: the same few lines for every product line of Microsoft's."""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from collectors.feeds.records import Advisory
from rules.model import PatchState
from rules.verdicts import Fix, PatchVerdict, ProductLine
from rules.windows.builds import Numbers, numbers


class Opened(NamedTuple):
    """An advisory that is open, the version that closes it ("" when none is named) and what installs it."""

    advisory: Advisory
    fixed_version: str
    remedy: str = ""

    @property
    def order(self) -> Numbers:
        """The fixed version as numbers; () sorts before all others."""
        return numbers(self.fixed_version)


class Product(NamedTuple):
    """What the verdict is about."""

    line: ProductLine
    name: str
    installed_version: str
    subject: str = ""


def verdict_on(
    product: Product, opened: Iterable[Opened], state: PatchState, *, reason: str = "", remedy: str = ""
) -> PatchVerdict:
    """One verdict on a product: every open advisory, oldest first, and the newest of their fixes as what to install."""
    by_id: dict[str, Opened] = {}
    for one in opened:
        known = by_id.setdefault(one.advisory.id, one)
        if one.order < known.order:  # where several fixes of an advisory fit, the lowest suffices
            by_id[one.advisory.id] = one
    ordered = sorted(by_id.values(), key=lambda one: (one.advisory.issued_on or date.max, one.advisory.id))
    newest = max(ordered, key=lambda one: (one.order, one.advisory.issued_on or date.min), default=None)
    remedy = remedy or ("" if newest is None else newest.remedy)
    return PatchVerdict(
        package=product.name,
        packages=(),
        installed_version=product.installed_version,
        fixed_version="" if newest is None else newest.fixed_version,
        state=state,
        advisories=tuple(one.advisory for one in ordered),
        reason=reason,
        remedy=remedy,
        remedy_on=released_on(one.advisory for one in ordered if newest is not None and one.remedy == newest.remedy),
        subject=product.subject,
        line=product.line,
        fixes=tuple(Fix(one.fixed_version, one.remedy) for one in ordered),
    )


def doubt_about(product: Product, reason: str, opened: Iterable[Opened] = ()) -> PatchVerdict:
    """A verdict that says why nothing can be said."""
    return verdict_on(product, opened, PatchState.UNKNOWN, reason=reason)


def released_on(advisories: Iterable[Advisory]) -> date | None:
    """The day most of an update's advisories were published: some were disclosed later, some took over an older id."""
    votes = Counter(advisory.issued_on for advisory in advisories if advisory.issued_on is not None)
    return votes.most_common(1)[0][0] if votes else None
