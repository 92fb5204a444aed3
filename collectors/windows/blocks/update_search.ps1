# What the Windows Update Agent offers: asked of the default server, then of Microsoft past WSUS where a policy allows.
# Read only. Refused to remote callers and never called: downloads, installations, AddService, EULAs, BeginSearch.
$microsoft = '7971f918-a847-4430-9279-4c52d1efe18d'
$session = New-Object -ComObject 'Microsoft.Update.Session'
$found = New-Object -TypeName 'Collections.ArrayList'

function Read-Update {
    param($Update)
    @{
        id = [string]$Update.Identity.UpdateID
        revision = [int]$Update.Identity.RevisionNumber
        kbs = @(foreach ($item in $Update.KBArticleIDs) { [string]$item })
        title = [string]$Update.Title
        categories = @(foreach ($item in $Update.Categories) { [string]$item.CategoryID })
        severity = [string]$Update.MsrcSeverity
        cves = @(foreach ($item in $Update.CveIDs) { [string]$item })
        released = Get-IsoDate $Update.LastDeploymentChangeTime -Utc
        hidden = [bool]$Update.IsHidden
        browse_only = [bool]$Update.BrowseOnly
        reboot = [bool]$Update.RebootRequired
        downloaded = [bool]$Update.IsDownloaded
        type = [int]$Update.Type
    }
}

function Search-Updates {
    # One search, recorded whatever comes of it; $true when it was answered. $Selection: 0 default, 2 Windows Update,
    # 3 the service $Service.
    param([string]$Server, [int]$Selection, [string]$Service, [bool]$Online)
    $answer = @{ server = $Server; online = $Online; result = $null; error = ''; updates = @() }
    try {
        $searcher = $session.CreateUpdateSearcher()
        if ($Selection -ne 0) { $searcher.ServerSelection = $Selection }
        if ($Selection -eq 3) { $searcher.ServiceID = $Service }
        $searcher.Online = $Online
        $shown = "IsInstalled=0 and IsHidden=0 and Type='Software'"
        $result = $searcher.Search("($shown) or ($($shown.Replace('IsHidden=0', 'IsHidden=1')))")
        $answer.result = [int]$result.ResultCode
        $answer.updates = @(foreach ($update in $result.Updates) { Read-Update $update })
    } catch {
        $answer.error = Get-Problem $_
    }
    [void]$found.Add($answer)
    $Audit.Value = @{ searches = $found.ToArray(); services = $services }
    $answer.error -eq ''
}

$services = @()
$registered = $false
try {
    $manager = New-Object -ComObject 'Microsoft.Update.ServiceManager'
    $services = @(foreach ($service in $manager.Services) {
            @{
                id = [string]$service.ServiceID
                default = [bool]$service.IsDefaultAUService
                managed = [bool]$service.IsManaged
            }
        })
    $registered = (@($services | Where-Object { $_.id -eq $microsoft }).Count -gt 0)
} catch {
    $services = @()
}

$policies = 'SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate'
$wsus = ((Read-Value (Open-Key 'HKLM' "$policies\AU") 'UseWUServer') -eq 1)
$barred = (
    ((Read-Value (Open-Key 'HKLM' $policies) 'DoNotConnectToWindowsUpdateInternetLocations') -eq 1) -or
    ((Read-Value (Open-Key 'HKLM' $policies) 'DisableWindowsUpdateAccess') -eq 1)
)

$answered = Search-Updates 'default' 0 '' $true
if (-not $answered) { [void](Search-Updates 'default' 0 '' $false) }

$direct = (@($services | Where-Object { $_.id -eq $microsoft -and $_.default }).Count -gt 0)
if ($registered -and -not $barred -and ($wsus -or -not $direct)) {
    [void](Search-Updates 'microsoft' 3 $microsoft $true)
} elseif ($wsus -and -not $barred) {
    [void](Search-Updates 'microsoft' 2 '' $true)
}

@{ searches = $found.ToArray(); services = $services; barred = $barred; wsus = $wsus }
