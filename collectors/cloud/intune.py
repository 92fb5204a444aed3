"""Whether a tenant owns Intune: without it there is nothing to ask, and Graph answers with an error."""

from collectors.cloud.question import Asked

PERMISSION = "DeviceManagementManagedDevices.Read.All"

# Every plan of that name manages devices, but for the one that comes with each Office plan (Basic Mobility).
_PREFIX, _BASIC = "INTUNE", "INTUNE_O365"


def owned(asked: Asked) -> bool:
    """Whether Intune is among the plans of the SKUs; true where the SKUs are not known."""
    if asked.skus is None:
        return True
    names = (plan.name.upper() for sku in asked.skus for plan in sku.plans)
    return any(name.startswith(_PREFIX) and name != _BASIC for name in names)
