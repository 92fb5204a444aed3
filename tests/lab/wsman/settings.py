"""How a peer is configured, how it may misbehave, and what it counted."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum

PASSWORD = "Plain-Pass1!"
MACHINE = "WINLAB01"
CLIXML_PROGRESS = (
    b'#< CLIXML\r\n<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">'
    b'<Obj S="progress" RefId="0"><TN RefId="0"><T>System.Management.Automation.PSCustomObject</T><T>System.Object</T>'
    b'</TN><MS><I64 N="SourceId">1</I64><PR N="Record"><AV>Pr\xc3\xa9paration des modules</AV><AI>0</AI><Nil />'
    b"<PI>-1</PI><PC>-1</PC><T>Completed</T><SR>-1</SR><SD> </SD></PR></MS></Obj></Objs>"
)


class Authentication(StrEnum):
    """Kinds of authentication a server may have enabled."""

    NTLM = "ntlm"  # raw NTLMSSP tokens under the scheme Negotiate
    NEGOTIATE = "negotiate"  # NTLM or Kerberos inside SPNEGO
    KERBEROS = "kerberos"  # under the scheme Kerberos
    BASIC = "basic"
    CERTIFICATE = "certificate"  # of the client, TLS only


class Hardening(StrEnum):
    """CbtHardeningLevel: what becomes of channel binding tokens over TLS."""

    NONE = "none"  # ignored
    RELAXED = "relaxed"  # checked where the client sent one: Windows' default
    STRICT = "strict"  # must be there and right


class Operation(StrEnum):
    """The messages of a text shell."""

    CREATE = "Create"
    COMMAND = "Command"
    SEND = "Send"
    RECEIVE = "Receive"
    SIGNAL = "Signal"
    DELETE = "Delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user of the machine; `domain` "" is a local account, else also the Kerberos realm's first label.

    `shell_right` False: authenticated, then access denied (5). `locked`: refused with the right password too.
    A client certificate maps to the account whose name is its common name, where `certificate` says so.
    """

    name: str = "audit"
    password: str = PASSWORD
    domain: str = ""
    shell_right: bool = True
    locked: bool = False
    certificate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A SOAP fault: WSManFault code, the subcode with its prefix ("w:QuotaLimit"), the sentence."""

    code: int
    subcode: str = "w:InternalError"
    reason: str = "The WS-Management service cannot process the request."
    sender: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpError:
    """A bare HTTP answer instead of a message."""

    status: int = 500
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Hang:
    """The connection stays open and nothing is ever answered."""


@dataclass(frozen=True, slots=True)
class Drop:
    """The connection is closed without an answer, the message unprocessed."""


Failure = Fault | HttpError | Hang | Drop


@dataclass(slots=True, kw_only=True)
class Settings:
    """Configuration of the service (defaults are those of Windows) and switches for tests.

    Times in seconds. May be changed while the peer runs: every message reads it anew.
    """

    authentication: frozenset[Authentication] = frozenset({Authentication.NTLM, Authentication.NEGOTIATE})
    accounts: tuple[Account, ...] = (Account(),)
    allow_unencrypted: bool = False
    hardening: Hardening = Hardening.RELAXED
    max_envelope_kb: int = 500
    max_shells_per_user: int = 30
    max_concurrent_users: int = 10
    max_operations_per_user: int = 1500
    max_processes_per_shell: int = 25
    idle_timeout_s: float = 7200.0
    lockout_threshold: int = 0  # so many wrong passwords lock an account; 0: never

    # Switches
    message_delay_s: float = 0.0  # before each answer to an authenticated message
    drop_after: int | None = None  # so many messages are answered, the next one finds the connection closed ...
    stay_down: bool = False  # ... and, with this, so do all others, new connections too
    failures: Mapping[Operation, Failure] = field(default_factory=dict)
    stall_after_bytes: int | None = None  # the process prints so many bytes on stdout, then hangs
    stream_bytes: int = 0  # at most so many bytes in one rsp:Stream; 0: as many as fit
    streams_per_response: int = 0  # at most so many rsp:Stream in one answer; 0: as many as fit
    done_apart: bool = True  # the end comes in an answer of its own, as Windows mostly does
    stdout_prefix: bytes = b""  # printed first, for instance an OEM byte: b"\x82"
    stderr_noise: bytes = b""  # printed first on stderr, for instance CLIXML_PROGRESS


@dataclass(slots=True)
class Counters:
    """What a peer saw. `sealed` and `plain` count messages with a body, after authentication."""

    connections: int = 0
    requests: int = 0
    auth_legs: int = 0
    logins: int = 0
    failed_logins: int = 0
    sealed: int = 0
    plain: int = 0
    too_large: int = 0
    refused_seals: int = 0
    faults: int = 0
    timeouts: int = 0
    shells: int = 0
    commands: int = 0
    sends: int = 0
    receives: int = 0
    signals: int = 0
    deletes: int = 0
    expired_shells: int = 0
    bytes_in: int = 0
    bytes_out: int = 0

    def __add__(self, other: "Counters") -> "Counters":
        return Counters(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(Counters)))
