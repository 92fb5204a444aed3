"""decisions.toml in a client's folder: what the client decided about people's licenses, readable and editable by hand.

A "keep" is an exception of the contract up to its last day; the others are things to do until their line is gone. What
is written anew goes below what stands there: comments and tables of others stay as they are, byte for byte.

The names in it are those the report showed. They are kept as long as the decision stands in the file.
"""

import contextlib
import json
import os
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from auditor.errors import SettingsError
from auditor.tables import Complaints, Name, Table, parse, suggestion
from auditor.waivers import FAR, known_rules
from rules.contract import Contract, LicenseException
from rules.decisions import Choice, Decision
from rules.tenants.strongest import STRONGEST_FIRST

FILE_NAME: Final = "decisions.toml"
FORMAT: Final = 1
COMMENT_LIMIT: Final = 1000
_REASON_LIMIT: Final = 200
_REFERENCE: Final = re.compile(r"F-[0-9A-F]{8}")
_TABLE: Final = re.compile(r"(?m)^[ \t]*\[\[\s*decisions\s*\]\]")
_HEAD: Final = """\
# What the client decided in the returned workbook: written by `auditor decisions import`, read by every audit.
# decision: "keep" (an exception, up to the day `until`), "remove" or "discuss" (to do until an audit finds it done).
# The names of people are kept here as long as the decision; delete a table to forget it.
format = 1
"""

_Comment = Annotated[str, msgspec.Meta(max_length=COMMENT_LIMIT)]


class _DecisionTable(Table):
    ref: Name
    rule: Name
    person: Annotated[str, msgspec.Meta(min_length=1, max_length=320)]
    decision: Literal["keep", "remove", "discuss"]
    decided_on: date
    decided_by: Name
    product: str = ""
    sku: str = ""
    until: date | None = None
    comment: _Comment = ""


def decisions(folder: Path) -> tuple[Decision, ...]:
    """Read the decisions of a client folder; none without a file. Raises SettingsError naming file, key and problem."""
    file = folder / FILE_NAME
    return _read(file, parse(file)) if file.exists() else ()


def decision_notes(found: Iterable[Decision], today: date) -> tuple[str, ...]:
    """What holds for more than three years: nobody looks at an accepted line again after that long."""
    return tuple(
        f"{one.place}: kept until {one.until:%Y-%m-%d}, more than three years from now: better decide again earlier"
        for one in found
        if one.until is not None and one.until - today > FAR
    )


def latest_end(today: date) -> date:
    """The last day anything may be kept to without being decided again: that of waivers."""
    return today + FAR


def default_end(today: date) -> date:
    """Twelve months on: the day before the same date of next year."""
    leap = today.month == 2 and today.day == 29
    return (today.replace(year=today.year + 1, day=28) if leap else today.replace(year=today.year + 1)) - timedelta(1)


def with_decisions_in(contract: Contract, found: tuple[Decision, ...]) -> Contract:
    """The contract with what was decided: each "keep" is an exception of Microsoft 365's terms too."""
    kept = tuple(_exception(one) for one in found if one.choice is Choice.KEEP and one.until is not None)
    terms = replace(contract.m365, exceptions=(*contract.m365.exceptions, *kept))
    return replace(contract, m365=terms, decisions=found)


def _exception(decision: Decision) -> LicenseException:
    """What a "keep" accepts: this product of this person, for the reason shown or a weaker one.

    A stronger reason asks again: who was inactive with leave to be so, and whose account is disabled since, left.
    """
    rule = decision.rule
    rules = STRONGEST_FIRST[STRONGEST_FIRST.index(rule) :] if rule in STRONGEST_FIRST and decision.sku else (rule,)
    reason = " ".join(decision.comment.split())
    if len(reason) > _REASON_LIMIT:
        reason = f"{reason[: _REASON_LIMIT - 1]}…"
    assert decision.until is not None, "only what is kept becomes an exception, and that has its last day"
    return LicenseException(
        who=decision.person,
        reason=f"{reason or 'decided by the client'} ({decision.decided_by}, {decision.decided_on:%Y-%m-%d})",
        until=decision.until,
        product=decision.sku,
        rules=rules,
        place=decision.place,
    )


def _read(file: Path, data: Mapping[str, object]) -> tuple[Decision, ...]:
    said = Complaints(file)
    said.check_keys(dict(data), ("format", "decisions"), FORMAT)
    found: dict[tuple[str, str], Decision] = {}
    for number, table in enumerate(said.rows(data.get("decisions", []), "decisions"), start=1):
        decision = _decision(said, table, f"decisions[{number}]")
        if decision.line in found:
            where = found[decision.line].place.rpartition(", ")[2]
            raise said.error(f"decisions[{number}]", f"the same ref and sku as {where}.", "Keep one of them.")
        found[decision.line] = decision
    return tuple(found.values())


