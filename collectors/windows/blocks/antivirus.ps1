# Microsoft Defender from the registry, its service by number, and on clients the antivirus products that Windows
# Security knows of. Defender's own row there is told by its id: its name is localized.
$value = @{}
$base = 'SOFTWARE\Microsoft\Windows Defender'
$policies = 'SOFTWARE\Policies\Microsoft\Windows Defender'
$product = Read-Value (Open-Key 'HKLM' 'SYSTEM\CurrentControlSet\Control\ProductOptions') 'ProductType'
$value['product_type'] = $product

try {
    $key = Open-Key 'HKLM' "$base\Signature Updates"
    $value['signatures'] = Read-Values $key @('AVSignatureVersion', 'EngineVersion')
    foreach ($name in @('SignaturesLastUpdated', 'AVSignatureApplied')) {
        $written = Read-Value $key $name
        if ($null -ne $written) {
            $value['signatures'][$name] = Get-IsoDate $written
            if ($null -eq $value['signatures'][$name]) { $value['signatures']["$name unreadable"] = $true }
        }
    }
} catch {
    Add-Failure 'antivirus' $_ 'the signatures of Microsoft Defender'
}

try {
    $key = Open-Key 'HKLM' $base
    $value['own'] = Read-Values $key @('DisableAntiSpyware', 'DisableAntiVirus', 'PassiveMode', 'IsServiceRunning')
    $folder = Read-Value $key 'InstallLocation'
    if ($folder -is [string] -and $folder -ne '') {
        $value['folder'] = $folder
        $program = [IO.Path]::Combine($folder, 'MsMpEng.exe')
        if ([IO.File]::Exists($program)) {
            $info = [Diagnostics.FileVersionInfo]::GetVersionInfo($program)
            $numbers = @($info.FileMajorPart, $info.FileMinorPart, $info.FileBuildPart, $info.FilePrivatePart)
            $value['program'] = $numbers -join '.'
        }
    }
    $value['real_time'] = Read-Values (Open-Key 'HKLM' "$base\Real-Time Protection") @('DisableRealtimeMonitoring')
} catch {
    Add-Failure 'antivirus' $_ 'the settings of Microsoft Defender'
}

try {
    $value['policy'] = Read-Values (Open-Key 'HKLM' $policies) @('DisableAntiSpyware', 'DisableAntiVirus')
    $key = Open-Key 'HKLM' "$policies\Real-Time Protection"
    $value['policy_real_time'] = Read-Values $key @('DisableRealtimeMonitoring')
    $key = Open-Key 'HKLM' 'SOFTWARE\Policies\Microsoft\Windows Advanced Threat Protection'
    $value['policy_passive'] = Read-Value $key 'ForceDefenderPassiveMode'
} catch {
    Add-Failure 'antivirus' $_ 'the policies of Microsoft Defender'
}

try {
    $key = Open-Key 'HKLM' 'SYSTEM\CurrentControlSet\Services\WinDefend'
    $value['installed'] = ($null -ne $key)
    $value['start'] = Read-Value $key 'Start'
} catch {
    Add-Failure 'antivirus' $_ 'the service of Microsoft Defender'
}
if ($value['installed']) {
    try {
        $value['state'] = [int](Get-Service -Name 'WinDefend').Status
    } catch {
        # A plain account may not ask the service manager; Defender itself leaves a note of its state.
        $note = $null
        if ($null -ne $value['own']) { $note = $value['own']['IsServiceRunning'] }
        if ($null -eq $note) { Add-Failure 'antivirus' $_ 'whether Microsoft Defender runs' }
    }
}

if ($product -eq 'WinNT') {
    try {
        $fields = @('displayName', 'instanceGuid', 'productState')
        $value['products'] = @(foreach ($row in @(Read-Cim 'AntiVirusProduct' $fields '' 'root\SecurityCenter2')) {
            @{
                'name'  = $row.displayName
                'id'    = $row.instanceGuid
                'state' = $row.productState
            }
        })
    } catch {
        Add-Failure 'antivirus' $_ 'the antivirus products that Windows Security knows of'
    }
}
$value
