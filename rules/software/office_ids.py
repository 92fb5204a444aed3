"""What the ids of Office say: Click-to-Run's ProductReleaseIds and the product codes of the MSI installer.

Both are the same in every language, which is why they are asked before any display name. A Click-to-Run id is a
product, a year where it is not the subscription, and how it is sold ("ProPlus2021Volume"); a product code is
{BRMMmmmm-PPPP-LLLL-p000-D000000FF1CE}: R the way it was sold, MM the version, PPPP the product, LLLL the language, 0000
for the product itself.
Source: https://learn.microsoft.com/microsoft-365/troubleshoot/installation/product-ids-supported-office-deployment-click-to-run
Source: https://learn.microsoft.com/office/troubleshoot/office-suite-issues/numbering-scheme-for-product-guid
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from collectors.windows.facts import Activation
from rules.products import Product, products
from rules.rights import Channel

OFFICE = "0ff1ce15-a989-479d-af46-f275c6370663"  # ApplicationID of Office 2013 and later

_ID = re.compile(r"(?P<base>[a-z0-9]+?)(?P<year>2019|2021|2024)?(?P<sold>retail|volume)")
_VARIANTS = re.compile(r"(?:eea)?noteams|pipc|arm(?=retail|volume)")
_NOT_SOLD = frozenset({"languagepack", "proofingtools", "lpk"})
_SUBSCRIBED = ("o365", "microsoft365")
_SOLD_BOTH_WAYS = frozenset({"visiopro", "visiostd", "projectpro", "projectstd"})  # the 2016 edition, or a subscription
_CLICK_TO_RUN_YEARS = {"15": "2013", "16": "2016"}

_CODE = re.compile(
    r"\{?[0-9a-f](?P<sold>[0-9a-f])(?P<major>\d\d)[0-9a-f]{4}-(?P<product>[0-9a-f]{4})-(?P<language>[0-9a-f]{4})-"
    r"[01]000-[01]000000ff1ce\}?"
)
_CODE_YEARS = {"11": "2003", "12": "2007", "14": "2010", "15": "2013", "16": "2016"}
_CODE_CHANNELS = {"0": Channel.VOLUME}  # 1 is retail or OEM
_KEY_CHANNELS = {"oem": Channel.OEM, "retail": Channel.RETAIL, "volume": Channel.VOLUME}


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeProduct:
    """What one id stands for; `product` is None for what belongs to another product (a language, a tool)."""

    product: Product | None
    edition: str = ""
    version: str = ""
    channel: Channel = Channel.UNKNOWN


def click_to_run(identity: str, version: str = "", activations: Iterable[Activation] = ()) -> OfficeProduct | None:
    """Read an id ("ProPlus2021Volume") of an Office of that VersionToReport; None for one that is not known.

    Retail ids do not tell retail from OEM, where they all say retail; those of Visio and Project not even the
    subscription: the key that activated the product does, where it is seen.
    """
    plain = _VARIANTS.sub("", identity.strip().lower())
    if any(plain.startswith(word) for word in _NOT_SOLD):
        return OfficeProduct(product=None)
    read = _ID.fullmatch(plain)
    if read is None:
        return None
    base, year, hosted = read["base"], read["year"] or "", "spla" in read["base"]
    known = _click_to_run_ids().get(base.replace("spla", ""))
    if known is None:
        return None
    product, edition = known
    if base.startswith(_SUBSCRIBED):
        return OfficeProduct(product=product, edition=edition, channel=Channel.SUBSCRIPTION)
    channel = _activated(base + year, activations)
    if not channel and read["sold"] == "volume":
        channel = Channel.VOLUME
    elif not channel and (year or base not in _SOLD_BOTH_WAYS):
        channel = Channel.RETAIL
    if not year and not (base in _SOLD_BOTH_WAYS and read["sold"] == "retail"):
        year = _CLICK_TO_RUN_YEARS.get(version.partition(".")[0], "")
    return OfficeProduct(product=product, edition=edition, version=year, channel=Channel.SPLA if hosted else channel)


def product_code(code: str) -> OfficeProduct | None:
    """Read an MSI product code; None for one that is not Office's or not known."""
    read = _CODE.fullmatch(code.strip().lower())
    if read is None:
        return None
    year, ids = _CODE_YEARS.get(read["major"], ""), _product_code_ids()
    known = ids.get(f"{year}/{read['product']}") or ids.get(read["product"])
    if read["language"] != "0000":
        return OfficeProduct(product=None)
    if known is None:
        return None
    product, edition = known
    return OfficeProduct(
        product=product,
        edition=edition,
        version=year,
        channel=_CODE_CHANNELS.get(read["sold"], Channel.UNKNOWN),
    )


def key_channel(activation: Activation) -> Channel:
    """How the key in use was sold, as far as Windows' licensing service tells."""
    if "timebased_sub" in activation.description.lower():
        return Channel.SUBSCRIPTION
    return _KEY_CHANNELS.get(activation.channel.lower().partition(":")[0], Channel.UNKNOWN)


def _activated(name: str, activations: Iterable[Activation]) -> Channel:
    """The channel of the key of one product: rows are called "Office 21, Office21ProPlus2021VL_MAK_AE edition"."""
    wanted = re.compile(rf"office\d\d{re.escape(name)}(?:r|vl|e5|co)", re.IGNORECASE)
    found = (
        key_channel(row) for row in activations if row.application_id == OFFICE and wanted.search(row.name) is not None
    )
    return next((channel for channel in found if channel), Channel.UNKNOWN)


@cache
def _click_to_run_ids() -> dict[str, tuple[Product, str]]:
    return {
        identity.lower(): (product, edition)
        for product in products()
        for identity, edition in product.click_to_run.items()
    }


@cache
def _product_code_ids() -> dict[str, tuple[Product, str]]:
    return {identity.lower(): (product, edition) for product in products() for identity, edition in product.msi.items()}
