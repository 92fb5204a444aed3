"""Identity of the running Windows: build and update revision first, for they decide what is installed (W1).

Source: HKLM, SOFTWARE, Microsoft, Windows NT, CurrentVersion; Win32_OperatingSystem, Win32_ComputerSystem and
Win32_ComputerSystemProduct, for which a login that is no administrator's is refused: their part of the verdict (product
type, name) stands in the registry too.
"""

import re
from datetime import UTC, datetime
from typing import Any

import msgspec

from collectors.hosts.base import Unreadable, shown
from collectors.model import FactKind, Gap, GapReason, OperatingSystem
from collectors.windows.block import WindowsBlock, WindowsPart
from collectors.windows.blocks._values import Moment, guid, sane
from collectors.windows.facts import ProductType, WindowsSystem
from collectors.windows.names import branch_of, display_version, nt_version, pretty_name

NAME = "system"
FIRST_WITH_UBR = 10240  # Windows 10: older releases have no UBR, or one that not every roll-up moves
_REVISION = re.compile(r"\d+\.(\d{1,9})\.")
_LAST_SECOND = 2**32  # InstallDate is a DWORD of seconds since 1970
_NO_UUIDS = frozenset(
    {
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "03000200-0400-0500-0006-000700080009",  # boards whose maker left the example of the standard
        "00020003-0004-0005-0006-000700080009",
        "12345678-1234-5678-90ab-cddeefaabbcc",
        "fefefefe-fefe-fefe-fefe-fefefefefefe",
        "11111111-1111-1111-1111-111111111111",
    }
)
_PRODUCT_TYPES = {1: ProductType.CLIENT, 2: ProductType.DOMAIN_CONTROLLER, 3: ProductType.SERVER}
_PRODUCT_OPTIONS = {
    "winnt": ProductType.CLIENT,
    "lanmannt": ProductType.DOMAIN_CONTROLLER,
    "servernt": ProductType.SERVER,
}
_ARCHITECTURES = {"amd64": "x64", "x86": "x86", "arm64": "arm64"}
_HYPERVISORS = (  # words as systemd-detect-virt prints them; (in the maker's name, in the model's name)
    ("", "virtualbox", "oracle"),
    ("innotek", "", "oracle"),
    ("vmware", "", "vmware"),
    ("", "vmware", "vmware"),
    ("microsoft corporation", "virtual machine", "microsoft"),
    ("amazon ec2", "", "amazon"),
    ("google", "compute engine", "google"),
    ("parallels", "", "parallels"),
    ("xen", "", "xen"),
    ("", "hvm domu", "xen"),
    ("nutanix", "", "kvm"),
    ("red hat", "kvm", "kvm"),
    ("ovirt", "", "kvm"),
    ("qemu", "", "kvm"),
    ("", "standard pc", "kvm"),
)


class _CurrentVersion(msgspec.Struct, rename="pascal"):
    current_build_number: str = ""
    ubr: int | None = msgspec.field(default=None, name="UBR")
    build_lab_ex: str = ""
    display_version: str = ""
    release_id: str = ""
    edition_id: str = msgspec.field(default="", name="EditionID")
    installation_type: str = ""
    product_name: str = ""
    install_date: int | None = None


class _Bios(msgspec.Struct, rename="pascal"):
    system_manufacturer: str = ""
    system_product_name: str = ""


class _System(msgspec.Struct):
    current_version: _CurrentVersion
    clock: Moment | None = None
    architecture: str | None = None
    product_type: str | None = None
    culture: str | None = None
    hostname: str | None = None
    dns_domain: str | None = None
    bios: _Bios = msgspec.field(default_factory=_Bios)
    hardware_config: str | None = None
    boot_by_counter: Moment | None = None
    cim_product_type: int | None = None
    sku: int | None = None
    boot_time: Moment | None = None
    in_domain: bool | None = None
    domain: str | None = None
    manufacturer: str | None = None
    model: str | None = None
    uuid: str | None = None
    cim_problem: str = ""


