"""Takes people out of what a history keeps: names, addresses and last sign-ins go, every count stays.

A person becomes "#1", "#2", ... within one run, so that a report written again still says how many people it speaks
of. Object ids of Microsoft 365 stay: outside the tenant they name nobody.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeVar

import msgspec

from collectors.cloud.facts import TenantFact, TenantGap, TenantSnapshot
from collectors.model import GapReason, HostSnapshot
from rules.messages import Message, Params
from rules.model import Assessment, Evidence, Finding

_T = TypeVar("_T", Assessment, HostSnapshot)
_SOMEBODY = re.compile(
    r"S-1-(?:5-21|12-1)(?:-\d+)+"  # security identifiers of accounts
    r"|[^\s\"\\/,;:<>()\[\]|=]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}"  # user principal names, mail addresses
    r"|(?<=\\Users\\)[^\\\"/:]+"  # folders of profiles
    r"|(?<=/home/)[^/\"\s:]+",
    re.IGNORECASE,
)
_SHORTEST_NAME = 3
_DATES_KEPT = frozenset({"as_of_on", "table_on"})
_TELLING = frozenset({"days", "size", "archive"})
_WORDS = frozenset({"detail", "error", "expected", "params", "seen"})  # fields that hold sentences, or lists of names


class Pseudonyms:
    """Numbers for the people of one run."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._numbers: dict[str, str] = {}
        self._names = _pattern(names, r"(?<!\w)", r"(?!\w)")
        self._accounts: re.Pattern[str] | None = None

    def learn(self, accounts: Iterable[str]) -> None:
        """Know the accounts of machines, too: "accueil" is one, and the end of a machine's name ("pc-accueil") not."""
        self._accounts = _pattern(accounts, r"(?<![\w.@-])", r"(?![\w@-]|\.\w)")

    def of(self, somebody: str) -> str:
        """The same number for the same person, however it is written."""
        return self._numbers.setdefault(somebody.casefold(), f"#{len(self._numbers) + 1}")

    def in_any(self, text: str) -> str:
        """Any text without addresses, account numbers and profile folders."""
        return _SOMEBODY.sub(lambda found: self.of(found[0]), text)

    def in_words(self, text: str) -> str:
        """A sentence about a tenant without the names of its people."""
        return text if self._names is None else self._names.sub(lambda found: self.of(found[0]), text)

    def in_sentence(self, text: str) -> str:
        """A sentence about a machine without the names of its accounts."""
        return text if self._accounts is None else self._accounts.sub(lambda found: self.of(found[0]), text)


def _pattern(names: Iterable[str], before: str, after: str) -> re.Pattern[str] | None:
    words = sorted({name for name in names if len(name) >= _SHORTEST_NAME}, key=lambda name: (-len(name), name))
    return re.compile(f"{before}(?:{'|'.join(map(re.escape, words))}){after}") if words else None


def people_in(tenants: Iterable[TenantSnapshot]) -> set[str]:
    """Names of everybody a tenant knows."""
    return {
        name
        for tenant in tenants
        for user in tenant.users
        for name in (user.name, user.upn, user.mail, user.upn.partition("@")[0])
        if name
    }


def accounts_of(host: HostSnapshot) -> set[str]:
    """Names of the accounts that have a profile on a machine."""
    return set() if host.windows is None else {profile.name for profile in host.windows.profiles if profile.name}


def tenant_without_people(tenant: TenantSnapshot, months: int) -> TenantSnapshot:
    """A tenant without its people; a gap says why each kind of fact is not there."""
    detail = f"removed from the history after {months} months, as the client's file asks"
    gone = (
        (TenantFact.USERS, tenant.users),
        (TenantFact.USAGE, tenant.usage),
        (TenantFact.APPS_USAGE, tenant.apps_usage),
        (TenantFact.MAILBOXES, tenant.mailboxes),
        (TenantFact.ACTIVATIONS, tenant.activations),
        (TenantFact.DEVICES, tenant.devices),
        (TenantFact.DELETED_USERS, tenant.deleted_users),
    )
    gaps = (
        TenantGap(kind=kind, collector="history", reason=GapReason.MISSING, detail=detail)
        for kind, people in gone
        if people
    )
    return replace(
        tenant,
        users=(),
        usage=(),
        apps_usage=(),
        mailboxes=(),
        activations=(),
        devices=(),
        deleted_users=(),
        gaps=(*tenant.gaps, *gaps),
    )


