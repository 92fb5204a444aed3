"""A tenant with everything wrong: whatever could not be read, no rule that would have failed says that all is well."""

from dataclasses import replace
from datetime import timedelta
from itertools import combinations

import pytest

from collectors.cloud.facts import Activations, Group, SignInKnowledge, TenantFact
from rules.model import Outcome
from tests.lab.tenants import (
    NOW,
    TODAY,
    annual,
    assignment,
    gap,
    guid,
    judge,
    sku,
    subscription,
    tenant,
    trial,
    user,
)
from tests.rules.tenants.asking import NEVER, box, idle, used

STANDARD, BASIC = "O365_BUSINESS_PREMIUM", "O365_BUSINESS_ESSENTIALS"
SERVERS = {"windows_server": 1, "rds_host": 1}
KINDS = [kind for kind in TenantFact if kind is not TenantFact.TENANT]
SILENT_RULES = {"m365.coverage", "m365.replication_drift"}  # nothing is wrong about these two


def everything_wrong():
    group = guid("g1")
    long_ago = NOW - timedelta(days=100)
    old_license = (assignment("SPB", updated_at=long_ago),)
    people = [
        user("act", holds=["SPB"]),
        user("gone", holds=["SPB"], enabled=False),
        idle("idle", 200),
        user("never", holds=["SPB"], created_at=long_ago, assignments=old_license, **NEVER),
        user("guest", holds=["SPB"], type="Guest"),
        user("shared", holds=["SPB"], enabled=False, mailbox="shared"),
        user("large", enabled=False, mailbox="shared"),
        user("dup", holds=["SPB", "EXCHANGESTANDARD"]),
        user("twice", holds=["SPB"], assignments=(assignment("SPB"), assignment("SPB", group=group))),
        user("plan2", holds=["SPB", "EXCHANGEENTERPRISE"]),
        user("seven", holds=[STANDARD]),
        user("host", holds=[STANDARD]),
        user("wait", assignments=(assignment(STANDARD, group=group, state="Error", error="CountViolation"),)),
        user("trial", holds=["SPE_E5"]),
        user("grace", holds=["AAD_PREMIUM_P2"]),
        user("stopped", holds=[BASIC]),
    ]
    names = [one.upn.partition("@")[0] for one in people]
    days, sizes = {"never": None, "idle": 200}, {"shared": 10, "large": 70}
    return tenant(
        users=people,
        skus=[
            sku("SPB", enabled=305, consumed=9),
            sku(STANDARD, enabled=2, consumed=2),
            sku("EXCHANGESTANDARD", enabled=1, consumed=1),
            sku("EXCHANGEENTERPRISE", enabled=1, consumed=1),
            sku("SPE_E5", enabled=5, consumed=1),
            sku("AAD_PREMIUM_P2", enabled=0, warning=1, consumed=1),
            sku(BASIC, enabled=0, suspended=1, consumed=1),
            sku("MDATP_Server", enabled=9),
        ],
        subscriptions=[
            annual("SPB", 305, ends_on=TODAY + timedelta(days=25)),
            subscription(STANDARD, seats=2),
            subscription("EXCHANGESTANDARD", seats=1),
            subscription("EXCHANGEENTERPRISE", seats=1),
            trial("SPE_E5", 5, ends_in=10),
            subscription("AAD_PREMIUM_P2", seats=1, status="Warning", next_lifecycle_at=NOW + timedelta(days=9)),
            subscription(BASIC, seats=1, status="Suspended"),
            subscription("MDATP_Server", seats=9),
        ],
        usage=tuple(used(name, days.get(name, 2)) for name in names),
        mailboxes=tuple(box(name, sizes.get(name, 5), kind="shared" if name in sizes else "user") for name in names),
        activations=(
            Activations(upn="seven@example.com", product="APPS", windows=7),
            Activations(upn="host@example.com", product="APPS", windows=1, shared_computer=True, last_on=TODAY),
        ),
        groups=(Group(id=group, name="LIC"),),
    )


def without(snapshot, kinds):
    """The same tenant as a visit would bring it home that could not read these areas."""
    empty = {TenantFact.SKUS: "skus", TenantFact.SUBSCRIPTIONS: "subscriptions", TenantFact.GROUPS: "groups"}
    empty |= {TenantFact.USAGE: "usage", TenantFact.MAILBOXES: "mailboxes", TenantFact.ACTIVATIONS: "activations"}
    users = () if TenantFact.USERS in kinds else snapshot.users
    if TenantFact.SIGN_INS in kinds:
        users = tuple(replace(one, sign_in=None, sign_in_known=SignInKnowledge.NOT_ASKED) for one in users)
    if TenantFact.MAILBOX_TYPES in kinds:
        users = tuple(replace(one, mailbox="") for one in users)
    return replace(
        snapshot,
        users=users,
        gaps=tuple(gap(kind) for kind in kinds),
        reports=tuple(one for one in snapshot.reports if one.kind not in kinds),
        **{field: () for kind, field in empty.items() if kind in kinds},
    )


def outcomes(snapshot):
    found = {}
    for one in judge(snapshot, servers=SERVERS).findings:
        found.setdefault(one.rule, set()).add(one.outcome)
    return found


def test_the_tenant_has_everything_wrong():
    calm = {rule for rule, told in outcomes(everything_wrong()).items() if Outcome.FAIL not in told}
    assert calm == SILENT_RULES


@pytest.mark.parametrize("kinds", [*combinations(KINDS, 1), *combinations(KINDS, 2)], ids="-".join)
def test_case_69_whatever_is_not_read_no_rule_calls_it_fine(kinds):
    told = outcomes(without(everything_wrong(), kinds))
    calm = {rule for rule, found in told.items() if not found & {Outcome.FAIL, Outcome.UNKNOWN}}
    assert calm <= SILENT_RULES
