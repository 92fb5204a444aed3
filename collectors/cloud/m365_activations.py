"""On how many computers each user activated Office, by product. This report has no period.

Source: https://learn.microsoft.com/graph/api/reportroot-getoffice365activationsuserdetail
"""

from collectors.cloud.facts import Activations, TenantFact
from collectors.cloud.graph import GraphClient
from collectors.cloud.question import Asked, TenantPart, TenantQuestion
from collectors.cloud.reading import word
from collectors.cloud.usage_reports import PERMISSION, UPN, Row, read_usage

_MOBILE = ("Windows 10 Mobile", "iOS", "Android")


def ask(client: GraphClient, _asked: Asked) -> TenantPart:
    """Read the activations as they stand."""
    needed = ("Product Type", "Windows", "Mac")
    path = "/reports/getOffice365ActivationsUserDetail"
    usages = read_usage(QUESTION, client, path, needed=needed, make=_activations)
    return TenantPart(reports=(usages.report,), activations=usages.rows, gaps=usages.gaps)


def _activations(row: Row) -> Activations:
    return Activations(
        upn=row.text(UPN),
        product=word(row.text("Product Type")),
        windows=row.number("Windows") or 0,
        mac=row.number("Mac") or 0,
        mobile=sum(row.number(column) or 0 for column in _MOBILE),
        shared_computer=row.flag("Activated On Shared Computer") is True,
        last_on=row.day("Last Activated Date"),
    )


QUESTION = TenantQuestion(
    name="activations",
    kinds=(TenantFact.ACTIVATIONS,),
    permissions=(PERMISSION,),
    ask=ask,
    order=63,
)
