"""Which of Microsoft's fixes are open on a Windows machine: facts and feed records in, verdicts out.

Each product line has a module of its own; a machine's verdicts are those of all lines, Windows itself first. What
equal machines share is judged once: the verdict objects are the same, so that proofs are shared as well.
"""

from collections import defaultdict

from collectors.model import HostSnapshot
from rules.knowledge import Knowledge
from rules.verdicts import PatchVerdict
from rules.windows import office, runtimes, servers
from rules.windows.builds import RunningBuild, running_build
from rules.windows.dotnet_framework import FrameworkUpdates, packages_of
from rules.windows.system import SystemUpdates, package_of
from rules.windows.traces import Traces

_Identity = tuple[object, ...]


class WindowsMatcher:
    """Judges Windows machines against one knowledge; keeps what it judged, so one matcher serves a whole estate."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._systems: dict[tuple[str, str], SystemUpdates] = {}
        self._frameworks: dict[tuple[str, ...], FrameworkUpdates] = {}
        self._interned: dict[_Identity, PatchVerdict] = {}

    def match(self, snapshot: HostSnapshot) -> tuple[PatchVerdict, ...]:
        """Return the verdicts on one host, Windows itself first; none on Windows where its build is not covered."""
        build = running_build(snapshot)
        traces = Traces(snapshot)
        found: list[PatchVerdict] = []
        if build is not None:
            system = self.system(build)
            found.extend(system.verdicts(build, traces, snapshot))
            if packages := packages_of(snapshot, build.architecture):
                found.extend(self._framework(build, packages, system).verdicts(build, snapshot, traces))
        others = [
            *runtimes.verdicts(self._knowledge, snapshot),
            *office.verdicts(self._knowledge, snapshot, traces),
            *servers.verdicts(self._knowledge, snapshot),
        ]
        found.extend(self._intern(verdict) for verdict in others)
        return tuple(found)

    def system(self, build: RunningBuild) -> SystemUpdates:
        """What Microsoft has fixed in the branch a build is of."""
        key = (build.release, build.architecture)
        found = self._systems.get(key)
        if found is None:
            found = self._systems[key] = SystemUpdates(self._knowledge, build)
        return found

    def _framework(self, build: RunningBuild, packages: tuple[str, ...], system: SystemUpdates) -> FrameworkUpdates:
        key = (build.release, *packages)
        found = self._frameworks.get(key)
        if found is None:
            found = self._frameworks[key] = FrameworkUpdates(self._knowledge, build, packages, system)
        return found

    def _intern(self, verdict: PatchVerdict) -> PatchVerdict:
        """One object for equal verdicts. Advisories are compared by identity: knowledge keeps them alive."""
        advisories = tuple(id(advisory) for advisory in verdict.advisories)
        versions = (verdict.installed_version, verdict.fixed_version, verdict.remedy)
        key = (verdict.label, versions, verdict.state, verdict.reason, verdict.fixes, advisories)
        return self._interned.setdefault(key, verdict)


def needed(snapshot: HostSnapshot) -> dict[str, set[str]]:
    """Return the release keys that speak of a Windows machine's products, and the names they do so under."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    build = running_build(snapshot)
    if build is not None:
        found[build.release].update((package_of(build.architecture), *packages_of(snapshot, build.architecture)))
    for products in (runtimes.needed(snapshot), office.needed(snapshot), servers.needed(snapshot)):
        for release, names in products.items():
            found[release] |= names
    return dict(found)
