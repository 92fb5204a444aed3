"""`--json`: the result of a run for machines. The shape is documented in README, "JSON", and only ever grows.

{"format": 1, "command", "product_version", "run", "history",
 "exit": {"code", "reasons"}, "files": [...], "warnings": [...], "assessment": {...}}

With --mail there is also "mail": one {"state", ...} for each message, `state` a key of `[cli.mail]` ("sent", "queued").

A run over several clients is {"format": 1, "command", "exit": {"code"}, "clients": [one such document each],
"refused": [{"client", "problem"}]}.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from auditor.conclusion import Conclusion
from auditor.delivery import Delivered
from auditor.pipeline import Result

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A client without a result: its files or history were refused, or it was audited and its report failed.

    `client` is its folder as given, `problem` says which of both.
    """

    client: str
    problem: str


def result_document(
    command: str, result: Result, conclusion: Conclusion, delivered: Sequence[Delivered], *, history: Path
) -> dict[str, object]:
    """The document of one client's run, with `assessment` exactly as the json export gives it."""
    return {
        "format": FORMAT,
        "command": command,
        "product_version": result.assessment.product_version,
        "run": result.run,
        "history": str(history),
        "exit": {"code": int(conclusion.code), "reasons": conclusion.reasons},
        "files": [str(item.path) for item in delivered],
        "warnings": result.warnings,
        "assessment": assessment_as_raw(result),
    }


def documents(command: str, code: int, clients: Sequence[dict[str, object]], refused: Sequence[Refused]) -> str:
    """One JSON document for a run over several clients."""
    return as_json(
        {"format": FORMAT, "command": command, "exit": {"code": code}, "clients": clients, "refused": refused}
    )


def assessment_as_raw(result: Result) -> msgspec.Raw:
    """Give the assessment in the form of the json export, so that there is one shape and not two."""
    from reports.exports import discover

    return msgspec.Raw(discover()["json"].render(result.assessment, "en"))


def as_json(value: object) -> str:
    """Indented JSON text."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
