"""Each mailbox: size, archive, last activity, and since 2025 whether it is shared.

Source: https://learn.microsoft.com/graph/api/reportroot-getmailboxusagedetail ("Recipient Type" is not on that page;
tenants write "User" or "UserMailbox", "Shared" or "SharedMailbox", "Room" or "RoomMailbox")
"""

from collectors.cloud.facts import Mailbox, TenantFact
from collectors.cloud.graph import GraphClient
from collectors.cloud.question import Asked, TenantPart, TenantQuestion
from collectors.cloud.reading import word
from collectors.cloud.usage_reports import PERMISSION, UPN, Row, read_usage


def ask(client: GraphClient, _asked: Asked) -> TenantPart:
    """Read the mailbox report: sizes are those of the last day, whatever the period."""
    needed = ("Storage Used (Byte)", "Last Activity Date")
    path = "/reports/getMailboxUsageDetail"
    usages = read_usage(QUESTION, client, path, period="D30", needed=needed, make=_mailbox)
    return TenantPart(reports=(usages.report,), mailboxes=usages.rows, gaps=usages.gaps)


def _mailbox(row: Row) -> Mailbox:
    return Mailbox(
        upn=row.text(UPN),
        used_bytes=row.number("Storage Used (Byte)"),
        archive=row.flag("Has Archive"),
        last_activity_on=row.day("Last Activity Date"),
        kind=word(row.text("Recipient Type").lower().removesuffix("mailbox")),
        created_on=row.day("Created Date"),
    )


QUESTION = TenantQuestion(
    name="mailboxes",
    kinds=(TenantFact.MAILBOXES,),
    permissions=(PERMISSION,),
    ask=ask,
    order=62,
)
