"""On which platforms each user used Word, Excel, Outlook and the rest, and when last.

Source: https://learn.microsoft.com/graph/api/reportroot-getm365appuserdetail
"""

from collectors.cloud.facts import AppsUsage, TenantFact
from collectors.cloud.graph import GraphClient
from collectors.cloud.question import Asked, TenantPart, TenantQuestion
from collectors.cloud.usage_reports import PERMISSION, UPN, Row, read_usage

_PLATFORMS = {"windows": "Windows", "mac": "Mac", "mobile": "Mobile", "web": "Web"}
_APPS = ("Outlook", "Word", "Excel", "PowerPoint", "OneNote", "Teams")


def ask(client: GraphClient, _asked: Asked) -> TenantPart:
    """Read the Microsoft 365 apps report of the longest period there is."""
    needed = ("Last Activity Date", *_PLATFORMS.values())
    path = "/reports/getM365AppUserDetail"
    usages = read_usage(QUESTION, client, path, period="D180", needed=needed, make=_apps_usage)
    return TenantPart(reports=(usages.report,), apps_usage=usages.rows, gaps=usages.gaps)


def _apps_usage(row: Row) -> AppsUsage:
    return AppsUsage(
        upn=row.text(UPN),
        last_activity_on=row.day("Last Activity Date"),
        last_activation_on=row.day("Last Activation Date"),
        platforms=tuple(name for name, column in _PLATFORMS.items() if row.flag(column)),
        desktop_apps=tuple(app for app in _APPS if row.flag(f"{app} (Windows)") or row.flag(f"{app} (Mac)")),
    )


QUESTION = TenantQuestion(
    name="apps-usage",
    kinds=(TenantFact.APPS_USAGE,),
    permissions=(PERMISSION,),
    ask=ask,
    order=61,
)