def _decision(said: Complaints, table: object, place: str) -> Decision:
    for key in ("decided_on", "until"):
        if isinstance(table, Mapping) and isinstance(table.get(key), datetime):
            raise said.error(f"{place}.{key}", "expected a date (2027-06-30), got a time of day with it.")
    written = said.convert(table, place, _DecisionTable)
    for key in ("person", "decided_by"):
        if not getattr(written, key).strip():
            raise said.error(f"{place}.{key}", "it is empty.")
    if not _REFERENCE.fullmatch(ref := written.ref.strip().upper()):
        raise said.error(f"{place}.ref", f"{written.ref!r} is no reference of a finding (F-1A2B3C4D).")
    if written.rule not in known_rules():
        hint = suggestion(written.rule, known_rules())
        raise said.error(f"{place}.rule", f"no rule is named {written.rule!r}.", hint)
    choice = Choice(written.decision)
    if choice is Choice.KEEP and written.until is None:
        raise said.error(f"{place}.until", "it is missing: what is kept needs its last day.")
    if choice is not Choice.KEEP and written.until is not None:
        raise said.error(f"{place}.until", f'only a "keep" has a last day, and this is a "{choice}".')
    return Decision(
        ref=ref,
        rule=written.rule,
        person=written.person.strip(),
        choice=choice,
        decided_on=written.decided_on,
        decided_by=written.decided_by.strip(),
        product=written.product.strip(),
        sku=written.sku.strip(),
        until=written.until,
        comment=written.comment.strip(),
        place=f"{said.file.name}, {place}",
    )


def write(folder: Path, before: Sequence[Decision], new: Sequence[Decision]) -> Path:
    """Put `new` decisions into the file: each in the place of the one about the same line, else below all others.

    `before` is what was read: a file that changed since is not written over. The file is replaced as a whole or not at
    all. Raises SettingsError.
    """
    file = folder / FILE_NAME
    text = _text(file)
    if decisions(folder) != tuple(before):
        raise SettingsError(str(file), "was changed meanwhile: nothing is written.", hint="Import again.")
    made = _composed(text, before, new)
    _replace(file, made)
    return file


def _text(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig").replace("\r\n", "\n") if file.exists() else ""
    except OSError as error:
        raise SettingsError(str(file), f"cannot be read: {error.strerror}.") from None


def _composed(text: str, before: Sequence[Decision], new: Sequence[Decision]) -> str:
    """The text with the new decisions. Written as other tables than ours (inline ones), all of it is written anew."""
    by_line = {one.line: one for one in new}
    wanted = [by_line.pop(one.line, one) for one in before]
    added = sorted(by_line.values(), key=_order)
    starts = [found.start() for found in _TABLE.finditer(text)]
    head, blocks = (text[: starts[0]], _cut(text, starts)) if starts else (text, [])
    if len(blocks) == len(before):
        kept = [
            block if now == then else _table(now) + _comments_after(block)
            for block, then, now in zip(blocks, before, wanted, strict=True)
        ]
        made = _joined(head or _HEAD, [*kept, *map(_table, added)])
        if _says(made, [*wanted, *added]):
            return made
    return _joined(_HEAD, [_table(one) for one in (*wanted, *added)])


def _cut(text: str, starts: Sequence[int]) -> list[str]:
    return [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]


def _comments_after(block: str) -> str:
    """Lines of a table that are nothing but a comment: they were somebody's, whatever the table now says."""
    lines = [line for line in block.splitlines() if line.lstrip().startswith("#")]
    return "".join(f"{line}\n" for line in lines)


def _joined(head: str, blocks: Iterable[str]) -> str:
    return "\n".join(part.rstrip("\n") + "\n" for part in (head, *blocks))


def _says(text: str, wanted: Sequence[Decision]) -> bool:
    """Whether a text means exactly these decisions."""
    import tomllib

    try:
        found = _read(Path(FILE_NAME), tomllib.loads(text))
    except (tomllib.TOMLDecodeError, SettingsError):
        return False
    return [replace(one, place="") for one in found] == [replace(one, place="") for one in wanted]


def _table(decision: Decision) -> str:
    values: list[tuple[str, object]] = [
        ("ref", decision.ref),
        ("rule", decision.rule),
        ("person", decision.person),
        ("product", decision.product),
        ("sku", decision.sku),
        ("decision", decision.choice.value),
        ("decided_on", decision.decided_on),
        ("decided_by", decision.decided_by),
        ("until", decision.until),
        ("comment", decision.comment),
    ]
    lines = [f"{name} = {_toml(value)}" for name, value in values if value not in ("", None)]
    return "\n".join(["[[decisions]]", *lines, ""])


def _toml(value: object) -> str:
    """JSON's quoting is TOML's, but for one character."""
    if isinstance(value, date):
        return value.isoformat()
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def _order(decision: Decision) -> tuple[str, str, str, str]:
    return (decision.person.casefold(), decision.ref, decision.product.casefold(), decision.sku.casefold())


def _replace(file: Path, text: str) -> None:
    """Write beside the file, then over it: whoever reads sees the old one or the new one."""
    draft = ""
    try:
        handle, draft = tempfile.mkstemp(prefix=".auditor-", suffix=".toml", dir=file.parent)
        with os.fdopen(handle, "wb") as out:
            out.write(text.encode("utf-8"))
            out.flush()
            os.fsync(out.fileno())
        if file.exists():
            Path(draft).chmod(file.stat().st_mode & 0o777)
            if not os.access(file, os.W_OK):
                raise PermissionError(13, "it is read-only")
        Path(draft).replace(file)
    except OSError as error:
        if draft:
            with contextlib.suppress(OSError):
                Path(draft).unlink(missing_ok=True)
        problem = f"cannot be written: {error.strerror}. Nothing was decided."
        raise SettingsError(str(file), problem, hint="Mend that, then import again.") from None
