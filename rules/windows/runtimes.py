"""The verdict on .NET runtimes, which stand side by side: each major version alone (W10).

Of one version's patches the newest is the one that runs (roll-forward), so that an older copy beside it is no flaw.
Source: https://learn.microsoft.com/dotnet/core/versions/selection
"""

from collections import defaultdict
from collections.abc import Iterator

from collectors.feeds.records import FixState
from collectors.model import HostSnapshot
from rules.knowledge import Knowledge
from rules.model import PatchState
from rules.verdicts import PatchVerdict, ProductLine
from rules.windows.builds import Numbers, numbers
from rules.windows.doubts import WindowsDoubt
from rules.windows.opened import Opened, Product, doubt_about, verdict_on

_PACKAGES = {  # the name under which feeds speak of a runtime
    "Microsoft.NETCore.App": "dotnet",
    "Microsoft.WindowsDesktop.App": "dotnet",
    "Microsoft.AspNetCore.App": "aspnetcore",
}


def needed(snapshot: HostSnapshot) -> dict[str, set[str]]:
    """Release keys and package names of the runtimes installed."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for release, versions in _effective(snapshot).items():
        found[release].update(package for package, _ in versions)
    return dict(found)


def verdicts(knowledge: Knowledge, snapshot: HostSnapshot) -> Iterator[PatchVerdict]:
    """Judge the runtimes of one host; at most one verdict per major version."""
    for release, versions in sorted(_effective(snapshot).items()):
        lowest = min(version for _, version in versions)
        text = ".".join(str(part) for part in lowest)
        product = Product(ProductLine.DOTNET, f".NET {release.partition(':')[2]}", text)
        if not knowledge.advisory_feeds(release):
            yield doubt_about(product, WindowsDoubt.NOT_COVERED)
            continue
        opened = [one for package, version in versions for one in _open(knowledge, release, package, version)]
        if opened:
            yield verdict_on(product, opened, PatchState.MISSING)


def _effective(snapshot: HostSnapshot) -> dict[str, set[tuple[str, Numbers]]]:
    """By release key: the newest patch of each runtime and architecture."""
    dotnet = None if snapshot.windows is None else snapshot.windows.dotnet
    newest: dict[tuple[str, str, str], Numbers] = {}
    for runtime in () if dotnet is None else dotnet.runtimes:
        parts = numbers(runtime.version.partition("-")[0])
        if runtime.name in _PACKAGES and len(parts) >= 3:
            key = (f"dotnet:{parts[0]}.{parts[1]}", runtime.name, runtime.architecture)
            newest[key] = max(parts, newest.get(key, ()))
    found: defaultdict[str, set[tuple[str, Numbers]]] = defaultdict(set)
    for (release, name, _), version in newest.items():
        found[release].add((_PACKAGES[name], version))
    return dict(found)


def _open(knowledge: Knowledge, release: str, package: str, version: Numbers) -> Iterator[Opened]:
    for row in knowledge.affected.get((release, package), ()):
        advisory = knowledge.advisories.get(row.advisory)
        fixed = numbers(row.fixed_version)
        if advisory is None or not advisory.security or row.state is not FixState.FIXED:
            continue
        if fixed[:2] == version[:2] and version < fixed:
            yield Opened(advisory, row.fixed_version)
