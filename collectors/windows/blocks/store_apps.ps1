# Store apps (Appx, MSIX): of every user for an administrator, else of the account itself. Where the deployment service
# does not exist (Server Core, old systems) there can be none, which is an answer.
$value = @{ 'supported' = $true; 'rows' = @() }
$Audit.Value = $value
if ($null -eq (Open-Key 'HKLM' 'SYSTEM\CurrentControlSet\Services\AppXSvc')) {
    $value['supported'] = $false
    return $value
}
if ($null -eq (Get-Command -Name 'Get-AppxPackage' -ErrorAction 'SilentlyContinue')) {
    Add-Refusal 'store_apps' 'missing' 'the Appx module of PowerShell'
    return $value
}

$packages = @()
try {
    $packages = @(Get-AppxPackage -AllUsers)
} catch {
    Add-Failure 'store_apps' $_ 'the Store apps of other users'
    try {
        $packages = @(Get-AppxPackage)
    } catch {
        Add-Failure 'store_apps' $_ 'the Store apps of the account itself'
    }
}

$value['rows'] = @(foreach ($package in $packages) {
    # Names of enumerations are not localized.
    $states = @($package.PackageUserInformation | ForEach-Object { [string]$_.InstallState })
    @{
        'name'         = [string]$package.Name
        'version'      = [string]$package.Version
        'architecture' = [string]$package.Architecture
        'family'       = [string]$package.PackageFamilyName
        'publisher'    = [string]$package.Publisher
        'framework'    = [bool]$package.IsFramework
        'resource'     = [bool]$package.IsResourcePackage
        'states'       = @($states | Where-Object { $_ -ne '' })
    }
})
$value
