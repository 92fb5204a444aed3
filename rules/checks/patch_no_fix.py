"""patch.no_fix: known flaws for which the vendor offers no fix, or announces one for later (L8, L9, L17).

Told, never counted: nothing can be installed, so nothing is overdue and no score falls. NOT_APPLICABLE with state
NO_FIX (key "no_fix") or UPCOMING (key "upcoming"), one finding of each per host, every package in the evidence.

Most vendors publish fixes only: from their silence about a flaw nothing follows, and the rule does not apply. Nor does
a PASS where the publisher has stopped following the release.

Texts: `no_fix` (count), `upcoming` (count), `pass`, `not_applicable`, `out_of_support`. Parameters: count (source
packages), packages (at most six), cve_count, kev_count.
"""

from collections.abc import Iterable

from collectors.model import FactKind
from rules.messages import Message, Params
from rules.model import Evidence, Finding, Outcome, PatchState
from rules.priority import worst
from rules.proof import threat_for
from rules.rule import Case, FeedRole, Rule, finding, joined
from rules.rulings import NO_WORD
from rules.support import is_out_of_support
from rules.verdicts import PatchVerdict

ID = "patch.no_fix"
_TELL = ("debian", "ubuntu")  # distributions whose feeds also hold the flaws that are not fixed
_TOLD = ((PatchState.NO_FIX, "no_fix"), (PatchState.UPCOMING, "upcoming"))


def applies(case: Case) -> bool:
    """Where unfixed flaws are published; a system without any feed is asked, and is unknown.

    Not Windows: Microsoft's guide announces fixes.
    """
    return not case.is_windows and (
        case.release is None
        or case.system.id in _TELL
        or bool(case.verdicts_in(PatchState.NO_FIX, PatchState.UPCOMING))
    )


def check(case: Case) -> Iterable[Finding]:
    """Yield one informational finding per state, or one PASS."""
    found = [_told(case, group, state, key) for state, key in _TOLD if (group := case.verdicts_in(state))]
    yield from found
    if found:
        return
    if is_out_of_support(case):
        yield finding(ID, case, Outcome.NOT_APPLICABLE, "out_of_support", state=PatchState.OUT_OF_SUPPORT)
    else:
        yield finding(ID, case, Outcome.PASS, "pass")


def _told(case: Case, group: tuple[PatchVerdict, ...], state: PatchState, key: str) -> Finding:
    exploited = {entry.cve for verdict in group for entry in threat_for(case, verdict).exploited}
    return finding(
        ID,
        case,
        Outcome.NOT_APPLICABLE,
        key,
        key=key,
        params={
            "count": len({verdict.package for verdict in group}),
            "packages": joined(sorted({verdict.package for verdict in group})),
            "cve_count": len({cve for verdict in group for cve in verdict.cves}),
            "kev_count": len(exploited),
        },
        severity=worst(verdict.severity for verdict in group),
        state=state,
        evidence=tuple(_evidence(case, verdict) for verdict in group),
    )


def _evidence(case: Case, verdict: PatchVerdict) -> Evidence:
    def line() -> Evidence:
        feeds = {advisory.feed: case.knowledge.feeds.get(advisory.feed) for advisory in verdict.advisories}
        known = [feed for feed in feeds.values() if feed is not None]
        words = ", ".join(word for word in verdict.reason.split(", ") if word != NO_WORD)
        params: Params = {"package": verdict.package, "reason": words, "cves": ", ".join(verdict.cves)}
        text = "rules.evidence.vendor_says" if words else "rules.evidence.no_fix"
        return Evidence(
            what=Message(text=text, params=params),
            seen=verdict.installed_version,
            expected=verdict.fixed_version,
            source=", ".join(feed.title for feed in known),
            url=next((advisory.url for advisory in verdict.advisories if advisory.url), ""),
            as_of=min((date for feed in known if (date := feed.published_at or feed.checked_at)), default=None),
        )

    return case.shared("no_fix", verdict, line)


RULE = Rule(
    id=ID,
    needs=(FactKind.OPERATING_SYSTEM, FactKind.PACKAGES),
    feeds=(FeedRole.STATES,),
    applies=applies,
    check=check,
)
