"""What the host's own updater says about the fixes we miss, and about fixes we do not know.

Here is the package manager of a Linux machine; that of a Windows machine is in `rules.windows.updater`.

Our feeds decide; the updater is the second opinion, told in words. It counts only while it can know: an updater whose
answer is a gap, or whose lists are older than the contract allows (L22), has not been seen.
"""

import re
from collections import defaultdict

from collectors.model import AvailableUpdate, FactKind, Package, PackageScheme
from rules.kernels import advisory_source, is_kernel
from rules.messages import Message, Params
from rules.model import CrossCheck, Evidence, PatchState
from rules.opinions import Opinion, SecondOpinion, Unmatched, why_unlisted
from rules.rule import Case
from rules.verdicts import PatchVerdict
from rules.versions import compare, key_function
from rules.windows.updater import WindowsUpdateAgent

_KERNEL_IMAGE = re.compile(
    r"(?:linux-(?:image(?:-unsigned)?-(?P<release>.+)|lts|virt)|kernel(?:-(?:rt|64k|uek|plus|default|azure))?(?:-core)?)"
)
_OFFERED_STATES = (PatchState.MISSING, PatchState.REBOOT_PENDING, PatchState.MITIGATED)


_HELD = Opinion(CrossCheck.ONLY_OURS, "held")


def updater_of(case: Case) -> SecondOpinion:
    """The updater of the case's host; all rules ask the same one."""
    return case.once(Updater, lambda: WindowsUpdateAgent(case) if case.is_windows else Updater(case))


class Updater:
    """The package manager of one host, asked once per fix."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self.unseen = _unseen(case)
        lists = case.snapshot.package_lists
        self.refreshed_at = None if lists is None else lists.refreshed_at
        self._updates: defaultdict[str, list[AvailableUpdate]] = defaultdict(list)
        if not self.unseen:
            for update in case.snapshot.available_updates:
                if update.candidate_version != update.installed_version:
                    self._updates[update.name].append(update)
        self._kernels = [
            update for name in self._updates if _KERNEL_IMAGE.fullmatch(name) for update in self._updates[name]
        ]

        self._not_offered = Opinion(CrossCheck.ONLY_OURS, self._why_not_offered())
        self._not_seen = Opinion(CrossCheck.NOT_SEEN, self.unseen)
        self._table = case.table("names")
        self._lines: dict[Opinion, Evidence] = {}

    def opinion(self, verdict: PatchVerdict) -> Opinion:
        """Say whether the updater agrees that this fix is to be installed."""
        if self.unseen:
            return self._not_seen
        known = self._table.get(id(verdict))
        if known is None:
            known = self._table[id(verdict)] = (verdict, _names(verdict))
        names, held = known[1]
        updates: list[AvailableUpdate] = []
        if not names.isdisjoint(self._updates):
            updates.extend(update for name in names if name in self._updates for update in self._updates[name])
        if verdict.kernel:
            updates.extend(self._kernels)
        if not updates:
            return _HELD if held else self._not_offered
        best = _newest(updates, verdict)
        if _is_behind(best, verdict):
            return Opinion(CrossCheck.ONLY_OURS, "mirror_behind", best.candidate_version, best.origin)
        why = "held_offered" if held else "held_back" if best.held_back else "agree"
        return Opinion(CrossCheck.AGREE, why, best.candidate_version, best.origin)

    def only_theirs(self) -> tuple[Unmatched, ...]:
        """Group by source package the security updates offered that no verdict of ours explains (D2, D12).

        A package that is not installed yet (a new kernel, a new dependency) is no missing patch of its own.
        """
        return self._case.once(Unmatched, self._only_theirs)

    def _only_theirs(self) -> tuple[Unmatched, ...]:
        if not any(update.security for updates in self._updates.values() for update in updates):
            return ()
        covered = _Coverage(self._case.verdicts, self._case)
        installed: defaultdict[str, list[Package]] = defaultdict(list)
        for package in self._case.snapshot.packages:
            if package.name in self._updates:
                installed[package.name].append(package)
        groups: defaultdict[str, list[AvailableUpdate]] = defaultdict(list)
        for name, updates in self._updates.items():
            for update in updates:
                owners = installed.get(name)
                if update.security is True and owners and not covered.explains(owners[0]):
                    groups[advisory_source(owners[0].source_name, owners[0].scheme)].append(update)
        return tuple(
            self._unmatched(source, tuple(updates), tuple(p for u in updates for p in installed[u.name]))
            for source, updates in sorted(groups.items())
        )

    @property
    def uninformed(self) -> bool:
        """Whether no repository could offer it security updates: its silence confirms nothing then (L18, L19)."""
        snapshot = self._case.snapshot
        cut_off = not snapshot.gaps_of(FactKind.REPOSITORIES) and not any(one.enabled for one in snapshot.repositories)
        return cut_off or self._not_offered.why != "not_offered"

    @property
    def unrated(self) -> bool:
        """Whether it offers updates of installed packages and does not say whether they are security (L18)."""
        return any(update.security is None for updates in self._updates.values() for update in updates)

    def evidence(self, opinion: Opinion) -> Evidence:
        """One line of proof: what the updater offers, as of its lists' date."""
        line = self._lines.get(opinion)
        if line is None:
            params: Params = {"offered": opinion.offered, "limit_days": self._case.contract.package_lists_max_age_days}
            line = self._lines[opinion] = Evidence(
                what=Message(text=f"rules.crosscheck.{opinion.why}", params=params),
                seen=opinion.offered,
                source=opinion.origin or self._manager,
                as_of=self.refreshed_at,
            )
        return line

    @property
    def _manager(self) -> str:
        lists = self._case.snapshot.package_lists
        return "" if lists is None else lists.manager

    def _why_not_offered(self) -> str:
        """The likeliest reason why a fix of a package that is not held is not offered."""
        snapshot = self._case.snapshot
        if any(entry.attached is False and entry.kind in ("rhel", "suse") for entry in snapshot.subscriptions):
            return "not_registered"
        if lacks_security_repository(self._case):
            return "no_security_repository"
        return "not_offered"

    def _unmatched(
        self, source: str, updates: tuple[AvailableUpdate, ...], installed: tuple[Package, ...]
    ) -> Unmatched:
        first = updates[0]
        return Unmatched(
            package=source,
            names=tuple(sorted({package.name for package in installed})),
            installed_version=first.installed_version or installed[0].version,
            offered=first.candidate_version,
            origin=first.origin,
            why=self._why_unmatched(updates, installed),
            advisories=tuple(dict.fromkeys(name for update in updates for name in update.advisories)),
            severities=tuple(update.severity for update in updates),
            offers=tuple(self._offer(update) for update in updates),
        )

    def _why_unmatched(self, updates: tuple[AvailableUpdate, ...], installed: tuple[Package, ...]) -> str:
        known = self._case.knowledge.advisories
        if all(is_kernel(package) and not _KERNEL_IMAGE.fullmatch(package.name) for package in installed):
            return "kernel_userland"
        if any(advisory in known for update in updates for advisory in update.advisories):
            return "disagree"
        return why_unlisted(self._case, self.refreshed_at)

    def _offer(self, update: AvailableUpdate) -> Evidence:
        return Evidence(
            what=Message(text="rules.evidence.offer", params={"package": update.name}),
            seen=update.installed_version,
            expected=update.candidate_version,
            source=update.origin,
            as_of=self.refreshed_at,
        )


