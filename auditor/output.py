"""`--json`: the result of a run for machines. The shape is documented in README, "JSON", and only ever grows.

{"format": 1, "command", "product_version", "run", "history",
 "exit": {"code", "reasons"}, "files": [...], "assessment": {...}}
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from auditor.conclusion import Conclusion
from auditor.delivery import Delivered
from auditor.pipeline import Result

FORMAT = 1


def result_as_json(
    command: str, result: Result, conclusion: Conclusion, delivered: Sequence[Delivered], *, history: Path
) -> str:
    """One JSON document, indented, with `assessment` exactly as the json export gives it."""
    return as_json(
        {
            "format": FORMAT,
            "command": command,
            "product_version": result.assessment.product_version,
            "run": result.run,
            "history": str(history),
            "exit": {"code": int(conclusion.code), "reasons": conclusion.reasons},
            "files": [str(item.path) for item in delivered],
            "assessment": assessment_as_raw(result),
        }
    )


def assessment_as_raw(result: Result) -> msgspec.Raw:
    """Give the assessment in the form of the json export, so that there is one shape and not two."""
    from reports.exports import discover

    return msgspec.Raw(discover()["json"].render(result.assessment, "en"))


def as_json(value: object) -> str:
    """Indented JSON text."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
