# Where updates come from and what holds them back: policies, pauses, the service. The registry alone.
$value = @{}
$policies = 'SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate'

$names = @(
    'WUServer', 'DisableWindowsUpdateAccess', 'DoNotConnectToWindowsUpdateInternetLocations', 'TargetReleaseVersion',
    'TargetReleaseVersionInfo', 'DeferQualityUpdates', 'DeferQualityUpdatesPeriodInDays', 'PauseQualityUpdates',
    'PauseQualityUpdatesStartTime'
)
$value['policy'] = Read-Values (Open-Key 'HKLM' $policies) $names
$value['automatic'] = Read-Values (Open-Key 'HKLM' "$policies\AU") @('UseWUServer', 'NoAutoUpdate', 'AUOptions')

$names = @('PauseUpdatesExpiryTime', 'PauseQualityUpdatesEndTime')
$value['settings'] = Read-Values (Open-Key 'HKLM' 'SOFTWARE\Microsoft\WindowsUpdate\UX\Settings') $names

$names = @(
    'AllowRebootlessUpdates', 'DeferQualityUpdatesPeriodInDays', 'PauseQualityUpdates', 'PauseQualityUpdatesStartTime',
    'TargetReleaseVersion', 'UpdateServiceUrl', 'AllowAutoUpdate'
)
$value['device'] = Read-Values (Open-Key 'HKLM' 'SOFTWARE\Microsoft\PolicyManager\current\device\Update') $names

$value['service_start'] = Read-Value (Open-Key 'HKLM' 'SYSTEM\CurrentControlSet\Services\wuauserv') 'Start'

# Older releases keep these two as text in UTC ("2016-05-05 10:11:12"); newer ones tell them to administrators only.
$results = 'SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\Results'
$value['last_search'] = Read-Value (Open-Key 'HKLM' "$results\Detect") 'LastSuccessTime'
$value['last_installation'] = Read-Value (Open-Key 'HKLM' "$results\Install") 'LastSuccessTime'

$memory = 'SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management'
$value['hotpatch_table_size'] = Read-Value (Open-Key 'HKLM' $memory) 'HotPatchTableSize'

$services = Open-Key 'HKLM' 'SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Services'
$value['services'] = @(Read-SubKeys $services)

$value['configuration_manager'] = ($null -ne (Open-Key 'HKLM' 'SOFTWARE\Microsoft\SMS\Client'))
try {
    $enrollments = Open-Key 'HKLM' 'SOFTWARE\Microsoft\Enrollments'
    $value['enrolled_by'] = @(foreach ($name in @(Read-SubKeys $enrollments)) {
            $provider = Read-Value ($enrollments.OpenSubKey($name, $false)) 'ProviderID'
            if ($provider) { $provider }
        })
} catch {
    # Who manages the machine decides nothing: no gap.
    $value['enrolled_by'] = @()
}

$value
