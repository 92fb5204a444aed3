# What the machine is for, by names of services and numbers of server features: no display name is read. The registry
# tells services to every account, the service manager does not.
$value = @{}
$Audit.Value = $value
$services = 'SYSTEM\CurrentControlSet\Services'
$product = Read-Value (Open-Key 'HKLM' 'SYSTEM\CurrentControlSet\Control\ProductOptions') 'ProductType'
$value['product_type'] = $product

$found = @{}
$wanted = @('NTDS', 'vmms', 'W3SVC', 'DHCPServer', 'DNS', 'WsusService', 'CertSvc', 'adfssrv', 'MSExchangeIS')
$wanted += @('MSExchangeServiceHost', 'MSExchangeTransport')
foreach ($name in $wanted) {
    try {
        $key = Open-Key 'HKLM' "$services\$name"
        # Without a program it is a mere list of performance counters.
        if ($null -ne (Read-Value $key 'ImagePath')) { $found[$name] = Read-Value $key 'Start' }
    } catch {
        Add-Failure 'roles' $_ "the service $name"
    }
}
$value['services'] = $found

try {
    $key = Open-Key 'HKLM' 'SYSTEM\CurrentControlSet\Control\Terminal Server'
    $value['session_host'] = Read-Value $key 'TSAppCompat'
} catch {
    Add-Failure 'roles' $_ 'whether this is a session host'
}
if ($null -eq $value['session_host'] -and $product -ne 'WinNT') {
    try {
        $fields = @('TerminalServerMode')
        foreach ($row in @(Read-Cim 'Win32_TerminalServiceSetting' $fields '' 'root\cimv2\TerminalServices')) {
            $value['session_host'] = $row.TerminalServerMode
        }
    } catch {
        Add-Failure 'roles' $_ 'whether this is a session host'
    }
}

try {
    $names = New-Object -TypeName 'Collections.ArrayList'
    foreach ($view in @(64, 32)) {
        $key = Open-Key 'HKLM' 'SOFTWARE\Microsoft\Microsoft SQL Server\Instance Names\SQL' $view
        if ($null -ne $key) { [void]$names.AddRange(@($key.GetValueNames())) }
    }
    $value['databases'] = @($names)
} catch {
    Add-Failure 'roles' $_ 'the instances of SQL Server'
}

# Clients have no server features.
if ($product -ne 'WinNT') {
    try {
        $value['features'] = @(Read-Cim 'Win32_ServerFeature' @('ID') '' 'root\cimv2' 20 | ForEach-Object { $_.ID })
    } catch {
        Add-Failure 'roles' $_ 'the server features: file and print server'
    }
}
$value
