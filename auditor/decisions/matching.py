"""What becomes of each row of a returned workbook: taken, known already, or refused with the reason.

A row is its reference and its product, wherever it stands. A row that names somebody else than its reference does was
torn apart (a column sorted without the others, a copied reference): it is refused, and never guessed at.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from auditor.decisions.file import COMMENT_LIMIT
from auditor.decisions.lines import Asked, AskedLine
from auditor.decisions.wording import Said, choice_of, names, references, same_words
from auditor.decisions.workbook import Returned, ReturnedRow
from reports.reviews import address
from reports.texts import Param
from rules.decisions import Choice, Decision, DecisionState

TAKEN, KNOWN, REFUSED = "taken", "known", "refused"
# Rules that call no license needless: who is told to remove it would take it from somebody at work.
_IN_USE: Final = frozenset({"m365.downgrade_candidates", "m365.office_activations", "m365.office_shared_hosts"})
_FINDING: Final = "F-"
_NAMES_SHOWN: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On what terms decisions are taken: who decided, how long "keep" holds, whether a newer decision wins."""

    by: str
    until: date
    today: date
    replace: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """What becomes of one row (of several that are the same line): `kind` is TAKEN, KNOWN or REFUSED, `why` says it.

    `written` is the decision as it stands in the cell; `decision` what would be written down, None unless TAKEN.
    """

    places: tuple[str, ...]
    ref: str
    person: str
    product: str
    written: str
    kind: str
    why: Said
    choice: Choice | None = None
    decision: Decision | None = None


@dataclass(slots=True)
class Matching:
    """A whole file. `blank` rows hold no decision; `absent` lines of the newest report are in no row."""

    rows: list[Matched] = field(default_factory=list)
    remarks: list[Said] = field(default_factory=list)
    blank: int = 0
    absent: int = 0

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """What would be written down."""
        return tuple(row.decision for row in self.rows if row.decision is not None)

    def of_kind(self, kind: str) -> tuple[Matched, ...]:
        """Rows of one kind, in the file's order."""
        return tuple(row for row in self.rows if row.kind == kind)


@dataclass(frozen=True, slots=True)
class _Placed:
    """A row whose lines are known: one, or several whose products bear one name."""

    row: ReturnedRow
    choice: Choice
    lines: tuple[AskedLine, ...]


@dataclass(frozen=True, slots=True)
class _Stop(Exception):
    """A row that is refused."""

    why: Said


def match(returned: Returned, asked: Asked, earlier: Sequence[Decision], terms: Terms) -> Matching:
    """Tell what becomes of every row. Nothing is written."""
    return _Matcher(returned, asked, earlier, terms).run()


