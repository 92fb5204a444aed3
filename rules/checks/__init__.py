"""The rules, one file each: a module that declares `RULE` is a rule; `discover()` finds it.

A rule about Microsoft 365 is a `TenantRule` in a file named `m365_<condition>.py`; `discover_tenant_rules()` finds it.
One about the installed software of all machines together is an `EstateRule`; `discover_estate_rules()` finds it.
To add one, write `rules/checks/<subject>_<condition>.py` with `RULE = Rule(id="<subject>.<condition>", ...)`, its
texts under `[rules.<subject>.<condition>]` of every locale file, and a test with a pass, a fail, a blind and a
boundary-day case.
"""

import importlib
import pkgutil
from functools import cache

from rules.rule import Rule
from rules.software.rule import EstateRule
from rules.tenants.rule import TenantRule


@cache
def discover() -> tuple[Rule, ...]:
    """Return every rule about machines, sorted by id. Raises ValueError when a file and its rule differ in name."""
    return tuple(rule for rule in _declared() if isinstance(rule, Rule))


@cache
def discover_tenant_rules() -> tuple[TenantRule, ...]:
    """Return every rule about Microsoft 365, sorted by id. Raises ValueError like `discover`."""
    return tuple(rule for rule in _declared() if isinstance(rule, TenantRule))


@cache
def discover_estate_rules() -> tuple[EstateRule, ...]:
    """Return every rule about the software of the estate, sorted by id. Raises ValueError like `discover`."""
    return tuple(rule for rule in _declared() if isinstance(rule, EstateRule))


@cache
def _declared() -> tuple[Rule | TenantRule | EstateRule, ...]:
    rules: list[Rule | TenantRule | EstateRule] = []
    for info in pkgutil.iter_modules(__path__):
        rule = getattr(importlib.import_module(f"{__name__}.{info.name}"), "RULE", None)
        if not isinstance(rule, Rule | TenantRule | EstateRule) or rule.id.replace(".", "_") != info.name:
            raise ValueError(f"rules/checks/{info.name}.py must declare RULE, whose id gives the file its name")
        rules.append(rule)
    return tuple(sorted(rules, key=lambda rule: rule.id))
