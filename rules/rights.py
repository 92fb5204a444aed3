"""What a client bought: entitlements, and what was agreed about installed software. Read by `auditor`, judged here.

The words follow ISO/IEC 19770-3 (entitlement, metric, quantity, proof). Amounts are euro, excluding VAT.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum


class Metric(StrEnum):
    """What one unit of a right covers."""

    DEVICE = "device"
    USER = "user"
    NAMED_USER = "named_user"
    CONCURRENT = "concurrent"
    CORE = "core"  # `Entitlement.units_per_pack` cores each: packs of 2, 8 or 16
    SERVER = "server"  # the server's own license where clients need CALs
    USER_CAL = "user_cal"
    DEVICE_CAL = "device_cal"
    SITE = "site"  # everything of the right holder, without a number
    SUBSCRIPTION_SEAT = "subscription_seat"


class Channel(StrEnum):
    """How a right was bought."""

    OEM = "oem"
    RETAIL = "retail"  # full packaged product
    VOLUME = "volume"
    SUBSCRIPTION = "subscription"
    SPLA = "spla"
    UNKNOWN = ""


class VersionRule(StrEnum):
    """Which versions a right covers, from the one it names."""

    EXACT = "exact"
    UP_TO = "up_to"  # that version and older ones
    ANY = "any"  # with Software Assurance or a subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitlement:
    """One right, as the client's file states it.

    `product` is a product's id or name (`rules.products`), or a pattern of display names with `*`. `edition` and
    `version` are compared without case ("" says nothing about them). `quantity` counts packs of `units_per_pack` units;
    None for a site. `bound_to` are names, serial numbers or UUIDs of the devices an OEM right belongs to. The right
    counts from `start` to the day `end` included; `maintenance_end` ends new versions, not the right (case 61).
    `downgrade` None follows the channel (volume and subscription may run older versions, case 46); `second_device`
    covers a portable computer of the same person; `virtualization` is how many virtual machines one right covers.
    `unit_price` is for one of `quantity`, once, or a year where `yearly`. `place` says where it stands ("licenses.xlsx,
    sheet Licences, row 7").
    """

    id: str
    product: str
    metric: Metric
    quantity: Decimal | None
    place: str
    publisher: str = ""
    edition: str = ""
    version: str = ""
    version_rule: VersionRule = VersionRule.EXACT
    units_per_pack: int = 1
    channel: Channel = Channel.UNKNOWN
    bound_to: tuple[str, ...] = ()
    start: date | None = None
    end: date | None = None
    maintenance_end: date | None = None
    downgrade: bool | None = None
    second_device: bool = False
    virtualization: int | None = None
    proof: str = ""
    unit_price: Decimal | None = None
    yearly: bool = False
    note: str = ""

    @property
    def units(self) -> Decimal | None:
        """Quantity in units of the metric; None for a site."""
        return None if self.quantity is None else self.quantity * self.units_per_pack

    @property
    def may_run_older(self) -> bool:
        """Whether the right covers older versions of its product."""
        if self.downgrade is not None:
            return self.downgrade
        return self.version_rule is not VersionRule.EXACT or self.channel in (Channel.VOLUME, Channel.SUBSCRIPTION)

    def is_in_force(self, today: date) -> bool:
        """Whether the right counts on a day (cases 61 and 62)."""
        return (self.start is None or self.start <= today) and (self.end is None or today <= self.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnwantedSoftware:
    """Software the client does not want: a product's id or name, or a pattern of display names with `*`."""

    product: str
    reason: str
    forbidden: bool = True  # false: unwanted, to be talked about
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftwareTerms:
    """What was agreed about installed software, and what no scan can see.

    `hosts` names the virtual machines of each physical host (case 56). `retired` devices count nowhere. A device with
    one of `production_labels` must not run a developer edition (case 57). What was last seen more than
    `device_max_age_days` ago is told as old (case 64). `users` and `devices` are what CALs are compared with where the
    client counts them itself; None: nobody said. `private_use_allowed` are products free for private use about which
    it was decided, with the reason. `primary_users` names the user (user principal name) of a machine.
    `ends_horizon_days` is how early the end of a right is announced. `host_cores` are the physical cores of hosts that
    are not audited themselves. With `rights_complete` the file names every right there is: a paid product it does not
    name at all is a deficit then, and else a question.
    """

    unwanted: tuple[UnwantedSoftware, ...] = ()
    hosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    retired: tuple[str, ...] = ()
    production_labels: tuple[str, ...] = ("production",)
    device_max_age_days: int = 45
    users: int | None = None
    devices: int | None = None
    private_use_allowed: Mapping[str, str] = field(default_factory=dict)
    primary_users: Mapping[str, str] = field(default_factory=dict)
    ends_horizon_days: int = 60
    host_cores: Mapping[str, int] = field(default_factory=dict)
    rights_complete: bool = False
