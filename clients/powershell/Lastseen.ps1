# Run a job and ping a Lastseen monitor when it starts and how it ends. Windows PowerShell 5.1, PowerShell 7.
#
#   . C:\Tools\Lastseen.ps1
#   Invoke-Watched 'nightly-backup' { robocopy C:\Data D:\Backup /MIR; if ($LASTEXITCODE -lt 8) { $global:LASTEXITCODE = 0 } }
#   exit $LASTEXITCODE
#
# LASTSEEN_PING_URL and LASTSEEN_PING_KEY say where to. The job never fails because of a ping, and waits 5 s at most at
# its start, 18 s at its end. The URL, the key and a UUID are secrets: no message shows them.
# With -Schedule (and -Tz) or -EverySeconds, and -GraceSeconds, the first ping makes the check; later they are ignored.

function Get-LastseenBody([string]$Text) {
    $bytes = [Text.Encoding]::UTF8.GetBytes($Text) # 5.1 would send a text in a legacy character set
    if ($bytes.Length -le 10000) { return , $bytes }
    # The beginning and the end, in whole lines: errors stand at either. A line that is too long is cut in its middle.
    $headEnd = [Array]::LastIndexOf($bytes, [byte]10, 1999) + 1
    if ($headEnd -lt 1000) { $headEnd = 2000 }
    $tailBegin = [Array]::IndexOf($bytes, [byte]10, $bytes.Length - 7900) + 1
    if ($tailBegin -eq 0 -or $tailBegin -gt $bytes.Length - 4000) { $tailBegin = $bytes.Length - 7900 }
    $lineEnd = if ($bytes[$headEnd - 1] -eq 10) { '' } else { "`n" }
    $mark = [Text.Encoding]::UTF8.GetBytes("$lineEnd[... $($tailBegin - $headEnd) bytes left out ...]`n")
    return , [byte[]]($bytes[0..($headEnd - 1)] + $mark + $bytes[$tailBegin..($bytes.Length - 1)])
}

function Get-LastseenSentence($Failure, [string[]]$Secrets) {
    # The first line of a refusal says what to change: shown short, printable, without secrets. A page has none.
    if (-not $Failure.ErrorDetails) { return '' }
    $line = ("$($Failure.ErrorDetails.Message)".Trim() -split "`n")[0]
    foreach ($secret in $Secrets) { if ($secret) { $line = $line.Replace($secret, '...') } }
    $line = $line -replace '[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}', '...' -replace '[\x00-\x1f\x7f-\x9f]', ''
    if (-not $line -or $line.StartsWith('<')) { return '' }
    return ': ' + $line.Substring(0, [Math]::Min(200, $line.Length))
}

function Send-LastseenPing([string]$Slug, [string]$Signal, [string]$Query, [string]$Body, [int]$Tries) {
    if (-not "$env:LASTSEEN_PING_URL".Trim()) { return }
    # Windows PowerShell on old hosts offers no TLS 1.2 by itself.
    [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
    # Line ends and blanks around a setting come from the file that it was kept in.
    $base = $env:LASTSEEN_PING_URL.Trim().TrimEnd('/')
    $key = "$env:LASTSEEN_PING_KEY".Trim()
    $name, $path = $Slug, "$key/$Slug"
    if ($Slug -match '\A[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\z') { $name, $path = 'a check', $Slug }
    elseif ($Slug -cnotmatch '\A[a-z0-9_-]{1,100}\z') { # not shown: it may be a ping URL
        Write-Warning 'Lastseen: nothing is sent: what is to be watched is not a slug (a-z, 0-9, -, _) nor a UUID'
        return
    }
    elseif ($key -notmatch '\A[A-Za-z0-9_-]+\z') {
        Write-Warning 'Lastseen: nothing is sent: LASTSEEN_PING_KEY is not a ping key'
        return
    }
    $bytes = Get-LastseenBody $Body
    $trouble = 'no answer'
    for ($try = 1; $try -le $Tries; $try++) {
        try {
            Invoke-RestMethod -Uri "$base/$path$($Signal)?$Query" -Method Post -Body $bytes -ContentType 'application/octet-stream' -TimeoutSec 5 -UseBasicParsing | Out-Null
            return
        } catch {
            $response = $_.Exception.Response
            if ($response) {
                $code = [int]$response.StatusCode
                $trouble = "HTTP $code$(Get-LastseenSentence $_ $base, $key)"
                if ($code -ge 400 -and $code -lt 500 -and $code -notin 408, 425, 429) { break }
            }
        }
        if ($try -lt $Tries) { Start-Sleep -Seconds $try }
    }
    Write-Warning "Lastseen: a ping of $name was not delivered: $trouble"
}

function Invoke-Watched([string]$Slug, [scriptblock]$Job, [string]$Schedule, [string]$Tz, [int]$EverySeconds, [int]$GraceSeconds) {
    $ErrorActionPreference = 'Stop' # or errors of cmdlets would pass as success
    $Slug = $Slug.Trim()
    $query = "rid=$([guid]::NewGuid())"
    $made = [ordered]@{ schedule = $Schedule; tz = $Tz; timeout = $EverySeconds; grace = $GraceSeconds }
    if ($Schedule -or $Tz -or $EverySeconds -or $GraceSeconds) { $query += '&create=1' }
    foreach ($setting in $made.GetEnumerator()) {
        if ($setting.Value) { $query += "&$($setting.Key)=$([uri]::EscapeDataString("$($setting.Value)"))" }
    }
    $shown = New-Object 'System.Collections.Generic.List[string]'
    Send-LastseenPing $Slug '/start' $query '' 1
    $global:LASTEXITCODE = 0 # native programs do not throw: their status counts
    try {
        & $Job | ForEach-Object { $shown.Add("$_"); $_ }
    } catch {
        $headline = "$($_.Exception.GetType().Name): $_" # first, where no shortening cuts it off
        Send-LastseenPing $Slug '/fail' $query "$headline`n$($_.ScriptStackTrace)" 3
        throw
    }
    $text = ($shown | Select-Object -Last 1000) -join "`n"
    $status = $global:LASTEXITCODE
    if ($status -eq 0) { $signal = '' }
    elseif ($status -ge 1 -and $status -le 255) { $signal = "/$status" }
    else { $signal = '/fail'; $text = "exit status $status`n$text" } # Windows has statuses like -1073741510
    Send-LastseenPing $Slug $signal $query $text 3
    $global:LASTEXITCODE = $status
}
