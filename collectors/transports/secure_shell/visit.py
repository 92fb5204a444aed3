"""One visit over SSH: the fast way where a key is offered first, the ordinary way otherwise and as its fallback."""

import logging

from collectors.credentials import Credential
from collectors.errors import LoginDenied
from collectors.model import Target
from collectors.transports import become
from collectors.transports.base import ConnectionPolicy, Deadline, ScriptOutput
from collectors.transports.outcome import Visit
from collectors.transports.secure_shell import client_config, jumps, ordinary
from collectors.transports.secure_shell.client_config import Hop
from collectors.transports.secure_shell.fast import FastWire, Surprise, require_inner_parts
from collectors.transports.secure_shell.keys import KeyWay, key_ways
from collectors.transports.secure_shell.known_hosts import HostKeyCheck
from collectors.transports.secure_shell.sockets import GuardedSocket
from collectors.transports.secure_shell.wire import Wire

LOG = logging.getLogger(__name__)
_WINDOW_SLACK_BYTES = 64 * 1024
_MAX_WINDOW_BYTES = 0x7FFF0000


def visit(
    target: Target, script: bytes, *, credential: Credential, policy: ConnectionPolicy, deadline: Deadline
) -> ScriptOutput:
    """Run `script` on the target; raises a `HostError` when nothing could be run."""
    return _Caller(target, script, credential, policy, deadline).call()


class _Caller:
    """Everything one visit needs, so that a second connection can be made when the first met a surprise."""

    def __init__(
        self, target: Target, script: bytes, credential: Credential, policy: ConnectionPolicy, deadline: Deadline
    ) -> None:
        self._subject = target.name
        self._credential = credential
        self._policy = policy
        self._deadline = deadline
        self._hops = client_config.route(target, credential)
        root = self._goal.user == "root"
        dialogues = become.attempts(
            script, sudo_mode=credential.sudo, sudo_password=credential.sudo_password, root=root
        )
        self._visit = Visit(self._subject, dialogues, limit_bytes=policy.output_limit_bytes, root=root)
        self._window_bytes = min(policy.output_limit_bytes + _WINDOW_SLACK_BYTES, _MAX_WINDOW_BYTES)

    @property
    def _goal(self) -> Hop:
        return self._hops[-1]

    def call(self) -> ScriptOutput:
        """Make the visit."""
        LOG.debug(
            "%s: visiting %s", self._subject, " -> ".join(f"{hop.user}@{hop.host}:{hop.port}" for hop in self._hops)
        )
        keys = key_ways(self._subject, self._goal, self._credential)
        if not keys and not self._credential.agent and self._credential.password is None:
            raise LoginDenied(
                self._subject,
                f"no key, agent or password is configured to log in as {self._goal.user}.",
                hint="Name a credential for this machine in the client file.",
            )
        refused: tuple[str, ...] = ()
        if keys:
            try:
                return self._fast(keys[0])
            except Surprise as surprise:
                LOG.debug("%s: the fast way ended (%s), taking the ordinary way", self._subject, surprise)
                if surprise.refused:
                    refused = (keys[0].label,)
                    if len(keys) == 1 and not self._credential.agent and self._credential.password is None:
                        raise self._refused(str(surprise)) from None
        return self._ordinary(keys, refused)

    def _refused(self, reason: str) -> LoginDenied:
        return LoginDenied(
            self._subject,
            f"login as {self._goal.user} was refused: {reason}.",
            hint="Check the user, and that this key is in the account's authorized_keys; nothing was tried twice.",
        )

    def _fast(self, way: KeyWay) -> ScriptOutput:
        require_inner_parts()
        sock = self._connect()
        try:
            wire = FastWire(
                sock,
                self._check(),
                user=self._goal.user,
                way=way,
                visit=self._visit,
                deadline=self._deadline,
                window_bytes=self._window_bytes,
            )
        except (AttributeError, TypeError) as error:
            sock.close()
            raise Surprise(f"this paramiko works otherwise inside ({error})") from None
        return wire.converse()

    def _ordinary(self, keys: tuple[KeyWay, ...], refused: tuple[str, ...]) -> ScriptOutput:
        while True:
            wire = Wire(self._connect(), self._check(), window_bytes=self._window_bytes)
            try:
                ways = ordinary.ways_of(keys, self._credential, self._deadline)
                ordinary.log_in(wire, self._goal.user, ways, deadline=self._deadline, refused=refused)
                return ordinary.hold(wire, self._visit, deadline=self._deadline, window_bytes=self._window_bytes)
            except ordinary.SudoSilent:
                continue  # the visit now holds its dialogue without sudo
            finally:
                wire.hang_up()

    def _connect(self) -> GuardedSocket:
        return jumps.connect(
            self._subject, self._hops, credential=self._credential, policy=self._policy, deadline=self._deadline
        )

    def _check(self) -> HostKeyCheck:
        goal = self._goal
        return HostKeyCheck(
            subject=self._subject,
            host=goal.host,
            port=goal.port,
            user=goal.user,
            policy=self._policy,
            alias=goal.host_key_alias,
        )