class _Matcher:
    def __init__(self, returned: Returned, asked: Asked, earlier: Sequence[Decision], terms: Terms) -> None:
        self._returned = returned
        self._asked = asked
        self._earlier = {one.line: one for one in earlier}
        self._terms = terms
        shown = asked.shown_by(returned.made_at)
        self._newest = shown is not None and shown.id == asked.run.id
        self._found = Matching()
        self._present: set[tuple[str, str]] = set()

    def run(self) -> Matching:
        """Row by row, then line by line."""
        groups: defaultdict[tuple[str, tuple[tuple[str, str], ...]], list[_Placed]] = defaultdict(list)
        for row in self._returned.rows:
            try:
                placed = self._placed(row)
            except _Stop as stop:
                self._refuse([row], stop.why)
                continue
            if placed is not None:
                ref = placed.lines[0].ref
                groups[ref, tuple(sorted(line.key for line in placed.lines))].append(placed)
        for placed_rows in groups.values():
            self._settle(placed_rows)
        order = {row.place: number for number, row in enumerate(self._returned.rows)}
        self._found.rows.sort(key=lambda one: order.get(one.places[0], 0))
        if self._newest:
            self._found.absent = len(self._asked.open - self._present)
        return self._found

    def _placed(self, row: ReturnedRow) -> _Placed | None:
        """Find the lines a row is about; None for a row without a decision. Raises _Stop."""
        refs = references(row.ref)
        self._note_present(row, refs)
        if not row.decision and "decision" not in row.faults:
            if row.comment:
                raise _Stop(Said("problem.comment"))
            self._found.blank += bool(refs)
            return None
        for column, what in row.faults.items():
            raise _Stop(Said("problem.fault", {"column": column, "what": what}))
        if "decision" in row.struck:
            raise _Stop(Said("problem.struck", {"text": row.decision}))
        if not refs:
            raise _Stop(Said("problem.no_reference"))
        if len(refs) > 1:
            raise _Stop(Said("problem.references", {"refs": ", ".join(refs)}))
        if not refs[0].startswith(_FINDING):
            raise _Stop(Said("problem.action", {"ref": refs[0]}))
        known = self._lines(refs[0], row.product)
        if not known:
            raise _Stop(Said("problem.unknown"))
        self._check_person(row, known[0])
        lines = self._of_product(row, known)
        choice = choice_of(row.decision)
        if choice is None:
            raise _Stop(Said("problem.word", {"text": row.decision}))
        for column in sorted(row.struck):
            self._found.remarks.append(Said("remark.struck", {"place": row.place, "column": column}))
        return _Placed(row, choice, lines)

    def _note_present(self, row: ReturnedRow, refs: Sequence[str]) -> None:
        if len(refs) == 1:
            lines = self._lines(refs[0], "")
            self._present.update(line.key for line in lines if not row.product or line.is_called(row.product))

    def _lines(self, ref: str, product: str) -> list[AskedLine]:
        """What the history knows of a reference; else what was decided about it before."""
        return self._asked.lines(ref, product) or [
            AskedLine(
                ref=one.ref,
                rule=one.rule,
                person=one.person,
                name="",
                product=one.product,
                sku=one.sku,
                skus=frozenset({one.sku.casefold()} - {""}),
                run=self._asked.run.id,
            )
            for one in self._earlier.values()
            if one.ref == ref
        ]

    def _check_person(self, row: ReturnedRow, line: AskedLine) -> None:
        if not row.user:
            return
        if not names(row.user, line.person, line.name):
            told = " ".join(row.user.split())
            raise _Stop(Said("problem.person", {"person": line.person, "text": told}))
        shown = {line.person, address(line.person)}  # as older reports had it, and as the sheet has it
        expected = {same_words(one) for person in shown for one in (person, f"{line.name} {person}")}
        if same_words(row.user) not in expected:
            params: dict[str, Param] = {"place": row.place, "text": " ".join(row.user.split()), "person": line.person}
            self._found.remarks.append(Said("remark.edited", params))

    def _of_product(self, row: ReturnedRow, known: Sequence[AskedLine]) -> tuple[AskedLine, ...]:
        products = ", ".join(dict.fromkeys(line.product for line in known if line.product))
        if row.product or not any(line.product for line in known):
            lines = tuple(line for line in known if line.is_called(row.product))
            if not lines:
                raise _Stop(Said("problem.product", {"text": " ".join(row.product.split()), "products": products}))
            return lines
        # Without the product's name a reference is enough where it has one line, in the very report that came back.
        if len(known) > 1 or not self._newest:
            raise _Stop(Said("problem.which", {"products": products}))
        return tuple(known)

    def _settle(self, rows: Sequence[_Placed]) -> None:
        """One line, or some of one name, with every row about it."""
        lines, choices = rows[0].lines, {placed.choice for placed in rows}
        each = [placed.row for placed in rows]
        if len(lines) > 1 and (len(choices) > 1 or len(rows) != len(lines)):
            self._refuse(each, Said("problem.alike", {"count": len(lines), "rows": len(rows)}))
            return
        if len(choices) > 1:
            for row in each:
                others = [other.place for other in each if other is not row]
                self._refuse([row], Said("problem.differ", {"places": ", ".join(others[:_NAMES_SHOWN])}))
            return
        if len(rows) > len(lines):
            places = ", ".join(row.place for row in each)
            self._found.remarks.append(Said("remark.folded", {"places": places}))
        for line in lines:
            self._decide(line, choices, each)

    def _decide(self, line: AskedLine, choices: set[Choice], rows: Sequence[ReturnedRow]) -> None:
        (choice,) = choices
        decision = self._decision(line, choice, rows)
        try:
            kind, why = self._outcome(line, decision)
        except _Stop as stop:
            self._refuse(rows, stop.why, line)
            return
        self._found.rows.append(
            Matched(
                places=tuple(row.place for row in rows),
                ref=line.ref,
                person=line.person,
                product=line.product,
                written=" ".join(rows[0].decision.split()),
                kind=kind,
                why=why,
                choice=choice,
                decision=decision if kind == TAKEN else None,
            )
        )

    def _decision(self, line: AskedLine, choice: Choice, rows: Sequence[ReturnedRow]) -> Decision:
        comment = "\n".join(dict.fromkeys(row.comment for row in rows if row.comment))
        if len(comment) > COMMENT_LIMIT:
            comment = f"{comment[: COMMENT_LIMIT - 1]}…"
            self._found.remarks.append(Said("remark.cut", {"ref": line.ref, "limit": COMMENT_LIMIT}))
        return Decision(
            ref=line.ref,
            rule=line.rule,
            person=line.person,
            choice=choice,
            decided_on=self._terms.today,
            decided_by=self._terms.by,
            product=line.product,
            sku=line.sku,
            until=self._terms.until if choice is Choice.KEEP else None,
            comment=comment,
        )

    def _outcome(self, line: AskedLine, decision: Decision) -> tuple[str, Said]:
        """What a decision comes to, beside what the client's files and earlier decisions say. Raises _Stop."""
        if line.needed and decision.choice is Choice.REMOVE:
            raise _Stop(Said("problem.needed"))
        if (known := self._accepted(line, decision)) is not None:
            return KNOWN, known
        if line.rule in _IN_USE and decision.choice is Choice.REMOVE:
            raise _Stop(Said("problem.in_use"))
        before = self._earlier.get(line.key)
        if before is not None and before.until is not None and before.until < self._terms.today:
            before = None  # what was kept to a day that is past is asked again
        if before is not None and (known := self._before(before, decision)) is not None:
            return KNOWN, known
        state = self._asked.state(line)
        kept = before is not None and before.choice is Choice.KEEP
        if not (kept and state is DecisionState.ACCEPTED):
            self._check_open(line, state)
        if before is not None:
            params: dict[str, Param] = {"ref": line.ref, "day": before.decided_on, "choice": before.choice.value}
            self._found.remarks.append(Said("remark.replaced", params))
        return TAKEN, Said(f"becomes.{decision.choice.value}", {"until": decision.until})

    def _accepted(self, line: AskedLine, decision: Decision) -> Said | None:
        """What client.toml or waivers.toml say of a line today; only a "keep" agrees with that."""
        found = self._asked.finding(line.ref)
        exception, waiver = self._asked.exception(line), None if found is None else found.waiver
        held = exception or waiver
        if held is None:
            return None
        params: dict[str, Param] = {"until": held.until, "where": held.place}
        if decision.choice is not Choice.KEEP:
            raise _Stop(Said("problem.accepted", params))
        return Said("becomes.accepted", params)

    def _before(self, before: Decision, now: Decision) -> Said | None:
        """Compare with the earlier decision about the line: the same, replaced (None), or in conflict."""
        if before.choice is not now.choice:
            # What was to be discussed has been: that is how it is meant to go.
            if before.choice is Choice.DISCUSS or self._terms.replace:
                return None
            raise _Stop(Said("problem.earlier", {"day": before.decided_on, "choice": before.choice.value}))
        reworded = bool(now.comment) and same_words(now.comment) != same_words(before.comment)
        if self._terms.replace and (reworded or before.until != now.until):
            return None
        if reworded:
            raise _Stop(Said("problem.reworded", {"day": before.decided_on}))
        return Said("becomes.same", {"day": before.decided_on})

    def _check_open(self, line: AskedLine, state: DecisionState) -> None:
        if line.key in self._asked.open:
            return
        if other := self._asked.elsewhere(line):
            raise _Stop(Said("problem.elsewhere", {"ref": other}))
        if state is DecisionState.DONE:
            raise _Stop(Said("problem.gone"))
        if state is DecisionState.UNSEEN:
            self._found.remarks.append(Said("remark.unseen", {"ref": line.ref, "run": line.run}))

    def _refuse(self, rows: Sequence[ReturnedRow], why: Said, line: AskedLine | None = None) -> None:
        row = rows[0]
        self._found.rows.append(
            Matched(
                places=tuple(one.place for one in rows),
                ref=line.ref if line is not None else " ".join(references(row.ref) or (row.ref,)),
                person=line.person if line is not None else " ".join(row.user.split()),
                product=line.product if line is not None else " ".join(row.product.split()),
                written=" ".join(row.decision.split()),
                kind=REFUSED,
                why=why,
            )
        )


def unreasoned(found: Sequence[Matched]) -> int:
    """How many lines are kept without a word of why."""
    kept = (row.decision for row in found if row.decision is not None)
    return sum(one.choice is Choice.KEEP and not one.comment for one in kept)
