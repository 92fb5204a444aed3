"""Keep identifiers out of the manager's workbook: update numbers, CVE ids, CVSS vectors, GUIDs, product keys.

The rules name them in their sentences, because a technician needs them; a manager reads the same sentence without. This
is done where a cell is written, so that no text, whoever made it, brings one in.
"""

import re
from collections.abc import Callable
from typing import Final

from reports.texts import Texts

_UPDATE: Final = r"\bKB ?\d{6,7}\b"
_FLAW: Final = r"\bCVE-\d{4}-\d{4,}\b"
_VECTOR: Final = r"(?:\bCVSS:[\d.]+/)?\bAV:[A-Z]/AC:[A-Z][A-Z:/]*"
_GUID: Final = r"\{?\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b\}?"
_KEY: Final = r"\b(?:[A-Z0-9]{5}-){4}[A-Z0-9]{5}\b"
_ANY: Final = rf"(?:{_UPDATE}|{_FLAW}|{_VECTOR}|{_GUID}|{_KEY})"
_HINT: Final = re.compile(r"KB ?\d{6}|CVE-|AV:|-[0-9a-f]{4}-|-[A-Z0-9]{5}-", re.IGNORECASE)
# "(CVE-2026-1, CVE-2026-2 (+3))" explains nothing once the ids are gone.
_BRACKETED: Final = re.compile(rf"\s*[(\[]{_ANY}(?:[^()\[\]]|\([^()]*\))*[)\]]", re.IGNORECASE)
_MORE: Final = r"(?:\s*\(\+\d+\))?"
_JOINED: Final = r"(?:,| et| and| ;|;)\s+"
# What the words before have named already: "the security update KB1", "2 updates: KB1, KB2."
_NAMED: Final = re.compile(
    rf"(?<=mise à jour|de sécurité|rity update) {_UPDATE}(?:{_JOINED}{_UPDATE})*{_MORE}"
    rf"|\s*:\s*{_ANY}(?:{_JOINED}{_ANY})*{_MORE}(?=[.;]|$)",
    re.IGNORECASE,
)
_LISTS: Final = tuple(
    (kind, re.compile(rf"{pattern}(?P<more>(?:{_JOINED}{pattern})*{_MORE})", re.IGNORECASE))
    for kind, pattern in (("update", _UPDATE), ("flaw", _FLAW))
)
_REST: Final = re.compile(rf"{_VECTOR}|{_GUID}|{_KEY}", re.IGNORECASE)
_SENTENCE_START: Final = re.compile(r"(?:^|[.!?]\s+)$")


def worded(texts: Texts) -> Callable[[str], str]:
    """Give the function that words a text without identifiers; one without any comes back as it is."""

    def plain(text: str) -> str:
        if _HINT.search(text) is None:
            return text
        text = _NAMED.sub("", _BRACKETED.sub("", text))
        for kind, pattern in _LISTS:
            text = pattern.sub(lambda found, kind=kind: _word(texts, kind, found), text)  # type: ignore[misc]
        return _REST.sub(texts.text("plain.other"), text)

    return plain


def _word(texts: Texts, kind: str, found: re.Match[str]) -> str:
    word = texts.text(f"plain.{kind}s" if found["more"] else f"plain.{kind}")
    starts = _SENTENCE_START.search(found.string[: found.start()]) is not None
    return word[:1].upper() + word[1:] if starts else word
