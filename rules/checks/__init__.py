"""The rules, one file each: a module that declares `RULE` is a rule; `discover()` finds it.

To add one, write `rules/checks/<subject>_<condition>.py` with `RULE = Rule(id="<subject>.<condition>", ...)`, its
texts under `[rules.<subject>.<condition>]` of every locale file, and a test with a pass, a fail, a blind and a
boundary-day case.
"""

import importlib
import pkgutil
from functools import cache

from rules.rule import Rule


@cache
def discover() -> tuple[Rule, ...]:
    """Return every rule, sorted by id. Raises ValueError when a file and its rule do not bear the same name."""
    rules = []
    for info in pkgutil.iter_modules(__path__):
        rule = getattr(importlib.import_module(f"{__name__}.{info.name}"), "RULE", None)
        if not isinstance(rule, Rule) or rule.id.replace(".", "_") != info.name:
            raise ValueError(f"rules/checks/{info.name}.py must declare RULE, whose id gives the file its name")
        rules.append(rule)
    return tuple(sorted(rules, key=lambda rule: rule.id))
