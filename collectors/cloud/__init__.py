"""Microsoft 365: what is asked of a tenant, through Microsoft Graph alone and read-only, and what it comes to.

Each `m365_<name>.py` declares one `QUESTION`; `discover()` finds it.
"""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collectors.cloud.question import TenantQuestion

_PREFIX = "m365_"


@cache
def discover() -> "tuple[TenantQuestion, ...]":
    """Every question of this folder, in the order they are asked. Raises AttributeError for a module without one."""
    names = sorted(module.name for module in iter_modules(__path__) if module.name.startswith(_PREFIX))
    questions = [import_module(f"{__name__}.{name}").QUESTION for name in names]
    return tuple(sorted(questions, key=lambda question: (question.order, question.name)))
