"""updates.blocked: something keeps a Windows machine from getting its updates (W19).

One FAIL per cause (key): the service is disabled ("service"), a policy bars Windows Update ("access"), its servers on
the internet are barred and there is no WSUS ("internet"), updates are paused beyond today ("paused"), no search has
succeeded for more than 14 days ("silent"), the search fails for a reason that lies with the machine ("search"). A
search that fails while the machine's own succeed is ours, not its; so is one that our account may not do. None of this
changes the verdict on missing patches, which the build decides.

Texts: the keys above (`silent`: count = days; `search_<reason>` below), `pass_internet`, `pass_wsus`, `remedy_<key>`,
`evidence_<key>`, `evidence_pass`. Parameters: paused_until_at, last_success_at, count, limit_days, code, server.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from collectors.feeds.records import Severity
from collectors.model import FactKind
from collectors.windows.facts import UpdatePolicy, UpdateSearch
from rules.messages import Message, Params
from rules.model import Confidence, Evidence, Finding, Outcome, Priority, PriorityLevel
from rules.rule import Case, Rule, finding
from rules.windows.builds import running_build
from rules.windows.offers import DEFAULT, answered

ID = "updates.blocked"
SEARCH_LIMIT_DAYS = 14
"""Days without a successful search from which a machine counts as cut off; exactly as many are still fine."""

_RECENT = timedelta(days=7)  # a search of the machine's own that recently succeeded speaks against one of ours
_REASONS = {  # HRESULT -> why a search fails. Source: wuerror.h; https://support.microsoft.com/help/938205
    "0x80070422": "disabled",
    "0x8024002e": "policy",
    "0x8024500c": "policy",
    "0x8024402c": "name",
    "0x80072ee7": "name",
    "0x80240438": "route",
    "0x80240437": "route",
    "0x80072ee2": "route",
    "0x80072efd": "route",
    "0x80072efe": "route",
    "0x8024401c": "route",
    "0x80072f8f": "certificate",
    "0x80244017": "refused",
    "0x80244018": "refused",
    "0x8024401b": "refused",
    "0x80244019": "server",
    "0x80244022": "server",
    "0x8024000e": "damaged",
    "0x80040154": "damaged",
}
_OURS = frozenset({"0x80070005", "0x80240044", "0x8024000b", "0x80244010", "0x80248007", "0x80248014"})
_KEY = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate"


def check(case: Case) -> Iterable[Finding]:
    """Yield one FAIL per cause, else one PASS. Without settings in the snapshot the engine sees a gap."""
    windows = case.snapshot.windows
    policy = None if windows is None else windows.policy
    if policy is None or windows is None:
        return (finding(ID, case, Outcome.PASS, "pass_internet", params={"server": "", "last_success_at": None}),)
    failed = _failed_search(case, policy, windows.search)
    problems = [*_settings(case, policy), *_silence(case, policy), *failed]
    if problems:
        return problems
    params: Params = {"server": policy.wsus_server, "last_success_at": _iso(policy.last_success_at)}
    evidence = Evidence(
        what=Message(text=f"rules.{ID}.evidence_pass", params={"last_success_at": params["last_success_at"]}),
        seen=f"wuauserv: {policy.service_start or '?'}",
        source="wuauserv",
        as_of=case.snapshot.taken_at,
    )
    text = "pass_wsus" if policy.uses_wsus else "pass_internet"
    return (finding(ID, case, Outcome.PASS, text, params=params, evidence=(evidence,)),)


def _settings(case: Case, policy: UpdatePolicy) -> Iterator[Finding]:
    if policy.service_start == "disabled":
        yield _fail(case, "service", seen="wuauserv: disabled", source=r"Services\wuauserv, Start")
    if policy.access_disabled:
        yield _fail(case, "access", seen="DisableWindowsUpdateAccess = 1", source=_KEY)
    if policy.no_internet_locations and not policy.uses_wsus:
        yield _fail(case, "internet", seen="DoNotConnectToWindowsUpdateInternetLocations = 1", source=_KEY)
    if policy.paused_until is not None and policy.paused_until > case.as_of:
        until = policy.paused_until.isoformat()
        yield _fail(case, "paused", {"paused_until_at": until}, seen=until, source="WindowsUpdate", medium=True)


def _silence(case: Case, policy: UpdatePolicy) -> Iterator[Finding]:
    """How long the machine has not searched, counted to when it was seen."""
    if policy.last_success_at is None or _has_been_updated_since(case, policy, policy.last_success_at):
        return  # newer versions of Windows do not write it down, or leave what an older one wrote
    age = (case.snapshot.taken_at - policy.last_success_at) / timedelta(days=1)
    if age > SEARCH_LIMIT_DAYS:
        params: Params = {
            "count": int(age),
            "limit_days": SEARCH_LIMIT_DAYS,
            "last_success_at": policy.last_success_at.isoformat(),
        }
        yield _fail(case, "silent", params, seen=policy.last_success_at.isoformat(), source="wuauserv", medium=True)


def _has_been_updated_since(case: Case, policy: UpdatePolicy, moment: datetime) -> bool:
    """Whether an update was installed, or a build runs that came out, after the last search on record."""
    build = running_build(case.snapshot)
    known = None if build is None else case.knowledge.windows_builds.get(build.text)
    if known is not None and known.released_on is not None and known.released_on > moment.date():
        return True
    installed = (policy.last_install_at, None if case.snapshot.last_update is None else case.snapshot.last_update.at)
    return any(at is not None and at > moment for at in installed)


def _failed_search(case: Case, policy: UpdatePolicy, searches: Iterable[UpdateSearch]) -> Iterator[Finding]:
    mine = [search for search in searches if search.server == DEFAULT and search.online]
    errors = [search.error.lower() for search in mine if search.error]
    if not errors or any(answered(search) for search in mine) or errors[0] in _OURS:
        return
    last = policy.last_success_at
    if last is not None and case.snapshot.taken_at - last <= _RECENT:
        return
    reason = _REASONS.get(errors[0], "other")
    told = (policy.service_start == "disabled" and reason == "disabled") or (
        reason == "policy" and (policy.access_disabled or policy.no_internet_locations)
    )
    if told:
        return
    params: Params = {"code": errors[0], "server": policy.wsus_server or "Windows Update"}
    yield _fail(
        case,
        "search",
        params,
        text=f"search_{reason}",
        seen=errors[0],
        source="IUpdateSearcher.Search",
        medium=True,
        confidence=Confidence.FIRM if last is not None else Confidence.TENTATIVE,
    )


def _fail(
    case: Case,
    key: str,
    params: Params | None = None,
    *,
    seen: str,
    source: str,
    text: str = "",
    medium: bool = False,
    confidence: Confidence = Confidence.FIRM,
) -> Finding:
    params = params or {}
    return finding(
        ID,
        case,
        Outcome.FAIL,
        text or key,
        key=key,
        params=params,
        severity=Severity.MEDIUM if medium else Severity.HIGH,
        confidence=confidence,
        remedy=Message(text=f"rules.{ID}.remedy_{key}", params=params),
        priority=Priority(
            level=PriorityLevel.PLAN,
            score=55.0 if medium else 65.0,
            reasons=(Message(text="rules.priority.no_updates"),),
        ),
        evidence=(
            Evidence(
                what=Message(text=f"rules.{ID}.evidence_{key}"), seen=seen, source=source, as_of=case.snapshot.taken_at
            ),
        ),
    )


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


RULE = Rule(id=ID, needs=(FactKind.UPDATE_POLICY,), check=check, applies=lambda case: case.is_windows)
