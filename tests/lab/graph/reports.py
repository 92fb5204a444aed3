"""Usage reports of the lab: CSV as Microsoft sends it, or almost."""

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

ACTIVE_USERS = "getOffice365ActiveUserDetail"
APPS = "getM365AppUserDetail"
MAILBOXES = "getMailboxUsageDetail"
ACTIVATIONS = "getOffice365ActivationsUserDetail"

_WORKLOADS = ("Exchange", "OneDrive", "SharePoint", "Skype For Business", "Yammer", "Teams")
HEADERS: Mapping[str, tuple[str, ...]] = {
    ACTIVE_USERS: (
        "Report Refresh Date",
        "User Principal Name",
        "Display Name",
        "Is Deleted",
        "Deleted Date",
        *(f"Has {workload} License" for workload in _WORKLOADS),
        *(f"{workload} Last Activity Date" for workload in _WORKLOADS),
        *(f"{workload} License Assign Date" for workload in _WORKLOADS),
        "Assigned Products",
    ),
    APPS: (
        "Report Refresh Date",
        "User Principal Name",
        "Last Activation Date",
        "Last Activity Date",
        "Report Period",
        "Windows",
        "Mac",
        "Mobile",
        "Web",
        *(
            f"{app}{suffix}"
            for suffix in ("", " (Windows)", " (Mac)", " (Mobile)", " (Web)")
            for app in ("Outlook", "Word", "Excel", "PowerPoint", "OneNote", "Teams")
        ),
    ),
    MAILBOXES: (
        "Report Refresh Date",
        "User Principal Name",
        "Display Name",
        "Is Deleted",
        "Deleted Date",
        "Created Date",
        "Last Activity Date",
        "Item Count",
        "Storage Used (Byte)",
        "Issue Warning Quota (Byte)",
        "Prohibit Send Quota (Byte)",
        "Prohibit Send/Receive Quota (Byte)",
        "Deleted Item Count",
        "Deleted Item Size (Byte)",
        "Deleted Item Quota (Byte)",
        "Has Archive",
        "Report Period",
    ),
    ACTIVATIONS: (
        "Report Refresh Date",
        "User Principal Name",
        "Display Name",
        "Product Type",
        "Last Activated Date",
        "Windows",
        "Mac",
        "Windows 10 Mobile",
        "iOS",
        "Android",
        "Activated On Shared Computer",
    ),
}
_NAMES = ("User Principal Name", "Display Name")


def csv_of(
    report: str,
    rows: Iterable[Mapping[str, object]],
    *,
    refreshed_on: date | None,
    header: Sequence[str] | None = None,
    bom: bool = True,
    concealed: bool = False,
) -> bytes:
    """A report's bytes. Columns a row does not name are empty; `header` overrides order and set of columns.

    `concealed` replaces names by hashes, as tenants do by default.
    """
    columns = HEADERS[report] if header is None else tuple(header)
    text = io.StringIO(newline="")
    written = csv.writer(text)
    written.writerow(columns)
    for row in rows:
        told = {"Report Refresh Date": refreshed_on.isoformat() if refreshed_on else "", **row}
        if concealed:
            told |= {name: hidden(str(told[name])) for name in _NAMES if told.get(name)}
        written.writerow([_shown(told.get(column, "")) for column in columns])
    return (b"\xef\xbb\xbf" if bom else b"") + text.getvalue().encode()


def hidden(name: str) -> str:
    """A name as a tenant with concealed names shows it."""
    return hashlib.md5(name.encode()).hexdigest().upper()


def _shown(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else "" if value is None else str(value)
