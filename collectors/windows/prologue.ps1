# What every block may use. Dot-sourced once by the script of a visit, and again inside the runspace of a slow block.
# Valid for PowerShell 3.0 to 7, 32 and 64 bits, without modules beyond those in the box; writes nothing on the machine.
#
# $Audit is set by the script before: Nonce, Budget (seconds for the whole script), Watch (running since its start),
# Refusals (the list of the block that runs), Value (what a block may leave there for the case that it does not end);
# Cim (the runspace that asks WMI) and Deaf (WMI hangs) belong to Read-Cim.
#
# A block is the body of a script block. The LAST object it outputs is its value, one hashtable; stray output before it
# (the index that ArrayList.Add returns, say) is ignored. Lists in it are always wrapped: @( ... ).

$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$WarningPreference = 'SilentlyContinue'
$VerbosePreference = 'SilentlyContinue'
$DebugPreference = 'SilentlyContinue'
$InformationPreference = 'SilentlyContinue'

# --- Registry -------------------------------------------------------------------------------------------------------

function Open-Key {
    # The registry key, or $null when there is none. $Hive: 'HKLM' or 'HKU'. $View: 64 (default) or 32.
    # A 32-bit PowerShell reads the 64-bit view too. Throws when access is refused: see Add-Failure.
    param([string]$Hive, [string]$Path, [int]$View = 64)
    $root = [Microsoft.Win32.RegistryHive]::LocalMachine
    if ($Hive -eq 'HKU') { $root = [Microsoft.Win32.RegistryHive]::Users }
    $side = [Microsoft.Win32.RegistryView]::Registry64
    if ($View -eq 32) { $side = [Microsoft.Win32.RegistryView]::Registry32 }
    $base = [Microsoft.Win32.RegistryKey]::OpenBaseKey($root, $side)
    if ($Path -eq '') { return $base }
    # The boolean picks the overload that opens for reading only.
    $base.OpenSubKey($Path, $false)
}

function Read-Value {
    # One value, or $null when the key is $null or has no such value ($Name '' is the default value).
    # Texts lose trailing NULs, a DWORD comes as a positive number, REG_MULTI_SZ and REG_BINARY as arrays
    # (assign them straight to a variable; binary travels as base64).
    param($Key, [string]$Name)
    if ($null -eq $Key) { return $null }
    $value = $Key.GetValue($Name)
    if ($value -is [string]) { return $value.TrimEnd([char]0) }
    if ($value -is [int] -and $value -lt 0) { return [long]$value + 4294967296 }
    if ($value -is [array]) { return , $value }
    $value
}

function Read-Values {
    # Several values of one key as a hashtable; absent ones are left out. Read-Values $key @('A', 'B')
    param($Key, [string[]]$Names)
    $found = @{}
    foreach ($name in $Names) {
        $value = Read-Value $Key $name
        if ($null -ne $value) { $found[$name] = $value }
    }
    $found
}

function Read-SubKeys {
    # Names of the keys below a key, none when it is $null: foreach ($name in @(Read-SubKeys $key)) { ... }
    param($Key)
    if ($null -ne $Key) { $Key.GetSubKeyNames() }
}

# --- CIM ------------------------------------------------------------------------------------------------------------

$CimQuestion = {
    # Get-CimInstance, then System.Management (Windows PowerShell only) unless the time is gone.
    param([string]$Namespace, [string]$Query, [string[]]$Property, [int]$Seconds)
    $ErrorActionPreference = 'Stop'
    $ProgressPreference = 'SilentlyContinue'
    $watch = [Diagnostics.Stopwatch]::StartNew()
    try {
        $items = @(Get-CimInstance -Namespace $Namespace -Query $Query -OperationTimeoutSec $Seconds)
    } catch {
        $first = $_
        if ($watch.Elapsed.TotalSeconds -ge ($Seconds - 1)) { throw $first }
        if ($null -eq ('Management.ManagementObjectSearcher' -as [type])) { throw $first }
        try {
            $searcher = New-Object -TypeName 'Management.ManagementObjectSearcher' -ArgumentList @($Namespace, $Query)
            $searcher.Options.Timeout = [TimeSpan]::FromSeconds($Seconds)
            $items = @($searcher.Get())
        } catch {
            throw $first
        }
    }
    foreach ($item in $items) {
        $row = @{}
        foreach ($name in $Property) { $row[$name] = $item.$name }
        $row
    }
}

