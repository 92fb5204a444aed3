"""What any updater is asked as a second opinion, and in which words it answers.

Our feeds decide; the host's own updater only agrees, stays silent, or knows more.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from collectors.feeds.records import Advisory
from rules.knowledge import Knowledge
from rules.model import CrossCheck, Evidence
from rules.rule import Case, FeedRole
from rules.verdicts import PatchVerdict


class Opinion(NamedTuple):
    """The updater's word on one fix: the answer, why (a key of `rules.crosscheck` texts), the version it offers."""

    check: CrossCheck
    why: str
    offered: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmatched:
    """Security updates of one package or product that the updater offers and no verdict of ours covers.

    `package` names it, `names` are the installed binary packages it comes in. `offered` is the version or KB offered.
    `advisories` are the ids the updater names, `severities` its own ratings in its own words. `offers` are the lines of
    proof.
    """

    package: str
    names: tuple[str, ...]
    installed_version: str
    offered: str
    origin: str
    why: str
    advisories: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    offers: tuple[Evidence, ...] = ()

    def known(self, knowledge: Knowledge) -> list[Advisory]:
        """The advisories the updater names for them and that our feeds hold."""
        return [knowledge.advisories[name] for name in self.advisories if name in knowledge.advisories]


class SecondOpinion(Protocol):
    """An updater asked about the fixes of one host. `unseen` is why its answer cannot be used, "" when it can.

    `refreshed_at` is as of when it answers.
    """

    unseen: str
    refreshed_at: datetime | None

    def opinion(self, verdict: PatchVerdict) -> Opinion:
        """Say whether the updater agrees that this fix is to be installed."""

    def only_theirs(self) -> tuple[Unmatched, ...]:
        """Security updates offered that no verdict of ours explains."""

    @property
    def uninformed(self) -> bool:
        """Whether nothing could offer it security updates: its silence confirms nothing then."""

    @property
    def unrated(self) -> bool:
        """Whether it offers updates without saying whether they are security."""

    def evidence(self, opinion: Opinion) -> Evidence:
        """One line of proof: what the updater offers, as of when."""


def why_unlisted(case: Case, refreshed_at: datetime | None) -> str:
    """Why no advisory of ours names what the updater offers: no_list, feed_older (D12), not_in_list."""
    dates = [feed.published_at or feed.checked_at for feed in case.feeds_of(FeedRole.ADVISORIES)]
    newest = max((found for found in dates if found is not None), default=None)
    if newest is None:
        return "no_list"
    return "feed_older" if refreshed_at is not None and newest < refreshed_at else "not_in_list"
