"""Office: Click-to-Run by its Configuration key (W24), MSI by product codes of Office's own pattern.

The channel in force is told, in this order, by the policies (those of the cloud before those of the domain, a path
before a branch), UpdateUrl, UnmanagedUpdateURL, CDNBaseUrl (W23). A path to a share names no channel, so the next one
tells; a policy that names an unknown branch leaves the channel unknown, which is a gap.

Only base products of an MSI Office count: language packs, proofing tools and the MSI parts of a Click-to-Run Office
share the pattern. Product names are made from the code, since display names are localized.

Source: "Change the Microsoft 365 Apps update channel" and "Description of the numbering scheme for product code GUIDs"
of Microsoft's documentation; channel GUIDs as in the addresses of Office's content delivery network.
"""

import re
from typing import Any

import msgspec

from collectors.hosts.base import shown
from collectors.model import FactKind, Gap, GapReason
from collectors.windows.block import WindowsBlock, WindowsPart
from collectors.windows.blocks._rows import file_version, read_rows, text
from collectors.windows.facts import OfficeInstall

_NAME = "office"
_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_CODE = re.compile(r"\{9[0-9A-F](12|14|15|16)0000-([0-9A-F]{4})-[0-9A-F]{4}-([01])000-[01]000000FF1CE\}")

_CURRENT = "492350f6-3a01-4f97-b9c0-c7c6ddf67d60"
_CURRENT_PREVIEW = "64256afe-f5d9-4f86-8936-8840a6a4f5be"
_MONTHLY_ENTERPRISE = "55336b82-a18d-4dd6-b5f6-9e5095c314a6"
_SEMI_ANNUAL = "7ffbc6bf-bc32-4f92-8982-f9dd17fd3114"
_SEMI_ANNUAL_PREVIEW = "b8f9b850-328d-4355-9145-c59439a0c4cf"
_BETA = "5440fd1f-7ecb-4221-8110-145efaa6372f"
_BRANCHES = {  # words the UpdateBranch policy took over the years
    "current": _CURRENT,
    "monthly": _CURRENT,
    "currentpreview": _CURRENT_PREVIEW,
    "firstreleasecurrent": _CURRENT_PREVIEW,
    "monthlytargeted": _CURRENT_PREVIEW,
    "insiders": _CURRENT_PREVIEW,
    "monthlyenterprise": _MONTHLY_ENTERPRISE,
    "semiannual": _SEMI_ANNUAL,
    "deferred": _SEMI_ANNUAL,
    "broad": _SEMI_ANNUAL,
    "business": _SEMI_ANNUAL,
    "semiannualpreview": _SEMI_ANNUAL_PREVIEW,
    "semiannualtargeted": _SEMI_ANNUAL_PREVIEW,
    "firstreleasedeferred": _SEMI_ANNUAL_PREVIEW,
    "firstreleasebusiness": _SEMI_ANNUAL_PREVIEW,
    "targeted": _SEMI_ANNUAL_PREVIEW,
    "validation": _SEMI_ANNUAL_PREVIEW,
    "insiderfast": _BETA,
    "betachannel": _BETA,
    "perpetualvl2019": "f2e724c1-748f-4b47-8fb8-8e0d210e9208",
    "perpetualvl2021": "5030841d-c919-4594-8d2d-84ae4f96e58e",
    "perpetualvl2024": "7983bac0-e531-40cf-be00-fd24fe66619c",
}
_YEARS = {"12": "2007", "14": "2010", "15": "2013", "16": "2016"}
_BASE_PRODUCTS = {  # digits 9 to 12 of the product code; parts of a product, viewers and runtimes are left out
    "0011": "Office Professional Plus",
    "0012": "Office Standard",
    "0013": "Office Home and Business",
    "0014": "Office Professional",
    "0015": "Access",
    "0016": "Excel",
    "0017": "SharePoint Designer",
    "0018": "PowerPoint",
    "0019": "Publisher",
    "001A": "Outlook",
    "001B": "Word",
    "002E": "Office Ultimate",
    "002F": "Office Home and Student",
    "0030": "Office Enterprise",
    "0031": "Office Professional Hybrid",
    "0033": "Office Personal",
    "0035": "Office Professional Hybrid",
    "003A": "Project Standard",
    "003B": "Project Professional",
    "003D": "Office",
    "0044": "InfoPath",
    "0051": "Visio Professional",
    "0053": "Visio Standard",
    "0057": "Visio",
    "00A1": "OneNote",
    "00A3": "OneNote Home and Student",
    "00CA": "Office Small Business",
    "012B": "Skype for Business",
}


class _Running(msgspec.Struct):
    version: str = msgspec.field(name="VersionToReport", default="")
    products: str = msgspec.field(name="ProductReleaseIds", default="")
    platform: str = msgspec.field(name="Platform", default="")
    base_url: str = msgspec.field(name="CDNBaseUrl", default="")
    update_url: str = msgspec.field(name="UpdateUrl", default="")
    unmanaged_url: str = msgspec.field(name="UnmanagedUpdateURL", default="")
    updates: str | int = msgspec.field(name="UpdatesEnabled", default="")
    culture: str = msgspec.field(name="ClientCulture", default="")
    shared: str | int = msgspec.field(name="SharedComputerLicensing", default="")
    cultures: list[str] = []


