"""The demonstration company and the plan of its audit."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from auditor.demo.described import Placed, machines
from auditor.demo.knowledge import compile_into
from auditor.demo.recordings import write
from auditor.demo.rights import with_rights
from auditor.demo.tenant.described import prices, tenant, terms
from auditor.demo.tenant.recordings import play, target_of
from auditor.demo.tenant.recordings import write as write_tenant
from auditor.demo.windows.described import machines as windows_machines
from auditor.demo.windows.recordings import write as write_windows
from auditor.pipeline import Plan
from auditor.selection import Unvisitable
from collectors.model import GapReason, Protocol, Target
from rules.contract import Contract

CLIENT = "Fournil des Terreaux (démonstration)"
AS_OF = datetime(2025, 11, 3, 8, 0, tzinfo=UTC)
_WIDTH = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Demonstration:
    """A plan ready to run, with the history it is kept in and the feeds it is judged by."""

    plan: Plan
    history: Path
    feeds_folder: Path


def history_in(folder: Path) -> Path:
    """Where the demonstration's history is, in its folder."""
    return folder / "history.sqlite"


def feeds_in(folder: Path) -> Path:
    """Where the demonstration's feeds are, in its folder."""
    return folder / "feeds"


def prepare(folder: Path, language: str) -> Demonstration:
    """Write recordings and feeds into `folder`, and plan the audit of the company as of `AS_OF`.

    What an earlier demonstration left there is replaced. Raises OSError when the folder cannot be written.
    """
    from collectors.feeds.cache import FeedStore

    recordings = folder / "recordings"
    history = history_in(folder)
    history.unlink(missing_ok=True)
    compile_into(FeedStore(feeds_in(folder)).database, AS_OF)
    microsoft = tenant()
    recorded = write_tenant(microsoft, recordings)
    contract = Contract(client=CLIENT, language=language, m365=terms(microsoft), prices=prices(microsoft))
    plan = Plan(
        contract=with_rights(contract),
        targets=(
            target_of(microsoft),
            *(_target(one.name, one.described.placed, write(one, recordings)) for one in machines()),
            *(_target(one.name, one.described.placed, write_windows(one, recordings)) for one in windows_machines()),
        ),
        unvisitable=_UNREACHABLE,
        visit_tenant=lambda target: play(recorded, target),
        width=_WIDTH,
        as_of=AS_OF,
        clock=lambda: AS_OF,
        demo=True,
    )
    return Demonstration(plan=plan, history=history, feeds_folder=feeds_in(folder))


def _target(name: str, placed: Placed, recording: Path) -> Target:
    return Target(
        name=name,
        protocol=Protocol.REPLAY,
        address=str(recording),
        site=placed.site,
        exposure=placed.exposure,
        labels=placed.labels,
    )


# A machine that did not answer leaves no recording: its visit ends where the connection would have begun.
_UNREACHABLE = (
    Unvisitable(
        target=Target(name="borne-croixrousse", site="Boutique Croix-Rousse", labels=("boutiques",)),
        gap=GapReason.UNREACHABLE,
        reason="no answer on port 22 within 3 s.",
    ),
    Unvisitable(
        target=Target(name="pc-livraison", protocol=Protocol.WINRM, site="Fournil Vaise", labels=("production",)),
        gap=GapReason.UNREACHABLE,
        reason="no answer on port 5986 within 3 s.",
    ),
)
