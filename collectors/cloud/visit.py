"""Visit tenants: one snapshot per tenant, whatever happens.

A visit never raises (but for an interruption): what goes wrong becomes a gap of that tenant, and costs only what it
hides. As in `collectors.scan`, the blanket `except Exception` is allowed here.
"""

import logging
import time
from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from concurrent.futures import CancelledError, Executor, Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from collectors.cloud import discover
from collectors.cloud.credentials import CloudCredential
from collectors.cloud.facts import SignInKnowledge, TenantFact, TenantGap, TenantSnapshot, User
from collectors.cloud.graph import GraphClient
from collectors.cloud.policy import CloudPolicy
from collectors.cloud.question import Asked, TenantPart, TenantQuestion
from collectors.errors import CollectorError, SignInFailed, TenantError, TenantUnreachable, WrongTenant
from collectors.model import CollectorOutcome, CollectorStatus, GapReason, Target
from collectors.parallel import as_finished
from collectors.shapes import make_ready

_log = logging.getLogger(__name__)
_BROKE = "the visit broke inside this product: {}, see the log"
_OUT_OF_REACH = 2  # questions in a row after which the tenant counts as lost: one alone may just have been too heavy

Connect = Callable[[Target, CloudCredential, CloudPolicy], GraphClient]


def connect(target: Target, credential: CloudCredential, policy: CloudPolicy) -> GraphClient:
    """A client that signs in when it is first asked."""
    from collectors.cloud.tokens import EntraTokens

    return GraphClient(EntraTokens(credential, policy=policy, tenant=target.name), policy=policy)


def visit_tenant(
    target: Target,
    *,
    credential: CloudCredential,
    policy: CloudPolicy,
    taken_at: datetime,
    questions: Sequence[TenantQuestion] | None = None,
    connect: Connect = connect,
) -> TenantSnapshot:
    """Ask one tenant everything, read-only. `taken_at` is when the visit begins (for a recording: when it was made).

    Returns a snapshot in every case; only KeyboardInterrupt and SystemExit pass through.
    """
    started = time.monotonic()
    chosen = discover() if questions is None else tuple(questions)
    make_ready()
    try:
        snapshot = _visit(target, credential, policy, taken_at, chosen, connect)
    except CollectorError as error:  # also of a recording that cannot be played
        _log.info("%s: not visited: %s", target.name, error)
        reason, permission = GapReason.FAILED, ""
        if isinstance(error, TenantError):
            reason, permission = error.reason, error.permission
        detail = f"{error.problem} {error.hint}".strip()
        snapshot = _unvisited(target, taken_at, reason, detail, permission)
    except Exception as error:  # noqa: BLE001 - one tenant must never end the run
        _log.exception("%s: the visit broke", target.name)
        snapshot = _unvisited(target, taken_at, GapReason.FAILED, _BROKE.format(type(error).__name__))
    return replace(snapshot, duration_s=round(time.monotonic() - started, 3))


def _visit(
    target: Target,
    credential: CloudCredential,
    policy: CloudPolicy,
    taken_at: datetime,
    questions: Sequence[TenantQuestion],
    connect: Connect,
) -> TenantSnapshot:
    client = connect(target, credential, policy)
    try:
        asked = Asked(taken_at=taken_at, every_mailbox=policy.mailbox_types)
        visit = _Visit(target=target, client=client, asked=asked)
        for question in questions:
            visit.ask(question)
        return visit.snapshot()
    finally:
        client.close()


