# Office: Click-to-Run from its Configuration key, MSI from product codes of Office's own pattern. The file versions of
# an MSI Office tell what its patches did: DisplayVersion stays at that of the installation medium.
# Never read: e-mail addresses and tenant ids, which the same key holds.
$fields = @('VersionToReport', 'ProductReleaseIds', 'Platform', 'CDNBaseUrl', 'UpdateChannel', 'UpdateUrl')
$fields += @('UnmanagedUpdateURL', 'UpdatesEnabled', 'ClientCulture', 'SharedComputerLicensing')
$views = @(64)
if ([Environment]::Is64BitOperatingSystem) { $views = @(64, 32) }

function Read-FileVersion {
    param([string]$Path)
    if (-not [IO.File]::Exists($Path)) { return $null }
    $info = [Diagnostics.FileVersionInfo]::GetVersionInfo($Path)
    "$($info.FileMajorPart).$($info.FileMinorPart).$($info.FileBuildPart).$($info.FilePrivatePart)"
}

$running = New-Object -TypeName 'Collections.ArrayList'
foreach ($view in $views) {
    foreach ($base in @('SOFTWARE\Microsoft\Office\ClickToRun', 'SOFTWARE\Microsoft\Office\15.0\ClickToRun')) {
        try {
            $key = Open-Key 'HKLM' "$base\Configuration" $view
            if ($null -eq $key) { continue }
            $row = Read-Values $key $fields
            $active = Read-Value (Open-Key 'HKLM' "$base\ProductReleaseIDs" $view) 'ActiveConfiguration'
            if ($active -is [string] -and $active -ne '') {
                $cultures = Open-Key 'HKLM' "$base\ProductReleaseIDs\$active\culture" $view
                $row['cultures'] = @(Read-SubKeys $cultures)
            }
            [void]$running.Add($row)
        } catch {
            Add-Failure 'office' $_ 'the configuration of Click-to-Run'
        }
    }
}

$policies = New-Object -TypeName 'Collections.ArrayList'
foreach ($branch in @('cloud\office', 'office')) {
    try {
        $key = Open-Key 'HKLM' "SOFTWARE\Policies\Microsoft\$branch\16.0\common\officeupdate"
        if ($null -ne $key) {
            [void]$policies.Add((Read-Values $key @('UpdateBranch', 'UpdatePath', 'EnableAutomaticUpdates')))
        }
    } catch {
        Add-Failure 'office' $_ 'the update policy of Office'
    }
}

$packages = New-Object -TypeName 'Collections.ArrayList'
$pattern = '^\{9[0-9A-F](12|14|15|16)0000-[0-9A-F]{4}-[0-9A-F]{4}-[01]000-[01]000000FF1CE\}$'
foreach ($view in $views) {
    try {
        $key = Open-Key 'HKLM' 'SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall' $view
        foreach ($code in @(Read-SubKeys $key)) {
            if (-not ($code -match $pattern)) { continue }
            $release = $Matches[1]
            $row = Read-Values ($key.OpenSubKey($code, $false)) @('DisplayName', 'DisplayVersion')
            $row['code'] = $code
            $root = Read-Value (Open-Key 'HKLM' "SOFTWARE\Microsoft\Office\$release.0\Common\InstallRoot" $view) 'Path'
            if ($root -is [string]) { $row['root'] = $root }
            [void]$packages.Add($row)
        }
    } catch {
        Add-Failure 'office' $_ 'the MSI packages of Office'
    }
}

# One look at each folder, and none at that of Click-to-Run, which fills the same InstallRoot.
$files = @{}
$programs = @('WINWORD', 'EXCEL', 'POWERPNT', 'OUTLOOK', 'MSACCESS', 'MSPUB', 'ONENOTE', 'VISIO', 'WINPROJ')
foreach ($package in $packages) {
    $root = [string]$package['root']
    if ($root -eq '' -or $root -match '\\root\\' -or $files.ContainsKey($root)) { continue }
    $found = @{}
    try {
        foreach ($program in $programs) {
            $version = Read-FileVersion ([IO.Path]::Combine($root, "$program.EXE"))
            if ($null -ne $version) { $found[$program.ToLowerInvariant()] = $version }
        }
        $release = $root.TrimEnd('\').ToUpperInvariant() -replace '^.*\\', ''
        $common = [Environment]::GetEnvironmentVariable('CommonProgramW6432')
        if ($root -match '\(x86\)' -or $null -eq $common) {
            $common = [Environment]::GetEnvironmentVariable('CommonProgramFiles(x86)')
        }
        if ($null -eq $common) { $common = [Environment]::GetEnvironmentVariable('CommonProgramFiles') }
        $version = Read-FileVersion "$common\Microsoft Shared\$release\MSO.DLL"
        if ($null -ne $version) { $found['mso'] = $version }
    } catch {
        Add-Failure 'office' $_ "the program files in $root"
    }
    $files[$root] = $found
}

@{ 'running' = @($running); 'policies' = @($policies); 'packages' = @($packages); 'files' = $files }
