"""What kind of mailbox a user has, how full it is, and whether it needs a license of its own.

A shared mailbox (and a room's or an equipment's) needs no license up to 50 GB; beyond that, with an archive or on
litigation hold it needs Exchange Online Plan 2. A hold cannot be read without changing something or asking Exchange
itself: every text that speaks of taking a license away says to look at it first.
Source: https://learn.microsoft.com/microsoft-365/admin/email/remove-license-from-shared-mailbox
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from collectors.cloud.facts import Mailbox, TenantFact, User
from rules.tenants.activity import ReportState, report_state
from rules.tenants.rule import TenantCase

UNLICENSED_LIMIT_BYTES = 50 * 1024**3
"""A shared mailbox of exactly this size still needs no license."""

EXCHANGE_PLAN_2 = "19ec0d23-8335-4cbd-94ac-6050e30712fa"
"""SKU GUID of Exchange Online (Plan 2), what a large shared mailbox would have to be given."""

EXCHANGE_PLAN_2_PART = "EXCHANGEENTERPRISE"


class MailboxKind(StrEnum):
    """Whose mailbox it is, as far as it could be read."""

    USER = "user"
    SHARED = "shared"
    ROOM = "room"  # a room or an equipment
    UNKNOWN = "unknown"


class MailboxNeed(StrEnum):
    """Whether a mailbox that is nobody's own needs a license."""

    NONE = "none"
    PLAN_2 = "plan_2"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxView:
    """One user's mailbox. Sizes in bytes, None where no usable report tells them; `as_of` is the report's day."""

    kind: MailboxKind = MailboxKind.UNKNOWN
    used_bytes: int | None = None
    archive: bool | None = None
    as_of: date | None = None

    @property
    def is_someones(self) -> bool:
        """Whether it is (or may be) a person's: all but shared mailboxes and those of rooms."""
        return self.kind not in (MailboxKind.SHARED, MailboxKind.ROOM)

    @property
    def is_large(self) -> bool:
        """Whether it would need Exchange Online Plan 2 as a shared mailbox."""
        return self.archive is True or self.is_oversized

    @property
    def is_oversized(self) -> bool:
        """Whether it holds more than a mailbox without a license may."""
        return self.used_bytes is not None and self.used_bytes > UNLICENSED_LIMIT_BYTES

    @property
    def need(self) -> MailboxNeed:
        """What it needs while it is nobody's own; unknown unless size and archive are both told."""
        if self.is_large:
            return MailboxNeed.PLAN_2
        return MailboxNeed.UNKNOWN if self.used_bytes is None or self.archive is None else MailboxNeed.NONE

    @property
    def gigabytes(self) -> float | None:
        """The size as a person reads it, in GB of 1024³ bytes as Exchange counts, one decimal."""
        return None if self.used_bytes is None else round(self.used_bytes / 1024**3, 1)


_PURPOSES = {
    "user": MailboxKind.USER,
    "linked": MailboxKind.USER,
    "shared": MailboxKind.SHARED,
    "room": MailboxKind.ROOM,
    "equipment": MailboxKind.ROOM,
}


def view(user: User, row: Mailbox | None, *, sizes: bool, as_of: date | None) -> MailboxView:
    """Join what is known of a user's mailbox: its purpose as Exchange tells it, else as the report does.

    `sizes` is whether the report is recent enough for its sizes; what kind of mailbox it is does not age.
    """
    kind = _PURPOSES.get(user.mailbox.casefold())
    if kind is None:
        kind = _PURPOSES.get(row.kind.casefold(), MailboxKind.UNKNOWN) if row is not None else MailboxKind.UNKNOWN
    if row is None or not sizes:
        return MailboxView(kind=kind)
    return MailboxView(kind=kind, used_bytes=row.used_bytes, archive=row.archive, as_of=as_of)


class Mailboxes:
    """The mailboxes of one tenant, by user."""

    def __init__(self, case: TenantCase) -> None:
        report = case.report(TenantFact.MAILBOXES)
        self.state = report_state(case, TenantFact.MAILBOXES)
        self.refreshed_on = None if report is None else report.refreshed_on
        joinable = self.state not in (ReportState.UNREAD, ReportState.CONCEALED)
        self._rows = {row.upn.casefold(): row for row in case.snapshot.mailboxes} if joinable else {}

    def of(self, user: User) -> MailboxView:
        """One user's mailbox; of unknown kind and size where nothing tells."""
        row = self._rows.get(user.upn.casefold())
        return view(user, row, sizes=self.state is ReportState.USABLE, as_of=self.refreshed_on)

    def has_row(self, user: User) -> bool:
        """Whether the mailbox report has this user at all."""
        return user.upn.casefold() in self._rows


def mailboxes(case: TenantCase) -> Mailboxes:
    """The mailboxes of a tenant, made once for all rules."""
    return case.once("mailboxes", lambda: Mailboxes(case))
