"""`[software]` of a client file -> `SoftwareTerms`: what was agreed about installed software."""

from collections.abc import Iterable, Mapping
from typing import Annotated

import msgspec

from auditor.tables import Complaints, Name, Table
from collectors.model import Target
from rules.rights import SoftwareTerms, UnwantedSoftware

Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
Age = Annotated[int, msgspec.Meta(ge=1, le=3650)]
_DEFAULTS = SoftwareTerms()


class _UnwantedTable(Table):
    product: Name
    reason: Name
    forbidden: bool = True


class _SoftwareTable(Table):
    unwanted: list[object] = msgspec.field(default_factory=list)
    hosts: dict[Name, tuple[Name, ...]] = msgspec.field(default_factory=dict)
    retired: tuple[Name, ...] = ()
    production_labels: tuple[Name, ...] = _DEFAULTS.production_labels
    device_max_age_days: Age = _DEFAULTS.device_max_age_days
    users: Count | None = None
    devices: Count | None = None
    private_use_allowed: dict[Name, Name] = msgspec.field(default_factory=dict)
    primary_users: dict[Name, Name] = msgspec.field(default_factory=dict)
    ends_horizon_days: Age = _DEFAULTS.ends_horizon_days
    host_cores: dict[Name, Count] = msgspec.field(default_factory=dict)
    rights_complete: bool = False


def read_software(said: Complaints, value: object) -> SoftwareTerms:
    """Read the table. Raises SettingsError naming file, key and problem."""
    table = said.convert(value, "software", _SoftwareTable)
    _check_hosts(said, table.hosts)
    for device, user in table.primary_users.items():
        name, _, domain = user.strip().partition("@")
        if not name or not domain or " " in user.strip():
            problem = f"{user!r} is no user principal name."
            raise said.error(f'software.primary_users."{device}"', problem, "Write it as marie@contoso.com.")
    for label in table.production_labels:
        if label.startswith("@"):
            raise said.error("software.production_labels", f"{label!r}: a label is written without @ here.")
    for product in table.private_use_allowed:
        _check_product(said, f'software.private_use_allowed."{product}"', product)
    return SoftwareTerms(
        unwanted=_unwanted(said, table.unwanted),
        hosts={host.strip(): tuple(guest.strip() for guest in guests) for host, guests in table.hosts.items()},
        retired=tuple(name.strip() for name in table.retired),
        production_labels=table.production_labels,
        device_max_age_days=table.device_max_age_days,
        users=table.users,
        devices=table.devices,
        private_use_allowed={key.strip(): reason.strip() for key, reason in table.private_use_allowed.items()},
        primary_users={device.strip(): user.strip() for device, user in table.primary_users.items()},
        ends_horizon_days=table.ends_horizon_days,
        host_cores={host.strip(): cores for host, cores in table.host_cores.items()},
        rights_complete=table.rights_complete,
    )


def software_notes(terms: SoftwareTerms, targets: Iterable[Target]) -> tuple[str, ...]:
    """Names in the table that no machine of the client bears, and products nobody knows here, each as a sentence.

    Physical hosts may be outside the audit, and retired machines are usually no longer listed: neither is told. Names
    in primary_users may be the ones machines give themselves: `unlisted_devices`, and after the visits the audit.
    """
    machines = tuple(targets)
    known = _names_of(machines)
    retired = {name.casefold() for name in terms.retired}
    notes = []
    for host, guests in terms.hosts.items():
        notes += [_unknown(f'hosts."{host}"', guest) for guest in guests if guest.casefold() not in known]
    for target in machines:
        if target.name.casefold() in retired:
            notes.append(
                f"client.toml, software.retired: {target.name!r} is still a machine of [[machines]]: it is visited and "
                "counts nowhere in the position"
            )
    labels = {label.casefold() for target in machines for label in target.labels}
    for label in terms.production_labels:
        if label not in _DEFAULTS.production_labels and label.casefold() not in labels:
            notes.append(f"client.toml, software.production_labels: no machine has the label {label!r}")
    return (*notes, *_unknown_products(terms))


def unlisted_devices(terms: SoftwareTerms, targets: Iterable[Target]) -> tuple[str, ...]:
    """Machines of primary_users that the client file does not list, each as a sentence: before any visit."""
    known = _names_of(targets)
    return tuple(_unknown("primary_users", name) for name in terms.primary_users if name.casefold() not in known)


def _names_of(targets: Iterable[Target]) -> set[str]:
    return {name.casefold() for target in targets for name in (target.name, target.address) if name}


def _check_hosts(said: Complaints, hosts: Mapping[str, tuple[str, ...]]) -> None:
    """A virtual machine runs on one host, and none on itself."""
    seen: dict[str, str] = {}
    for host, guests in hosts.items():
        path = f'software.hosts."{host}"'
        for guest in guests:
            name = guest.strip().casefold()
            if name == host.strip().casefold():
                raise said.error(path, f"{guest!r} is its own host.", "Name the virtual machines that run on it.")
            if name in seen:
                raise said.error(path, f"{guest!r} also runs on {seen[name]!r}.", "Name it under one host.")
            seen[name] = host


def _unwanted(said: Complaints, value: object) -> tuple[UnwantedSoftware, ...]:
    found: dict[str, UnwantedSoftware] = {}
    for number, table in enumerate(said.rows(value, "software.unwanted"), start=1):
        product = table.get("product") if isinstance(table, Mapping) else None
        place = f"software.unwanted[{number}]"
        path = f'{place} ("{product}")' if isinstance(product, str) else place
        written = said.convert(table, path, _UnwantedTable)
        _check_product(said, f"{path}.product", written.product)
        name = written.product.strip()
        if name.casefold() in found:
            raise said.error(f"{path}.product", f"also in {found[name.casefold()].place}.", "Name it once.")
        found[name.casefold()] = UnwantedSoftware(
            product=name, reason=written.reason.strip(), forbidden=written.forbidden, place=place
        )
    return tuple(found.values())


def _check_product(said: Complaints, path: str, product: str) -> None:
    if not product.strip(" *?."):
        raise said.error(path, f"{product!r} means every program.", "Name a product; * stands for a part of its name.")


def _unknown(key: str, name: str) -> str:
    return f"client.toml, software.{key}: no machine is named {name!r}"


def _unknown_products(terms: SoftwareTerms) -> list[str]:
    """Products that only a pattern could meet: said, since such a line would never meet anything."""
    from rules.products import product_named

    named = [(f"{unwanted.place}.product", unwanted.product) for unwanted in terms.unwanted]
    named += [("software.private_use_allowed", product) for product in terms.private_use_allowed]
    return [
        f"client.toml, {key}: {product!r} is no product known here: installed programs of exactly this name are meant; "
        f"write {product + '*'!r} for all that begin with it"
        for key, product in named
        if "*" not in product and product_named(product) is None
    ]