@dataclass(slots=True, kw_only=True)
class _Visit:
    """A visit as it goes on: what was asked, what came, and whether the tenant was lost on the way."""

    target: Target
    client: GraphClient
    asked: Asked
    granted: frozenset[str] = frozenset()
    answered: bool = False
    unreachable: int = 0
    lost: TenantError | None = None
    parts: list[TenantPart] = field(default_factory=list)
    statuses: list[CollectorStatus] = field(default_factory=list)

    def ask(self, question: TenantQuestion) -> None:
        """Ask one question, if it is to be asked at all. Raises what means that the tenant was not visited."""
        if not question.applies(self.asked):
            self.statuses.append(_status(question, CollectorOutcome.NOT_APPLICABLE, ""))
            return
        part, status = self._answer(question)
        self.parts.append(part)
        self.statuses.append(status)
        hidden = {gap.kind for gap in part.gaps}
        self.asked = replace(
            self.asked,
            organization=part.organization or self.asked.organization,
            # Half of the SKUs would tell that a plan is not owned, which nobody knows.
            skus=part.skus if _answers(question, TenantFact.SKUS, hidden) else self.asked.skus,
            users=part.users if part.users or _answers(question, TenantFact.USERS, hidden) else self.asked.users,
            mailboxes=part.mailboxes or self.asked.mailboxes,
            names_concealed=self.asked.names_concealed if part.names_concealed is None else part.names_concealed,
        )

    def _answer(self, question: TenantQuestion) -> tuple[TenantPart, CollectorStatus]:
        if self.lost is not None:
            return _refused(question, self.lost)
        try:
            part = question.ask(self.client, self.asked)
            self._mark_answered()
        except WrongTenant:
            raise  # nothing of another tenant's is kept
        except TenantError as error:
            self._note(error)
            _log.info("%s: %s was not answered: %s", self.target.name, question.name, error)
            return _refused(question, error)
        except Exception as error:  # noqa: BLE001 - one question must never end the visit
            _log.exception("%s: %s broke", self.target.name, question.name)
            detail = _BROKE.format(type(error).__name__)
            gaps = tuple(question.gap(kind, GapReason.FAILED, detail) for kind in question.kinds)
            return TenantPart(gaps=gaps), _status(question, CollectorOutcome.FAILED, detail)
        return part, _told(question, part)

    def _mark_answered(self) -> None:
        self.answered = True
        self.unreachable = 0
        if not self.granted:
            with suppress(TenantError):  # the answer counts, also where the token has expired since
                self.granted = self.client.granted

    def _note(self, error: TenantError) -> None:
        """Remember what a failure means for the questions to come. Raises it where it means that nobody was there."""
        if isinstance(error, SignInFailed | TenantUnreachable):
            if not self.answered:
                raise error
            self.unreachable += 1
            if isinstance(error, SignInFailed) or self.unreachable >= _OUT_OF_REACH:
                self.lost = error
            return
        self._mark_answered()

    def snapshot(self) -> TenantSnapshot:
        """Everything that came, put together."""
        parts = self.parts
        gaps = tuple(gap for part in parts for gap in part.gaps)
        reports = tuple(report for part in parts for report in part.reports)
        concealed = self.asked.names_concealed
        if any(report.concealed for report in reports):
            concealed = True
        elif concealed is None and any(report.refreshed_on is not None for report in reports):
            concealed = False
        return TenantSnapshot(
            target=self.target,
            taken_at=self.asked.taken_at,
            requests=self.client.requests,
            granted=tuple(sorted(self.granted)),
            organization=self.asked.organization,
            skus=tuple(row for part in parts for row in part.skus),
            subscriptions=tuple(row for part in parts for row in part.subscriptions),
            users=tuple(self._users()),
            groups=tuple(row for part in parts for row in part.groups),
            reports=reports,
            usage=tuple(row for part in parts for row in part.usage),
            apps_usage=tuple(row for part in parts for row in part.apps_usage),
            mailboxes=tuple(row for part in parts for row in part.mailboxes),
            activations=tuple(row for part in parts for row in part.activations),
            devices=tuple(row for part in parts for row in part.devices),
            detected_apps=tuple(row for part in parts for row in part.detected_apps),
            deleted_users=tuple(row for part in parts for row in part.deleted_users),
            names_concealed=concealed,
            collectors=tuple(self.statuses),
            gaps=gaps,
        )

    def _users(self) -> Generator[User, None, None]:
        """Users with what other questions told of them; who was not in the answer was not asked."""
        sign_ins = {user: sign_in for part in self.parts for user, sign_in in part.sign_ins.items()}
        types = {user: kind for part in self.parts for user, kind in part.mailbox_types.items()}
        for user in (user for part in self.parts for user in part.users):
            if user.id not in sign_ins and user.id not in types:
                yield user
                continue
            sign_in = sign_ins.get(user.id)
            known = SignInKnowledge.NEVER if sign_in is None else SignInKnowledge.KNOWN
            yield replace(
                user,
                sign_in=sign_in,
                sign_in_known=known if user.id in sign_ins else SignInKnowledge.NOT_ASKED,
                mailbox=types.get(user.id, ""),
            )


def _answers(question: TenantQuestion, kind: TenantFact, hidden: Collection[TenantFact]) -> bool:
    """Whether the question was about this kind of fact, and left nothing of it open."""
    return kind in question.kinds and kind not in hidden


def _refused(question: TenantQuestion, error: TenantError) -> tuple[TenantPart, CollectorStatus]:
    detail = f"{error.problem} {error.hint}".strip()
    return TenantPart(gaps=question.refused(error)), _status(question, CollectorOutcome.FAILED, detail)


def _told(question: TenantQuestion, part: TenantPart) -> CollectorStatus:
    if not part.gaps:
        return _status(question, CollectorOutcome.OK, "")
    detail = part.gaps[0].detail
    if replace(part, gaps=(), reports=()) != TenantPart():
        return _status(question, CollectorOutcome.PARTIAL, detail)
    beside_the_point = all(gap.reason is GapReason.UNSUPPORTED for gap in part.gaps)
    return _status(question, CollectorOutcome.NOT_APPLICABLE if beside_the_point else CollectorOutcome.FAILED, detail)


def _status(question: TenantQuestion, outcome: CollectorOutcome, detail: str) -> CollectorStatus:
    return CollectorStatus(name=question.name, outcome=outcome, detail=detail)


def _unvisited(
    target: Target, taken_at: datetime, reason: GapReason, detail: str, permission: str = ""
) -> TenantSnapshot:
    gap = TenantGap(kind=TenantFact.TENANT, collector="visit", reason=reason, detail=detail, permission=permission)
    return TenantSnapshot(target=target, taken_at=taken_at, gaps=(gap,))


def scan_tenants(
    targets: Iterable[Target], visit_one: Callable[[Target], TenantSnapshot], *, executor: Executor
) -> Generator[TenantSnapshot, None, None]:
    """Visit many tenants over an executor and yield their snapshots as they finish, as `collectors.scan.scan` does.

    On KeyboardInterrupt what is not yet begun is cancelled, what is finished is still yielded, every other target is
    yielded with an INTERRUPTED gap, and the interruption is raised again at the end. A running visit is not waited for.
    """
    yield from as_finished({executor.submit(visit_one, target): target for target in targets}, _result)


def _result(future: Future[TenantSnapshot], target: Target) -> TenantSnapshot:
    if not future.done():
        return _interrupted(target)
    try:
        return future.result()
    except CancelledError:
        return _interrupted(target)
    except Exception as error:  # noqa: BLE001 - a broken worker is one tenant's gap
        _log.error("%s: the visit broke", target.name, exc_info=error)
        return _unvisited(target, datetime.now(UTC), GapReason.FAILED, _BROKE.format(type(error).__name__))


def _interrupted(target: Target) -> TenantSnapshot:
    detail = "the operator stopped the run before this tenant"
    return _unvisited(target, datetime.now(UTC), GapReason.INTERRUPTED, detail)
