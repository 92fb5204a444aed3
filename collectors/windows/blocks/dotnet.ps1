# .NET Framework from the registry; side-by-side runtimes from their folders. A folder without the list of its own files
# (<framework>.deps.json) is what an uninstall left behind.
$value = @{}
$setup = 'SOFTWARE\Microsoft\NET Framework Setup\NDP'
try {
    $value['v4'] = Read-Values (Open-Key 'HKLM' "$setup\v4\Full") @('Release', 'Version')
    $value['v35'] = Read-Values (Open-Key 'HKLM' "$setup\v3.5") @('Install', 'SP', 'Version')
} catch {
    Add-Failure 'dotnet' $_ 'the .NET Framework'
}

$system = 'SYSTEM\CurrentControlSet\Control\Session Manager\Environment'
$native = [string](Read-Value (Open-Key 'HKLM' $system) 'PROCESSOR_ARCHITECTURE')
$programs = [Environment]::GetEnvironmentVariable('ProgramW6432')
if ([string]::IsNullOrEmpty($programs)) { $programs = [Environment]::GetEnvironmentVariable('ProgramFiles') }
$programs32 = [Environment]::GetEnvironmentVariable('ProgramFiles(x86)')
$places = New-Object -TypeName 'Collections.ArrayList'
if ($native -eq 'x86') {
    [void]$places.Add(@('x86', "$programs\dotnet"))
} elseif ($native -eq 'ARM64') {
    [void]$places.Add(@('arm64', "$programs\dotnet"))
    [void]$places.Add(@('x64', "$programs\dotnet\x64"))
    [void]$places.Add(@('x86', "$programs32\dotnet"))
} else {
    [void]$places.Add(@('x64', "$programs\dotnet"))
    [void]$places.Add(@('x86', "$programs32\dotnet"))
}

# Another place, where the installer was told so; installers write it to the 32-bit view, some tools to the other.
foreach ($architecture in @('x64', 'x86', 'arm64')) {
    try {
        foreach ($view in @(32, 64)) {
            $path = "SOFTWARE\dotnet\Setup\InstalledVersions\$architecture"
            $place = Read-Value (Open-Key 'HKLM' $path $view) 'InstallLocation'
            if ($place -is [string] -and $place -ne '') { [void]$places.Add(@($architecture, $place)) }
        }
    } catch {
        Add-Failure 'dotnet' $_ "where .NET ($architecture) is installed"
    }
}

$runtimes = New-Object -TypeName 'Collections.ArrayList'
$seen = @{}
foreach ($place in $places) {
    $shared = [IO.Path]::Combine($place[1], 'shared')
    $mark = $shared.ToLowerInvariant()
    if ($seen.ContainsKey($mark)) { continue }
    $seen[$mark] = $true
    try {
        if (-not [IO.Directory]::Exists($shared)) { continue }
        foreach ($framework in [IO.Directory]::GetDirectories($shared)) {
            $name = [IO.Path]::GetFileName($framework)
            foreach ($folder in [IO.Directory]::GetDirectories($framework)) {
                $row = @{ 'name' = $name; 'version' = [IO.Path]::GetFileName($folder); 'architecture' = $place[0] }
                $row['complete'] = [IO.File]::Exists("$folder\$name.deps.json")
                [void]$runtimes.Add($row)
            }
        }
    } catch {
        Add-Failure 'dotnet' $_ "the runtimes in $shared"
    }
}
$value['runtimes'] = @($runtimes)
$value