function Read-Cim {
    # Rows of a CIM class, a hashtable each: @(Read-Cim 'Win32_OperatingSystem' @('ProductType', 'OperatingSystemSKU')).
    # Throws when refused or absent. Dates: Get-IsoDate. Asked in a runspace apart: where WMI hangs and does not keep
    # even the query's own limit, the call is left behind and WMI is asked nothing more, so that nothing else waits.
    param([string]$Class, [string[]]$Property, [string]$Filter, [string]$Namespace = 'root\cimv2', [int]$Seconds = 15)
    if ($Audit.Deaf) {
        throw (New-Object -TypeName 'TimeoutException' -ArgumentList 'WMI left an earlier question without an answer')
    }
    $query = "SELECT $($Property -join ', ') FROM $Class"
    if ($Filter -ne '') { $query = "$query WHERE $Filter" }
    if ($null -eq $Audit.Cim) {
        $Audit.Cim = [Management.Automation.Runspaces.RunspaceFactory]::CreateRunspace()
        $Audit.Cim.Open()
    }
    $shell = [PowerShell]::Create()
    $shell.Runspace = $Audit.Cim
    [void]$shell.AddScript([string]$CimQuestion)
    [void]$shell.AddArgument($Namespace).AddArgument($query).AddArgument($Property).AddArgument($Seconds)
    $running = $shell.BeginInvoke()
    if (-not $running.AsyncWaitHandle.WaitOne(($Seconds + 5) * 1000)) {
        $Audit.Deaf = $true
        throw (New-Object -TypeName 'TimeoutException' -ArgumentList "WMI did not answer in $Seconds s")
    }
    $shell.EndInvoke($running)
}

# --- Values ---------------------------------------------------------------------------------------------------------

function Get-IsoDate {
    # ISO 8601 in UTC, or $null. Takes a DateTime (local unless it says UTC, or -Utc is given), a FILETIME (a number or
    # the eight bytes of a REG_BINARY), or the text form of WMI dates. Nonsense is $null.
    param($Date, [switch]$Utc)
    try {
        if ($null -eq $Date) { return $null }
        if ($Date -is [byte[]]) { $Date = [BitConverter]::ToInt64($Date, 0) }
        if ($Date -is [string]) { $Date = [Management.ManagementDateTimeConverter]::ToDateTime($Date) }
        if ($Date -isnot [datetime]) {
            if ([long]$Date -le 0) { return $null }
            $Date = [datetime]::FromFileTimeUtc([long]$Date)
        }
        if ($Utc) { $Date = [datetime]::SpecifyKind($Date, [DateTimeKind]::Utc) }
        $Date.ToUniversalTime().ToString('o', [Globalization.CultureInfo]::InvariantCulture)
    } catch {
        $null
    }
}

function Get-Problem {
    # "<type> 0x<HRESULT>: <message>" of an error record; the message is for a technician's eyes, never parsed.
    param($Problem)
    $cause = $Problem.Exception.GetBaseException()
    # Another runspace wraps what 'Stop' promoted in an exception without a cause, which holds the record of it.
    if ($cause -is [Management.Automation.ActionPreferenceStopException]) {
        $cause = $cause.ErrorRecord.Exception.GetBaseException()
    }
    $code = $cause.HResult
    if ($null -eq $code) { $code = [Runtime.InteropServices.Marshal]::GetHRForException($cause) }
    # A CimException has the code of WMI there, unsigned: no cast to [int], which would overflow.
    if ($cause.StatusCode -is [uint32] -and $cause.StatusCode -ne 0) { $code = $cause.StatusCode }
    $kind = $cause.GetType().Name
    if ($null -ne $cause.NativeErrorCode) { $kind = "$kind/$($cause.NativeErrorCode)" }
    '{0} 0x{1:x8}: {2}' -f $kind, $code, $cause.Message
}

