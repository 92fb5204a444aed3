# Activation of Windows, Office and of extended security updates. Filtered on the machine: there are hundreds of
# inert rows, and all of them take minutes. Of a key only the last five characters are read, of a key in the firmware
# only whether there is one and of what kind it says to be.
$fields = @('ID', 'ApplicationID', 'Name', 'Description', 'LicenseStatus', 'PartialProductKey', 'ProductKeyChannel')
$fields += @('GracePeriodRemaining', 'KeyManagementServiceMachine', 'DiscoveredKeyManagementServiceMachineName')
$fields += @('EvaluationEndDate')

# Extended security updates may be licensed without a key (through the cloud), so these are asked by id: Windows 10
# years 1, 2, 3 and 4 to 6, Windows 10 IoT Enterprise the same, Windows Server 2012 and 2012 R2 years 1, 2, 3.
$extended = @('f520e45e-7413-4a34-a497-d2765967d094', '1043add5-23b1-4afb-9a0f-64343c8f3f8d')
$extended += @('83d49986-add3-41d7-ba33-87c7bfb5c0fb', '0b533b5e-08b6-44f9-b885-c2de291ba456')
$extended += @('b8527af1-5389-447c-9a88-2d1691ea33d3', '7b76ee02-0a75-4f08-85d5-bd0feadad0c0')
$extended += @('4dac5a0c-5709-4595-a32c-14a56a4a6b31', 'f69e2d51-3bbd-4ddf-8da7-a145e9dca597')
$extended += @('c0a2ea62-12ad-435b-ab4f-c9bfab48dbc4', 'e3e2690b-931c-4c80-b1ff-dffba8a81988')
$extended += @('55b1dd2d-2209-4ea0-a805-06298bad25b3')

$rows = New-Object -TypeName 'Collections.ArrayList'
$value = @{ 'rows' = $rows }
$Audit.Value = $value
$filters = @('PartialProductKey IS NOT NULL')
$filters += "(ID = '$($extended -join "' OR ID = '")')"
foreach ($filter in $filters) {
    try {
        foreach ($product in @(Read-Cim 'SoftwareLicensingProduct' $fields $filter 'root\cimv2' 40)) {
            $key = [string]$product.PartialProductKey
            if ($key.Length -gt 5) { $key = $key.Substring($key.Length - 5) }
            $row = @{
                'id'          = $product.ID
                'application' = $product.ApplicationID
                'name'        = $product.Name
                'description' = $product.Description
                'status'      = $product.LicenseStatus
                'key'         = $key
                'channel'     = $product.ProductKeyChannel
                'grace'       = $product.GracePeriodRemaining
                'host'        = $product.KeyManagementServiceMachine
                'discovered'  = $product.DiscoveredKeyManagementServiceMachineName
                'ends'        = (Get-IsoDate $product.EvaluationEndDate)
            }
            [void]$rows.Add($row)
        }
    } catch {
        Add-Failure 'activation' $_ 'the licenses of the software protection service'
    }
}

try {
    $fields = @('Version', 'KeyManagementServiceMachine', 'OA3xOriginalProductKeyDescription')
    foreach ($service in @(Read-Cim 'SoftwareLicensingService' $fields)) {
        $value['host'] = $service.KeyManagementServiceMachine
        $value['firmware'] = $service.OA3xOriginalProductKeyDescription
    }
} catch {
    Add-Failure 'activation' $_ 'the KMS host set for the machine, and whether the firmware holds a license'
}
$value
