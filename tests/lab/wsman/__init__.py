"""A WS-Man peer on loopback: the text command shell of a Windows machine, for tests and benchmarks of our transport.

    with wsman.serve(runner=wsman.RecordedPowerShell(answer), tls=True) as peer:
        ...  # peer.url, peer.tls_url, peer.ca_file, peer.port, peer.tls_port, peer.counters, peer.open_shells

Written from MS-WSMV and DSP0226 without looking at any client, so that it can judge ours: it reads what the documents
say and refuses the rest with the fault Windows gives. The acceptor for NTLM, SPNEGO and Kerberos is pyspnego's.

- `serve(...)` runs it in a thread and yields a `Peer`; keyword arguments are those of its docstring or any field of
  `Settings` (authentication, accounts, quotas, hardening, switches that misbehave). `Settings` may be changed while it
  runs (`peer.settings.accounts = ...`). The account is `Account()`: "audit" with `PASSWORD`, unless told otherwise.
- `python -m tests.lab.wsman --hosts 1000` runs it as a process of its own and prints a line of JSON when it is ready.
- What runs behind it is a `Runner`: `RecordedPowerShell(answer)` decodes our bootstrap and hands the script to
  `answer(script) -> bytes | Answer`; `CommandPrompt` is cmd.exe with `reg query`; `stdin_report` prints size and
  SHA-256 of its input; `Flood` never stops; `RealPowerShell` is `pwsh` where there is one. An `async` generator of
  `Chunk`s and an `Exit` is a runner too.
- `Failure`s by operation: `failures={Operation.RECEIVE: Hang()}`, `Fault(code=...)`, `HttpError(500)`, `Drop()`.
- A defect of the peer or of a runner is raised at the end of the `with` block, never swallowed.

As Windows: the 8,191 characters of a cmd.exe line (32,767 without cmd.exe), HTTP 413 unprocessed above MaxEnvelopeSize,
HTTP 500 without a body for a plain message where AllowUnencrypted is off, a 401 for every refusal of credentials,
operations not given back on Terminate, output that never exceeds the client's MaxEnvelopeSize, Done in an answer of its
own, Receive answered by fault 2150858793 when nothing came within OperationTimeout.

Not modelled: CredSSP, compression (SLDC), PSRP and custom shells, Disconnect and Reconnect, WMI and configuration
resources, Identify, the memory quota, UAC token filtering, profiles and environment of the user, TLS renegotiation for
client certificates (they are asked for in the handshake), Digest. Strict channel binding holds for NTLM; MIT's Kerberos
acceptor tolerates a missing one. A program gets no console: WINRS_CONSOLEMODE_STDIN is recorded, nothing more.
"""

from tests.lab.wsman.certificates import CertificateKind, Certificates, Pem
from tests.lab.wsman.runner import (
    Answer,
    CannotStart,
    Chunk,
    CommandPrompt,
    Exit,
    Flood,
    Output,
    Played,
    Process,
    RealPowerShell,
    RecordedPowerShell,
    Runner,
    pwsh,
    script_of,
    split,
    stdin_report,
)
from tests.lab.wsman.server import Peer, serve
from tests.lab.wsman.settings import (
    CLIXML_PROGRESS,
    MACHINE,
    PASSWORD,
    Account,
    Authentication,
    Counters,
    Drop,
    Failure,
    Fault,
    Hang,
    Hardening,
    HttpError,
    Operation,
    Settings,
)
from tests.lab.wsman.shells import Machine

__all__ = [
    "CLIXML_PROGRESS",
    "MACHINE",
    "PASSWORD",
    "Account",
    "Answer",
    "Authentication",
    "CannotStart",
    "CertificateKind",
    "Certificates",
    "Chunk",
    "CommandPrompt",
    "Counters",
    "Drop",
    "Exit",
    "Failure",
    "Fault",
    "Flood",
    "Hang",
    "Hardening",
    "HttpError",
    "Machine",
    "Operation",
    "Output",
    "Peer",
    "Pem",
    "Played",
    "Process",
    "RealPowerShell",
    "RecordedPowerShell",
    "Runner",
    "Settings",
    "pwsh",
    "script_of",
    "serve",
    "split",
    "stdin_report",
]