function Add-Refusal {
    # Records a part that could not be read: $Reason is 'denied', 'failed', 'timed_out' or 'missing'. $What names the
    # part and, where a right is missing, that right.
    param([string]$Kind, [string]$Reason, [string]$What)
    [void]$Audit.Refusals.Add(@($Kind, $Reason, $What))
}

function Add-Failure {
    # Records a part that threw, from its error record: try { ... } catch { Add-Failure 'roles' $_ 'the DNS role' }
    # The reason is told from the error's type and HRESULT by the reader at home.
    param([string]$Kind, $Problem, [string]$What)
    [void]$Audit.Refusals.Add(@($Kind, (Get-Problem $Problem), $What))
}

# --- JSON -----------------------------------------------------------------------------------------------------------
# Words of our own: ConvertTo-Json differs between editions in dates, depth, one-element and extended arrays, and
# Windows PowerShell's refuses more than 2 MB.

function Add-JsonText {
    param($Out, [string]$Text)
    if ([regex]::IsMatch($Text, '[\x00-\x1f"\\]')) {
        $Text = $Text.Replace('\', '\\').Replace('"', '\"')
        $Text = [regex]::Replace($Text, '[\x00-\x1f]', { param($m) '\u{0:x4}' -f [int][char]$m.Value })
    }
    [void]$Out.Append('"').Append($Text).Append('"')
}

function Add-Json {
    param($Out, $Value)
    if ($null -eq $Value -or $Value -is [DBNull]) {
        [void]$Out.Append('null')
    } elseif ($Value -is [string] -or $Value -is [char] -or $Value -is [guid] -or $Value -is [version]) {
        Add-JsonText $Out ([string]$Value)
    } elseif ($Value -is [bool]) {
        [void]$Out.Append($(if ($Value) { 'true' } else { 'false' }))
    } elseif ($Value -is [datetime]) {
        Add-JsonText $Out (Get-IsoDate $Value)
    } elseif ($Value -is [enum]) {
        # A cast: of the overloads of ToInt64 the one for texts might be chosen, which refuses a name.
        [void]$Out.Append(([long]$Value).ToString([Globalization.CultureInfo]::InvariantCulture))
    } elseif ($Value -is [byte[]]) {
        Add-JsonText $Out ([Convert]::ToBase64String($Value))
    } elseif ($Value -is [Collections.IDictionary]) {
        $mark = '{'
        # Not .Keys: an entry of that name would hide the property.
        foreach ($entry in $Value.GetEnumerator()) {
            [void]$Out.Append($mark)
            Add-JsonText $Out ([string]$entry.Key)
            [void]$Out.Append(':')
            Add-Json $Out ($entry.Value)
            $mark = ','
        }
        [void]$Out.Append($(if ($mark -eq '{') { '{}' } else { '}' }))
    } elseif ($Value -is [Collections.IEnumerable]) {
        $mark = '['
        foreach ($item in $Value) {
            [void]$Out.Append($mark)
            Add-Json $Out $item
            $mark = ','
        }
        [void]$Out.Append($(if ($mark -eq '[') { '[]' } else { ']' }))
    } elseif ($Value -is [IConvertible]) {
        [void]$Out.Append([Convert]::ToString($Value, [Globalization.CultureInfo]::InvariantCulture))
    } else {
        Add-JsonText $Out ([string]$Value)
    }
}

# --- Frames ---------------------------------------------------------------------------------------------------------

function Send-Frame {
    param([string]$Name, [string]$Status, [string]$Payload)
    [Console]::Out.Write("`n@@A1 $($Audit.Nonce) $Name $Status $($Payload.Length)`n$Payload`n")
    [Console]::Out.Flush()
}

function ConvertTo-Envelope {
    param([string]$State, [string]$Problem, $Refusals, $Value)
    $json = New-Object -TypeName 'Text.StringBuilder'
    [void]$json.Append('{"s":')
    Add-JsonText $json $State
    [void]$json.Append(',"e":')
    Add-JsonText $json $Problem
    [void]$json.Append(',"d":')
    Add-Json $json $Refusals
    [void]$json.Append(',"v":')
    Add-Json $json $Value
    [void]$json.Append('}')
    $json.ToString()
}

function Send-Block {
    # One block's answer: $State 'ok', 'failed' or 'timed_out', $Problem as Get-Problem words it. A value that cannot be
    # written (a block left behind may still be changing it) becomes a failure, never a missing frame.
    param([string]$Name, [string]$State, [string]$Problem, $Refusals, $Value)
    try {
        $text = ConvertTo-Envelope $State $Problem $Refusals $Value
    } catch {
        $text = ConvertTo-Envelope 'failed' (Get-Problem $_) @() $null
    }
    $bytes = [Text.Encoding]::UTF8.GetBytes($text)
    $memory = New-Object -TypeName 'IO.MemoryStream'
    $mode = [IO.Compression.CompressionMode]::Compress
    $zip = New-Object -TypeName 'IO.Compression.GZipStream' -ArgumentList @($memory, $mode)
    $zip.Write($bytes, 0, $bytes.Length)
    $zip.Close()
    Send-Frame $Name 'z' ([Convert]::ToBase64String($memory.ToArray()))
}

function Invoke-Block {
    # Runs a block here and sends its answer, whatever happens in it.
    param([string]$Name, [scriptblock]$Body)
    $Audit.Refusals = New-Object -TypeName 'Collections.ArrayList'
    $Audit.Value = $null
    try {
        $output = @(& $Body)
        $value = $null
        if ($output.Count -gt 0) { $value = $output[-1] }
        Send-Block $Name 'ok' '' ($Audit.Refusals) $value
    } catch {
        Send-Block $Name 'failed' (Get-Problem $_) ($Audit.Refusals) ($Audit.Value)
    }
}

function Invoke-SlowBlock {
    # Runs a block in a runspace of its own and waits at most $Seconds, less when the script's budget is nearly spent.
    # What it had put into $Audit.Value until then is sent with the state 'timed_out'; a hung call is left behind.
    param([string]$Name, [int]$Seconds, [scriptblock]$Body)
    $inner = [hashtable]::Synchronized(@{})
    $inner.Refusals = New-Object -TypeName 'Collections.ArrayList'
    $inner.Value = $null
    $inner.Deaf = $Audit.Deaf
    try {
        $wait = [Math]::Min($Seconds, $Audit.Budget - $Audit.Watch.Elapsed.TotalSeconds)
        if ($wait -lt 1) {
            Send-Block $Name 'timed_out' 'no time was left for it' @() $null
            return
        }
        $space = [Management.Automation.Runspaces.RunspaceFactory]::CreateRunspace()
        $space.Open()
        $space.SessionStateProxy.SetVariable('Audit', $inner)
        $shell = [PowerShell]::Create()
        $shell.Runspace = $space
        [void]$shell.AddScript("$($Audit.Prologue)`n$Body")
        $running = $shell.BeginInvoke()
        $ended = $running.AsyncWaitHandle.WaitOne([int]($wait * 1000))
        if ($inner.Deaf) { $Audit.Deaf = $true }
        if (-not $ended) {
            $why = 'stopped after {0} s' -f [int]$wait
            Send-Block $Name 'timed_out' $why ($inner.Refusals) ($inner.Value)
            return
        }
        $output = @($shell.EndInvoke($running))
        $value = $null
        if ($output.Count -gt 0) { $value = $output[-1] }
        Send-Block $Name 'ok' '' ($inner.Refusals) $value
    } catch {
        Send-Block $Name 'failed' (Get-Problem $_) ($inner.Refusals) ($inner.Value)
    }
}
