"""Updates yum would install on systems older than dnf (EL 7), from its cache only.

Source: yum(8) updateinfo list (built in since 3.4.3-154), check-update (exit status 100: updates pending).
"""

from collectors.hosts._dnf import LEAVE_NOTHING, parser
from collectors.hosts.base import Family, HostCollector
from collectors.model import FactKind

_COMMAND = rf"""
{LEAVE_NOTHING.strip()}
yum -C -q updateinfo list; echo "status:$?"
yum -C -q check-update; echo "status:$?"
"""

COLLECTOR = HostCollector(
    name="yum",
    kinds=(FactKind.AVAILABLE_UPDATES,),
    families=frozenset({Family.RHEL}),
    needs=("yum",),
    when="have yum && ! have dnf",
    command=_COMMAND,
    parse=parser("yum"),
    slow=True,
    timeout_s=60,
)
