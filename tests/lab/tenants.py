"""Small Microsoft 365 tenants for tests: everything was read and nothing is wrong unless a test says so.

    tenant(skus=[sku("SPB", enabled=25, consumed=27)])
    tenant(skus=[sku("SPE_E3", enabled=3, consumed=1)], users=[user("ann", holds=["SPE_E3"])])

SKUs and service plans go by their part numbers and names; the few this file knows bear the GUIDs Microsoft publishes,
every other name gets a GUID of its own. Subscriptions are annual and far from their anniversary unless given.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from collectors.cloud.facts import (
    HeldLicense,
    LicenseAssignment,
    Organization,
    Report,
    ServicePlan,
    SignIn,
    SignInKnowledge,
    SubscribedSku,
    Subscription,
    TenantFact,
    TenantGap,
    TenantSnapshot,
    User,
)
from collectors.feeds.records import FeedRecords
from collectors.model import GapReason, Protocol, Target
from reports.texts import Texts
from rules.contract import Contract, TenantTerms
from rules.knowledge import Knowledge
from rules.model import Finding
from rules.prices import Price
from rules.tenants.engine import TenantJudgement, judge_tenant

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
TODAY = NOW.date()

PLANS = {
    "EXCHANGE_S_DESKLESS": "4a82b400-a79f-41a4-b4e2-e94f5787b113",
    "EXCHANGE_S_STANDARD": "9aaf7827-d63c-4b61-89c3-182f06f82e5c",
    "EXCHANGE_S_ENTERPRISE": "efb87545-963c-4e0d-99df-69c6916d9eb0",
    "EXCHANGE_S_FOUNDATION": "113feb6c-3fe4-4440-bddc-54d774bf0318",
    "SHAREPOINTSTANDARD": "c7699d2e-19aa-44de-8edf-1736da088ca1",
    "SHAREPOINTENTERPRISE": "5dbe027f-2339-4123-9542-606e4d348a72",
    "SHAREPOINTWAC": "e95bec33-7c88-4a70-8e19-b10bd9d0c014",
    "OFFICE_BUSINESS": "094e7854-93fc-4d55-b2c0-3ab5369ebdc1",
    "OFFICESUBSCRIPTION": "43de0ff5-c92c-492b-9116-175376d08c38",
    "TEAMS1": "57ff2da0-773e-42df-b2af-ffb7a2317929",
    "MCOSTANDARD": "0feaeb32-d00e-4d66-bd5a-43b5b83db82c",
    "MCOEV": "4828c8ec-dc2e-4779-b502-87ac9ce28ab7",
    "AAD_PREMIUM": "41781fb2-bc02-4b7c-bd55-b576c07bb09d",
    "AAD_PREMIUM_P2": "eec0eb4f-6444-4f95-aba0-50c24d67f998",
    "INTUNE_A": "c1ec4a95-1f05-45b3-a911-aa3fa01094f5",
    "MDE_SMB": "bfc1bbd9-981b-4f71-9b82-17c35fd0e2a4",
    "ATP_ENTERPRISE": "f20fedf3-f3c3-43c3-8267-2bfdd51c0939",
    "WINBIZ": "8e229017-d77b-43d5-9305-903395523b99",
    "OFFICE_SHARED_COMPUTER_ACTIVATION": "276d6e8a-f056-4f70-b7e8-4fc27f79f809",
    "STREAM_O365_SMB": "3c53ea51-d578-46fa-a4c0-fd0a92809a60",
}
_BASIC = ("EXCHANGE_S_STANDARD", "SHAREPOINTSTANDARD", "SHAREPOINTWAC", "TEAMS1", "MCOSTANDARD")
_PREMIUM_ONLY = ("AAD_PREMIUM", "INTUNE_A", "MDE_SMB", "ATP_ENTERPRISE", "WINBIZ", "OFFICE_SHARED_COMPUTER_ACTIVATION")
_STANDARD = (*_BASIC, "OFFICE_BUSINESS", "STREAM_O365_SMB")
_E3 = ("EXCHANGE_S_ENTERPRISE", "SHAREPOINTENTERPRISE", "SHAREPOINTWAC", "TEAMS1", "MCOSTANDARD", "OFFICESUBSCRIPTION")


def _without_teams(*plans: str) -> tuple[str, ...]:
    return tuple(plan for plan in plans if plan != "TEAMS1")


SKUS: dict[str, tuple[str, tuple[str, ...]]] = {
    "SPB": ("cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46", (*_STANDARD, *_PREMIUM_ONLY)),
    "Office_365_w/o_Teams_Bundle_Business_Premium": (
        "a3f586b6-8cce-4d9b-99d6-55238397f77a",
        _without_teams(*_STANDARD, *_PREMIUM_ONLY),
    ),
    "O365_BUSINESS_ESSENTIALS": ("3b555118-da6a-4418-894f-7df1e2096870", _BASIC),
    "O365_BUSINESS_PREMIUM": ("f245ecc8-75af-4f8e-b61f-27d8114de5f3", _STANDARD),
    "Office_365_w/o_Teams_Bundle_Business_Standard": (
        "c1f79c29-5d7a-4bec-a2c1-1a76774864c0",
        _without_teams(*_STANDARD),
    ),
    "O365_BUSINESS": ("cdd28e44-67e3-425e-be4c-737fab2899d3", ("OFFICE_BUSINESS", "SHAREPOINTWAC")),
    "SMB_BUSINESS": ("b214fe43-f5a3-4703-beeb-fa97188220fc", ("OFFICE_BUSINESS", "SHAREPOINTWAC")),
    "SPE_E3": ("05e9a617-0261-4cee-bb44-138d3ef5d965", (*_E3, "AAD_PREMIUM", "INTUNE_A")),
    "SPE_E5": ("06ebc4ee-1bb5-47dd-8120-11324bc54e06", (*_E3, "AAD_PREMIUM_P2", "INTUNE_A", "MCOEV")),
    "EXCHANGESTANDARD": ("4b9405b0-7788-4568-add1-99614e613b69", ("EXCHANGE_S_STANDARD",)),
    "EXCHANGEENTERPRISE": ("19ec0d23-8335-4cbd-94ac-6050e30712fa", ("EXCHANGE_S_ENTERPRISE",)),
    "AAD_PREMIUM": ("078d2b04-f1bd-4111-bbd4-b4b1b354cef4", ("AAD_PREMIUM", "EXCHANGE_S_FOUNDATION")),
    "AAD_PREMIUM_P2": ("84a661c4-e949-4bd2-a560-ed7766fcaf2b", ("AAD_PREMIUM_P2", "EXCHANGE_S_FOUNDATION")),
    "Microsoft_Teams_EEA_New": ("7e74bd05-2c47-404e-829a-ba95c66fe8e5", ("TEAMS1",)),
    "FLOW_FREE": ("f30db892-07e9-47e9-837c-80727f46fd3d", ()),
    "RIGHTSMANAGEMENT_ADHOC": ("8c4ce438-32a7-4ac5-91a6-e22ae08d9c8b", ()),
    "MDATP_Server": ("509e8ab6-0274-4cda-bcbd-bd164fd562c4", ()),
    "MCOCAP": ("295a8eb0-f78d-45c7-8b5b-1eed5ed02dff", ("TEAMS1", "MCOEV")),
}


def plan(name: str) -> str:
    """The GUID of a service plan by its name; some SKUs bear the same name."""
    return PLANS[name] if name in PLANS else guid(name)


def guid(name: str) -> str:
    """The GUID of a SKU by its part number, or of anything else by a name; a GUID given is kept."""
    if name in SKUS:
        return SKUS[name][0]
    if len(name) == 36 and name.count("-") == 4:
        return name
    return str(uuid5(NAMESPACE_URL, f"https://example.com/{name}"))


def sku(part_number: str, *, enabled: int | None = 10, consumed: int | None = 0, **changes: Any) -> SubscribedSku:
    """One SKU; `plans` are names of service plans, those of `SKUS` unless given."""
    plans: Iterable[str] = changes.pop("plans", SKUS.get(part_number, ("", ()))[1])
    made = SubscribedSku(
        sku_id=guid(part_number),
        part_number=part_number,
        status="Enabled",
        consumed=consumed,
        enabled=enabled,
        plans=tuple(ServicePlan(id=plan(name), name=name, applies_to="User") for name in plans),
    )
    return replace(made, **changes)


def subscription(part_number: str, **changes: Any) -> Subscription:
    """One subscription: annual, bought on 1 March 2025, for 10 seats."""
    made = Subscription(
        id=guid(f"subscription of {part_number} {sorted(changes.items(), key=str)}"),
        sku_id=guid(part_number),
        part_number=part_number,
        status="Enabled",
        seats=10,
        trial=False,
        created_at=datetime(2025, 3, 1, tzinfo=UTC),
        next_lifecycle_at=datetime(2027, 3, 1, tzinfo=UTC),
    )
    return replace(made, **changes)


def annual(part_number: str, seats: int, *, ends_on: date, **changes: Any) -> Subscription:
    """An annual subscription whose anniversary is `ends_on`, bought two years before it."""
    ends_at = datetime(ends_on.year, ends_on.month, ends_on.day, tzinfo=UTC)
    created_at = ends_at.replace(year=ends_at.year - 2)
    return subscription(part_number, seats=seats, created_at=created_at, next_lifecycle_at=ends_at, **changes)


def monthly(part_number: str, seats: int, **changes: Any) -> Subscription:
    """A monthly subscription: bought on 5 February 2026, rolls over on the fifth."""
    dates = {"created_at": datetime(2026, 2, 5, tzinfo=UTC), "next_lifecycle_at": datetime(2026, 12, 5, tzinfo=UTC)}
    return subscription(part_number, seats=seats, **{**dates, **changes})


def trial(part_number: str, seats: int, *, ends_in: int, **changes: Any) -> Subscription:
    """A trial that ends some days after the audit."""
    ends_at = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC) + timedelta(days=ends_in)
    dates = {"created_at": ends_at - timedelta(days=30), "next_lifecycle_at": ends_at}
    return subscription(part_number, seats=seats, trial=True, **{**dates, **changes})


def held(part_number: str, *, without: Iterable[str] = ()) -> HeldLicense:
    """A license a user holds, some of its plans switched off."""
    return HeldLicense(sku_id=guid(part_number), disabled_plans=frozenset(plan(name) for name in without))


def assignment(part_number: str, **changes: Any) -> LicenseAssignment:
    """One direct assignment that works, of a year ago; `group`, `state`, `error`, ... replace fields."""
    made = LicenseAssignment(sku_id=guid(part_number), state="Active", updated_at=NOW - timedelta(days=365))
    return replace(made, **changes)


def user(name: str, *, holds: Iterable[str | HeldLicense] = (), **changes: Any) -> User:
    """An enabled member `name@example.com`, two years old, signed in yesterday; licenses are assigned directly."""
    licenses = tuple(held(item) if isinstance(item, str) else item for item in holds)
    made = User(
        id=guid(f"user {name}"),
        upn=f"{name}@example.com",
        name=name.capitalize(),
        mail=f"{name}@example.com",
        enabled=True,
        created_at=NOW - timedelta(days=730),
        usage_location="FR",
        licenses=licenses,
        assignments=tuple(assignment(item.sku_id) for item in licenses),
        sign_in=SignIn(successful_at=NOW - timedelta(days=1), at=NOW - timedelta(days=1)),
        sign_in_known=SignInKnowledge.KNOWN,
    )
    return replace(made, **changes)


def users(count: int, *, holds: Iterable[str | HeldLicense] = (), **changes: Any) -> list[User]:
    """Several such members: user1, user2, ..."""
    licenses = list(holds)
    return [user(f"user{number}", holds=licenses, **changes) for number in range(1, count + 1)]


def report(kind: TenantFact, *, age_days: int = 2, **changes: Any) -> Report:
    """One usage report of some days ago."""
    made = Report(kind=kind, refreshed_on=TODAY - timedelta(days=age_days), period="D180", rows=1, concealed=False)
    return replace(made, **changes)


REPORTS = tuple(
    report(kind) for kind in (TenantFact.USAGE, TenantFact.APPS_USAGE, TenantFact.MAILBOXES, TenantFact.ACTIVATIONS)
)


def gap(kind: TenantFact, permission: str = "", *, reason: GapReason = GapReason.DENIED, detail: str = "") -> TenantGap:
    """One gap."""
    text = detail or f"{kind.value} could not be read in this test"
    return TenantGap(kind=kind, collector="test", reason=reason, detail=text, permission=permission)


def tenant(
    name: str = "example.com",
    *,
    skus: Iterable[SubscribedSku] = (),
    subscriptions: Iterable[Subscription] | None = None,
    users: Iterable[User] = (),
    gaps: Iterable[TenantGap] = (),
    **changes: Any,
) -> TenantSnapshot:
    """A tenant that was read whole; without `subscriptions` every SKU has an annual one far from its anniversary."""
    owned = tuple(skus)
    if subscriptions is None:
        subscriptions = [subscription(one.part_number, sku_id=one.sku_id, seats=one.enabled) for one in owned]
    made = TenantSnapshot(
        target=Target(name=name, address=name, protocol=Protocol.M365),
        taken_at=NOW,
        granted=("LicenseAssignment.Read.All", "Organization.Read.All", "Reports.Read.All", "User.Read.All"),
        organization=Organization(id=guid(f"tenant {name}"), name="Example", default_domain=name),
        skus=owned,
        subscriptions=tuple(subscriptions),
        users=tuple(users),
        reports=REPORTS,
        names_concealed=False,
        gaps=tuple(gaps),
    )
    return replace(made, **changes)


def unreached(name: str = "example.com", reason: GapReason = GapReason.DENIED) -> TenantSnapshot:
    """A tenant that could not be asked at all."""
    hidden = gap(TenantFact.TENANT, reason=reason, detail="the sign-in was refused")
    target = Target(name=name, address=name, protocol=Protocol.M365)
    return TenantSnapshot(target=target, taken_at=NOW, gaps=(hidden,))


def price(product: str, monthly_price: str, **changes: Any) -> Price:
    """A price per seat and month, in force since January 2026."""

    made = Price(product=product, monthly=Decimal(monthly_price), valid_from=date(2026, 1, 1), source="prices.csv")
    return replace(made, **changes)


def contract(*, prices: Iterable[Price] = (), **terms: Any) -> Contract:
    """A contract; other keywords are the terms about Microsoft 365."""
    return Contract(client="ACME", m365=TenantTerms(**terms), prices=tuple(prices))


def knowledge() -> Knowledge:
    """Knowledge without any feed: names fall back to part numbers."""
    return Knowledge.from_records(FeedRecords())


def judge(
    snapshot: TenantSnapshot,
    *,
    terms: Contract | None = None,
    as_of: datetime = NOW,
    about: Knowledge | None = None,
    **options: Any,
) -> TenantJudgement:
    """Ask every rule about one tenant; every text used is there in every language. `options` as `judge_tenant`."""
    judgement = judge_tenant(snapshot, about or knowledge(), terms or contract(), as_of, **options)
    assert judgement.failures == (), judgement.failures
    for finding in judgement.findings:
        spoken(finding)
    return judgement


def ask(rule: str, snapshot: TenantSnapshot, **options: Any) -> tuple[Finding, ...]:
    """Ask every rule and keep the answers of one."""
    return tuple(finding for finding in judge(snapshot, **options).findings if finding.rule == rule)


def only(findings: Sequence[Finding]) -> Finding:
    """The only finding."""
    assert len(findings) == 1, [(finding.key, finding.outcome, finding.message.text) for finding in findings]
    return findings[0]


def spoken(finding: Finding, language: str = "en") -> str:
    """The finding in words; raises when any text or parameter it uses is absent in a language."""
    for code in ("en", "fr"):
        texts = Texts(code, strict=True)
        messages = [finding.message, *finding.priority.reasons, *(line.what for line in finding.evidence)]
        if finding.remedy is not None:
            messages.append(finding.remedy)
        for message in messages:
            texts.message(message)
        texts.text(f"rules.{finding.rule}.title")
        texts.text(f"rules.{finding.rule}.impact")
    return Texts(language, strict=True).message(finding.message)
