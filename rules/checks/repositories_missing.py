"""repositories.missing: the package manager has no repository, or no security repository, to take fixes from.

Empty repositories make every updater say "up to date" (L18, L19). Key "none" when nothing is enabled, "security" when
Debian or Ubuntu has no security suite among its repositories.

Texts: `none`, `security`, `pass`, `remedy_none`, `remedy_security`. Parameters: count (enabled repositories), disabled
(number of disabled ones), system.
"""

from collections.abc import Iterable

from collectors.feeds.records import Severity
from collectors.model import FactKind
from rules.crosscheck import lacks_security_repository
from rules.messages import Message, Params
from rules.model import Evidence, Finding, Outcome, Priority, PriorityLevel
from rules.rule import Case, Rule, finding, not_windows

ID = "repositories.missing"


def check(case: Case) -> Iterable[Finding]:
    """Yield one FAIL, or one PASS."""
    repositories = case.snapshot.repositories
    enabled = [repository for repository in repositories if repository.enabled]
    params: Params = {
        "count": len(enabled),
        "disabled": len(repositories) - len(enabled),
        "system": case.system.pretty_name or case.system.id,
    }
    evidence = Evidence(
        what=Message(text="rules.evidence.repositories", params=params),
        seen=", ".join(repository.id for repository in enabled),
        as_of=case.snapshot.taken_at,
    )
    if not enabled and not case.snapshot.gaps_of(FactKind.REPOSITORIES):
        yield _fail(case, "none", params, evidence)
    elif lacks_security_repository(case):
        yield _fail(case, "security", params, evidence)
    else:
        yield finding(ID, case, Outcome.PASS, "pass", params=params, evidence=(evidence,))


def _fail(case: Case, key: str, params: Params, evidence: Evidence) -> Finding:
    return finding(
        ID,
        case,
        Outcome.FAIL,
        key,
        key=key,
        params=params,
        severity=Severity.HIGH,
        remedy=Message(text=f"rules.{ID}.remedy_{key}"),
        priority=Priority(level=PriorityLevel.PLAN, score=60.0, reasons=(Message(text="rules.priority.no_updates"),)),
        evidence=(evidence,),
    )


RULE = Rule(id=ID, needs=(FactKind.REPOSITORIES,), applies=not_windows, check=check)
