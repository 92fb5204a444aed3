"""Jump hosts: logged in to once, shared by every target behind them.

A site's whole fleet may stand behind one bastion: a login per target would run into its MaxStartups and, with a wrong
password, lock the account. So a connection is kept until `hang_up()`, and a refused login is remembered.
"""

import threading
from dataclasses import dataclass, field

import paramiko

from collectors.credentials import Credential
from collectors.errors import HostError, LoginDenied, Unreachable
from collectors.transports.base import ConnectionPolicy, Deadline
from collectors.transports.marks import mark
from collectors.transports.secure_shell import ordinary
from collectors.transports.secure_shell.client_config import Hop
from collectors.transports.secure_shell.keys import key_ways
from collectors.transports.secure_shell.known_hosts import HostKeyCheck
from collectors.transports.secure_shell.sockets import GuardedSocket
from collectors.transports.secure_shell.wire import Wire, explain
from collectors.transports.sockets import dial, handshake_deadline

_WINDOW_BYTES = 2 * 1024 * 1024
_FORBIDDEN = 1
_SILENT = "Check that the machine is on, that its SSH server runs and that no firewall stands in between."


@dataclass(slots=True)
class _Jump:
    lock: threading.Lock = field(default_factory=threading.Lock)
    wire: Wire | None = None
    refusal: LoginDenied | None = None


_jumps: dict[tuple[object, ...], _Jump] = {}
_lock = threading.Lock()


def connect(
    subject: str, hops: tuple[Hop, ...], *, credential: Credential, policy: ConnectionPolicy, deadline: Deadline
) -> GuardedSocket:
    """A socket to the last hop, through those before it."""
    until, goal = handshake_deadline(policy, deadline), hops[-1]
    limit_bytes = policy.output_limit_bytes + policy.output_limit_bytes // 8 + 4 * 1024 * 1024
    if len(hops) == 1:
        sock = dial(subject, goal.host, goal.port, policy=policy, deadline=deadline, hint=_SILENT)
        return GuardedSocket(sock, handshake_deadline(policy, deadline), limit_bytes=limit_bytes)
    channel = _through(subject, hops, credential=credential, policy=policy, deadline=deadline)
    return GuardedSocket(channel, until, limit_bytes=limit_bytes, tcp=False)


def _through(
    subject: str, hops: tuple[Hop, ...], *, credential: Credential, policy: ConnectionPolicy, deadline: Deadline
) -> paramiko.Channel:
    jump, goal = hops[-2], hops[-1]
    wire = _logged_in(subject, hops[:-1], credential=credential, policy=policy, deadline=deadline)
    try:
        return wire.open_channel(
            "direct-tcpip",
            (goal.host, goal.port),
            ("127.0.0.1", 0),
            timeout=deadline.remaining_s(policy.connect_timeout_s),
        )
    except paramiko.ChannelException as error:
        if error.code == _FORBIDDEN:
            raise Unreachable(
                subject,
                f"the jump host {jump.host} forbids forwarding to {goal.host}:{goal.port}.",
                hint="Set AllowTcpForwarding (and PermitOpen) in the jump host's sshd_config.",
            ) from None
        raise Unreachable(
            subject, f"the jump host {jump.host} cannot reach {goal.host}:{goal.port} ({error.text})."
        ) from None
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise explain(subject, wire, error, deadline, during=f"forwarding by the jump host {jump.host}") from None


def _logged_in(
    subject: str, hops: tuple[Hop, ...], *, credential: Credential, policy: ConnectionPolicy, deadline: Deadline
) -> Wire:
    with _lock:
        jump = _jumps.setdefault(_identity(hops, credential), _Jump())
    if not jump.lock.acquire(timeout=deadline.remaining_s()):
        raise Unreachable(subject, f"the jump host {hops[-1].host} was not reached within the deadline.")
    try:
        return _renew(subject, jump, hops, credential=credential, policy=policy, deadline=deadline)
    finally:
        jump.lock.release()


def _identity(hops: tuple[Hop, ...], credential: Credential) -> tuple[object, ...]:
    """What makes two logins at a jump host the same one; credentials may be resolved anew for every target."""
    keys = (credential.key_file, credential.certificate_file, mark(credential.passphrase), credential.agent)
    return (hops, *keys, mark(credential.password))


def _renew(
    subject: str,
    jump: _Jump,
    hops: tuple[Hop, ...],
    *,
    credential: Credential,
    policy: ConnectionPolicy,
    deadline: Deadline,
) -> Wire:
    if jump.refusal is not None:
        raise LoginDenied(subject, jump.refusal.problem, hint=jump.refusal.hint)
    if jump.wire is None or not jump.wire.is_active():
        try:
            jump.wire = _log_in(subject, hops, credential=credential, policy=policy, deadline=deadline)
        except LoginDenied as error:
            jump.refusal = error
            raise
    return jump.wire


def _log_in(
    subject: str, hops: tuple[Hop, ...], *, credential: Credential, policy: ConnectionPolicy, deadline: Deadline
) -> Wire:
    hop = hops[-1]
    sock = connect(subject, hops, credential=credential, policy=policy, deadline=deadline)
    check = HostKeyCheck(
        subject=subject, host=hop.host, port=hop.port, user=hop.user, policy=policy, alias=hop.host_key_alias
    )
    wire = Wire(sock, check, window_bytes=_WINDOW_BYTES)
    try:
        ways = ordinary.ways_of(key_ways(subject, hop, credential), credential, deadline)
        ordinary.log_in(wire, hop.user, ways, deadline=deadline, where=f" at the jump host {hop.host}")
    except HostError:
        wire.hang_up()
        raise
    sock.deadline = None  # it serves many targets, each with a deadline of its own
    sock.unlimited()
    return wire


def hang_up() -> None:
    """Close every connection to a jump host and forget refused logins."""
    with _lock:
        jumps = list(_jumps.values())
        _jumps.clear()
    for jump in reversed(jumps):
        if jump.wire is not None:
            jump.wire.hang_up()
