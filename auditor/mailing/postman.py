"""Takes messages of an outbox to a carrier: patiently, within bounds, and never twice."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from auditor.errors import MailError
from auditor.mailing.carrier import Carrier, Fate, Parcel, Receipt
from auditor.mailing.compose import check_identity
from auditor.mailing.outbox import Entry, Outbox, State

WAITS_S = (5.0, 20.0, 60.0)
_LONGEST_WAIT_S = 120.0


@dataclass(slots=True)
class Trouble:
    """Ways out that were of no use in this run, by place: further clients try them once, and wait no more."""

    places: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class Postman:
    """One client's messages and the way out. `clock`, `sleep` and `waits_s` (between tries) are there for tests."""

    client: str
    sender: str
    recipients: tuple[str, ...]
    carrier: Carrier
    clock: Callable[[], datetime]
    trouble: Trouble = field(default_factory=Trouble)
    sleep: Callable[[float], None] = time.sleep
    waits_s: tuple[float, ...] = WAITS_S

    def deliver(self, outbox: Outbox, entry: Entry) -> Entry:
        """Send one message; only for whoever sends alone. What cannot go now stays in the outbox, with the reason."""
        content = outbox.content(entry)
        try:
            self._check(entry, content)
        except MailError as error:
            return outbox.move(entry, entry.state, at=self.clock(), problem=str(error))
        return self._try(outbox, entry, content)

    def _try(self, outbox: Outbox, entry: Entry, content: bytes) -> Entry:
        waits = () if self.carrier.place in self.trouble.places else self.waits_s
        for wait_s in (*waits, None):
            under_way = _UnderWay(outbox, entry, self.clock)
            parcel = Parcel(sender=self.sender, recipients=entry.remaining, content=content)
            receipt = self.carrier.carry(parcel, under_way.committing)
            entry = _noted(outbox, under_way.entry, receipt, self.clock())
            if entry.state is not State.QUEUED or receipt.fate is Fate.OURS:
                break
            asked_s = receipt.wait_s or 0.0
            if wait_s is None or asked_s > _LONGEST_WAIT_S:
                if not receipt.later:
                    self.trouble.places.add(self.carrier.place)
                break
            self.sleep(max(wait_s, asked_s))
        return entry

    def _check(self, entry: Entry, content: bytes) -> None:
        """Raise MailError unless client, addresses and workbook still are what the client's file says."""
        if entry.client != self.client:
            raise MailError(
                f"message {entry.id}", f"it is {entry.client}'s, and this folder {self.client}'s: nothing is sent."
            )
        now = {address.casefold() for address in self.recipients}
        if {address.casefold() for address in entry.recipients} != now or entry.sender != self.sender:
            raise MailError(
                f"message {entry.id}",
                f"client.toml names other addresses than when it was composed ({', '.join(entry.recipients)}):"
                " nothing is sent.",
                hint="`auditor mail resend` composes it anew.",
            )
        check_identity(
            content,
            client=entry.client,
            period=entry.period,
            recipients=entry.recipients,
            file_name=entry.file_name,
            file_sha256=entry.file_sha256,
        )


class _UnderWay:
    """A message that is being carried; marks it right before it may be delivered."""

    def __init__(self, outbox: Outbox, entry: Entry, clock: Callable[[], datetime]) -> None:
        self._outbox = outbox
        self._clock = clock
        self.entry = entry

    def committing(self) -> None:
        self.entry = self._outbox.move(self.entry, State.SENDING, at=self._clock())


def _noted(outbox: Outbox, entry: Entry, receipt: Receipt, at: datetime) -> Entry:
    """Write down what one attempt came to."""
    accepted = entry.accepted
    problem = receipt.told
    match receipt.fate:
        case Fate.ACCEPTED:
            left = {*receipt.refused, *receipt.later}
            accepted = (*accepted, *(address for address in entry.remaining if address not in left))
            state = State.QUEUED if receipt.later else State.SENT
            problem = "; ".join(f"{who}: {why}" for who, why in {**receipt.later, **receipt.refused}.items())
        case Fate.UNCLEAR:
            state = State.UNCLEAR
        case Fate.REFUSED:
            state = State.SENT if accepted else State.REFUSED
        case Fate.LATER | Fate.OURS:
            state = State.QUEUED
    return outbox.move(entry, state, at=at, problem=problem, accepted=accepted, tried=True)
