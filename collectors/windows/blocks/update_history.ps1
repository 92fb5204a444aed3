# What the Windows Update Agent tried, newest first, and when it last succeeded. Administrators only.
$value = @{}
$session = New-Object -ComObject 'Microsoft.Update.Session'
$searcher = $session.CreateUpdateSearcher()

$rows = New-Object -TypeName 'Collections.ArrayList'
$total = [Math]::Min(200, $searcher.GetTotalHistoryCount())
if ($total -gt 0) {
    foreach ($entry in $searcher.QueryHistory(0, $total)) {
        [void]$rows.Add(@{
                operation = [int]$entry.Operation
                result = [int]$entry.ResultCode
                at = Get-IsoDate $entry.Date -Utc
                title = [string]$entry.Title
                id = [string]$entry.UpdateIdentity.UpdateID
            })
    }
}
$value['history'] = $rows
$Audit.Value = $value.Clone()

# IAutomaticUpdates2.Results is allowed to remote callers; its Settings, Pause and Resume are not.
try {
    $results = (New-Object -ComObject 'Microsoft.Update.AutoUpdate').Results
    $value['last_search'] = Get-IsoDate $results.LastSearchSuccessDate -Utc
    $value['last_installation'] = Get-IsoDate $results.LastInstallationSuccessDate -Utc
} catch {
    $value['results_problem'] = Get-Problem $_
}

$value
