"""What every part of the position asks of the client's machines: who uses them, where virtual ones run, what covers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from rules.contract import Contract
from rules.rights import Metric, SoftwareTerms
from rules.software.devices import Device
from rules.software.identity import name_key, short_name
from rules.software.matching import Right
from rules.software.owners import Owners
from rules.software.recognition import Install
from rules.software.tenant_rights import TenantRights

RDS_HOST = "remote-desktop-session-host"


@dataclass(slots=True, kw_only=True)
class Estate:
    """All machines of a client with what it bought: `rights` are in force on `today`, `declared`: it has a file."""

    devices: tuple[Device, ...]
    tenants: Sequence[TenantRights]
    contract: Contract
    today: date
    declared: bool
    rights: tuple[Right, ...]
    owners: Owners
    _by_short: dict[str, list[Device]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for device in self.devices:
            for short in {short_name(name) or name_key(name) for name in device.names}:
                self._by_short.setdefault(short, []).append(device)

    @property
    def terms(self) -> SoftwareTerms:
        """What was agreed about installed software."""
        return self.contract.software

    @property
    def tenants_read(self) -> bool:
        """Whether the licenses of users could be read, in every tenant there is."""
        return bool(self.tenants) and all(tenant.read for tenant in self.tenants)

    def called(self, name: str) -> Device | None:
        """The machine of a name; None where none, or more than one, bears it."""
        near = self._by_short.get(short_name(name) or name_key(name), ())
        found = [device for device in near if device.is_called(name)]
        return found[0] if len(found) == 1 else None

    def metrics_of(self, product: str) -> frozenset[Metric]:
        """The metrics under which rights to a product of the table were bought."""
        return frozenset(right.entitlement.metric for right in self.rights if right.product == product)

    def with_install(self, product: str) -> Iterable[tuple[Device, Install]]:
        """Every machine that runs a product, with the copy it runs."""
        return ((device, one) for device in self.devices for one in device.installs if one.product.id == product)
