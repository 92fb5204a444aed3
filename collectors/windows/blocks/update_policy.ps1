# Where updates come from and what holds them back: policies, pauses, the service. The registry alone.
$value = @{}

function Read-Part {
    # Values of a key beside those that say which server is asked: the rest is told where this one may not be read.
    param([string]$Path, [string[]]$Names)
    try {
        Read-Values (Open-Key 'HKLM' $Path) $Names
    } catch {
        Add-Failure 'update_policy' $_ $Path
        @{}
    }
}

$policies = 'SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate'

$names = @(
    'WUServer', 'DisableWindowsUpdateAccess', 'DoNotConnectToWindowsUpdateInternetLocations', 'TargetReleaseVersion',
    'TargetReleaseVersionInfo', 'DeferQualityUpdates', 'DeferQualityUpdatesPeriodInDays', 'PauseQualityUpdates',
    'PauseQualityUpdatesStartTime'
)
$value['policy'] = Read-Values (Open-Key 'HKLM' $policies) $names
$value['automatic'] = Read-Values (Open-Key 'HKLM' "$policies\AU") @('UseWUServer', 'NoAutoUpdate', 'AUOptions')

$names = @('PauseUpdatesExpiryTime', 'PauseQualityUpdatesEndTime')
$value['settings'] = Read-Part 'SOFTWARE\Microsoft\WindowsUpdate\UX\Settings' $names

$names = @(
    'AllowRebootlessUpdates', 'DeferQualityUpdatesPeriodInDays', 'PauseQualityUpdates', 'PauseQualityUpdatesStartTime',
    'TargetReleaseVersion', 'UpdateServiceUrl', 'AllowAutoUpdate'
)
$value['device'] = Read-Part 'SOFTWARE\Microsoft\PolicyManager\current\device\Update' $names

$value['service_start'] = Read-Value (Open-Key 'HKLM' 'SYSTEM\CurrentControlSet\Services\wuauserv') 'Start'

# Older releases keep these two as text in UTC ("2016-05-05 10:11:12"); newer ones tell them to administrators only.
$results = 'SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\Results'
$value['last_search'] = (Read-Part "$results\Detect" @('LastSuccessTime'))['LastSuccessTime']
$value['last_installation'] = (Read-Part "$results\Install" @('LastSuccessTime'))['LastSuccessTime']

$memory = 'SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management'
$value['hotpatch_table_size'] = (Read-Part $memory @('HotPatchTableSize'))['HotPatchTableSize']

try {
    $services = Open-Key 'HKLM' 'SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Services'
    $value['services'] = @(Read-SubKeys $services)
} catch {
    Add-Failure 'update_policy' $_ 'the registered update services'
}

try {
    $value['configuration_manager'] = ($null -ne (Open-Key 'HKLM' 'SOFTWARE\Microsoft\SMS\Client'))
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
