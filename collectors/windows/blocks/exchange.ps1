# Exchange Server by the file version of ExSetup.exe: what the directory and the Setup key say stays at the cumulative
# update and misses security updates.
$installations = New-Object -TypeName 'Collections.ArrayList'
foreach ($release in @('v15', 'v14')) {
    $setup = Open-Key 'HKLM' "SOFTWARE\Microsoft\ExchangeServer\$release\Setup"
    $folder = Read-Value $setup 'MsiInstallPath'
    if ($folder -isnot [string] -or $folder -eq '') { continue }
    $row = @{ 'release' = $release; 'found' = $false }
    try {
        $program = [IO.Path]::Combine($folder, 'Bin\ExSetup.exe')
        # GetAttributes throws where File.Exists would answer no to a missing right as well.
        [void][IO.File]::GetAttributes($program)
        $info = [Diagnostics.FileVersionInfo]::GetVersionInfo($program)
        $numbers = @($info.FileMajorPart, $info.FileMinorPart, $info.FileBuildPart, $info.FilePrivatePart)
        $row['version'] = $numbers -join '.'
        $row['found'] = $true
    } catch {
        Add-Failure 'exchange' $_ 'the version of ExSetup.exe'
    }
    [void]$installations.Add($row)
}
@{ 'installations' = @($installations) }
