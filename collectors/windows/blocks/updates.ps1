# Traces of installed and staged updates: component servicing packages, then Win32_QuickFixEngineering.
# Package names are ids: "Package_for_RollupFix~31bf3856ad364e35~amd64~~26100.8655.1.12".
$value = @{}

try {
    $packages = Open-Key 'HKLM' 'SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\Packages'
    if ($null -eq $packages) { throw 'the key of the packages is absent' }
    $rows = New-Object -TypeName 'Collections.ArrayList'
    $unreadable = 0
    foreach ($name in @(Read-SubKeys $packages)) {
        if ($name -notmatch '^Package_for_(RollupFix|DotNetRollup|KB|ServicingStack)') { continue }
        try {
            $key = $packages.OpenSubKey($name, $false)
            $seen = Read-Values $key @('CurrentState', 'InstallTimeHigh', 'InstallTimeLow')
            $when = $null
            if ($null -ne $seen['InstallTimeHigh']) {
                $when = Get-IsoDate ([long]$seen['InstallTimeHigh'] * 4294967296 + [long]$seen['InstallTimeLow'])
            }
            [void]$rows.Add(@($name, $seen['CurrentState'], $when))
        } catch {
            $unreadable += 1
        }
    }
    $value['packages'] = $rows
    if ($unreadable -gt 0) { Add-Refusal 'installed_updates' 'denied' "$unreadable component servicing packages" }
} catch {
    Add-Failure 'installed_updates' $_ 'component servicing packages'
    Add-Failure 'last_update' $_ 'component servicing packages'
}

try {
    $value['hotfixes'] = @(foreach ($row in @(Read-Cim 'Win32_QuickFixEngineering' @('HotFixID'))) { $row.HotFixID })
} catch {
    Add-Failure 'installed_updates' $_ 'Win32_QuickFixEngineering'
}

$value