class _Policy(msgspec.Struct):
    branch: str = msgspec.field(name="UpdateBranch", default="")
    path: str = msgspec.field(name="UpdatePath", default="")
    updates: str | int = msgspec.field(name="EnableAutomaticUpdates", default="")


class _Package(msgspec.Struct):
    code: str
    version: str = msgspec.field(name="DisplayVersion", default="")
    root: str = ""


class _Seen(msgspec.Struct):
    running: list[Any]
    policies: list[_Policy]
    packages: list[Any]
    files: dict[str, dict[str, str]]


def _parse(value: Any) -> WindowsPart:
    seen = msgspec.convert(value, _Seen)
    running, gaps = read_rows(_NAME, FactKind.OFFICE, seen.running, lambda row: _click_to_run(row, seen.policies))
    packages, more = read_rows(_NAME, FactKind.OFFICE, seen.packages, lambda row: _msi(row, seen.files))
    office = tuple(dict.fromkeys(running + packages))  # 32-bit Windows answers the same for both views
    if running:
        gaps += _unknown_branch(seen.policies)
    return WindowsPart(office=office, gaps=gaps + more)


def _click_to_run(row: Any, policies: list[_Policy]) -> OfficeInstall | None:
    read = msgspec.convert(row, _Running)
    products = tuple(word for word in (text(part) for part in read.products.split(",")) if word)
    version = file_version(read.version)
    if not version and not products:  # what an uninstall left behind
        return None
    if not version or not products:
        raise ValueError(row)
    channel, source = _channel(read, policies)
    return OfficeInstall(
        kind="click-to-run",
        version=version,
        products=products,
        platform=text(read.platform).lower(),
        channel=channel,
        channel_source=source,
        updates_enabled=_updates_enabled(read, policies),
        languages=_languages(read),
        shared_computer=_flag(read.shared),
    )


def _channel(read: _Running, policies: list[_Policy]) -> tuple[str, str]:
    """GUID of the channel in force and the value that named it; ("", "") when nothing does."""
    ordered = _named_by_policy(policies)
    if ordered is not None:
        return _guid(ordered) or _BRANCHES.get(ordered.lower(), ""), "policy"
    urls = (
        ("update_url", read.update_url),
        ("unmanaged_update_url", read.unmanaged_url),
        ("cdn_base_url", read.base_url),
    )
    return next(((named, source) for source, url in urls if (named := _guid(url))), ("", ""))


def _named_by_policy(policies: list[_Policy]) -> str | None:
    """The first path with a channel's GUID or the first branch, whichever comes first; None without a policy."""
    for policy in policies:
        if _guid(policy.path):
            return policy.path
        if branch := text(policy.branch):
            return branch
    return None


def _guid(url: str) -> str:
    match = _GUID.search(url.lower())
    return match[0] if match else ""


def _unknown_branch(policies: list[_Policy]) -> tuple[Gap, ...]:
    ordered = _named_by_policy(policies)
    if ordered is None or _guid(ordered) or ordered.lower() in _BRANCHES:
        return ()
    detail = f"the policy names the update channel {shown(ordered)!r}, which this product does not know"
    return (Gap(kind=FactKind.OFFICE, collector=_NAME, reason=GapReason.UNPARSABLE, detail=detail),)


def _updates_enabled(read: _Running, policies: list[_Policy]) -> bool | None:
    told = (flag for policy in policies if (flag := _flag(policy.updates)) is not None)
    return next(told, _flag(read.updates))


def _flag(value: str | int) -> bool | None:
    """Click-to-Run writes "True" and "False", or "1" and "0"; policies write numbers."""
    word = text(value).lower()
    return {"true": True, "1": True, "false": False, "0": False}.get(word)


def _languages(read: _Running) -> tuple[str, ...]:
    """Installed cultures ("fr-fr.16" is written, "x-none" is the part without a language), else that of the client."""
    cultures = {culture.lower().partition(".")[0] for culture in read.cultures} - {"x-none", ""}
    if not cultures and read.culture:
        cultures = {text(read.culture).lower()}
    return tuple(sorted(cultures))


def _msi(row: Any, files: dict[str, dict[str, str]]) -> OfficeInstall | None:
    read = msgspec.convert(row, _Package)
    match = _CODE.fullmatch(read.code.upper())
    if match is None:
        raise ValueError(row)
    release, product, platform = match.groups()
    if product not in _BASE_PRODUCTS:
        return None
    found = files.get(read.root, {})
    components = tuple((name, file_version(found[name])) for name in sorted(found))
    return OfficeInstall(
        kind="msi",
        version=dict(components).get("mso") or file_version(read.version),
        products=(f"Microsoft {_BASE_PRODUCTS[product]} {_YEARS[release]}",),
        platform="x64" if platform == "1" else "x86",
        product_codes=(read.code.upper(),),
        components=components,
    )


BLOCK = WindowsBlock(name=_NAME, kinds=(FactKind.OFFICE,), parse=_parse)
