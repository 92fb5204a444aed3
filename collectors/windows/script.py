"""One PowerShell script per visit of a Windows machine: prologue, blocks, last frame.

The script prints the same frames as the one for Linux (`collectors.script`), each block's with the status `z`: its
payload is base64 of gzip of a JSON envelope `{"s": state, "e": problem, "d": refusals, "v": value}`. The first frame is
`hello` with "windows <1 when elevated> <PowerShell version> <language mode>", the last `end`. Fast blocks come first,
in the script's own runspace; slow ones last, each in a runspace of its own which is left behind when it hangs: the
process then ends all the same.
"""

from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from collectors.script import FORMAT, new_nonce
from collectors.windows.block import WindowsBlock
from collectors.windows.blocks import body

_SHARE_OF_DEADLINE = 0.9
_RESERVE_S = 10.0

_BEGIN = """\
$Audit = @{{ Nonce = '{nonce}'; Budget = {budget}; Watch = [Diagnostics.Stopwatch]::StartNew() }}
$Audit.Prologue = {{
{prologue}}}
. $Audit.Prologue
# PowerShell would write what it learns of modules into the user's profile; nothing is written on the machine.
$env:PSModuleAnalysisCachePath = 'nul'
$env:PSDisableModuleAnalysisCacheCleanup = '1'
$elevated = 0
try {{
    $identity = [Security.Principal.WindowsIdentity]::GetCurrent()
    $principal = New-Object -TypeName 'Security.Principal.WindowsPrincipal' -ArgumentList $identity
    if ($principal.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) {{ $elevated = 1 }}
}} catch {{
    $elevated = 0
}}
$mode = $ExecutionContext.SessionState.LanguageMode
Send-Frame 'hello' '{format}' "windows $elevated $($PSVersionTable.PSVersion) $mode"
"""
_FAST = """\
Invoke-Block '{name}' {{
{body}}}
"""
_SLOW = """\
Invoke-SlowBlock '{name}' {seconds} {{
{body}}}
"""
# A runspace that hangs would keep an ordinary `exit` waiting for ever.
_END = """\
Send-Frame 'end' '{format}' '{count}'
[Environment]::Exit(0)
"""


def build_windows_script(
    blocks: Iterable[WindowsBlock], *, nonce: str | None = None, deadline_s: float = 120.0
) -> bytes:
    """Assemble the script of one visit, UTF-8. `deadline_s` is the host's: slow blocks end before it passes."""
    chosen = tuple(blocks)
    budget = max(1, int(max(deadline_s * _SHARE_OF_DEADLINE, deadline_s - _RESERVE_S)))
    parts = [_BEGIN.format(nonce=nonce or new_nonce(), budget=budget, prologue=_prologue(), format=FORMAT)]
    parts += [_FAST.format(name=block.name, body=body(block.name)) for block in chosen if not block.slow]
    parts += [
        _SLOW.format(name=block.name, seconds=block.timeout_s, body=body(block.name)) for block in chosen if block.slow
    ]
    parts.append(_END.format(format=FORMAT, count=len(chosen)))
    return "".join(parts).encode()


@cache
def _prologue() -> str:
    return files("collectors.windows").joinpath("prologue.ps1").read_text(encoding="utf-8")
