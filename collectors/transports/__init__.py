"""Ways to run one script on one machine. A module declares `TRANSPORT`; `discover()` finds it.

Every transport runs one script once (`sh -s` or PowerShell, the script on standard input) and hands back what came out,
also when it was cut short; see `collectors.transports.base`. What SSH and WinRM need beyond their entry points lives in
the packages `secure_shell` and `wsman`: finding the transports loads neither paramiko nor pywinrm (150 ms each).
"""

import importlib
import pkgutil

from collectors.model import Protocol
from collectors.transports.base import Transport


def discover() -> dict[Protocol, Transport]:
    """Every module of this package that declares a `TRANSPORT`, by the protocol it serves."""
    found: dict[Protocol, Transport] = {}
    for module in pkgutil.iter_modules(__path__):
        if module.ispkg:
            continue
        transport = getattr(importlib.import_module(f"{__name__}.{module.name}"), "TRANSPORT", None)
        if isinstance(transport, Transport):
            found[transport.protocol] = transport
    return found
