"""What the client's own files say and lack, each read as an audit reads it."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import TYPE_CHECKING, TypeVar

from auditor.checkup.checks import Check, Section, State, say
from auditor.errors import AuditorError
from auditor.settings import ClientSettings

if TYPE_CHECKING:
    from auditor.entitlements.file import Rights
    from auditor.prices import PriceList
    from rules.decisions import Decision
    from rules.waivers import Waiver

_MOST_NAMES = 5
_T = TypeVar("_T")


def files_section(settings: ClientSettings, today: date) -> Section:
    """Read every file of the client's folder but client.toml, which is read by now."""
    return Section(name="files", heading=say("files"), checks=tuple(_checks(settings, today)))


def _checks(settings: ClientSettings, today: date) -> Iterator[Check]:
    from auditor.decisions.file import decisions
    from auditor.entitlements.file import entitlements
    from auditor.prices import price_list
    from auditor.software_tables import software_notes, unlisted_devices
    from auditor.waivers import waivers

    counts = {
        "machines": say("client_machines", count=len(settings.targets)),
        "tenants": say("client_tenants", count=len(settings.tenants)),
    }
    if settings.everything:
        yield Check(name="client.file", state=State.OK, text=say("client_file"), words=counts)
    else:
        todo = say("nothing_todo")
        yield Check(name="client.empty", state=State.FAILED, text=say("nothing"), todo=todo, refuses=True)
    folder = settings.folder
    yield from _each("client.prices", lambda: price_list(folder), lambda found: _prices(settings, found))
    yield from _each("client.rights", lambda: entitlements(folder), lambda found: _rights(settings, found))
    yield from _each("client.waivers", lambda: waivers(folder), lambda found: _waivers(found, today))
    yield from _each("client.decisions", lambda: decisions(folder), lambda found: _decisions(found, today))
    software = settings.contract.software
    for note in (*software_notes(software, settings.targets), *unlisted_devices(software, settings.targets)):
        yield Check(name="client.software", state=State.NOTE, text=note)
    yield from _exceptions(settings, today)


def _each(name: str, read: Callable[[], _T], tell: Callable[[_T], Iterator[Check]]) -> Iterator[Check]:
    """One file; with what is wrong in it an audit would not begin."""
    try:
        found = read()
    except AuditorError as error:
        lines = error.lines()
        yield Check(name=name, state=State.FAILED, text=" ".join(lines), refuses=True)
    else:
        yield from tell(found)


def _prices(settings: ClientSettings, found: "PriceList") -> Iterator[Check]:
    if found.prices:
        newest = max(price.valid_from for price in found.prices).isoformat()
        text = say("prices", count=len(found.prices), newest_on=newest)
        yield Check(name="client.prices", state=State.OK, text=text)
    elif settings.tenants:
        yield Check(name="client.prices", state=State.NOTE, text=say("no_prices"), todo=say("no_prices_todo"))
    for note in found.notes:
        yield Check(name="client.price_missing", state=State.NOTE, text=note)


def _rights(settings: ClientSettings, found: "Rights") -> Iterator[Check]:
    if found.entitlements is not None:
        text = say("rights_file", count=len(found.entitlements), file=found.file)
        yield Check(name="client.rights", state=State.OK, text=text)
    elif settings.targets and not found.notes:
        yield Check(name="client.rights", state=State.NOTE, text=say("no_rights"), todo=say("no_rights_todo"))
    notes = found.notes
    if (
        found.entitlements is None and found.file
    ):  # its last note says that nothing is in it: here, as the reader says it
        notes = notes[:-1]
        yield Check(name="client.rights_note", state=State.NOTE, text=say("empty_rights", file=found.file))
    for note in notes:
        yield Check(name="client.rights_note", state=State.NOTE, text=note)


def _waivers(found: "tuple[Waiver, ...]", today: date) -> Iterator[Check]:
    from auditor.waivers import waiver_notes

    over = sum(waiver.until < today for waiver in found)
    if found:
        text = say("waivers", count=len(found), over=over)
        yield Check(name="client.waivers", state=State.NOTE if over else State.OK, text=text)
    for note in waiver_notes(found, today):
        yield Check(name="client.waivers", state=State.NOTE, text=note)


def _decisions(found: "tuple[Decision, ...]", today: date) -> Iterator[Check]:
    from auditor.decisions.file import decision_notes

    if found:
        yield Check(name="client.decisions", state=State.OK, text=say("decisions", count=len(found)))
    for note in decision_notes(found, today):
        yield Check(name="client.decisions", state=State.NOTE, text=note)


def _exceptions(settings: ClientSettings, today: date) -> Iterator[Check]:
    over = [exception.who for exception in settings.contract.m365.exceptions if exception.until < today]
    if over:
        names = ", ".join(over[:_MOST_NAMES]) + (", …" if len(over) > _MOST_NAMES else "")
        yield Check(
            name="client.exceptions_over",
            state=State.NOTE,
            text=say("exceptions_over", count=len(over), names=names),
        )
