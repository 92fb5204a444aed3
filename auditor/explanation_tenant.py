"""What a finding about a Microsoft 365 tenant rests on: the tenant, the person, the licenses, as they were seen."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from auditor.errors import SettingsError
from auditor.history.store import Store
from auditor.tables import suggestion
from collectors.cloud.facts import SignInKnowledge, TenantSnapshot, User
from reports.texts import Texts
from rules.model import Assessment, Finding, LicenseLine, TenantSummary
from rules.prices import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantChain:
    """A tenant as it was seen, and of it the person and the SKUs that the question is about.

    `snapshot` is None when the history holds none.
    """

    tenant: TenantSummary
    snapshot: TenantSnapshot | None
    user: User | None = None
    lines: tuple[LicenseLine, ...] = ()


def tenant_named(assessment: Assessment, name: str) -> TenantSummary | None:
    """The tenant of a run by its name."""
    folded = name.casefold()
    return next((tenant for tenant in assessment.tenants if tenant.target.name.casefold() == folded), None)


def chain_of(store: Store, run: int, tenant: TenantSummary, finding: Finding) -> TenantChain:
    """What one finding rests on."""
    snapshot = store.tenant(run, tenant.target.name)
    skus = {share.sku_id for share in finding.money.shares} if finding.money is not None else set()
    user = _user(snapshot, finding.key) or _user(snapshot, finding.person)
    lines = tuple(line for line in tenant.licenses if line.sku_id in skus or line.sku_id == finding.key)
    return TenantChain(tenant=tenant, snapshot=snapshot, user=user, lines=lines)


def chain_about(
    store: Store, run: int, assessment: Assessment, tenant: TenantSummary, wanted: str
) -> tuple[TenantChain, tuple[Finding, ...]]:
    """What is known of one person (user principal name) or one SKU (name, part number, GUID) of a tenant.

    Raises SettingsError when the tenant has neither.
    """
    snapshot = store.tenant(run, tenant.target.name)
    folded = wanted.casefold()
    of_tenant = [finding for finding in assessment.findings if finding.subject == tenant.target.name]
    user = _user(snapshot, wanted)
    if user is not None:
        held = {license_.sku_id for license_ in user.licenses}
        lines = tuple(line for line in tenant.licenses if line.sku_id in held)
        found = [finding for finding in of_tenant if user.id == finding.key or user.upn == finding.person]
        return TenantChain(tenant=tenant, snapshot=snapshot, user=user, lines=lines), tuple(found)
    lines = tuple(
        line
        for line in tenant.licenses
        if folded in (line.sku_id.casefold(), line.part_number.casefold(), line.name.casefold())
    )
    if not lines:
        names = [line.part_number for line in tenant.licenses] + [
            user.upn for user in (snapshot.users if snapshot is not None else ())
        ]
        hint = suggestion(wanted, names) or "Name a person by the sign-in name, or a product by its part number."
        raise SettingsError(wanted, f"{tenant.target.name} has nobody and no product of this name.", hint=hint)
    skus = {line.sku_id for line in lines}
    found = [finding for finding in of_tenant if finding.key in skus or skus & _skus(finding.money)]
    return TenantChain(tenant=tenant, snapshot=snapshot, lines=lines), tuple(found)


def _skus(money: Money | None) -> set[str]:
    return {share.sku_id for share in money.shares} if money is not None else set()


def _user(snapshot: TenantSnapshot | None, wanted: str) -> User | None:
    folded = wanted.casefold()
    if snapshot is None or not folded:
        return None
    return next((user for user in snapshot.users if folded in (user.id, user.upn.casefold())), None)


def worded_money(money: Money, texts: Texts) -> Iterator[str]:
    """What a finding is worth, one line per kind of amount."""
    if not money.priced:
        yield texts.text("cli.explain_tenant.unpriced", count=money.seats)
        return
    for key, amount in (("saved_now", money.now), ("saved_later", money.later), ("spent", money.cost)):
        if amount:
            yield texts.text(f"cli.explain_tenant.{key}", amount=_euro(amount, texts), count=money.seats)
    if money.once:
        yield texts.text("cli.explain_software.spent_once", amount=_euro(money.once, texts), count=money.seats)
    if money.anniversary_on is not None and money.later:
        yield texts.text("cli.explain_tenant.anniversary", on=money.anniversary_on)
    if money.unpriced:
        yield texts.text("cli.explain_tenant.unpriced", count=money.unpriced)


def worded_chain(chain: TenantChain, texts: Texts) -> Iterator[str]:
    """The tenant, the person and the licenses, line by line."""
    tenant = chain.tenant
    organization = tenant.organization
    name, address = tenant.target.name, tenant.target.address
    yield ""
    yield texts.text("cli.explain_tenant.tenant", name=name, tenant=address)
    if organization is not None:
        domain = organization.default_domain or organization.id
        yield "  " + texts.text("cli.explain_tenant.organization", name=organization.name, domain=domain)
    yield "  " + texts.text("cli.explain_tenant.visited", at=tenant.taken_at)
    if tenant.granted:
        yield "  " + texts.text("cli.explain_tenant.granted", names=", ".join(tenant.granted))
    if tenant.gaps:
        yield f"  {texts.text('cli.explain.gaps')}"
    for gap in tenant.gaps:
        yield "    - " + texts.text(
            "cli.explain.gap",
            fact=texts.text(f"rules.m365.fact.{gap.kind.value}"),
            reason=texts.text(f"gap.reason.{gap.reason.value}"),
            detail=gap.detail,
        )
    if chain.user is not None:
        yield from _person(chain, chain.user, texts)
    for line in chain.lines:
        yield from _line(line, texts)


def _person(chain: TenantChain, user: User, texts: Texts) -> Iterator[str]:
    snapshot = chain.snapshot
    assert snapshot is not None, "a user comes from a snapshot"
    yield ""
    yield texts.text("cli.explain_tenant.person", name=user.name or user.upn, upn=user.upn)
    yield "  " + texts.text("cli.explain_tenant.account", enabled=user.enabled, kind=user.type, created=user.created_at)
    yield "  " + texts.text("cli.explain_tenant.mailbox", kind=user.mailbox or None)
    names = {line.sku_id: line.name for line in chain.tenant.licenses}
    groups = {group.id: group.name for group in snapshot.groups}
    for assignment in user.assignments:
        how = texts.text("cli.explain_tenant.direct")
        if assignment.group:
            how = texts.text("cli.explain_tenant.by_group", group=groups.get(assignment.group, assignment.group))
        state = " ".join(part for part in (assignment.state, assignment.error) if part)
        product = names.get(assignment.sku_id, assignment.sku_id)
        yield "  " + texts.text(
            "cli.explain_tenant.holds", product=product, how=how, state=state, since=assignment.updated_at
        )
    yield "  " + _sign_in(user, texts)
    usage = next((row for row in snapshot.usage if row.upn.casefold() == user.upn.casefold()), None)
    if usage is not None:
        yield "  " + texts.text("cli.explain_tenant.used", on=usage.last_on)


def _sign_in(user: User, texts: Texts) -> str:
    if user.sign_in_known is not SignInKnowledge.KNOWN or user.sign_in is None:
        return texts.text(f"cli.explain_tenant.sign_in_{user.sign_in_known.value}")
    return texts.text("cli.explain_tenant.sign_in", at=user.sign_in.successful_at, tried=user.sign_in.at)


def _line(line: LicenseLine, texts: Texts) -> Iterator[str]:
    yield ""
    yield texts.text("cli.explain_tenant.product", name=line.name, part=line.part_number, sku=line.sku_id)
    counts: Iterable[tuple[str, int | None]] = (
        ("bought", line.bought),
        ("assigned", line.assigned),
        ("free", line.free),
        ("grace", line.grace),
        ("waiting", line.waiting),
        ("suspended", line.suspended),
    )
    told = (
        texts.text(f"cli.explain_tenant.count.{key}", number=number)
        for key, number in counts
        if number is None or number or key in ("bought", "assigned")
    )
    yield "  " + ", ".join(told)
    price = None if line.monthly_price is None else _euro(line.monthly_price, texts)
    yield "  " + texts.text("cli.explain_tenant.price", price=price)


def _euro(amount: Decimal, texts: Texts) -> str:
    return texts.text("cli.explain_tenant.euro", amount=texts.number(amount, decimals=2))
