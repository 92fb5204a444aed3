"""What each mailbox is for: a person, shared, a room. One call per mailbox, and so asked where it matters and is few.

The mailbox report often tells (`m365_mailboxes`); who it tells of is not asked. Of the others it matters most for
accounts that are disabled and hold a license, and for mailboxes without one that are large or have an archive.
Everybody else with a license is asked too where that makes no more than `CALLS` calls, which is a small company; a
large one asks for all of them with `CloudPolicy.mailbox_types`, and has a gap without.
Source: https://learn.microsoft.com/graph/api/user-get-mailboxsettings (userPurpose)
"""

import re
from collections.abc import Iterable
from urllib.parse import quote

from collectors.cloud.facts import TenantFact, TenantGap, User
from collectors.cloud.graph import GraphClient
from collectors.cloud.permissions import missing_for
from collectors.cloud.question import Asked, TenantPart, TenantQuestion
from collectors.cloud.reading import Trouble, word
from collectors.errors import GraphError, PermissionMissing, TenantError, WrongTenant
from collectors.model import GapReason

CALLS = 200
"""How many mailboxes are asked unless every one is wanted."""

# A shared mailbox needs no license up to this size.
# Source: https://learn.microsoft.com/microsoft-365/admin/email/remove-license-from-shared-mailbox
_LARGE_BYTES = 50 * 1024**3
_KINDS = frozenset({"user", "linked", "shared", "room", "equipment"})
_NO_MAILBOX = frozenset(
    {
        "MailboxNotEnabledForRESTAPI",
        "ResourceNotFound",
        "Request_ResourceNotFound",
        "ErrorItemNotFound",
        "ErrorInvalidUser",
    }
)
# So many refused and no answer yet: an access policy lets the application see none. A few are refused by themselves.
_REFUSALS = 10
_ID = re.compile(r"[\w-]+")


def ask(client: GraphClient, asked: Asked) -> TenantPart:
    """Ask mailbox by mailbox. One that cannot be told is counted in a gap; a lost tenant ends the asking."""
    if asked.users is None:
        detail = "the users are not known, and with them whom to ask"
        return TenantPart(gaps=(QUESTION.gap(_KIND, GapReason.MISSING, detail),))
    chosen, left_out = _choice(asked.users, asked)
    if not chosen and not left_out:
        return TenantPart()
    granted = client.granted
    lacking = missing_for("/users/id/mailboxSettings", "", granted) if granted else ""
    if lacking:
        detail = (
            f"no report tells the type of {len(chosen) + left_out} mailboxes, and {lacking}, with which each could be "
            "asked, was not granted"
        )
        return TenantPart(gaps=(QUESTION.gap(_KIND, GapReason.DENIED, detail, permission=lacking),))
    part = _types(client, chosen)
    if not left_out:
        return part
    detail = (
        f"not asked of {left_out} mailboxes, at one call each: mailbox_types in the client file asks all; asked of the "
        f"{len(chosen)} it matters most for"
    )
    return TenantPart(
        mailbox_types=part.mailbox_types, gaps=(*part.gaps, QUESTION.gap(_KIND, GapReason.REFUSED, detail))
    )


def _choice(users: Iterable[User], asked: Asked) -> tuple[list[User], int]:
    """Whom to ask, and how many others would be worth asking but are too many."""
    large = {box.upn.casefold() for box in asked.mailboxes if box.archive or (box.used_bytes or 0) > _LARGE_BYTES}
    told = {box.upn.casefold() for box in asked.mailboxes if box.kind in _KINDS}
    first: list[User] = []
    others: list[User] = []
    for user in users:
        upn = user.upn.casefold()
        if user.type == "Guest" or not (user.mail or upn in large):
            continue
        if upn in told and not asked.every_mailbox:
            continue
        if (user.enabled is False and user.licenses) or (not user.licenses and upn in large):
            first.append(user)
        elif user.licenses or (user.enabled is False and asked.every_mailbox):
            others.append(user)
    if asked.every_mailbox or len(first) + len(others) <= CALLS:
        return first + others, 0
    return first[:CALLS], len(first[CALLS:]) + len(others)


def _types(client: GraphClient, users: Iterable[User]) -> TenantPart:
    types: dict[str, str] = {}
    trouble = Trouble()
    refusals = answers = 0
    for user in users:
        trouble.seen += 1
        try:
            purpose = _purpose(client, user)
            answers += 1
            if purpose:
                types[user.id] = purpose
            else:
                trouble.add("userPurpose is empty")
        except (PermissionMissing, WrongTenant):
            raise
        except GraphError as error:
            if error.code in _NO_MAILBOX:
                answers += 1
                continue
            trouble.add(error.problem)
            refusals += error.status == 403
            if refusals >= _REFUSALS and not answers:
                raise
        except TenantError as error:
            if not types:
                raise
            return TenantPart(mailbox_types=types, gaps=(*trouble.gaps(QUESTION, _KIND), _cut(len(types), error)))
    return TenantPart(mailbox_types=types, gaps=trouble.gaps(QUESTION, _KIND))


def _purpose(client: GraphClient, user: User) -> str:
    """The purpose in one word, bare or wrapped in an object with `value`; "" for none."""
    if _ID.fullmatch(user.id) is None:
        return ""
    answer = client.get(f"/users/{quote(user.id, safe='')}/mailboxSettings", {"$select": "userPurpose"})
    purpose = answer.get("userPurpose")
    if isinstance(purpose, dict):
        purpose = purpose.get("value")
    return word(purpose.lower()) if isinstance(purpose, str) else ""


def _cut(count: int, error: TenantError) -> TenantGap:
    detail = f"only the first {count} were read: {error.problem} {error.hint}".strip()
    return QUESTION.gap(_KIND, error.reason, detail, permission=error.permission)


_KIND = TenantFact.MAILBOX_TYPES

QUESTION = TenantQuestion(
    name="mailbox-types",
    kinds=(_KIND,),
    permissions=("MailboxSettings.Read",),
    ask=ask,
    order=90,
)
