"""updates.hidden_by_wsus: Microsoft offers security updates that the machine's WSUS server keeps from it (W16).

A machine that gets its updates from WSUS is shown what was approved there: "nothing to install" says nothing about
what was declined or never fetched. Where the machine could be asked past WSUS, the two answers are compared by update
id and KB; a FAIL lists what only Microsoft offers. Where it could not, the answer is UNKNOWN, "seen through WSUS only".
Definitions, drivers, optional updates and what Microsoft does not call security are left out (W20, W21).

Texts: `fail` (count = updates), `pass`, `wsus_only`, `wsus_unseen`, `not_applicable`, `remedy`, `evidence_hidden`,
`evidence_wsus`. Parameters: server, count, kbs, kb, title, released_on.
"""

from collections.abc import Iterable, Iterator

from collectors.feeds.records import Severity
from collectors.model import FactKind
from collectors.windows.facts import OfferedUpdate, UpdateSearch
from rules.messages import Message, Params
from rules.model import Confidence, Evidence, Finding, Outcome, Priority, PriorityLevel
from rules.rule import Case, Rule, finding, joined
from rules.windows.offers import DEFAULT, MICROSOFT, answered, is_security_patch

ID = "updates.hidden_by_wsus"
_SHOWN = 8


def check(case: Case) -> Iterable[Finding]:
    """Yield exactly one finding."""
    windows = case.snapshot.windows
    searches = () if windows is None else windows.search
    server = "" if windows is None or windows.policy is None else windows.policy.wsus_server
    params: Params = {"server": server or "WSUS"}
    through_wsus, past_wsus = _online(searches, DEFAULT), _online(searches, MICROSOFT)
    evidence = tuple(_asked(case, searches))
    if past_wsus is None:
        return (finding(ID, case, Outcome.UNKNOWN, "wsus_only", params=params, evidence=evidence),)
    if through_wsus is None:
        return (finding(ID, case, Outcome.UNKNOWN, "wsus_unseen", params=params, evidence=evidence),)
    hidden = _hidden(through_wsus, past_wsus)
    if not hidden:
        return (finding(ID, case, Outcome.PASS, "pass", params=params, evidence=evidence),)
    return (_fail(case, hidden, params, evidence),)


def _applies(case: Case) -> bool:
    """Windows machines whose policy names a WSUS server; where the settings were not read, the engine says so."""
    windows = case.snapshot.windows
    if not case.is_windows or windows is None:
        return False
    return windows.policy is None or windows.policy.uses_wsus is not False


def _online(searches: Iterable[UpdateSearch], server: str) -> UpdateSearch | None:
    return next((found for found in searches if found.server == server and found.online and answered(found)), None)


def _hidden(through_wsus: UpdateSearch, past_wsus: UpdateSearch) -> list[OfferedUpdate]:
    """Security patches only Microsoft offers; hidden by hand on the machine itself is not WSUS's doing."""
    known = {update.update_id for update in through_wsus.updates}
    kbs = {kb for update in through_wsus.updates for kb in update.kbs}
    found = {
        update.update_id: update
        for update in past_wsus.updates
        if is_security_patch(update)
        and not update.hidden
        and update.update_id not in known
        and not (update.kbs and kbs.issuperset(update.kbs))
    }
    return sorted(found.values(), key=lambda update: (update.kbs, update.update_id))


def _fail(case: Case, hidden: list[OfferedUpdate], params: Params, asked: tuple[Evidence, ...]) -> Finding:
    names = [", ".join(update.kbs) or update.title or update.update_id for update in hidden]
    days = [update.released_on for update in hidden if update.released_on is not None]
    lines = tuple(_line(case, update) for update in hidden[:_SHOWN])
    return finding(
        ID,
        case,
        Outcome.FAIL,
        "fail",
        params=params | {"count": len(hidden), "kbs": joined(names)},
        severity=Severity.HIGH,
        confidence=Confidence.FIRM,
        remedy=Message(text=f"rules.{ID}.remedy", params=params),
        priority=Priority(
            level=PriorityLevel.PLAN, score=62.0, reasons=(Message(text="rules.priority.hidden_by_wsus"),)
        ),
        evidence=(*lines, *asked),
        released_on=min(days, default=None),
    )


def _line(case: Case, update: OfferedUpdate) -> Evidence:
    released = None if update.released_on is None else update.released_on.isoformat()
    params: Params = {"kb": ", ".join(update.kbs) or update.update_id, "released_on": released}
    return Evidence(
        what=Message(text=f"rules.{ID}.evidence_hidden", params=params),
        seen=update.title,
        source="Microsoft Update",
        as_of=case.snapshot.taken_at,
    )


def _asked(case: Case, searches: Iterable[UpdateSearch]) -> Iterator[Evidence]:
    """What each server answered: how many updates, or the error."""
    for search in searches:
        if search.server in (DEFAULT, MICROSOFT) and search.online:
            count = f"{len(search.updates)} ({search.result_code})"
            yield Evidence(
                what=Message(text=f"rules.{ID}.evidence_{'wsus' if search.server == DEFAULT else 'microsoft'}"),
                seen=search.error or count,
                source="IUpdateSearcher.Search",
                as_of=case.snapshot.taken_at,
            )


RULE = Rule(id=ID, needs=(FactKind.UPDATE_POLICY, FactKind.AVAILABLE_UPDATES), check=check, applies=_applies)
