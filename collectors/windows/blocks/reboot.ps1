# Signs of a pending reboot. The registry alone: ISystemInformation is refused to remote callers.
$servicing = 'SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing'
$update = 'SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate'
$value = @{}

try {
    $value['component_servicing'] = ($null -ne (Open-Key 'HKLM' "$servicing\RebootPending"))
    $value['component_servicing_running'] = ($null -ne (Open-Key 'HKLM' "$servicing\RebootInProgress"))
} catch {
    Add-Failure 'reboot' $_ 'the state of component servicing'
}

try {
    $value['windows_update'] = ($null -ne (Open-Key 'HKLM' "$update\Auto Update\RebootRequired"))
} catch {
    Add-Failure 'reboot' $_ 'the state of Windows Update'
}

try {
    $session = Open-Key 'HKLM' 'SYSTEM\CurrentControlSet\Control\Session Manager'
    # Pairs of source and target, an empty target means deletion: half as many operations as texts.
    $renames = Read-Value $session 'PendingFileRenameOperations'
    $value['file_renames'] = 0
    if ($null -ne $renames) { $value['file_renames'] = [int][Math]::Ceiling(@($renames).Count / 2) }
} catch {
    Add-Failure 'reboot' $_ 'the pending file renames'
}

try {
    $names = 'SYSTEM\CurrentControlSet\Control\ComputerName'
    $value['active_name'] = Read-Value (Open-Key 'HKLM' "$names\ActiveComputerName") 'ComputerName'
    $value['next_name'] = Read-Value (Open-Key 'HKLM' "$names\ComputerName") 'ComputerName'
} catch {
    Add-Failure 'reboot' $_ 'the computer name'
}

# Only where the Configuration Manager client is installed; its namespace wants an administrator.
$value['configuration_manager'] = $null
try {
    if ($null -ne (Open-Key 'HKLM' 'SOFTWARE\Microsoft\SMS\Client')) {
        $value['configuration_manager_client'] = $true
        $client = 'Management.ManagementClass' -as [type]
        if ($Audit.Deaf) { $client = $null }
        if ($null -ne $client) {
            $utilities = New-Object -TypeName $client.FullName -ArgumentList 'root\ccm\ClientSDK:CCM_ClientUtilities'
            $answer = $utilities.InvokeMethod('DetermineIfRebootPending', $null, $null)
            $value['configuration_manager'] = ([bool]$answer['RebootPending'] -or [bool]$answer['IsHardRebootPending'])
        }
    }
} catch {
    $value['configuration_manager_problem'] = Get-Problem $_
}

$value
