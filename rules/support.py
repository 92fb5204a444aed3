"""Until when the publisher fixes a release, for one machine: regular support, what follows it, and who is entitled.

Debian LTS is free and counts as support, named LTS (L10). Ubuntu ESM, Red Hat ELS and SUSE LTSS count only for a
machine entitled to them (L12); SLES for SAP Applications includes ESPOS in its ordinary subscription; Windows ESU only
for a machine whose activation says so (W14). The day a date names is still supported. Cycles and products are named as
endoflife.date names them.
"""

import re
from dataclasses import dataclass
from datetime import date

from collectors.feeds.records import Lifecycle
from collectors.model import FactKind, OperatingSystem
from rules.rule import Case
from rules.windows.support import cycle_in, enrolment_of


@dataclass(frozen=True, slots=True, kw_only=True)
class _Extension:
    """What follows regular support: its name, the kind of subscription that sells it ("" when free), and the service.

    An empty `service` means that the subscription itself includes it. `repository` is a word in the name of the
    repository that delivers it, for registrations that do not tell their services.
    """

    name: str
    kind: str = ""
    service: str = ""
    repository: str = ""


ESU = "ESU"
_UNREAD = "unread"  # sold, and nothing on the machine tells to whom
_EXTENSIONS = {  # by os-release ID
    "debian": _Extension(name="LTS"),
    "ubuntu": _Extension(name="ESM", kind="ubuntu-pro", service="esm-infra"),
    "rhel": _Extension(name="ELS", kind="rhel", service="els", repository="els"),
    "sles": _Extension(name="LTSS", kind="suse", service="ltss", repository="ltss"),
    # Bundled, hence 4.5 years for every service pack: https://www.suse.com/support/policy-products/
    "sles_sap": _Extension(name="ESPOS", kind="suse"),
    "ol": _Extension(name="Extended Support", kind=_UNREAD),
}
_WORD = re.compile(r"[^a-z0-9]+")
_PRODUCTS = {  # os-release ID -> (endoflife.date product, how many parts of VERSION_ID name a cycle; 0 = all)
    "debian": ("debian", 1),
    "ubuntu": ("ubuntu", 0),
    "almalinux": ("almalinux", 1),
    "rocky": ("rocky-linux", 1),
    "rhel": ("rhel", 1),
    "ol": ("oracle-linux", 1),
    "sles": ("sles", 0),
    "sles_sap": ("sles", 0),
    "opensuse-leap": ("opensuse", 0),
    "alpine": ("alpine-linux", 2),
    "fedora": ("fedora", 0),
    "amzn": ("amazon-linux", 0),
    "linuxmint": ("linuxmint", 0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """Where a release stands today: `ends_on` the last day of the phase that counts for this machine.

    `phase` names the extension in force ("LTS", "ESM", ...), "" in regular support; `followed_by` the one that this
    machine goes on with after `regular_until`. `sellable_until` is set when
    support exists until then and this machine is not entitled to it; `unsure` when it depends on an entitlement that
    could not be read.
    """

    ends_on: date | None
    phase: str = ""
    regular_until: date | None = None
    followed_by: str = ""
    over: bool = False
    sellable_until: date | None = None
    unsure: bool = False

    @property
    def is_out(self) -> bool:
        """Whether support has surely ended for this machine."""
        return self.over and not self.unsure


def cycle_of(case: Case) -> tuple[str, Lifecycle | None]:
    """Return the endoflife.date product of a system, and its release cycle; "" and None when the calendar has none."""
    system = case.system
    if system.id == "windows":
        return cycle_in(case.snapshot, case.knowledge.lifecycles)
    if system.id == "centos":
        stream = "stream" in system.pretty_name.lower()
        product, parts = ("centos-stream" if stream else "centos"), 1
    else:
        product, parts = _PRODUCTS.get(system.id, ("", 0))
    pieces = system.version_id.split(".")
    name = ".".join(pieces[:parts] if parts else pieces)
    lifecycles = case.knowledge.lifecycles
    return product, lifecycles.get((product, name)) or lifecycles.get((product, f"{name}.0"))


def stated_end(system: OperatingSystem) -> date | None:
    """SUPPORT_END of os-release(5), None when absent or not a date."""
    try:
        return date.fromisoformat(system.support_end)
    except ValueError:
        return None


def support_of(case: Case) -> Support | None:
    """Apply the release's dates to this machine; None when neither the calendar nor the system itself knows any."""
    _, cycle = cycle_of(case)
    if cycle is not None and (cycle.support_ends_on is not None or cycle.ended is not None):
        return _by_calendar(case, cycle)
    stated = stated_end(case.system)
    return None if stated is None else Support(ends_on=stated, over=case.today > stated)


def is_out_of_support(case: Case) -> bool:
    """Whether nobody publishes fixes for this machine any more: that none is missing then says nothing."""
    found = support_of(case)
    return found is not None and found.is_out


def _by_calendar(case: Case, cycle: Lifecycle) -> Support:
    regular, extended = cycle.support_ends_on, cycle.extended_ends_on
    if regular is None:
        return Support(ends_on=None, over=bool(cycle.ended))
    if case.system.id == "windows":
        return _with_security_updates(case, cycle, regular)
    extension = _EXTENSIONS.get(case.system.id)
    if extension is None or extended is None or extended <= regular:
        return Support(ends_on=regular, over=case.today > regular)
    entitled = _is_entitled(case, extension)
    if entitled:
        begun = case.today > regular
        return Support(
            ends_on=extended,
            phase=extension.name if begun else "",
            regular_until=regular,
            followed_by="" if begun else extension.name,
            over=case.today > extended,
        )
    return Support(
        ends_on=regular,
        over=case.today > regular,
        sellable_until=extended if case.today <= extended else None,
        unsure=entitled is None and case.today <= extended,
    )


def _with_security_updates(case: Case, cycle: Lifecycle, regular: date) -> Support:
    """Apply Microsoft's Extended Security Updates, which are bought by the year.

    Until regular support ends nobody can be enrolled, so that nothing is in doubt; afterwards the machine's own
    enrolment counts, and a lapsed one leaves it out of support while later years are sold.
    """
    sold_until = cycle.extended_ends_on
    if sold_until is None or sold_until <= regular:
        return Support(ends_on=regular, over=case.today > regular)
    sellable = sold_until if case.today <= sold_until else None
    if case.today <= regular:
        return Support(ends_on=regular, sellable_until=sellable)
    enrolment = enrolment_of(case.snapshot, case.knowledge, cycle)
    if enrolment.until is None:
        unsure = enrolment.unsure and sellable is not None
        return Support(ends_on=regular, over=True, sellable_until=sellable, unsure=unsure)
    over = case.today > enrolment.until
    return Support(
        ends_on=enrolment.until,
        phase=ESU,
        regular_until=regular,
        over=over,
        sellable_until=sellable if enrolment.until < sold_until else None,
        unsure=over and enrolment.unsure and sellable is not None,
    )


def _is_entitled(case: Case, extension: _Extension) -> bool | None:
    """Whether this machine receives the extension; None when that could not be read."""
    if not extension.kind:
        return True
    if extension.kind == _UNREAD or case.snapshot.gaps_of(FactKind.SUBSCRIPTION):
        return None
    entries = [found for found in case.snapshot.subscriptions if found.kind == extension.kind]
    attached = [entry for entry in entries if entry.attached]
    if not attached:
        return None if any(entry.attached is None for entry in entries) else False
    if all(entry.expires_at is not None and entry.expires_at < case.as_of for entry in attached):
        return False
    services = [service.lower() for entry in attached for service in entry.services]
    if not extension.service or any(extension.service in service for service in services):
        return True
    return _by_repositories(case, extension.repository, services) if extension.repository else False


def _by_repositories(case: Case, mark: str, services: list[str]) -> bool | None:
    """Whether an enabled repository delivers the extension: a registration does not always say for what.

    Red Hat's tool names no service at all; SUSE's lists its products for root only.
    """
    names = (entry.id.lower() for entry in case.snapshot.repositories if entry.enabled)
    if any(mark in _WORD.split(name) for name in names):
        return True
    told = services if case.system.id != "rhel" else not case.snapshot.gaps_of(FactKind.REPOSITORIES)
    return False if told else None
