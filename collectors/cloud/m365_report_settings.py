"""Whether the tenant conceals names in its usage reports. The setting is read and never changed.

Nothing hangs on it alone: concealed names are recognised in the reports themselves, so that without the permission the
coverage says so and nothing is hidden.
Source: https://learn.microsoft.com/graph/api/adminreportsettings-get
"""

from collections.abc import Mapping
from typing import Any

from collectors.cloud.graph import GraphClient
from collectors.cloud.question import Asked, TenantPart, TenantQuestion


def ask(client: GraphClient, _asked: Asked) -> TenantPart:
    """Ask for the setting; None where the answer does not hold it."""
    return TenantPart(names_concealed=_concealed(client.get("/admin/reportSettings")))


def _concealed(answer: Mapping[str, Any]) -> bool | None:
    """The object comes bare, as reality has it, or wrapped in `value`, as the documentation has it."""
    wrapped = answer.get("value")
    settings = wrapped if isinstance(wrapped, Mapping) else answer
    concealed = settings.get("displayConcealedNames")
    return concealed if isinstance(concealed, bool) else None


QUESTION = TenantQuestion(
    name="report-settings",
    kinds=(),
    permissions=("ReportSettings.Read.All",),
    ask=ask,
    order=55,
)
