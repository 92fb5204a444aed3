"""The shape of the json export as a JSON Schema (draft 2020-12), made of the same types that the export writes.

`docs/assessment.schema.json` is this text; `python -m tests.reports.json_schema` renews it. A field may be added at any
time, so that a reader must ignore what it does not know; what goes or changes its meaning makes a new `schema` number.
"""

from typing import Any

import msgspec

from reports.exports.json import SCHEMA, WRITTEN
from rules.model import Assessment

_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}
# What the export adds to the types, by the definition it is added to.
_ADDED: dict[str, dict[str, Any]] = {
    "Assessment": {
        "schema": {"const": SCHEMA, "description": "Number of this shape."},
        "language": {"type": "string", "description": 'Language of the worded texts: "fr", "en".'},
    },
    "Finding": {
        "ref": {"type": "string", "pattern": "^F-[0-9A-F]{8}$", "description": "What reports call it."},
        "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "The same every month."},
        "message_text": {"type": "string", "description": "The message in words."},
        "remedy_text": {"anyOf": [_TEXT, {"type": "null"}], "description": "What to do, in words."},
        "priority_reasons_text": {**_TEXTS, "description": "Why this urgent, in words."},
    },
    "LicenseLine": {
        "accepted_by": {
            **_TEXTS,
            "description": "Waivers that accept part or all of what its savings and deficit count.",
        },
    },
    "PositionLine": {
        "notes_text": {**_TEXTS, "description": "The notes in words."},
        "accepted_by": {**_TEXTS, "description": "Waivers that accept what was found: it counts in no total."},
    },
    "SoftwareSummary": {"idle_text": _TEXTS, "upcoming_text": _TEXTS},
}


def schema() -> dict[str, Any]:
    """The whole schema; every definition carries the description its type has in the source."""
    made = msgspec.json.schema(Assessment)
    definitions = made["$defs"]
    for name, added in _ADDED.items():
        definitions[name]["properties"] |= added
        definitions[name]["required"] = sorted({*definitions[name].get("required", ()), *added})
    written = definitions["Assessment"]
    written["properties"] = {
        name: value for name, value in written["properties"].items() if name in WRITTEN or name in _ADDED["Assessment"]
    }
    written["required"] = sorted(written["properties"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What one run of auditor concluded",
        "$ref": made["$ref"],
        "$defs": dict(sorted(definitions.items())),
    }


def text() -> str:
    """The schema as the file holds it."""
    return msgspec.json.format(msgspec.json.encode(schema()), indent=2).decode() + "\n"
