# Sockets, cores and logical processors, and whether this is a virtual machine. The registry tells the maker and the
# firmware to every account, CIM counts the cores.
$value = @{}
try {
    $fields = @('Name', 'Manufacturer', 'NumberOfCores', 'NumberOfLogicalProcessors', 'SocketDesignation')
    $value['processors'] = @(foreach ($processor in @(Read-Cim 'Win32_Processor' $fields)) {
        @{
            'name'    = $processor.Name
            'maker'   = $processor.Manufacturer
            'cores'   = $processor.NumberOfCores
            'logical' = $processor.NumberOfLogicalProcessors
            'socket'  = $processor.SocketDesignation
        }
    })
} catch {
    Add-Failure 'processors' $_ 'the number of processors and cores'
}

try {
    $fields = @('Manufacturer', 'Model', 'HypervisorPresent', 'TotalPhysicalMemory')
    foreach ($system in @(Read-Cim 'Win32_ComputerSystem' $fields)) {
        $value['system'] = @{
            'maker'      = $system.Manufacturer
            'model'      = $system.Model
            'hypervisor' = $system.HypervisorPresent
            'memory'     = $system.TotalPhysicalMemory
        }
    }
} catch {
    Add-Failure 'processors' $_ 'the memory and the hypervisor of the machine'
}

try {
    $fields = @('SystemManufacturer', 'SystemProductName', 'BIOSVendor', 'BIOSVersion')
    $value['firmware'] = Read-Values (Open-Key 'HKLM' 'HARDWARE\DESCRIPTION\System\BIOS') $fields
} catch {
    Add-Failure 'processors' $_ 'the maker of the machine'
}

try {
    $key = Open-Key 'HKLM' 'SOFTWARE\Microsoft\Virtual Machine\Guest\Parameters'
    $value['guest'] = Read-Values $key @('HostName', 'PhysicalHostName')
} catch {
    Add-Failure 'processors' $_ 'the name of the Hyper-V host'
}
$value
