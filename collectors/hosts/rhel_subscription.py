"""Whether a Red Hat machine is registered (L19).

Source: subscription-manager(8). `status` needs root; that /etc/pki/consumer/cert.pem exists is visible to every user
and means registered. Whether the subscription is valid is told to root only.
"""

import re

from collectors.hosts.base import Facts, Family, HostCollector, Section, Unreadable, denied_or, first_line, prefixed
from collectors.model import FactKind, GapReason, Subscription

_COMMAND = r"""
d=/etc/pki/consumer
if [ -e $d/cert.pem ]; then echo consumer:yes
elif [ ! -d $d ] || [ -x $d ]; then echo consumer:no
else echo consumer:unknown; fi
if ! command -v subscription-manager >/dev/null 2>&1; then echo tool:missing
elif [ "$(id -u)" = 0 ]; then subscription-manager status 2>&1 | sed 's/^/status:/'
else echo tool:unprivileged; fi
exit 0
"""
_OVERALL = re.compile(r"Overall Status:\s*(.+)")
_UNREGISTERED = ("unknown", "not registered")


def _parse(section: Section) -> Facts:
    lines = prefixed(section.stdout)
    consumer = lines.get("consumer", [""])[0]
    told = "\n".join(lines.get("status", []))
    overall = _OVERALL.search(told)
    if consumer == "yes":
        attached = True
    elif consumer == "no":
        attached = False
    elif overall is not None:
        attached = overall[1].strip().lower() not in _UNREGISTERED
    elif lines.get("tool") == ["missing"]:
        raise Unreadable(GapReason.MISSING, "subscription-manager is not installed")
    elif lines.get("tool") == ["unprivileged"]:
        raise Unreadable(
            GapReason.DENIED, "subscription-manager status needs root, /etc/pki/consumer is closed to others"
        )
    else:
        raise Unreadable(denied_or(GapReason.UNPARSABLE, told), f"no status told: {first_line(told)!r}")
    services = (overall[1].strip(),) if overall is not None and attached else ()
    return Facts(subscriptions=(Subscription(kind="rhel", attached=attached, services=services),))


COLLECTOR = HostCollector(
    name="rhel_subscription",
    kinds=(FactKind.SUBSCRIPTION,),
    families=frozenset({Family.RHEL}),
    when="grep -qsE '^ID=\"?rhel\"?$' /etc/os-release",
    command=_COMMAND,
    parse=_parse,
    slow=True,
    timeout_s=30,
)
