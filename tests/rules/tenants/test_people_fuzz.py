"""Whatever Graph leaves out, the rules about people answer, accuse nobody twice and put no money on what is unknown."""

from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.cloud.facts import AppsUsage, Mailbox, SignIn, SignInKnowledge, TenantFact, Usage, User
from rules.checks import discover_tenant_rules
from rules.model import Outcome
from tests.lab.tenants import NOW, TODAY, assignment, gap, held, judge, report, sku, tenant

PEOPLE = ("disabled_users", "inactive_users", "never_active_users", "guest_licenses", "mailbox_licenses")
RULES = tuple(
    rule
    for rule in discover_tenant_rules()
    if rule.id.removeprefix("m365.")
    in (*PEOPLE, "office_activations", "office_shared_hosts", "double_assignment", "replication_drift")
)
SKUS = ("SPB", "EXCHANGEENTERPRISE", "FLOW_FREE", "MCOCAP")
KINDS = (TenantFact.USAGE, TenantFact.APPS_USAGE, TenantFact.MAILBOXES, TenantFact.ACTIVATIONS)

_moments = st.none() | st.integers(-1, 2_500).map(lambda days: NOW - timedelta(days=days))
_days = st.none() | st.integers(-1, 400).map(lambda days: TODAY - timedelta(days=days))
_upns = st.sampled_from(("a@x.fr", "B@x.fr", "b@X.fr", "c@x.fr", ""))
_users = st.builds(
    lambda skus, way_skus, given, **rest: User(
        licenses=tuple(held(name) for name in skus),
        assignments=tuple(assignment(name, updated_at=given) for name in way_skus),
        **rest,
    ),
    skus=st.lists(st.sampled_from((*SKUS, "UNLISTED")), unique=True),
    way_skus=st.lists(st.sampled_from(SKUS)),
    given=_moments,
    id=st.uuids().map(str),
    upn=_upns,
    enabled=st.sampled_from((True, False, None)),
    type=st.sampled_from(("Member", "Guest", "guest", "")),
    mail=st.sampled_from(("", "a@x.fr")),
    mailbox=st.sampled_from(("", "user", "shared", "room", "others")),
    created_at=_moments,
    sign_in=st.none() | st.builds(SignIn, successful_at=_moments, at=_moments, non_interactive_at=_moments),
    sign_in_known=st.sampled_from(SignInKnowledge),
)
_boxes = st.builds(
    Mailbox,
    upn=_upns,
    used_bytes=st.none() | st.integers(0, 2**40),
    archive=st.sampled_from((True, False, None)),
    kind=st.sampled_from(("", "user", "shared", "discovery")),
    last_activity_on=_days,
)
_reports = st.tuples(
    *(
        st.none()
        | st.builds(report, st.just(kind), age_days=st.integers(0, 20), rows=st.integers(0, 2), concealed=st.booleans())
        for kind in KINDS
    )
)
_tenants = st.builds(
    tenant,
    skus=st.just([sku(name, enabled=9, consumed=3) for name in SKUS]),
    users=st.lists(_users, max_size=4),
    reports=_reports.map(lambda found: tuple(one for one in found if one is not None)),
    usage=st.lists(st.builds(Usage, upn=_upns, last_on=_days), max_size=4).map(tuple),
    apps_usage=st.lists(st.builds(AppsUsage, upn=_upns, last_activity_on=_days), max_size=3).map(tuple),
    mailboxes=st.lists(_boxes, max_size=4).map(tuple),
    gaps=st.lists(st.sampled_from((*KINDS, TenantFact.USERS, TenantFact.SKUS, TenantFact.SIGN_INS)).map(gap)),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_tenants)
def test_rules_about_people_answer_whatever_is_missing(snapshot):
    findings = judge(snapshot, rules=RULES).findings  # fails where a rule breaks or a text is missing
    assert {found.rule for found in findings} == {rule.id for rule in RULES}
    reclaimed = [
        (found.rule, found.key)
        for found in findings
        if found.money is not None and not any(share.missing for share in found.money.shares)
    ]
    assert len({key for _, key in reclaimed}) == len(reclaimed)
    assert all(found.money is None for found in findings if found.outcome is not Outcome.FAIL)
    hidden = {found.kind for found in snapshot.gaps}
    if hidden & {TenantFact.USERS, TenantFact.SKUS}:
        assert not [found.rule for found in findings if found.outcome is Outcome.PASS and found.rule in _NEEDY]


_NEEDY = {rule.id for rule in RULES if TenantFact.USERS in rule.needs and TenantFact.SKUS in rule.needs}
