"""Whether an Ubuntu machine is attached to Ubuntu Pro, and which of its services are enabled.

Source: Pro Client reference, `pro api u.pro.status.is_attached.v1` and `u.pro.status.enabled_services.v1` (client 28
and later, any user); older clients: `pro status --format json` (`ua` before client 27).
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from collectors.hosts.base import (
    Facts,
    Family,
    HostCollector,
    Section,
    Unreadable,
    denied_or,
    first_line,
    json_of,
    lines_of,
)
from collectors.model import FactKind, GapReason, Subscription

_COMMAND = r"""
if command -v pro >/dev/null 2>&1; then c=pro; elif command -v ua >/dev/null 2>&1; then c=ua
else
  # Without the client and without its repositories no fix of Pro can arrive: that is an answer.
  for f in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
    [ -e "$f" ] || continue
    [ -r "$f" ] && ! grep -q 'esm[.]ubuntu[.]' "$f" || { echo missing; exit 0; }
  done
  [ -r /etc/apt/sources.list.d ] && echo absent || echo missing
  exit 0
fi
if a=$($c api u.pro.status.is_attached.v1 2>/dev/null) && s=$($c api u.pro.status.enabled_services.v1 2>/dev/null); then
  printf '%s\n%s\n' "$a" "$s"
else $c status --format json; fi
"""
_ENABLED = frozenset({"enabled", "active"})


def _parse(section: Section) -> Facts:
    if section.stdout.strip() == "missing":
        detail = "neither pro nor ua is installed (package ubuntu-pro-client), and its repositories may be in use"
        raise Unreadable(GapReason.MISSING, detail)
    if section.stdout.strip() == "absent":
        return _found(attached=False, services=(), expires=None)
    if section.exit_status != 0 and not section.stdout.strip():
        detail = f"exit status {section.exit_status}: {first_line(section.stderr)}"
        raise Unreadable(denied_or(GapReason.FAILED, section.stderr), detail)
    documents = [_document(line) for line in lines_of(section.stdout) if line.strip()]
    match documents:
        case [
            {"data": {"attributes": {"is_attached": bool(attached), **contract}}},
            {"data": {"attributes": {"enabled_services": services}}},
        ]:
            # A machine whose contract has expired is still attached, and gets no fix any more.
            valid = contract.get("contract_status") != "expired"
            return _found(attached=attached and valid, services=_names(services), expires=None)
        case [{"attached": bool(attached), **status}]:
            rows = status.get("services")
            names = [row for row in rows if row.get("status") in _ENABLED] if isinstance(rows, list) else None
            return _found(attached=attached, services=_names(names), expires=_date(status.get("expires")))
    raise Unreadable(GapReason.UNPARSABLE, f"not the JSON of the Pro client: {first_line(section.stdout)!r}")


def _document(line: str) -> Any:
    try:
        return json_of(line)
    except (ValueError, RecursionError) as error:
        raise Unreadable(GapReason.UNPARSABLE, f"not JSON: {first_line(line)!r}") from error


def _found(*, attached: bool, services: tuple[str, ...], expires: datetime | None) -> Facts:
    subscription = Subscription(
        kind="ubuntu-pro",
        attached=attached,
        services=services if attached else (),
        expires_at=expires if attached else None,
    )
    return Facts(subscriptions=(subscription,))


def _names(rows: Any) -> tuple[str, ...]:
    if not isinstance(rows, list) or not all(
        isinstance(row, dict) and isinstance(row.get("name"), str) for row in rows
    ):
        raise Unreadable(GapReason.UNPARSABLE, "the list of services has another form")
    return tuple(sorted(row["name"] for row in rows))


def _date(value: Any) -> datetime | None:
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    if at.tzinfo is None:  # as old clients write it
        at = at.replace(tzinfo=UTC)
    # A contract without end is dated 9999.
    return at.astimezone(UTC) if at < datetime.max.replace(tzinfo=UTC) - timedelta(days=366) else None


COLLECTOR = HostCollector(
    name="ubuntu_pro",
    kinds=(FactKind.SUBSCRIPTION,),
    families=frozenset({Family.DEB}),
    when="grep -qs '^ID=ubuntu' /etc/os-release",
    command=_COMMAND,
    answers=frozenset(range(124)),
    parse=_parse,
    slow=True,
    timeout_s=30,
)
