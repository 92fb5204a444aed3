"""Microsoft Graph on loopback, with state: tenants of any size, and every way their Graph is known to misbehave.

    with loopback_graph(made_tenant(users=40)) as lab:
        client = lab.client(tenant)

Not modelled: $expand, $filter but for licensed groups, $batch, delta, delegated permissions, beta.
"""

from tests.lab.graph.server import LoopbackGraph, Seen, Throttle, loopback_graph
from tests.lab.graph.tenant import (
    BUSINESS_PREMIUM,
    EVERY_PERMISSION,
    P1_PLAN,
    TODAY,
    Fault,
    LabTenant,
    made_reports,
    made_tenant,
    nulled,
    sku,
    user,
)

__all__ = [
    "BUSINESS_PREMIUM",
    "EVERY_PERMISSION",
    "P1_PLAN",
    "TODAY",
    "Fault",
    "LabTenant",
    "LoopbackGraph",
    "Seen",
    "Throttle",
    "loopback_graph",
    "made_reports",
    "made_tenant",
    "nulled",
    "sku",
    "user",
]
