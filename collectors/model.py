"""Facts about machines, and the gaps where a fact could not be had.

Every fact here is what a collector saw on one host at one moment; nothing is judged. All timestamps are aware and in
UTC. A tuple is empty only when the collector looked and found nothing; when it could not look, a `Gap` of that
`FactKind` stands beside the empty tuple, and the rules engine turns a pass resting on it into "unknown".
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from collectors.windows.facts import WindowsFacts


class Protocol(StrEnum):
    """How a machine is reached; each is one transport in `collectors.transports`, but for a tenant's (`M365`)."""

    SSH = "ssh"
    WINRM = "winrm"
    LOCAL = "local"
    REPLAY = "replay"
    M365 = "m365"  # a Microsoft 365 tenant: no machine, visited by `collectors.cloud.visit`


class FactKind(StrEnum):
    """One kind of fact a rule may need. `HOST` stands for the whole machine."""

    HOST = "host"
    OPERATING_SYSTEM = "operating_system"
    PACKAGES = "packages"
    KERNELS = "kernels"
    REBOOT = "reboot"
    AVAILABLE_UPDATES = "available_updates"
    PACKAGE_LISTS = "package_lists"
    REPOSITORIES = "repositories"
    SUBSCRIPTION = "subscription"
    APPLICATIONS = "applications"
    LAST_UPDATE = "last_update"
    # Windows only
    INSTALLED_UPDATES = "installed_updates"
    UPDATE_POLICY = "update_policy"
    USER_APPLICATIONS = "user_applications"
    STORE_APPS = "store_apps"
    OFFICE = "office"
    DOTNET = "dotnet"
    SQL_SERVER = "sql_server"
    EXCHANGE = "exchange"
    ANTIVIRUS = "antivirus"
    ACTIVATION = "activation"
    PROCESSORS = "processors"
    ROLES = "roles"


class GapReason(StrEnum):
    """Why a fact could not be had."""

    UNREACHABLE = "unreachable"  # no TCP connection: refused, no route, name unknown, probe timed out
    REFUSED = "refused"  # we refused: unknown or changed host key, unsafe protocol
    DENIED = "denied"  # the host refused: login, permission, forced command, sudo
    FAILED = "failed"  # a command failed, a server answered nonsense
    TIMED_OUT = "timed_out"  # the deadline of the section or of the host passed
    UNPARSABLE = "unparsable"  # an answer we do not understand: at least one line is unread
    TRUNCATED = "truncated"  # the answer was cut off: output limit, lost connection
    MISSING = "missing"  # the tool that would tell is not installed
    UNSUPPORTED = "unsupported"  # this product does not know the system
    INTERRUPTED = "interrupted"  # the operator stopped the run


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A fact that could not be had. `detail` is one English sentence fit for a technician, free of secrets."""

    kind: FactKind
    collector: str
    reason: GapReason
    detail: str

    @property
    def is_limit(self) -> bool:
        """Whether this is how far the way of looking reaches, and nothing that went wrong.

        Programs a person installed for themselves stand in a part of the registry that is there only while that person
        is signed in: on nearly every machine somebody is not.
        """
        return self.kind is FactKind.USER_APPLICATIONS and self.reason is GapReason.MISSING


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One machine, or one Microsoft 365 tenant (`M365`), to visit.

    `name` is unique within a client and is what every report shows. `address` is a DNS name, an IPv4 or IPv6 address
    (without brackets), for `replay` a path to a recording, for `local` empty, for `m365` a tenant id or a verified
    domain. `credential` is the *name* of a credential of the client file, never a secret. `exposure` is "internet" or
    "internal" ("" when not stated). `tls` is for WinRM: HTTPS or sealed HTTP; None lets the port decide (5985 is HTTP,
    everything else HTTPS).
    """

    name: str
    protocol: Protocol = Protocol.SSH
    address: str = ""
    port: int | None = None
    user: str = ""
    credential: str = ""
    site: str = ""
    exposure: str = ""
    labels: tuple[str, ...] = ()
    tls: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingSystem:
    """Identity of the running system, from os-release(5), uname(2) and systemd-detect-virt(1).

    On Windows `id` is "windows", `version_id` the full build ("10.0.26100.8655"), `pretty_name` made from build and
    edition (never from ProductName, W12), `machine_id` the UUID of the board, `architecture` "x64", "x86" or "arm64";
    everything else of Windows is in `HostSnapshot.windows`.

    `id`, `id_like`, `version_id`, `codename`, `pretty_name`, `variant_id` and `platform_id` are os-release fields as
    written ("" when absent). `kernel_release` is `uname -r`; `architecture` is `uname -m`. `virtualization` is what
    systemd-detect-virt prints ("none", "kvm", "lxc", "docker", "wsl", ...; "" when it could not be told).
    `container` is true for every container technology, WSL included: the kernel is then not this machine's (L24).
    """

    id: str
    id_like: tuple[str, ...] = ()
    version_id: str = ""
    codename: str = ""
    pretty_name: str = ""
    variant_id: str = ""
    platform_id: str = ""
    support_end: str = ""
    kernel_release: str = ""
    kernel_version: str = ""
    architecture: str = ""
    hostname: str = ""
    machine_id: str = ""
    virtualization: str = ""
    container: bool = False
    boot_time: datetime | None = None
    clock_skew_s: int | None = None


