"""The Windows Update Agent as second opinion: what it offers, beside what the build says (W16-W21).

It knows what WSUS approved or what Microsoft offers to this very machine, and nothing of products that only Microsoft
Update serves while that is not registered (W17, D11). Its silence proves little; what it offers is a second witness.
"""

from collections.abc import Iterator
from datetime import datetime

from collectors.feeds.records import AffectedPackage
from collectors.windows.facts import OfferedUpdate, UpdateSearch
from rules.messages import Message, Params
from rules.model import CrossCheck, Evidence, PatchState
from rules.opinions import Opinion, Unmatched, why_unlisted
from rules.rule import Case
from rules.verdicts import PatchVerdict, ProductLine
from rules.windows.builds import Numbers, numbers, revision_in, running_build
from rules.windows.offers import DEFAULT, MICROSOFT, answered, is_security_patch, offers_of, searches_of
from rules.windows.system import is_servicing_stack, package_of

_MICROSOFT_UPDATE = "7971f918-a847-4430-9279-4c52d1efe18d"  # the service that also serves Office, SQL Server, ...
_BY_MICROSOFT_UPDATE = frozenset(
    {ProductLine.DOTNET, ProductLine.OFFICE_MSI, ProductLine.SQL_SERVER, ProductLine.EXCHANGE}
)
_OPEN = (PatchState.MISSING, PatchState.REBOOT_PENDING)
_NOT_BY_IT = Opinion(CrossCheck.NOT_SEEN, "wua_not_its_own")
_UNREGISTERED = Opinion(CrossCheck.NOT_SEEN, "wua_no_microsoft_update")
_SILENT = Opinion(CrossCheck.ONLY_OURS, "wua_not_offered")