def _parse(value: Any) -> WindowsPart:
    seen = msgspec.convert(value, _System, strict=False)
    system = _system(seen)
    gaps: tuple[Gap, ...] = ()
    if system.product_type is None:
        detail = "neither ProductOptions nor Win32_OperatingSystem tells client from server"
        if seen.cim_problem:
            detail = f"{detail}: {shown(seen.cim_problem.strip())}"
        gaps = (Gap(kind=FactKind.OPERATING_SYSTEM, collector=NAME, reason=GapReason.FAILED, detail=detail),)
    return WindowsPart(operating_system=_identity(seen, system), system=system, clock=seen.clock, gaps=gaps)


def _system(seen: _System) -> WindowsSystem:
    current = seen.current_version
    number = current.current_build_number.strip()
    if not number.isdecimal() or len(number) > 6:
        raise Unreadable(GapReason.UNPARSABLE, f"CurrentBuildNumber is no number: {shown(number)!r}")
    build = int(number)
    revision = _revision(build, current)
    if revision is None:
        raise Unreadable(GapReason.MISSING, f"the registry of build {build} has no UBR: its patch level is not known")
    product_type = _PRODUCT_TYPES.get(seen.cim_product_type or 0)
    if product_type is None:
        product_type = _PRODUCT_OPTIONS.get((seen.product_type or "").casefold())
    return WindowsSystem(
        build=build,
        ubr=revision,
        product_type=product_type,
        display_version=current.display_version or current.release_id,
        edition_id=current.edition_id,
        installation_type=current.installation_type,
        product_name=current.product_name,
        sku=seen.sku,
        installed_at=_installed_at(current.install_date or 0),
        culture=seen.culture or "",
        domain=seen.domain or seen.dns_domain or "",
        in_domain=seen.in_domain,
    )


def _revision(build: int, current: _CurrentVersion) -> int | None:
    """UBR; before Windows 10 also the revision in BuildLabEx ("9200.25031.amd64fre...."), whichever is higher."""
    if build >= FIRST_WITH_UBR:
        return current.ubr
    match = _REVISION.match(current.build_lab_ex)
    found = [number for number in (current.ubr, int(match[1]) if match else None) if number is not None]
    return max(found, default=None)


def _installed_at(seconds: int) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if 0 < seconds < _LAST_SECOND else None


def _identity(seen: _System, system: WindowsSystem) -> OperatingSystem:
    branch = branch_of(
        edition_id=system.edition_id,
        installation_type=system.installation_type,
        sku=system.sku,
        product_type=system.product_type or "",
    )
    version = system.display_version or display_version(system.build, branch)
    return OperatingSystem(
        id="windows",
        version_id=f"{nt_version(system.build)}.{system.full_build}",
        variant_id=branch,
        codename=version,
        pretty_name=pretty_name(
            build=system.build,
            branch=branch,
            edition_id=system.edition_id,
            installation_type=system.installation_type,
            version=version,
            sku=system.sku,
        ),
        architecture=_ARCHITECTURES.get((seen.architecture or "").casefold(), seen.architecture or ""),
        hostname=seen.hostname or "",
        machine_id=machine_id(seen.uuid or seen.hardware_config or ""),
        virtualization=_virtualization(
            seen.manufacturer or seen.bios.system_manufacturer, seen.model or seen.bios.system_product_name
        ),
        boot_time=sane(seen.boot_time) or sane(seen.boot_by_counter),
    )


def machine_id(uuid: str) -> str:
    """The board's UUID in lower case, "" for those that many boards share."""
    plain = guid(uuid)
    return "" if plain in _NO_UUIDS else plain


def _virtualization(manufacturer: str, model: str) -> str:
    maker, kind = manufacturer.casefold(), model.casefold()
    if not maker and not kind:
        return ""
    for in_maker, in_model, name in _HYPERVISORS:
        if in_maker in maker and in_model in kind:
            return name
    return "none"


BLOCK = WindowsBlock(name=NAME, kinds=(FactKind.OPERATING_SYSTEM,), parse=_parse)
