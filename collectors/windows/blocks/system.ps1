# Identity of the running Windows. The registry tells all that the verdict needs, without administrator; CIM, which is
# refused to a plain member of Remote Management Users, adds the SKU, the board and the boot time.
$value = @{}

function Read-Text {
    # A value that is worth having and not worth losing the build for: $null where its key may not be read.
    param([string]$Path, [string]$Name)
    try { Read-Value (Open-Key 'HKLM' $Path) $Name } catch { $null }
}

$value['clock'] = Get-IsoDate ([datetime]::UtcNow)

$current = Open-Key 'HKLM' 'SOFTWARE\Microsoft\Windows NT\CurrentVersion'
$names = @(
    'CurrentBuildNumber', 'UBR', 'BuildLabEx', 'DisplayVersion', 'ReleaseId', 'EditionID', 'CompositionEditionID',
    'InstallationType', 'ProductName', 'InstallDate', 'InstallTime'
)
$value['current_version'] = Read-Values $current $names
$control = 'SYSTEM\CurrentControlSet\Control'
$value['architecture'] = Read-Text "$control\Session Manager\Environment" 'PROCESSOR_ARCHITECTURE'
$value['product_type'] = Read-Text "$control\ProductOptions" 'ProductType'
$value['locale'] = Read-Text "$control\Nls\Language" 'Default'
$value['culture'] = ''
try {
    $number = [Convert]::ToInt32($value['locale'], 16)
    $value['culture'] = [Globalization.CultureInfo]::GetCultureInfo($number).Name
} catch {
    $value['culture_problem'] = Get-Problem $_
}

$network = 'SYSTEM\CurrentControlSet\Services\Tcpip\Parameters'
$value['hostname'] = Read-Text $network 'Hostname'
if (-not $value['hostname']) { $value['hostname'] = [Environment]::MachineName }
$value['dns_domain'] = Read-Text $network 'Domain'
if (-not $value['dns_domain']) { $value['dns_domain'] = Read-Text $network 'NV Domain' }

$bios = 'HARDWARE\DESCRIPTION\System\BIOS'
$value['bios'] = @{}
foreach ($name in @('SystemManufacturer', 'SystemProductName')) {
    $written = Read-Text $bios $name
    if ($null -ne $written) { $value['bios'][$name] = $written }
}
$value['hardware_config'] = Read-Text 'SYSTEM\HardwareConfig' 'LastConfig'

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
