# Installed programs: the uninstall keys of the machine (both views) and of every loaded user hive, and whose hives are
# not loaded. Never Win32_Product: it repairs MSI packages. Values go out as they are; texts are cut at 1,024
# characters, and the names of values that are neither text nor number travel in 'odd'.
$uninstall = 'Microsoft\Windows\CurrentVersion\Uninstall'
$person = '^S-1-(5-21|12-1)-[0-9-]+$'
$wanted = @('DisplayName', 'DisplayVersion', 'Publisher', 'InstallLocation', 'ParentKeyName', 'ReleaseType')
$wanted += @('WindowsInstaller', 'SystemComponent')
$rows = New-Object -TypeName 'Collections.ArrayList'

function Read-Programs {
    # Hundreds of keys: RegistryKey itself, no helper per value.
    param($Key, [string]$View, [string]$User)
    foreach ($code in $Key.GetSubKeyNames()) {
        $row = @{ 'code' = $code; 'view' = $View }
        if ($User -ne '') { $row['user'] = $User }
        try {
            $entry = $Key.OpenSubKey($code, $false)
            if ($null -eq $entry) { continue }
            foreach ($name in $wanted) {
                $found = $entry.GetValue($name)
                if ($null -eq $found) { continue }
                if ($found -is [string]) {
                    if ($found.Length -gt 1024) { $found = $found.Substring(0, 1024) }
                    if ($found -ne '') { $row[$name] = $found }
                } elseif ($found -is [int] -or $found -is [long]) {
                    $row[$name] = $found
                } else {
                    $row['odd'] = "$($row['odd']) $name".Trim()
                }
            }
            $entry.Close()
        } catch {
            $row['problem'] = Get-Problem $_
        }
        [void]$rows.Add($row)
    }
}

$sides = @(@{ 'view' = 64; 'name' = 'x64' }, @{ 'view' = 32; 'name' = 'x86' })
if (-not [Environment]::Is64BitOperatingSystem) { $sides = @(@{ 'view' = 64; 'name' = 'x86' }) }
foreach ($side in $sides) {
    try {
        $key = Open-Key 'HKLM' "SOFTWARE\$uninstall" $side['view']
        if ($null -eq $key) {
            Add-Refusal 'applications' 'missing' "the list of $($side['name']) programs"
        } else {
            Read-Programs $key $side['name'] ''
        }
    } catch {
        Add-Failure 'applications' $_ "the list of $($side['name']) programs"
    }
}

$hives = New-Object -TypeName 'Collections.ArrayList'
try {
    foreach ($sid in (Open-Key 'HKU' '').GetSubKeyNames()) {
        if ($sid -notmatch $person) { continue }
        $hive = @{ 'sid' = $sid }
        try {
            $key = Open-Key 'HKU' "$sid\SOFTWARE\$uninstall"
            if ($null -ne $key) { Read-Programs $key $sides[0]['name'] $sid }
            $key = Open-Key 'HKU' "$sid\SOFTWARE\WOW6432Node\$uninstall"
            if ($null -ne $key) { Read-Programs $key 'x86' $sid }
        } catch {
            $hive['problem'] = Get-Problem $_
        }
        [void]$hives.Add($hive)
    }
} catch {
    Add-Failure 'user_applications' $_ 'the loaded user hives'
}

$profiles = New-Object -TypeName 'Collections.ArrayList'
try {
    $list = Open-Key 'HKLM' 'SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList'
    $times = @('LocalProfileLoadTimeHigh', 'LocalProfileLoadTimeLow')
    $times += @('LocalProfileUnloadTimeHigh', 'LocalProfileUnloadTimeLow')
    foreach ($sid in $list.GetSubKeyNames()) {
        if ($sid -notmatch '^S-1-(5-21|12-1)-') { continue }
        $entry = $list.OpenSubKey($sid, $false)
        $row = Read-Values $entry $times
        $row['sid'] = $sid
        $folder = Read-Value $entry 'ProfileImagePath'
        if ($folder -is [string]) {
            $row['folder'] = $folder
            $row['exists'] = [IO.Directory]::Exists($folder)
        }
        [void]$profiles.Add($row)
    }
} catch {
    Add-Failure 'user_applications' $_ 'the list of profiles'
}

@{ 'rows' = @($rows); 'hives' = @($hives); 'profiles' = @($profiles) }
