"""Everything the run concluded as one JSON document, for other programs.

`schema` grows when a field changes its meaning or goes; new fields may appear any time. Findings carry both their text
id with parameters (to word them in another language) and the words of the language asked for. Amounts have two
decimals: twelve months of a yearly amount may differ from it by some cents.
"""

import re
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

import msgspec

from reports.cells import REPLACEMENT
from reports.export import Export
from reports.licenses import Licenses
from reports.software import Software
from reports.texts import Texts
from reports.workbook import named
from rules.model import Assessment, Finding, TenantSummary
from rules.software.position import SoftwareSummary
from rules.waivers import Waiver

SCHEMA: Final = 1
_CENT: Final = Decimal("0.01")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def render(assessment: Assessment, language: str) -> bytes:
    """UTF-8 JSON, one finding per line, ending in a line feed; keys in the order of the model.

    Lone surrogates, which JSON cannot carry, become U+FFFD.
    """
    texts = Texts(language)
    head: dict[str, Any] = {"schema": SCHEMA, "language": language}
    head |= {name: _plain(getattr(assessment, name)) for name in _FIELDS}
    licenses, software = Licenses(assessment), Software(assessment)
    head["tenants"] = [_tenant(tenant, licenses) for tenant in assessment.tenants]
    head["software"] = None if software.summary is None else _software(software.summary, software, texts)
    head["waivers"] = _plain(assessment.waivers)
    head["decisions"] = _plain(assessment.decisions)
    encoder = msgspec.json.Encoder()
    opening = encoder.encode(head)[:-1] + b',"findings":['
    lines = (encoder.encode(_finding(finding, texts)) for finding in assessment.findings)
    return opening + b"\n" + b",\n".join(lines) + b"\n]}\n"


_FIELDS: Final = (
    *("client", "as_of", "started_at", "finished_at", "product_version", "demo", "sla_days"),
    *("machines", "feeds", "stale_feeds", "failures"),
)
WRITTEN: Final = (*_FIELDS, "tenants", "software", "waivers", "decisions", "findings")


def _tenant(tenant: TenantSummary, licenses: Licenses) -> dict[str, Any]:
    """A tenant, with the waivers that accept what its lines count.

    The plans its organization owns have no order of their own, and the same input gives the same bytes.
    """
    record: dict[str, Any] = _plain(tenant)
    for line, words in zip(tenant.licenses, record["licenses"], strict=True):
        words["accepted_by"] = _ids(licenses.waivers_of(tenant, line))
    if tenant.organization is not None:
        record["organization"]["plans"] = sorted(tenant.organization.plans)
    return record


def _software(summary: SoftwareSummary, software: Software, texts: Texts) -> dict[str, Any]:
    """The license position; each line's remarks also in words, and the waivers that accept what was found about it."""
    record: dict[str, Any] = _plain(summary)
    for line, words in zip(summary.lines, record["lines"], strict=True):
        words["accepted_by"] = _ids(software.waivers_of(line))
        words["notes_text"] = [_plain(texts.message(note)) for note in line.notes]
    for name, rights in (("idle", summary.idle), ("upcoming", summary.upcoming)):
        record[f"{name}_text"] = [_plain(texts.message(right)) for right in rights]
    return record


def _ids(waivers: Iterable[Waiver]) -> list[str]:
    return sorted({_clean(waiver.id) for waiver in waivers})


def _finding(finding: Finding, texts: Texts) -> dict[str, Any]:
    record: dict[str, Any] = {"ref": finding.ref, "fingerprint": finding.fingerprint}
    record |= _plain(finding)
    record["message_text"] = _plain(texts.message(finding.message))
    record["remedy_text"] = None if finding.remedy is None else _plain(texts.message(finding.remedy))
    record["priority_reasons_text"] = [_plain(texts.message(reason)) for reason in finding.priority.reasons]
    return record


def _plain(value: object) -> Any:
    """Turn a model object into dictionaries, lists and texts JSON can carry."""
    return _clean(msgspec.to_builtins(value, builtin_types=(Decimal,)))


def _clean(value: Any) -> Any:
    match value:
        case str():
            return value if value.isascii() else _SURROGATE.sub(REPLACEMENT, value)
        case Decimal():
            return str(value.quantize(_CENT, ROUND_HALF_UP))
        case dict():
            return {_clean(key): _clean(item) for key, item in value.items()}
        case list() | tuple():
            return [_clean(item) for item in value]
        case _:
            return value


def file_name(assessment: Assessment, language: str) -> str:
    """Name of the file, beside the workbook's."""
    return named(assessment, Texts(language), "workbook.file", ".json")


EXPORT = Export(name="json", suffix=".json", media_type="application/json", render=render, file_name=file_name)
