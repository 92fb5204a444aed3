"""Answers of Graph, good and bad: bytes in, a JSON object or the reason of a refusal out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from collectors.cloud.wire import Reply

_SHOWN_CHARACTERS = 240
_MAX_BYTES = 64 << 20  # a page of 999 users with everything they hold is 5 MB; decoded it would be ten times that
_MARK = b"\xef\xbb\xbf"


class AnswerUnreadable(ValueError):
    """The bytes are no JSON object; the text says what they look like."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """An error answer; `code`, `message` and `request_id` are "" where its body told none. All are fit to be shown."""

    status: int
    code: str = ""
    message: str = ""
    request_id: str = ""


def object_of(body: bytes) -> dict[str, Any]:
    """A JSON object. Raises AnswerUnreadable for anything else, half of a surrogate pair included."""
    import msgspec

    if len(body) > _MAX_BYTES:
        raise AnswerUnreadable(f"more than {_MAX_BYTES:,} bytes of JSON")
    try:
        document = msgspec.json.decode(body.removeprefix(_MARK))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AnswerUnreadable(_looks_like(body)) from error
    if not isinstance(document, dict):
        raise AnswerUnreadable("JSON that is no object")
    return document


def refused(reply: Reply) -> Refused:
    """Read an error answer; one that is HTML, empty or anything else gives its status alone."""
    try:
        document = object_of(reply.body)
    except AnswerUnreadable:
        return Refused(status=reply.status, request_id=_text(reply.headers.get("request-id")))
    error = document.get("error")
    found: Mapping[str, Any] = error if isinstance(error, dict) else {}
    inner = found.get("innerError") or found.get("innererror")
    inner_id = inner.get("request-id") if isinstance(inner, dict) else None
    return Refused(
        status=reply.status,
        code=_text(found.get("code")),
        message=_text(found.get("message")),
        request_id=_text(inner_id or reply.headers.get("request-id")),
    )


def _looks_like(body: bytes) -> str:
    start = body[:200].lstrip(b"\xef\xbb\xbf \r\n\t")
    if not start:
        return "nothing"
    if start[:1] == b"<":
        return "HTML, as a proxy or a sign-in page would"
    return "damaged JSON" if start[:1] in (b"{", b"[") else "something that is no JSON"


def _text(value: object) -> str:
    if not isinstance(value, str):
        return ""
    clean = " ".join("".join(char if char.isprintable() else " " for char in value[: 4 * _SHOWN_CHARACTERS]).split())
    return clean if len(clean) <= _SHOWN_CHARACTERS else f"{clean[: _SHOWN_CHARACTERS - 1]}…"