class PackageScheme(StrEnum):
    """Version ordering a package follows."""

    DEB = "deb"
    RPM = "rpm"
    APK = "apk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One installed package.

    `version` and `source_version` are complete: deb `[epoch:]upstream[-revision]`, rpm `[epoch:]version-release` (an
    epoch of 0 is left out), apk `version-rN`. `source_name` is the source package (deb Source, rpm SOURCERPM name, apk
    origin). `origin` is who offers the installed version: apt's Origin label ("Debian", "Ubuntu", "Docker", ...; that
    of the upgrade once the installed version is superseded) or rpm's VENDOR; "" when no repository names it. `module`
    is the rpm MODULARITYLABEL ("name:stream:version:context"), "" outside modules. `held` is dpkg's hold flag (L4).
    """

    name: str
    version: str
    architecture: str
    source_name: str
    source_version: str
    scheme: PackageScheme
    origin: str = ""
    module: str = ""
    held: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """One installed bootable kernel image; `release` is what `uname -r` would print after booting it.

    `version` is the package version, `flavor` the part kernels of one kind share ("amd64", "generic", "" for EL).
    """

    package: str
    release: str
    version: str
    flavor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelState:
    """Kernels on disk and live patches loaded. The running release is `OperatingSystem.kernel_release`.

    `livepatch` names an active live patch ("kpatch", "livepatch: 103.1"), "" when none is loaded.
    """

    installed: tuple[Kernel, ...] = ()
    livepatch: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RebootSignal:
    """One independent sign that a reboot is or is not needed (L23).

    `name`: "reboot-required-file", "newer-kernel", "needs-restarting", "zypper-needs-rebooting", "needrestart"; on
    Windows "component-servicing", "windows-update", "staged-update", "file-rename" (weak), "computer-rename",
    "configuration-manager".
    `required` is None when the sign could not be read. `detail` says what was seen, in the host's own words.
    """

    name: str
    required: bool | None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RebootState:
    """All reboot signals of a host; `packages` asked for the reboot (reboot-required.pkgs)."""

    signals: tuple[RebootSignal, ...]
    packages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AvailableUpdate:
    """One update the host's own package manager offers, read without refreshing anything.

    `origin` is apt's origin text ("Debian-Security:12/oldstable-security") or the repository id. `security` is None
    when the package manager does not say. `advisories` are the ids it names (RHSA, ALSA, SUSE-SU, ...). `held_back`
    marks an update apt keeps back.
    """

    name: str
    architecture: str
    installed_version: str
    candidate_version: str
    origin: str = ""
    security: bool | None = None
    advisories: tuple[str, ...] = ()
    severity: str = ""
    held_back: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageLists:
    """When the package manager last refreshed its lists; `manager` is "apt", "dnf", "yum", "zypper" or "apk".

    `refreshed_at` is None when no list exists at all: the manager then offers nothing, which is not "up to date".
    """

    manager: str
    refreshed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """One repository the package manager uses. `security` marks a security suite (by origin or name)."""

    id: str
    uri: str = ""
    suite: str = ""
    origin: str = ""
    enabled: bool = True
    security: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A vendor subscription that decides which fixes a host may install.

    `kind`: "ubuntu-pro", "rhel", "suse". `services` are enabled ones ("esm-infra", "esm-apps", "livepatch", ...).
    `attached` is None when it could not be told.
    """

    kind: str
    attached: bool | None
    services: tuple[str, ...] = ()
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """Software outside the package manager: `scope` is "snap" or "flatpak" (L25); on Windows "machine", "user", "appx".

    `name` and `version` are DisplayName and DisplayVersion as written ("" when absent), `code` the name of the
    uninstall key (an MSI ProductCode or the product's own word) or the Appx package family, `architecture` the registry
    view ("x64", "x86") or the package's. `user` is the SID of the one user it is installed for. `noise` marks rows
    that Windows itself hides (SystemComponent, ParentKeyName, ReleaseType, W27): kept, never shown as a program.
    """

    name: str
    version: str
    scope: str
    publisher: str = ""
    channel: str = ""
    code: str = ""
    architecture: str = ""
    user: str = ""
    msi: bool = False
    noise: bool = False
    location: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastUpdate:
    """The newest trace of an installation or upgrade; `source` is the file or command that tells."""

    at: datetime
    source: str


class CollectorOutcome(StrEnum):
    """What became of one collector on one host."""

    OK = "ok"
    PARTIAL = "partial"
    FAILED = "failed"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorStatus:
    """One line per collector that was asked, printed in "Coverage and limits"."""

    name: str
    outcome: CollectorOutcome
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSnapshot:
    """Everything seen on one host in one visit, whatever happened.

    A host that could not be visited has `operating_system` None and one gap of kind `FactKind.HOST`. `aliases` are
    other target names found to be the same machine (G3). `privileged` tells whether sudo or root was in effect.
    """

    target: Target
    taken_at: datetime
    duration_s: float = 0.0
    privileged: bool = False
    aliases: tuple[str, ...] = ()
    operating_system: OperatingSystem | None = None
    packages: tuple[Package, ...] = ()
    kernels: KernelState | None = None
    reboot: RebootState | None = None
    available_updates: tuple[AvailableUpdate, ...] = ()
    package_lists: PackageLists | None = None
    repositories: tuple[Repository, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()
    applications: tuple[Application, ...] = ()
    last_update: LastUpdate | None = None
    windows: WindowsFacts | None = None
    collectors: tuple[CollectorStatus, ...] = ()
    gaps: tuple[Gap, ...] = field(default=())

    @property
    def reached(self) -> bool:
        """Whether the machine itself was seen (some areas may still be gaps)."""
        return all(gap.kind is not FactKind.HOST for gap in self.gaps)

    def gaps_of(self, kind: FactKind) -> tuple[Gap, ...]:
        """Gaps that hide facts of `kind`; a gap on the whole host hides every kind."""
        return tuple(gap for gap in self.gaps if gap.kind in (kind, FactKind.HOST))
