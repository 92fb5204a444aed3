# Stand-ins for the Windows surfaces of the prologue, fed from a JSON file: {"registry": {path: {name: value}},
# "cim": {class: [row]}}. Inserted at the prologue's end by tests that run the script with a real pwsh.
function Read-Surfaces {
    Get-Content -Raw -LiteralPath $env:AUDITOR_SURFACES | ConvertFrom-Json
}

function New-StandInKey {
    param($Registry, [string]$Path)
    $below = @($Registry.PSObject.Properties | Where-Object { $_.Name -eq $Path -or $_.Name -like "$Path\*" })
    if ($below.Count -eq 0) { return $null }
    $key = New-Object -TypeName 'PSObject' -Property @{ Registry = $Registry; Path = $Path }
    Add-Member -InputObject $key -MemberType 'ScriptMethod' -Name 'GetValue' -Value {
        param($name)
        $found = $this.Registry.($this.Path).$name
        # The comma keeps a list of one text a list.
        return , $found
    }
    Add-Member -InputObject $key -MemberType 'ScriptMethod' -Name 'GetValueNames' -Value {
        foreach ($value in $this.Registry.($this.Path).PSObject.Properties) { $value.Name }
    }
    Add-Member -InputObject $key -MemberType 'ScriptMethod' -Name 'Close' -Value { return }
    Add-Member -InputObject $key -MemberType 'ScriptMethod' -Name 'OpenSubKey' -Value {
        param($name, $writable)
        New-StandInKey $this.Registry "$($this.Path)\$name"
    }
    Add-Member -InputObject $key -MemberType 'ScriptMethod' -Name 'GetSubKeyNames' -Value {
        $start = $this.Path.Length + 1
        $inner = $this.Registry.PSObject.Properties | Where-Object { $_.Name -like "$($this.Path)\*" }
        @($inner | ForEach-Object { $_.Name.Substring($start).Split('\')[0] } | Select-Object -Unique)
    }
    $key
}

function Open-Key {
    param([string]$Hive, [string]$Path, [int]$View = 64)
    New-StandInKey (Read-Surfaces).registry $Path
}

function Read-Cim {
    param([string]$Class, [string[]]$Property, [string]$Filter = '', [string]$Namespace = 'root\cimv2', [int]$Seconds = 15)
    $rows = (Read-Surfaces).cim.$Class
    if ($null -eq $rows) { throw (New-Object -TypeName 'UnauthorizedAccessException' -ArgumentList "no $Class") }
    $rows
}
