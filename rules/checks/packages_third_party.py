"""packages.third_party: software the distribution's advisories do not speak about (L11, L25, L27).

Backports, vendors' own repositories, snaps and flatpaks: whether a fix is missing there cannot be told from these
advisories, either way. Told per origin, outside every rate: NOT_APPLICABLE with state OUTSIDE_SCOPE (key: the origin),
every package in the evidence. PASS when everything comes from the distribution.

Texts: `outside` (count), `application` (count), `pass`. Parameters: count (packages), origin ("Docker", "snap", ...),
packages (names, at most six).
"""

from collections import defaultdict
from collections.abc import Iterable

from collectors.model import FactKind
from rules.messages import Message
from rules.model import Evidence, Finding, Outcome, PatchState
from rules.rule import Case, Rule, finding, joined

ID = "packages.third_party"


def check(case: Case) -> Iterable[Finding]:
    """Yield one informational finding per origin, or one PASS."""
    packages: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for verdict in case.verdicts_in(PatchState.OUTSIDE_SCOPE):
        for package in verdict.packages:
            packages[verdict.reason][package.name] = package.version
    applications: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for application in case.snapshot.applications:
        applications[application.scope][application.name] = application.version
    found = [
        _outside(case, text, origin, versions)
        for text, origins in (("outside", packages), ("application", applications))
        for origin, versions in sorted(origins.items())
    ]
    yield from found or (finding(ID, case, Outcome.PASS, "pass"),)


def _outside(case: Case, text: str, origin: str, versions: dict[str, str]) -> Finding:
    return finding(
        ID,
        case,
        Outcome.NOT_APPLICABLE,
        text,
        key=origin,
        params={"count": len(versions), "origin": origin, "packages": joined(sorted(versions))},
        state=PatchState.OUTSIDE_SCOPE,
        evidence=(
            Evidence(
                what=Message(text="rules.evidence.origin", params={"origin": origin}),
                seen=", ".join(f"{name} {version}" for name, version in sorted(versions.items())),
                source=origin,
                as_of=case.snapshot.taken_at,
            ),
        ),
    )


RULE = Rule(
    id=ID,
    needs=(FactKind.OPERATING_SYSTEM, FactKind.PACKAGES, FactKind.APPLICATIONS),
    applies=lambda case: case.release is not None and not case.is_windows,
    check=check,
)
