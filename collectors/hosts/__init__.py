"""Sources of host facts, one file each. A module declares `COLLECTOR`; `discover()` finds it.

Modules whose name begins with an underscore, and `base`, hold what several sources share.
"""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from collectors.hosts.base import HostCollector


@cache
def discover() -> tuple[HostCollector, ...]:
    """Every collector of this folder, by name. Raises AttributeError for a module that declares none."""
    names = sorted(module.name for module in iter_modules(__path__))
    modules = [import_module(f"{__name__}.{name}") for name in names if name != "base" and not name.startswith("_")]
    return tuple(module.COLLECTOR for module in modules)
