"""What a client accepts for a time: waivers.toml in its folder -> `Waiver` rows.

Each needs a reason, who approved it and its last day. A rule nobody knows is an error: a waiver that can meet nothing
would look like one that holds.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from auditor.tables import Complaints, Name, Table, parse, stands, suggestion
from rules.waivers import Waiver

FILE_NAME = "waivers.toml"
FORMAT = 1
FAR = timedelta(days=3 * 365 + 1)
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


class _WaiverTable(Table):
    rule: Name
    reason: Name
    approved_by: Name
    until: date
    subject: Name = "*"
    key: Name = "*"
    id: str = ""


def waivers(folder: Path) -> tuple[Waiver, ...]:
    """Read the waivers of a client folder; none without a file. Raises SettingsError naming file, key and problem."""
    file = folder / FILE_NAME
    return _Reader(file).read() if stands(file) else ()


def waiver_notes(found: tuple[Waiver, ...], today: date) -> tuple[str, ...]:
    """Waivers that hold for more than three years: nobody looks at an accepted risk again after that long."""
    return tuple(
        f"{waiver.place}: accepted until {waiver.until:%Y-%m-%d}, more than three years from now: better decide again "
        "earlier"
        for waiver in found
        if waiver.until - today > FAR
    )


@cache
def known_rules() -> tuple[str, ...]:
    """Ids of every rule there is: about machines, Microsoft 365 and the estate's software."""
    from rules import checks

    finders = (checks.discover, checks.discover_tenant_rules, checks.discover_estate_rules)
    return tuple(sorted(rule.id for find in finders for rule in find()))


class _Reader(Complaints):
    """Turns the tables of one file into waivers."""

    def read(self) -> tuple[Waiver, ...]:
        data = parse(self.file)
        self.check_keys(data, ("format", "waivers"), FORMAT)
        found: list[Waiver] = []
        ids: dict[str, str] = {}
        for number, table in enumerate(self.rows(data.get("waivers", []), "waivers"), start=1):
            waiver = self._waiver(table, f"waivers[{number}]")
            if waiver.id.casefold() in ids:
                same = "id" if isinstance(table, Mapping) and table.get("id") else "rule, subject and key"
                problem = f"the same {same} as {ids[waiver.id.casefold()]}."
                raise self.error(f"waivers[{number}]", problem, "Keep one of them, or give each an id of its own.")
            ids[waiver.id.casefold()] = f"waivers[{number}]"
            found.append(waiver)
        return tuple(found)

    def _waiver(self, table: object, place: str) -> Waiver:
        if isinstance(table, Mapping) and isinstance(table.get("until"), datetime):
            raise self.error(f"{place}.until", "expected a date (2027-06-30), got a time of day with it.")
        written = self.convert(table, place, _WaiverTable)
        for key in ("rule", "reason", "approved_by", "subject", "key"):
            if not getattr(written, key).strip():
                raise self.error(f"{place}.{key}", "it is empty.")
        if written.id and not _ID.fullmatch(written.id):
            hint = "Letters, digits and . _ - only, at most 40 of them."
            raise self.error(f"{place}.id", f"{written.id!r} is no id.", hint)
        rule, subject, key = written.rule.strip(), written.subject.strip(), written.key.strip()
        self._check_rule(f"{place}.rule", rule)
        if not (rule + subject + key).strip("*"):
            hint = "Name a rule, or a subject, or a key."
            raise self.error(place, "it would waive every finding there is.", hint)
        return Waiver(
            id=written.id or _fingerprint(rule, subject, key),
            rule=rule,
            subject=subject,
            key=key,
            reason=written.reason.strip(),
            approved_by=written.approved_by.strip(),
            until=written.until,
            place=f"{self.file.name}, {place}",
        )

    def _check_rule(self, path: str, rule: str) -> None:
        known = known_rules()
        if not any(fnmatchcase(name, rule) for name in known):
            hint = suggestion(rule, known) or "`auditor explain` names the rule of a finding."
            raise self.error(path, f"no rule is named {rule!r}.", hint)


def _fingerprint(rule: str, subject: str, key: str) -> str:
    text = "\x1f".join((rule, subject.casefold(), key.casefold()))
    return f"W-{hashlib.sha256(text.encode()).hexdigest()[:6].upper()}"
