"""Kerberos tickets: one login at the domain controller per account and run, one service ticket per machine.

libkrb5 knows no deadline and may wait half a minute for a domain controller that is not there: every call of it runs in
a thread of its own that is not waited for beyond ours. What went wrong for an account is remembered, so that a hundred
machines do not try a wrong password a hundred times.

Source: RFC 4120 7.5.9 (error codes), krb5.h (those of MIT Kerberos).
"""

import importlib.util
import queue
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from collectors.credentials import Secret
from collectors.errors import HostError, LoginDenied, NotSupported
from collectors.transports.base import Deadline
from collectors.transports.marks import mark
from collectors.transports.wsman.endpoint import Endpoint
from collectors.transports.wsman.http import printable

_Result = TypeVar("_Result")
_PATIENCE_S = 15.0
_BASE = -1765328384  # ERROR_TABLE_BASE_krb5: protocol errors are counted from here
_WORDS = {
    6: ("the domain does not know this user", "Write the user as user@REALM, as the directory has it."),
    7: ("the domain knows no service of this machine's name", "Use the name it has in the domain, in full."),
    12: ("the domain's policy forbids this login", "Check logon hours and workstations of the account."),
    14: ("the domain offers no encryption type used here", "Allow AES for the account (not RC4 or DES alone)."),
    18: ("the account is locked, disabled or expired", "Unlock or enable it in the directory."),
    23: ("the password has expired", "Change it, then run again."),
    24: ("the password was refused by the domain", "Correct it; it is not tried again in this run."),
    31: ("the password was refused by the domain", "Correct it; it is not tried again in this run."),
    32: ("the ticket has expired", "Run kinit again, or configure a password."),
    37: ("the clocks of this machine and the domain differ by more than five minutes", "Set both clocks (NTP)."),
    135: ("krb5.conf cannot be read", "Check KRB5_CONFIG."),
    141: ("there is no ticket", "Run kinit, or configure a password."),
    154: ("the realm is not known here", "Name its domain controllers in krb5.conf, or publish them in DNS."),
    156: ("no domain controller of the realm can be reached", "Check name resolution and port 88."),
    195: ("there is no ticket", "Run kinit, or configure a password."),
    217: ("the realm of this machine is not known here", "Map its domain to the realm in krb5.conf."),
    220: ("no domain controller of the realm can be found", "Check krb5.conf and DNS."),
    224: ("no realm is stated", "Write the user as user@REALM."),
}
# The password was looked at and did not open: no other way to log in may try it again.
_PASSWORD_REFUSED = (12, 18, 23, 24, 31)
_HINT_EXTRA = "Install it: pip install 'patch-license-auditor[kerberos]', or use NTLM."


class NoTicket(LoginDenied):
    """No ticket could be had; `password_refused` tells that a domain controller has refused the password.

    `known` is false for what only the library's own words describe.
    """

    def __init__(
        self, subject: str, problem: str, *, hint: str, password_refused: bool = False, known: bool = True
    ) -> None:
        super().__init__(subject, problem, hint=hint)
        self.password_refused = password_refused
        self.known = known


def available() -> bool:
    """Whether the libraries of the extra `kerberos` are installed (Windows brings its own)."""
    return sys.platform == "win32" or all(importlib.util.find_spec(name) for name in ("gssapi", "krb5"))


def may_be_usable(where: Endpoint, user: str, password: Secret | None) -> bool:
    """Whether asking for a ticket makes sense: a host name, and a realm or no password at all."""
    return available() and not where.is_address and (password is None or "@" in user)


@dataclass(frozen=True, slots=True)
class Service:
    """The HTTP service of one machine, for which there is a ticket."""

    hostname: str
    credential: Any

    def new_context(self, bindings: Any) -> Any:
        """A context that has said nothing yet."""
        import spnego

        return spnego.client(
            self.credential, hostname=self.hostname, service="HTTP", protocol="kerberos", channel_bindings=bindings
        )


def service(subject: str, where: Endpoint, user: str, password: Secret | None, deadline: Deadline) -> Service:
    """Get a ticket for the machine, with the account's ticket or password; the machine itself is not asked.

    Raises `NoTicket` when there is none to be had, `NotSupported` without the extra or without a host name.
    """
    if not available():
        raise NotSupported(subject, "Kerberos needs the extra `kerberos`, which is not installed.", hint=_HINT_EXTRA)
    if where.is_address:
        raise NotSupported(
            subject, "Kerberos knows machines by name, not by address.", hint="Use the name it has in the domain."
        )
    one = Service(where.name, _account(subject, user, password, deadline))
    # The first token needs the service ticket: it lands in the account's ticket cache and is there for the login.
    step(subject, one, None, deadline)
    return one


def step(subject: str, context: Any, reply: bytes | None, deadline: Deadline) -> bytes:
    """The next token of the context (or the first one of a service's new context). Raises `NoTicket`."""

    def call() -> bytes:
        actual = context.new_context(None) if isinstance(context, Service) else context
        return actual.step(reply) or b""

    return _within(subject, deadline, call)


