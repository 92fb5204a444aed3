"""The verdict of matching: one fix, one package, one host."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from collectors.feeds.records import Advisory, Severity
from collectors.model import Package
from rules.model import PatchState


class ProductLine(StrEnum):
    """What a verdict is about: a package of a package manager, or one of Microsoft's products, each with its words."""

    PACKAGE = "package"
    WINDOWS = "windows"
    DOTNET_FRAMEWORK = "dotnet_framework"
    DOTNET = "dotnet"
    OFFICE = "office"
    OFFICE_MSI = "office_msi"
    SQL_SERVER = "sql_server"
    EXCHANGE = "exchange"


class Fix(NamedTuple):
    """Which version closes one advisory, and what installs it ("KB5094126"; "" where the version says it)."""

    fixed_version: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchVerdict:
    """What the advisories say about one installed source package (or modular / binary package) of one host.

    One verdict per (source package, state, entitlement): `fixed_version` is the highest fixed version among
    `advisories` (all still open on this host, oldest first). `packages` are the installed binary packages that carry
    it, `installed_version` the effective one that was compared (for kernels: of the *running* kernel). `package` is
    the name the advisories use. `kernel` marks verdicts about the running kernel. `reason` is the vendor's word for
    NO_FIX, the origin for OUTSIDE_SCOPE, and why nothing can be said for UNKNOWN (`rules.matching.Doubt`,
    `rules.kernels.KernelDoubt`). `entitlement` names the subscription that holds the fix (PRO_REQUIRED, UNKNOWN).
    `fixed_versions` runs parallel to `packages`: the version of that very package that holds all fixes, "" where the
    advisories name source versions only. `also_fixed` are CVEs that no advisory announced and that the same update
    fixes (a point release's, D2). On Windows `packages` is empty, `package` names the product ("Windows 11 24H2",
    "Microsoft 365 Apps", "SQL Server 2019"), `subject` its instance where there may be several, and `remedy` the KB or
    the version to install, `remedy_on` the day it was released. `fixes` then runs parallel to `advisories`. Shared
    between hosts by the memo: never mutated.
    """

    package: str
    packages: tuple[Package, ...]
    installed_version: str
    fixed_version: str
    state: PatchState
    advisories: tuple[Advisory, ...]
    entitlement: str = ""
    reason: str = ""
    kernel: bool = False
    fixed_versions: tuple[str, ...] = ()
    also_fixed: tuple[str, ...] = ()
    remedy: str = ""
    remedy_on: date | None = None
    subject: str = ""
    line: ProductLine = ProductLine.PACKAGE
    fixes: tuple[Fix, ...] = ()

    @property
    def label(self) -> str:
        """The product and, where there may be several, which one of them."""
        return f"{self.package} ({self.subject})" if self.subject else self.package

    @property
    def is_beside(self) -> bool:
        """Whether this is about a product beside the machine's own system, whose verdict stands without it."""
        return self.line not in (ProductLine.PACKAGE, ProductLine.WINDOWS)

    @property
    def cves(self) -> tuple[str, ...]:
        """CVE ids of all open advisories, sorted, each once."""
        return tuple(sorted({cve for advisory in self.advisories for cve in advisory.cves}))

    @property
    def severity(self) -> Severity:
        """Highest severity; an undisclosed one counts as high (G4) but is shown as unknown when it is the highest."""
        order = (Severity.CRITICAL, Severity.HIGH, Severity.UNKNOWN, Severity.MEDIUM, Severity.LOW)
        return min((advisory.severity for advisory in self.advisories), key=order.index, default=Severity.UNKNOWN)

    @property
    def released_on(self) -> date | None:
        """First publication of the oldest open advisory: the SLA clock (G4, G5). None when no advisory has a date."""
        return min((a.issued_on for a in self.advisories if a.issued_on is not None), default=None)
