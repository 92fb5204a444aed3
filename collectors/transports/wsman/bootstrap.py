"""The few words of PowerShell on the command line that fetch the real script from standard input.

A command line ends at 8,191 characters, a script does not (P1). The bootstrap reads base64 of the gzipped script and
runs it, in every PowerShell since 3.0. It must not mention `$input`: where a command does, powershell.exe reads
standard input itself, before the command can. In Constrained Language Mode it fails and prints nothing on standard
output, which tells the visit to ask otherwise (W31).
"""

import base64

BOOTSTRAP = (
    "$ProgressPreference='SilentlyContinue';"
    "$b=[Convert]::FromBase64String([Console]::In.ReadToEnd());"
    "$m=New-Object IO.MemoryStream(,$b);"
    "$g=New-Object IO.Compression.GZipStream($m,[IO.Compression.CompressionMode]::Decompress);"
    "$r=New-Object IO.StreamReader($g,[Text.Encoding]::UTF8);"
    "&([scriptblock]::Create($r.ReadToEnd()))"
)
COMMAND = (
    "powershell.exe -NoProfile -NonInteractive -ExecutionPolicy Bypass -EncodedCommand "
    + base64.b64encode(BOOTSTRAP.encode("utf-16-le")).decode()
)
