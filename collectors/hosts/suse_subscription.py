"""Whether a SUSE Linux Enterprise machine is registered, for which products and until when.

Source: SUSEConnect(8) -s, JSON for root only; its registration code is a secret and is blanked on the host. For every
user /etc/zypp/credentials.d/SCCcredentials exists on a registered machine.
"""

from datetime import UTC, datetime

from collectors.hosts.base import (
    Facts,
    Family,
    HostCollector,
    Section,
    Unreadable,
    denied_or,
    first_line,
    json_of,
    prefixed,
)
from collectors.model import FactKind, GapReason, Subscription

_COMMAND = r"""
d=/etc/zypp/credentials.d
if [ -e $d/SCCcredentials ]; then echo credentials:yes
elif [ ! -d $d ] || [ -x $d ]; then echo credentials:no
else echo credentials:unknown; fi
if ! command -v SUSEConnect >/dev/null 2>&1; then echo tool:missing
elif [ "$(id -u)" = 0 ]; then
  SUSEConnect -s 2>&1 | sed -e 's/"regcode" *: *"[^"]*"/"regcode":""/g' -e 's/^/status:/'
else echo tool:unprivileged; fi
exit 0
"""


def _parse(section: Section) -> Facts:
    lines = prefixed(section.stdout)
    if "status" in lines:
        return Facts(subscriptions=(_status("\n".join(lines["status"])),))
    credentials = lines.get("credentials", [""])[0]
    if credentials in ("yes", "no"):
        return Facts(subscriptions=(Subscription(kind="suse", attached=credentials == "yes"),))
    if lines.get("tool") == ["missing"]:
        raise Unreadable(GapReason.MISSING, "SUSEConnect is not installed")
    if lines.get("tool") == ["unprivileged"]:
        raise Unreadable(GapReason.DENIED, "SUSEConnect -s needs root, /etc/zypp/credentials.d is closed to others")
    raise Unreadable(GapReason.UNPARSABLE, "no registration status told")


def _status(text: str) -> Subscription:
    try:
        products = json_of(text)
        registered = [product for product in products if product["status"] == "Registered"]
        names = tuple(sorted(f"{product['identifier']} {product['version']}" for product in registered))
        ends = [_time(product["expires_at"]) for product in registered if product.get("expires_at")]
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError) as error:
        raise Unreadable(
            denied_or(GapReason.UNPARSABLE, text), f"no registration status: {first_line(text)!r}"
        ) from error
    return Subscription(kind="suse", attached=bool(registered), services=names, expires_at=min(ends, default=None))


def _time(text: str) -> datetime:
    """Of "2026-12-31 00:00:00 UTC"."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC)


COLLECTOR = HostCollector(
    name="suse_subscription",
    kinds=(FactKind.SUBSCRIPTION,),
    families=frozenset({Family.SUSE}),
    when="grep -qsE '^ID=\"?sle' /etc/os-release",
    command=_COMMAND,
    parse=_parse,
    slow=True,
    timeout_s=40,
)