@dataclass(slots=True)
class _Account:
    lock: threading.Lock = field(default_factory=threading.Lock)
    credential: Any = None
    keep: tuple[Any, ...] = ()
    failure: NoTicket | None = None


_accounts: dict[tuple[str, bytes], _Account] = {}
_lock = threading.Lock()


def _account(subject: str, user: str, password: Secret | None, deadline: Deadline) -> Any:
    """Credential for pyspnego of the account: the default ticket cache, or one of our own filled with the password."""
    import spnego

    if password is None:
        return spnego.CredentialCache(username=_principal(user) if "@" in user else None)
    if "\\" in user:
        raise NotSupported(
            subject,
            f"Kerberos does not know {user} in this form.",
            hint="Write the user as user@REALM, the realm being the domain's DNS name.",
        )
    if sys.platform == "win32":
        return spnego.Password(username=user, password=password.reveal())
    with _lock:
        account = _accounts.setdefault((user, mark(password)), _Account())
    if not account.lock.acquire(timeout=deadline.remaining_s()):
        raise NoTicket(subject, "no ticket came within the deadline.", hint="Check the domain controllers.")
    try:
        if account.failure is not None:
            raise NoTicket(
                subject,
                account.failure.problem,
                hint=account.failure.hint,
                password_refused=account.failure.password_refused,
                known=account.failure.known,
            )
        if account.credential is None:
            try:
                account.keep = _within(subject, deadline, lambda: _log_in(user, password))
            except NoTicket as error:
                account.failure = error
                raise
            account.credential = spnego.KerberosCCache(account.keep[2])
        return account.credential
    finally:
        account.lock.release()


def _principal(user: str) -> str:
    """Realms are written in capitals, users rarely write them so."""
    name, _, realm = user.rpartition("@")
    return f"{name}@{realm.upper()}" if name else user


def _log_in(user: str, password: Secret) -> tuple[Any, Any, str]:
    """Fill a ticket cache in memory; answers libkrb5's context, the cache and its name."""
    import krb5

    context = krb5.init_context()
    principal = krb5.parse_name_flags(context, _principal(user).encode())
    options = krb5.get_init_creds_opt_alloc(context)
    krb5.get_init_creds_opt_set_canonicalize(options, True)  # noqa: FBT003  the library's own form
    secret = password.reveal().encode()
    ticket = krb5.get_init_creds_password(context, principal, options, password=secret)
    cache = krb5.cc_new_unique(context, b"MEMORY")
    krb5.cc_initialize(context, cache, ticket.client)
    krb5.cc_store_cred(context, cache, ticket)
    return context, cache, f"MEMORY:{(cache.name or b'').decode()}"


def _within(subject: str, deadline: Deadline, call: Callable[[], _Result]) -> _Result:
    answer: queue.SimpleQueue[tuple[_Result | None, Exception | None]] = queue.SimpleQueue()

    def work() -> None:
        try:
            answer.put((call(), None))
        except Exception as error:  # noqa: BLE001  it is raised in the thread that waits
            answer.put((None, error))

    threading.Thread(target=work, name="kerberos", daemon=True).start()
    try:
        result, error = answer.get(timeout=deadline.remaining_s(_PATIENCE_S))
    except queue.Empty:
        raise NoTicket(
            subject,
            "no Kerberos ticket: no domain controller answered in time.",
            hint="Check name resolution and port 88.",
        ) from None
    if error is not None:
        raise _explained(subject, error) from None
    return result  # type: ignore[return-value]


def _explained(subject: str, error: Exception) -> Exception:
    number = _number(error)
    if number in _WORDS:
        problem, cure = _WORDS[number]
        return NoTicket(
            subject, f"no Kerberos ticket: {problem}.", hint=cure, password_refused=number in _PASSWORD_REFUSED
        )
    if isinstance(error, ImportError):  # they are installed, but not what they are linked with
        problem = f"no Kerberos ticket: its libraries cannot be loaded ({printable(str(error))})."
        return NoTicket(subject, problem, hint="Install MIT Kerberos (libgssapi-krb5-2), or use NTLM.")
    if number is None and not type(error).__module__.startswith(("spnego", "gssapi", "krb5")):
        return error
    problem = f"no Kerberos ticket: {printable(str(error))}."
    return NoTicket(subject, problem, hint="Check krb5.conf and the account.", known=False)


def _number(error: Exception) -> int | None:
    """Number of the error counted from libkrb5's base, None when it is of another kind."""
    one: BaseException | None = error
    while one is not None and not isinstance(one, HostError):
        code = getattr(one, "err_code", None) or getattr(one, "min_code", None)
        if isinstance(code, int) and code:
            number = ((code & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000 - _BASE
            return number if 0 <= number < 256 else None
        one = getattr(one, "base_error", None) or one.__cause__
    return None


def forget() -> None:
    """Drop tickets got with passwords, and what went wrong."""
    with _lock:
        accounts = list(_accounts.values())
        _accounts.clear()
    for account in accounts:
        if account.keep:
            import krb5

            krb5.cc_destroy(account.keep[0], account.keep[1])