class WindowsUpdateAgent:
    """The Windows Update Agent of one machine."""

    def __init__(self, case: Case) -> None:
        self._case = case
        searches = searches_of(case.snapshot)
        self._ended = [search for search in searches if answered(search)]
        self._errors = ", ".join(dict.fromkeys(search.error for search in searches if search.error))
        self.unseen = self._why_unseen(searches)
        self.refreshed_at: datetime | None = case.snapshot.taken_at if self._ended else None
        self._offered: dict[str, OfferedUpdate] = {}
        for update in offers_of(case.snapshot):
            for kb in update.kbs:
                self._offered.setdefault(kb, update)
        self._builds = case.shared("builds by kb", case.knowledge, lambda: _builds_by_kb(case))

    def opinion(self, verdict: PatchVerdict) -> Opinion:
        """Say whether Windows Update offers this fix, or a later update that holds it."""
        if verdict.line is ProductLine.OFFICE:
            return _NOT_BY_IT
        if found := self._offer_for(verdict):
            update = self._offered[found]
            why = "wua_hidden" if update.hidden else "wua_offers"
            return Opinion(CrossCheck.AGREE, why, found, update.server)
        if self.unseen:
            return Opinion(CrossCheck.NOT_SEEN, self.unseen, self._errors)
        if verdict.line in _BY_MICROSOFT_UPDATE and not self._asks_microsoft_update:
            return _UNREGISTERED
        if older := self._older_offer(verdict):
            return Opinion(CrossCheck.ONLY_OURS, "wua_offers_older", older, self._offered[older].server)
        return _SILENT

    def only_theirs(self) -> tuple[Unmatched, ...]:
        """Group by KB the security updates offered that no verdict of ours explains."""
        return self._case.once(Unmatched, lambda: tuple(self._only_theirs()))

    @property
    def uninformed(self) -> bool:
        """Never: where it could not be asked, or only WSUS was, `unseen` says so."""
        return False

    @property
    def unrated(self) -> bool:
        """Never: its categories tell security updates apart."""
        return False

    def evidence(self, opinion: Opinion) -> Evidence:
        """One line of proof: what it offers, or why its answer does not count."""
        table = self._case.table(("wua", self.refreshed_at))
        known = table.get(opinion)
        if known is None:
            params: Params = {"offered": opinion.offered, "error": opinion.offered}
            line = Evidence(
                what=Message(text=f"rules.crosscheck.{opinion.why}", params=params),
                seen=opinion.offered,
                source=_source(opinion.origin),
                as_of=self.refreshed_at,
            )
            known = table[opinion] = (opinion, line)
        found: Evidence = known[1]
        return found

    @property
    def _asks_microsoft_update(self) -> bool:
        windows = self._case.snapshot.windows
        policy = None if windows is None else windows.policy
        asked = any(search.server == _MICROSOFT_UPDATE for search in self._ended)
        return asked or (policy is not None and _MICROSOFT_UPDATE in policy.services)

    def _why_unseen(self, searches: tuple[UpdateSearch, ...]) -> str:
        """Why its silence does not count, "" when it does."""
        if not searches:
            return "wua_unseen"
        if not self._ended:
            return "wua_failed" if self._errors else "wua_unseen"
        online = [search for search in self._ended if search.online]
        if not online:
            return "wua_cached"
        windows = self._case.snapshot.windows
        policy = None if windows is None else windows.policy
        managed = policy is None or policy.uses_wsus is not False
        if managed and all(search.server == DEFAULT for search in online):
            unknown = policy is None or policy.uses_wsus is None
            return "wua_source_unknown" if unknown else "wsus_only"
        return ""

    def _offer_for(self, verdict: PatchVerdict) -> str:
        """The KB offered that closes a verdict: its remedy, or another update that closes all of its advisories.

        Of products other than Windows any update of its advisories agrees.
        """
        if verdict.remedy in self._offered:
            return verdict.remedy
        if verdict.line is not ProductLine.WINDOWS:
            return next((fix.remedy for fix in verdict.fixes if fix.remedy in self._offered), "")
        return next((kb for kb in self._offered if self._closes(kb, verdict)), "")

    def _closes(self, kb: str, verdict: PatchVerdict) -> bool:
        """Whether an update brings Windows to a build that closes every advisory of a verdict.

        That may be a lower one than the newest: a hotpatch stands beside the cumulative update of its month (W6).
        """
        enough, last = self._enough(verdict)
        reached = self._build_of(kb, verdict)
        return reached >= enough if reached else kb in last

    def _enough(self, verdict: PatchVerdict) -> tuple[Numbers, frozenset[str]]:
        """The lowest build that closes every advisory of a verdict, and the updates that rows name for the last one."""
        return self._case.shared(("enough", self._case.release), verdict, lambda: self._find_enough(verdict))

    def _find_enough(self, verdict: PatchVerdict) -> tuple[Numbers, frozenset[str]]:
        lowest: dict[str, Numbers] = {}
        named: dict[str, set[str]] = {}
        ids = {advisory.id for advisory in verdict.advisories}
        branch = numbers(verdict.installed_version)[0]
        for row in self._rows():
            if row.advisory in ids:
                named.setdefault(row.advisory, set()).add(row.remedy)
                revision = revision_in(row.fixed_version, branch)
                if revision is not None:
                    build = (branch, revision)
                    lowest[row.advisory] = min(build, lowest.get(row.advisory, build))
        if not lowest:
            return numbers(verdict.fixed_version), frozenset()
        enough = max(lowest.values())
        last = (named[advisory] for advisory, build in lowest.items() if build == enough)
        return enough, frozenset().union(*last)

    def _rows(self) -> tuple[AffectedPackage, ...]:
        """What feeds say of the machine's own Windows."""
        build = running_build(self._case.snapshot)
        if build is None:
            return ()
        return self._case.knowledge.affected.get((build.release, package_of(build.architecture)), ())

    def _older_offer(self, verdict: PatchVerdict) -> str:
        if verdict.line is not ProductLine.WINDOWS:
            return ""
        fits = {fix.remedy for fix in verdict.fixes} & self._offered.keys()
        return max(fits, key=lambda kb: self._build_of(kb, verdict), default="")

    def _build_of(self, kb: str, verdict: PatchVerdict) -> Numbers:
        """The build an update brings the verdict's branch to, () when nobody says."""
        branch = numbers(verdict.installed_version)[:1]
        told = [numbers(fix.fixed_version) for fix in verdict.fixes if fix.remedy == kb]
        return max((*told, *(build for build in self._builds.get(kb, ()) if build[:1] == branch)), default=())

    def _only_theirs(self) -> Iterator[Unmatched]:
        explained = self._explained()
        told: set[str] = set()
        for update in offers_of(self._case.snapshot):
            name = update.kbs[0] if update.kbs else update.title or update.update_id
            if not is_security_patch(update) or name in told or not explained.isdisjoint(update.kbs):
                continue
            if any(self._is_installed(kb) for kb in update.kbs):
                continue
            told.add(name)
            yield self._unmatched(name, update)

    def _explained(self) -> set[str]:
        """KBs that a verdict of ours names, and servicing stacks, which come with what they are needed for (W8)."""
        found = {verdict.remedy for verdict in self._case.verdicts}
        found.update(kb for verdict in self._case.verdicts for fix in verdict.fixes for kb in fix.remedy.split(", "))
        for verdict in self._case.verdicts:
            if verdict.line is ProductLine.WINDOWS and verdict.state in _OPEN:
                found.update(kb for kb in self._offered if self._closes(kb, verdict))
        found.update(row.remedy for row in self._rows() if is_servicing_stack(row))
        return found

    def _is_installed(self, kb: str) -> bool:
        """Whether the running build already holds an update that is offered all the same: the build wins (W1)."""
        build = running_build(self._case.snapshot)
        if build is None:
            return False
        own = (build.branch, build.revision)
        return any(found[0] == build.branch and found <= own for found in self._builds.get(kb, ()))

    def _unmatched(self, name: str, update: OfferedUpdate) -> Unmatched:
        known = self._case.knowledge.advisories
        disagree = bool(update.cves) and all(cve in known for cve in update.cves)
        why = "wua_disagree" if disagree else f"wua_{why_unlisted(self._case, self.refreshed_at)}"
        return Unmatched(
            package=name,
            names=(),
            installed_version="",
            offered=name,
            origin=update.server,
            why=why,
            advisories=update.cves,
            severities=(update.severity,),
            offers=(self._offer_line(name, update),),
        )

    def _offer_line(self, name: str, update: OfferedUpdate) -> Evidence:
        released = update.released_on
        params: Params = {"package": name, "released_on": None if released is None else released.isoformat()}
        return Evidence(
            what=Message(text="rules.evidence.wua_offer" if released else "rules.evidence.offer", params=params),
            seen=update.title,
            expected=name,
            source=_source(update.server),
            as_of=self.refreshed_at,
        )


def _source(server: str) -> str:
    names = {DEFAULT: "Windows Update Agent", MICROSOFT: "Windows Update Agent (Microsoft)"}
    return names.get(server, "Windows Update Agent")


def _builds_by_kb(case: Case) -> dict[str, tuple[Numbers, ...]]:
    """The builds each update of the build table brings, one per branch it serves."""
    found: dict[str, tuple[Numbers, ...]] = {}
    for build in case.knowledge.windows_builds.values():
        if build.kb:
            found[build.kb] = (*found.get(build.kb, ()), numbers(build.build))
    return found
