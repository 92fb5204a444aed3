"""When each user was last active in Exchange, Teams and the rest: the main proof where no P1 tells sign-ins.

Source: https://learn.microsoft.com/graph/api/reportroot-getoffice365activeuserdetail
"""

from collectors.cloud.facts import TenantFact, Usage
from collectors.cloud.graph import GraphClient
from collectors.cloud.question import Asked, TenantPart, TenantQuestion
from collectors.cloud.usage_reports import PERMISSION, UPN, Row, read_usage

_WORKLOADS = {
    "exchange": "Exchange Last Activity Date",
    "onedrive": "OneDrive Last Activity Date",
    "sharepoint": "SharePoint Last Activity Date",
    "teams": "Teams Last Activity Date",
    "yammer": "Yammer Last Activity Date",
    "skype": "Skype For Business Last Activity Date",
}
# Without one of these a user who works in it alone would look idle; the others are retired or renamed.
_NEEDED = tuple(_WORKLOADS[name] for name in ("exchange", "onedrive", "sharepoint", "teams"))


def ask(client: GraphClient, _asked: Asked) -> TenantPart:
    """Read the active-user report of the longest period there is."""
    path = "/reports/getOffice365ActiveUserDetail"
    usages = read_usage(QUESTION, client, path, period="D180", needed=_NEEDED, make=_usage)
    return TenantPart(reports=(usages.report,), usage=usages.rows, gaps=usages.gaps)


def _usage(row: Row) -> Usage:
    days = tuple((name, on) for name, column in _WORKLOADS.items() if (on := row.day(column)) is not None)
    return Usage(upn=row.text(UPN), last_on=max((on for _, on in days), default=None), by_workload=days)


QUESTION = TenantQuestion(
    name="usage",
    kinds=(TenantFact.USAGE,),
    permissions=(PERMISSION,),
    ask=ask,
    order=60,
)
