"""The provider's overview of a run over several clients: what each client's run came to, written beside them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.conclusion import Conclusion
from auditor.delivery import Delivered, deliver
from auditor.exits import Exit
from auditor.output import Refused
from auditor.pipeline import now
from auditor.texts import ad_hoc_language

if TYPE_CHECKING:
    from reports.background import Background
    from reports.overview import ClientResult

FOLDER = "overview"  # below the folder that holds the clients'
_STATES = {
    Exit.INTERRUPTED: "stopped",
    Exit.USAGE: "not_written",
    Exit.INCOMPLETE: "incomplete",
    Exit.FINDINGS: "findings",
    Exit.COMPLIANT: "fine",
}


def client_result(client: str, conclusion: Conclusion, background: "Background") -> "ClientResult":
    """What one client's run came to, for the overview."""
    from reports.overview import ClientResult

    trend = background.trend
    return ClientResult(
        client=client,
        state=_STATES[conclusion.code],
        reasons=conclusion.reasons,
        figures=trend[-1] if trend else None,
        previous=trend[-2] if len(trend) > 1 else None,
        changes=background.changes,
    )


def write_overview(folder: Path, results: "Sequence[ClientResult]", refused: Sequence[Refused]) -> Delivered:
    """Write the overview into a folder, in the language of this terminal. Raises DeliveryError."""
    from reports.overview import ClientResult, file_name, render

    language, as_of = ad_hoc_language(), now()
    absent = [ClientResult(client=one.client, state="refused", problem=one.problem) for one in refused]
    return deliver(folder, file_name(language, as_of=as_of), render((*results, *absent), language, as_of=as_of))
