"""Facts that only Windows machines have. Everything is as the machine wrote it, locale-free: ids, numbers, ISO dates.

Nothing here is judged. Builds are "26100.8655" (CurrentBuildNumber.UBR). GUIDs are lower case without braces. KB
numbers are "KB5094126". An empty tuple without a `Gap` of its kind means "looked, and found nothing".
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class ProductType(StrEnum):
    """Win32_OperatingSystem.ProductType: 1, 2, 3. Clients and servers may share a build (W5)."""

    CLIENT = "client"
    DOMAIN_CONTROLLER = "domain_controller"
    SERVER = "server"


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowsSystem:
    """Identity of the running Windows, from the 64-bit registry key of Windows NT's CurrentVersion and from CIM.

    `build` is CurrentBuildNumber, `ubr` the update build revision of the *running* system: together they decide what is
    installed (W1). `display_version` is "24H2" ("" before 20H2: then ReleaseId), `edition_id` "Professional", "Core",
    "EnterpriseS", "IoTEnterpriseS", "ServerStandard", ...; `installation_type` "Client", "Server", "Server Core",
    "Nano Server"; `product_name` as written (lies on Windows 11, W12). `sku` is OperatingSystemSKU. `culture` is the
    system locale ("fr-FR"). `language_mode` is PowerShell's ("FullLanguage", "ConstrainedLanguage", "" when read by
    reg.exe, W31). `elevated` tells whether the token was an administrator's.
    """

    build: int
    ubr: int
    product_type: ProductType | None
    display_version: str = ""
    edition_id: str = ""
    installation_type: str = ""
    product_name: str = ""
    sku: int | None = None
    installed_at: datetime | None = None
    culture: str = ""
    domain: str = ""
    in_domain: bool | None = None
    powershell_version: str = ""
    language_mode: str = ""
    elevated: bool = False

    @property
    def full_build(self) -> str:
        """Build and revision: "26100.8655"."""
        return f"{self.build}.{self.ubr}"


class UpdateSource(StrEnum):
    """Where an installed update was seen; on conflict the UBR wins over all of them (W1-W3)."""

    CBS = "cbs"  # component based servicing package
    QFE = "qfe"  # Win32_QuickFixEngineering: CBS updates only (W2)
    HISTORY = "history"  # the Windows Update Agent's history: what was tried (W3)


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledUpdate:
    """One trace of an update. `kb` is "" for a CBS package whose name has none (a roll-up names its build instead).

    `package` is the CBS package name; `build` the build in it ("26100.8655", "" when none). `state` for CBS is
    "installed", "staged", "superseded", "absent", "install_pending", "uninstall_pending", "partial", "other"; for QFE
    "installed"; for the history "succeeded", "failed", "in_progress", "aborted", "uninstalled". `installed_on` is shown
    and never a deadline's source (W29).
    """

    source: UpdateSource
    state: str
    kb: str = ""
    package: str = ""
    build: str = ""
    installed_on: date | None = None
    update_id: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedUpdate:
    """One update the Windows Update Agent offers (W18: read only). `categories` are category GUIDs (W20).

    `server` is "default" (WSUS where a policy says so), "microsoft" (asked past WSUS, W16) or the id of a registered
    service. `released_on` is LastDeploymentChangeTime. `kind` is "software" or "driver".
    """

    update_id: str
    revision: int
    server: str
    kbs: tuple[str, ...] = ()
    title: str = ""
    categories: tuple[str, ...] = ()
    severity: str = ""
    cves: tuple[str, ...] = ()
    released_on: date | None = None
    hidden: bool = False
    browse_only: bool = False
    reboot_required: bool = False
    downloaded: bool = False
    kind: str = "software"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateSearch:
    """One search of the Windows Update Agent: `server` as in `OfferedUpdate`; `online` false for the cached answer.

    `error` is the HRESULT ("0x8024402c"), "" on success; `result_code` is OperationResultCode (2 succeeded, 3 succeeded
    with errors, 4 failed).
    """

    server: str
    online: bool = True
    result_code: int | None = None
    error: str = ""
    updates: tuple[OfferedUpdate, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdatePolicy:
    """How this machine gets its updates: policies and the service itself.

    `service_start` is the start type of wuauserv: "automatic", "manual", "disabled" (W19). `wsus_server` is WUServer
    when `uses_wsus`. `paused_until` is the latest pause still written (quality updates), `quality_deferral_days` the
    deferral, `target_release` "24H2" when pinned. `last_success_at` is the last successful *search*,
    `last_install_at` the last successful installation. `services` are ids of registered update services (W17).
    """

    uses_wsus: bool | None = None
    wsus_server: str = ""
    service_start: str = ""
    access_disabled: bool = False
    no_internet_locations: bool = False
    automatic_updates: int | None = None
    paused_until: datetime | None = None
    quality_deferral_days: int | None = None
    target_release: str = ""
    last_success_at: datetime | None = None
    last_install_at: datetime | None = None
    hotpatch_allowed: bool | None = None
    hotpatch_table_size: int | None = None
    services: tuple[str, ...] = ()
    managed_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeInstall:
    """One Office: `kind` "click-to-run" or "msi" (decided by the ClickToRun key, W24).

    `products` are ProductReleaseIds ("O365BusinessRetail", "ProPlus2021Volume") or MSI product names; `version` is
    VersionToReport ("16.0.19628.20214"). `channel` is the GUID of the channel in force (W23), `channel_source` which
    value said so: "policy", "update_url", "unmanaged_update_url", "cdn_base_url". `languages` are culture names.
    `shared_computer` tells whether shared computer activation is on (Click-to-Run). `components` are the program files
    of an MSI Office with their versions (("excel", "16.0.5556.1005"), ...; "mso" is the shared library): its `version`
    is that of the shared library where that was readable, else DisplayVersion, which patches do not change.
    """

    kind: str
    version: str
    products: tuple[str, ...] = ()
    platform: str = ""
    channel: str = ""
    channel_source: str = ""
    updates_enabled: bool | None = None
    languages: tuple[str, ...] = ()
    product_codes: tuple[str, ...] = ()
    shared_computer: bool | None = None
    components: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DotNet:
    """.NET on a machine; runtimes stand side by side (W10).

    `framework_release` is the Release DWORD of NDP, v4, Full (None: absent), `framework_version` its Version value,
    `framework_35` whether 3.5 is installed.
    """

    framework_release: int | None = None
    framework_version: str = ""
    framework_35: bool = False
    runtimes: tuple["DotNetRuntime", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DotNetRuntime:
    """One directory below dotnet, shared: "Microsoft.NETCore.App" 8.0.17; `architecture` "x64" or "x86"."""

    name: str
    version: str
    architecture: str = "x64"


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlInstance:
    """One SQL Server instance: `version` is the build "15.0.4430.1" (PatchLevel, else Version of Setup).

    `edition` as written ("Standard Edition", "Express Edition", ...); `features` from the registry when readable.
    """

    name: str
    version: str
    edition: str = ""
    features: tuple[str, ...] = ()
    instance_id: str = ""
    service_pack: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Antivirus:
    """Microsoft Defender as the registry tells it; `enabled` None when it could not be told.

    `disabled_by` says why it is off: "policy", "passive" (another product is registered), "".
    """

    signature_version: str = ""
    signatures_at: datetime | None = None
    platform_version: str = ""
    engine_version: str = ""
    enabled: bool | None = None
    disabled_by: str = ""
    other_products: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """One row of SoftwareLicensingProduct with a partial key. Only the last five characters of a key are ever read.

    `status` is LicenseStatus: 0 unlicensed, 1 licensed, 2-4 grace, 5 notification, 6 extended grace. `activation_id` is
    the row's ID (the ESU years have known ones, W14); `application_id` tells Windows from Office. `channel` is
    ProductKeyChannel ("OEM:DM", "Retail", "Volume:MAK", "Volume:GVLK"). `kms_host` is the KMS machine's name.
    `firmware_license` stands on rows of Windows itself: what the license in the machine's firmware says to be
    ("[4.0] Professional OEM:DM"), "" when the firmware holds none; its key is never read.
    """

    activation_id: str
    application_id: str
    name: str
    status: int
    partial_key: str = ""
    channel: str = ""
    description: str = ""
    grace_minutes: int | None = None
    kms_host: str = ""
    expires_at: datetime | None = None
    firmware_license: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessorTopology:
    """Sockets, physical cores and logical processors, as licenses by core count them.

    `virtual` tells whether this is a virtual machine; `hypervisor_host` the name of its Hyper-V host when the guest
    services tell it. `model` is the processor's name. `memory_bytes` is physical memory.
    """

    sockets: int
    cores: int
    logical: int
    virtual: bool | None = None
    hypervisor_host: str = ""
    model: str = ""
    manufacturer: str = ""
    machine_model: str = ""
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserProfile:
    """A profile of a person on this machine; `name` is its folder.

    `hive_loaded` says that its registry hive was loaded and readable to this login: software installed for one user is
    seen only there.
    """

    sid: str
    name: str
    hive_loaded: bool
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowsFacts:
    """Everything Windows-only of one machine; a field not seen is None, or empty beside a gap of its kind.

    `search` holds one entry per server asked. `exchange_version` is ExSetup.exe's file version ("15.2.1748.39"), ""
    when Exchange is not installed (W25). `roles` are ids: "domain-controller", "hyper-v", "wsus", "exchange",
    "remote-desktop-session-host", "sql-server", "iis", "print-server", "file-server", "dns", "dhcp", "adfs",
    "certificate-services".
    """

    system: WindowsSystem
    installed_updates: tuple[InstalledUpdate, ...] = ()
    search: tuple[UpdateSearch, ...] = ()
    policy: UpdatePolicy | None = None
    office: tuple[OfficeInstall, ...] = ()
    dotnet: DotNet | None = None
    sql_instances: tuple[SqlInstance, ...] = ()
    exchange_version: str = ""
    antivirus: Antivirus | None = None
    activations: tuple[Activation, ...] = ()
    processors: ProcessorTopology | None = None
    profiles: tuple[UserProfile, ...] = ()
    roles: tuple[str, ...] = ()
