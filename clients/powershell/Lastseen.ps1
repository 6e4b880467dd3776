# Run a job and tell a Lastseen monitor when it starts and how it ends. Windows PowerShell 5.1, PowerShell 7.
#
#   . C:\Tools\Lastseen.ps1
#   Invoke-Watched 'nightly-backup' { robocopy C:\Data D:\Backup /MIR; if ($LASTEXITCODE -lt 8) { $global:LASTEXITCODE = 0 } }
#   exit $LASTEXITCODE
#
# LASTSEEN_PING_URL and LASTSEEN_PING_KEY say where to. The job never fails because of a ping, and waits 5 s at most at
# its start, 18 s at its end. The URL and the key are secrets: no message shows them.

function Send-LastseenPing([string]$Slug, [string]$Signal, [string]$Run, [string]$Body, [int]$Tries) {
    if (-not $env:LASTSEEN_PING_URL) { return }
    # Windows PowerShell on old hosts offers no TLS 1.2 by itself.
    [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
    $url = "$($env:LASTSEEN_PING_URL.TrimEnd('/'))/$env:LASTSEEN_PING_KEY/$Slug$($Signal)?rid=$Run"
    $bytes = [Text.Encoding]::UTF8.GetBytes($Body) # 5.1 would send a text in a legacy character set
    $trouble = 'no answer'
    for ($try = 1; $try -le $Tries; $try++) {
        try {
            Invoke-RestMethod -Uri $url -Method Post -Body $bytes -ContentType 'application/octet-stream' -TimeoutSec 5 -UseBasicParsing | Out-Null
            return
        } catch {
            $response = $_.Exception.Response
            if ($response) {
                $code = [int]$response.StatusCode
                $trouble = "HTTP $code"
                if ($code -ge 400 -and $code -lt 500 -and $code -notin 408, 425, 429) { break }
            }
        }
        if ($try -lt $Tries) { Start-Sleep -Seconds $try }
    }
    Write-Warning "Lastseen: a ping of $Slug was not delivered: $trouble"
}

function Invoke-Watched([string]$Slug, [scriptblock]$Job) {
    $ErrorActionPreference = 'Stop' # or errors of cmdlets would pass as success
    $run = [guid]::NewGuid().ToString()
    $shown = New-Object 'System.Collections.Generic.List[string]'
    Send-LastseenPing $Slug '/start' $run '' 1
    $global:LASTEXITCODE = 0 # native programs do not throw: their status counts
    try {
        & $Job | ForEach-Object { $shown.Add("$_"); $_ }
    } catch {
        Send-LastseenPing $Slug '/fail' $run "$_`n$($_.ScriptStackTrace)" 3
        throw
    }
    $text = ($shown | Select-Object -Last 100) -join "`n"
    $status = $global:LASTEXITCODE
    if ($status -eq 0) { $signal = '' }
    elseif ($status -ge 1 -and $status -le 255) { $signal = "/$status" }
    else { $signal = '/fail'; $text = "exit status $status`n$text" } # Windows has statuses like -1073741510
    Send-LastseenPing $Slug $signal $run $text 3
    $global:LASTEXITCODE = $status
}