def lists_age_days(case: Case) -> float | None:
    """Age in days of the package manager's lists when they were read; None when there are none.

    Both moments are of the host's own clock, which may be days off ours.
    """
    lists = case.snapshot.package_lists
    if lists is None or lists.refreshed_at is None:
        return None
    system = case.snapshot.operating_system
    ahead_s = 0 if system is None else system.clock_skew_s or 0
    return ((case.snapshot.taken_at - lists.refreshed_at).total_seconds() + ahead_s) / 86400


def lacks_security_repository(case: Case) -> bool:
    """Whether apt has repositories enabled, and none of them is a security suite. Other managers have no such suite."""
    system = case.system
    # unstable has no VERSION_ID, and no security suite either: fixes arrive there as ordinary updates
    if case.snapshot.gaps_of(FactKind.REPOSITORIES) or system.id not in ("debian", "ubuntu") or not system.version_id:
        return False
    enabled = [repository for repository in case.snapshot.repositories if repository.enabled]
    return bool(enabled) and not any(repository.security for repository in enabled)


class _Coverage:
    """What our verdicts explain: source packages, binary packages, kernels."""

    def __init__(self, verdicts: tuple[PatchVerdict, ...], case: Case) -> None:
        self._running = case.system.kernel_release
        open_ones = [verdict for verdict in verdicts if verdict.state in _OFFERED_STATES]
        self._names = {package.name for verdict in open_ones for package in verdict.packages}
        self._names.update(verdict.package for verdict in open_ones)
        # a container runs on somebody else's kernel (L24)
        self._kernel = case.system.container or any(verdict.kernel for verdict in open_ones)

    def explains(self, package: Package) -> bool:
        if package.name in self._names or advisory_source(package.source_name, package.scheme) in self._names:
            return True
        if not is_kernel(package):
            return False
        image = _KERNEL_IMAGE.fullmatch(package.name)
        release = (image["release"] or "") if image else ""
        old_on_disk = release[:1].isdigit() and release != self._running  # never reported (L5)
        return self._kernel or old_on_disk


def _unseen(case: Case) -> str:
    """Why the updater's answer cannot be used, "" when it can."""
    snapshot = case.snapshot
    if snapshot.gaps_of(FactKind.AVAILABLE_UPDATES):
        return "updates_unseen"
    if snapshot.package_lists is None or snapshot.gaps_of(FactKind.PACKAGE_LISTS):
        return "lists_unseen"
    age = lists_age_days(case)
    if age is None:
        return "lists_absent"
    return "lists_old" if age > case.contract.package_lists_max_age_days else ""


def _names(verdict: PatchVerdict) -> tuple[frozenset[str], bool]:
    """Binary packages of a verdict, and whether one of them is held (L4)."""
    return frozenset(p.name for p in verdict.packages), any(p.held for p in verdict.packages)


def _newest(updates: list[AvailableUpdate], verdict: PatchVerdict) -> AvailableUpdate:
    if not verdict.packages:
        return updates[0]
    order = key_function(verdict.packages[0].scheme)
    return max(updates, key=lambda update: order(update.candidate_version))


def _is_behind(update: AvailableUpdate, verdict: PatchVerdict) -> bool:
    """Whether the version offered is lower than the fixed one (an old mirror, D5).

    Only where both count alike: an advisory names the source version, which a deb binary may not share.
    """
    for position, owner in enumerate(verdict.packages):
        if owner.name != update.name:
            continue
        fixed = verdict.fixed_versions[position] if position < len(verdict.fixed_versions) else ""
        if not fixed and (owner.scheme is not PackageScheme.DEB or owner.version == owner.source_version):
            fixed = verdict.fixed_version
        return bool(fixed) and compare(owner.scheme, update.candidate_version, fixed) < 0
    return False
