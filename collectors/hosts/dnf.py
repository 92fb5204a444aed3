"""Updates dnf would install, and the advisories behind them, from its cache only and for any user.

Source: dnf(8) updateinfo list, check-update (exit status 100: updates pending). A candidate may be newer than the
advisory's version (D5). Without `-q`: that would also hide which repositories were left out for want of a cache.
"""

from collectors.hosts._dnf import LEAVE_NOTHING, parser
from collectors.hosts.base import Family, HostCollector
from collectors.model import FactKind

_COMMAND = rf"""
{LEAVE_NOTHING.strip()}
dnf -C updateinfo list; echo "status:$?"
dnf -C check-update; echo "status:$?"
"""

COLLECTOR = HostCollector(
    name="dnf",
    kinds=(FactKind.AVAILABLE_UPDATES,),
    families=frozenset({Family.RHEL}),
    needs=("dnf",),
    when="have dnf || ! have yum",
    command=_COMMAND,
    parse=parser("dnf"),
    slow=True,
    timeout_s=60,
)
