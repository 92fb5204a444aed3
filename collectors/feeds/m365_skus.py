"""Microsoft's names of its products and service plans, by GUID: what "SPB" is called on an invoice.

The file has traps: a byte order mark or none, UTF-8 or the Windows code page, non-breaking spaces inside GUIDs, one
GUID under two names and one name over several GUIDs, repeated rows. GUIDs alone are keys; the last row of one stands.
Source: https://learn.microsoft.com/entra/identity/users/licensing-service-plan-reference, which links to the file.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date

from collectors.errors import FeedInvalid
from collectors.feeds.feed import Feed, Part, RawPart
from collectors.feeds.records import PlanName, SkuName

_NAME = "m365-skus"
_BASE = "https://download.microsoft.com/download/e/3/e/e3e9faf2-f28b-490a-9ada-c6089a1fc5b0"
_FILE = "Product%20names%20and%20service%20plan%20identifiers%20for%20licensing.csv"
_MAX_BYTES = 32 << 20  # 5,500 rows were 1 MB in 2026

_PRODUCT, _PART_NUMBER, _SKU = "Product_Display_Name", "String_Id", "GUID"
_PLAN, _PLAN_ID, _PLAN_TITLE = "Service_Plan_Name", "Service_Plan_Id", "Service_Plans_Included_Friendly_Names"
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_UNSEEN = re.compile("[\x00-\x1f\x7f\xa0]")  # a NUL would be refused by a workbook
_TWICE_ENCODED = re.compile("[\u00c2\u00c3\u00e2]")  # how UTF-8 begins when it was read as the Windows code page


def parse(parts: tuple[RawPart, ...]) -> Iterator[SkuName | PlanName]:
    """Yield each SKU once, then each plan of each SKU once. Raises FeedInvalid, naming the line, for anything else."""
    skus: dict[str, SkuName] = {}
    plans: dict[tuple[str, str], PlanName] = {}
    reader = csv.DictReader(io.StringIO(_text(parts[0]), newline=""), strict=True)
    try:
        missing = {_PRODUCT, _PART_NUMBER, _SKU, _PLAN, _PLAN_ID, _PLAN_TITLE}.difference(reader.fieldnames or ())
        if missing:
            raise FeedInvalid(_NAME, f"it has no column {', '.join(sorted(missing))}.")
        for row in reader:
            if None in row or None in row.values():
                raise FeedInvalid(_NAME, f"line {reader.line_num} has another number of fields than the header.")
            sku_id, plan_id = _guid(row[_SKU], reader.line_num), _guid(row[_PLAN_ID], reader.line_num)
            part_number = _words(row[_PART_NUMBER])
            skus[sku_id] = SkuName(sku_id=sku_id, part_number=part_number, name=_words(row[_PRODUCT]) or part_number)
            plans[sku_id, plan_id] = PlanName(
                id=plan_id, sku_id=sku_id, name=_words(row[_PLAN]), title=_words(row[_PLAN_TITLE])
            )
    except csv.Error as error:
        raise FeedInvalid(_NAME, f"it is no CSV after line {reader.line_num}: {error}.") from error
    yield from skus.values()
    yield from plans.values()


def _text(part: RawPart) -> str:
    data = part.path.read_bytes()
    if data.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<"):
        raise FeedInvalid(_NAME, "a web page came instead of the table.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            return data.decode("cp1252")
        except UnicodeDecodeError as error:
            raise FeedInvalid(_NAME, f"it is text neither in UTF-8 nor in the Windows code page: {error}.") from error


def _guid(text: str, line: int) -> str:
    found = text.replace("\xa0", " ").strip().lower()
    if _GUID.fullmatch(found) is None:
        raise FeedInvalid(_NAME, f"line {line} names a GUID {text[:40]!r}, which is none.")
    return found


def _words(text: str) -> str:
    """A name as it was meant: single spaces that break, and decoded once more where that was forgotten."""
    if _TWICE_ENCODED.search(text):
        with suppress(UnicodeError):  # it was an honest accent
            text = text.encode("cp1252").decode()
    return " ".join(_UNSEEN.sub(" ", text).split())


def parts(settings: Mapping[str, str], _today: date) -> tuple[Part, ...]:
    """One file, at an address that has not changed in years."""
    return (Part(name="skus.csv", url=f"{settings['base'].rstrip('/')}/{_FILE}", max_bytes=_MAX_BYTES),)


FEED = Feed(
    name=_NAME,
    title="Microsoft 365 product names and service plans",
    licence="CC-BY-4.0 (Microsoft documentation)",
    homepage="https://learn.microsoft.com/entra/identity/users/licensing-service-plan-reference",
    max_age_days=120,
    parts=parts,
    parse=parse,
    minimum_records=2_000,
    settings={"base": _BASE},
)
