"""Names in a client's own files that nobody bears: told, so that a misspelt price is no silent "n.c.".

SKUs that no tenant has, machines that are none of the client's.
"""

from collections.abc import Iterable, Iterator, Sequence

from auditor.tables import suggestion
from rules.contract import Contract
from rules.knowledge import Knowledge
from rules.model import TenantSummary
from rules.products import product_named
from rules.software.devices import Device


def unknown_products(contract: Contract, tenants: Sequence[TenantSummary], knowledge: Knowledge) -> tuple[str, ...]:
    """One sentence per SKU that neither a tenant of the client nor Microsoft's list of products knows.

    Nothing is told where nobody can say: without a tenant, and without that list where a tenant was not read.
    """
    listed = knowledge.sku_names.values()
    if not tenants or (not listed and not all(tenant.licenses for tenant in tenants)):
        return ()
    owned = [line for tenant in tenants for line in tenant.licenses]
    skus = [(line.sku_id, line.part_number) for line in owned] + [(sku.sku_id, sku.part_number) for sku in listed]
    known = {name.casefold() for pair in skus for name in pair}
    parts = sorted({part for _, part in skus})
    return tuple(
        f"{where}: no tenant of this client has {name!r}"
        + (", and Microsoft's list of products does not know it. " if listed else ". ")
        + (suggestion(name, parts) or "Is it misspelt?")
        for name, where in dict(_named(contract)).items()
        if name.casefold() not in known and product_named(name) is None
    )


def unknown_machines(contract: Contract, devices: Sequence[Device]) -> tuple[str, ...]:
    """One sentence per machine that `[software]` of the client file names and that is none of the client's.

    Nothing is told where no machine is known. A retired machine need not be in the file any more, so that it is told
    only where its name resembles one that is.
    """
    terms = contract.software
    known = [device.name for device in devices]
    strange = [
        (where, name, must_be_known)
        for where, names, must_be_known in (
            ("client.toml, software.primary_users", terms.primary_users, True),
            ("client.toml, software.retired", terms.retired, False),
        )
        for name in names
        if devices and not any(device.is_called(name) for device in devices)
    ]
    return tuple(
        f"{where}: no machine of this client is called {name!r}. {suggestion(name, known)}".rstrip()
        for where, name, must_be_known in strange
        if must_be_known or suggestion(name, known)
    )


def _named(contract: Contract) -> Iterator[tuple[str, str]]:
    """Every SKU that is named, with the place where it stands."""
    terms = contract.m365
    places: Iterable[tuple[str, Iterable[str]]] = (
        ("client.toml, m365.spare_seats", terms.spare_seats),
        ("client.toml, m365.non_billable", terms.non_billable),
        ("client.toml, m365.left_out", terms.left_out),
        ("client.toml, m365.exceptions", (exception.product for exception in terms.exceptions if exception.product)),
    )
    for where, names in places:
        yield from ((name, where) for name in names)
    for price in reversed(contract.prices):
        yield price.product, price.source
