# Identity of the running Windows. The registry tells all that the verdict needs, without administrator; CIM, which is
# refused to a plain member of Remote Management Users, adds the SKU, the board and the boot time.
$value = @{}
$value['clock'] = Get-IsoDate ([datetime]::UtcNow)

$current = Open-Key 'HKLM' 'SOFTWARE\Microsoft\Windows NT\CurrentVersion'
$names = @(
    'CurrentBuildNumber', 'UBR', 'BuildLabEx', 'DisplayVersion', 'ReleaseId', 'EditionID', 'CompositionEditionID',
    'InstallationType', 'ProductName', 'InstallDate', 'InstallTime'
)
$value['current_version'] = Read-Values $current $names
$value['architecture'] = Read-Value (
    Open-Key 'HKLM' 'SYSTEM\CurrentControlSet\Control\Session Manager\Environment') 'PROCESSOR_ARCHITECTURE'
$value['product_type'] = Read-Value (Open-Key 'HKLM' 'SYSTEM\CurrentControlSet\Control\ProductOptions') 'ProductType'
$value['locale'] = Read-Value (Open-Key 'HKLM' 'SYSTEM\CurrentControlSet\Control\Nls\Language') 'Default'
$value['culture'] = ''
try {
    $number = [Convert]::ToInt32($value['locale'], 16)
    $value['culture'] = [Globalization.CultureInfo]::GetCultureInfo($number).Name
} catch {
    $value['culture_problem'] = Get-Problem $_
}

$network = Read-Values (Open-Key 'HKLM' 'SYSTEM\CurrentControlSet\Services\Tcpip\Parameters') @('Hostname', 'Domain', 'NV Domain')
$value['hostname'] = $network['Hostname']
if ($null -eq $value['hostname']) { $value['hostname'] = [Environment]::MachineName }
$value['dns_domain'] = $network['Domain']
if (-not $value['dns_domain']) { $value['dns_domain'] = $network['NV Domain'] }

$value['bios'] = Read-Values (Open-Key 'HKLM' 'HARDWARE\DESCRIPTION\System\BIOS') @('SystemManufacturer', 'SystemProductName')
$value['hardware_config'] = Read-Value (Open-Key 'HKLM' 'SYSTEM\HardwareConfig') 'LastConfig'

# Two clocks that count since the start: when they agree, their difference from now is the boot time, without CIM.
# TickCount is milliseconds modulo 2^32.
$up = [Diagnostics.Stopwatch]::GetTimestamp() / [Diagnostics.Stopwatch]::Frequency
$ticks = [long][Environment]::TickCount
if ($ticks -lt 0) { $ticks += 4294967296 }
$apart = [Math]::Abs((($up * 1000) % 4294967296) - $ticks)
if ($apart -lt 120000) { $value['boot_by_counter'] = Get-IsoDate ([datetime]::UtcNow.AddSeconds(-$up)) }

try {
    $row = @(Read-Cim 'Win32_OperatingSystem' @('ProductType', 'OperatingSystemSKU', 'LastBootUpTime'))[0]
    $value['cim_product_type'] = $row.ProductType
    $value['sku'] = $row.OperatingSystemSKU
    $value['boot_time'] = Get-IsoDate $row.LastBootUpTime
    $row = @(Read-Cim 'Win32_ComputerSystem' @('PartOfDomain', 'Domain', 'Manufacturer', 'Model'))[0]
    $value['in_domain'] = $row.PartOfDomain
    $value['domain'] = $row.Domain
    $value['manufacturer'] = $row.Manufacturer
    $value['model'] = $row.Model
    $value['uuid'] = @(Read-Cim 'Win32_ComputerSystemProduct' @('UUID'))[0].UUID
} catch {
    $value['cim_problem'] = Get-Problem $_
}

$value
