# SQL Server instances (database engine, Analysis Services, Reporting Services) in both views, and LocalDB, whose
# version only its program file tells.
$base = 'SOFTWARE\Microsoft\Microsoft SQL Server'
$views = @(64)
if ([Environment]::Is64BitOperatingSystem) { $views = @(64, 32) }
$instances = New-Object -TypeName 'Collections.ArrayList'
$local = New-Object -TypeName 'Collections.ArrayList'

foreach ($view in $views) {
    foreach ($kind in @('SQL', 'OLAP', 'RS')) {
        try {
            $names = Open-Key 'HKLM' "$base\Instance Names\$kind" $view
            if ($null -eq $names) { continue }
            foreach ($name in $names.GetValueNames()) {
                $row = @{ 'kind' = $kind; 'view' = $view; 'name' = $name; 'id' = (Read-Value $names $name) }
                try {
                    $setup = Open-Key 'HKLM' "$base\$($row['id'])\Setup" $view
                    $found = Read-Values $setup @('PatchLevel', 'Version', 'Edition', 'SP', 'FeatureList')
                    foreach ($field in @($found.Keys)) { $row[$field] = $found[$field] }
                } catch {
                    $row['problem'] = Get-Problem $_
                }
                [void]$instances.Add($row)
            }
        } catch {
            Add-Failure 'sql_server' $_ "the instances of SQL Server ($kind)"
        }
    }
    try {
        $versions = Open-Key 'HKLM' 'SOFTWARE\Microsoft\Microsoft SQL Server Local DB\Installed Versions' $view
        foreach ($name in @(Read-SubKeys $versions)) {
            $row = @{ 'name' = $name }
            $library = Read-Value ($versions.OpenSubKey($name, $false)) 'InstanceAPIPath'
            if ($library -is [string] -and $library -ne '') {
                $program = [IO.Path]::Combine([IO.Path]::GetDirectoryName($library), 'sqlservr.exe')
                if ([IO.File]::Exists($program)) {
                    $info = [Diagnostics.FileVersionInfo]::GetVersionInfo($program)
                    $numbers = @($info.FileMajorPart, $info.FileMinorPart, $info.FileBuildPart, $info.FilePrivatePart)
                    $row['version'] = $numbers -join '.'
                }
            }
            [void]$local.Add($row)
        }
    } catch {
        Add-Failure 'sql_server' $_ 'the installations of LocalDB'
    }
}

@{ 'instances' = @($instances); 'local' = @($local) }