def host_without_people(host: HostSnapshot, pseudonyms: Pseudonyms) -> HostSnapshot:
    """A machine without the people who use it; `pseudonyms` have learnt their accounts."""
    if host.windows is not None and host.windows.profiles:
        profiles = tuple(replace(one, name=pseudonyms.of(one.name), last_used_at=None) for one in host.windows.profiles)
        host = replace(host, windows=replace(host.windows, profiles=profiles))
    return _through_json(host, pseudonyms, HostSnapshot)


def assessment_without_people(assessment: Assessment, pseudonyms: Pseudonyms) -> Assessment:
    """A conclusion without people: outcomes, money and counts stay, and what was seen of a person goes."""
    tenants = {tenant.target.name for tenant in assessment.tenants}
    findings = tuple(
        _without_people(finding, pseudonyms) if finding.subject in tenants or finding.person else finding
        for finding in assessment.findings
    )
    summaries = tuple(
        replace(tenant, unmatched_exceptions=tuple(pseudonyms.in_words(who) for who in tenant.unmatched_exceptions))
        for tenant in assessment.tenants
    )
    software = assessment.software
    if software is not None:
        lines = (replace(line, users=tuple(pseudonyms.of(user) for user in line.users)) for line in software.lines)
        software = replace(software, lines=tuple(lines))
    decided = tuple(
        replace(use, decision=replace(use.decision, person=pseudonyms.of(use.decision.person), comment=""))
        for use in assessment.decisions
    )
    plain = replace(assessment, findings=findings, tenants=summaries, software=software, decisions=decided)
    return _through_json(plain, pseudonyms, Assessment)


def _without_people(finding: Finding, pseudonyms: Pseudonyms) -> Finding:
    about_one = bool(finding.person)
    worded = _worded(pseudonyms, dated=not about_one)
    return replace(
        finding,
        person=pseudonyms.of(finding.person) if about_one else "",
        message=worded(finding.message),
        remedy=None if finding.remedy is None else worded(finding.remedy),
        evidence=() if about_one else tuple(_evidence(line, worded, pseudonyms) for line in finding.evidence),
    )


def _evidence(line: Evidence, worded: Callable[[Message], Message], pseudonyms: Pseudonyms) -> Evidence:
    return replace(
        line,
        what=worded(line.what),
        seen=pseudonyms.in_words(line.seen),
        expected=pseudonyms.in_words(line.expected),
    )


def _worded(pseudonyms: Pseudonyms, *, dated: bool) -> Callable[[Message], Message]:
    """How to take people out of a message: their names, and (unless `dated`) when they did what."""

    def worded(message: Message) -> Message:
        params: Params = {}
        for name, value in message.params.items():
            if isinstance(value, str):
                tells = not dated and name.endswith(("_on", "_at")) and name not in _DATES_KEPT
                params[name] = None if tells else pseudonyms.in_words(value)
            else:
                params[name] = value if dated or name not in _TELLING else None
        return replace(message, params=params)

    return worded


def _through_json(value: _T, pseudonyms: Pseudonyms, kind: type[_T]) -> _T:
    plain = _reworded(msgspec.json.decode(msgspec.json.encode(value)), pseudonyms)
    return msgspec.json.decode(msgspec.json.encode(plain), type=kind)


def _reworded(value: Any, pseudonyms: Pseudonyms, *, words: bool = False) -> Any:
    """A JSON value that names nobody; `words`: all texts in it are sentences, which name accounts of machines too."""
    match value:
        case str():
            text = pseudonyms.in_any(value)
            return pseudonyms.in_sentence(text) if words else text
        case list():
            return [_reworded(one, pseudonyms, words=words) for one in value]
        case dict():
            return {name: _reworded(one, pseudonyms, words=words or name in _WORDS) for name, one in value.items()}
        case _:
            return value
