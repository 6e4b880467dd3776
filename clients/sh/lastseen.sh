#!/bin/sh
# Run a job and ping a Lastseen monitor when it starts and how it ends. Needs a POSIX sh, and curl or wget.
#
#   LASTSEEN_PING_URL=https://.../ping LASTSEEN_PING_KEY=... lastseen.sh nightly -- /usr/local/bin/job --all
#
# Options, before the slug (or UUID):
#   --create            let the first ping of a slug make its check
#   --no-start          ping the end only: no run time, no stuck runs
#   --quiet             show neither the job's output nor warnings
#   --timeout SECONDS   for one try of one ping (5)
#   --body-limit BYTES  how much of the output to send (10000), its beginning and its end; 0: do not touch the output
# For the ping that makes the check, so each implies --create; later it is ignored:
#   --schedule TEXT     five cron fields, or a systemd OnCalendar
#   --tz ZONE           the schedule's time zone, like Europe/Berlin
#   --every TIME        instead of a schedule: 90s, 5m, 1h30m, 1d
#   --grace TIME        how late a start, or how long a run, may be
#
# The job starts at once and never fails because of a ping; the exit status is the job's own. The start is sent once,
# while the job runs; the end up to three times, never again after a 4xx. At worst it returns 23 s after the job: 5 s
# for a start under way, three times 5 s, pauses of 1 and 2 s.
# What it cannot do, and `lastseen exec` can: at a terminal the output is shown but not sent; INT and QUIT sent to this
# script reach the job as TERM, because a shell starts background commands with both ignored (Ctrl-C at a terminal is INT).
# The URL and the key are secrets: they are in no message and not among the arguments that `ps` shows (BusyBox's wget
# knows no other way; there they are, and NUL bytes are left out of what is sent).
set -u

create='' start=yes quiet='' timeout=5 limit=10000 schedule='' every=''

say() { [ -n "$quiet" ] || printf 'lastseen: %s\n' "$1" >&2; }
misuse() { printf 'lastseen: %s\nusage: lastseen.sh [options] SLUG -- command ...\n' "$1" >&2; exit 2; }

# A value of a query, every byte of it escaped.
escaped() { printf %s "$1" | od -An -v -tx1 | tr -d '\n' | sed 's/ *\([0-9a-f][0-9a-f]\)/%\1/g'; }

# 90, 90s, 5m, 1h30m, 1d as seconds; nothing if it is no time.
seconds() {
  number='[1-9][0-9]*'
  time="\\(${number}d\\)\\{0,1\\}\\(${number}h\\)\\{0,1\\}\\(${number}m\\)\\{0,1\\}\\(${number}s\\{0,1\\}\\)\\{0,1\\}"
  sum=$(printf '%s\n' "$1" | sed -n "/^$time\$/{s/d/*86400+/;s/h/*3600+/;s/m/*60+/;s/s//;s/+\$//;p;}")
  # shellcheck disable=SC2004 # dash computes only what is written out
  [ -z "$sum" ] || echo $(($sum))
}

while [ $# -gt 0 ]; do
  case $1 in
    --create) create=${create:-'&create=1'} ;;
    --no-start) start='' ;;
    --quiet) quiet=yes ;;
    --timeout | --body-limit | --schedule | --tz | --every | --grace)
      [ $# -gt 1 ] || misuse "$1 needs a value"
      case $1 in
        --timeout) timeout=$2 ;;
        --body-limit) limit=$2 ;;
        --schedule) schedule=$2 create="${create:-&create=1}&schedule=$(escaped "$2")" ;;
        --tz) create="${create:-&create=1}&tz=$(escaped "$2")" ;;
        *)
          value=$(seconds "$2")
          [ -n "$value" ] || misuse "$1 needs seconds, or a time like 90s, 5m, 1h30m, 1d"
          case $1 in --every) every=$2 name=timeout ;; *) name=grace ;; esac
          create="${create:-&create=1}&$name=$value" ;;
      esac
      shift ;;
    -*) misuse "unknown option $1" ;;
    *) break ;;
  esac
  shift
done
[ $# -gt 0 ] || misuse 'no slug given'
slug=$1
shift
case ${1-} in --) shift ;; -*) misuse "$1: options stand before the slug, the command after two dashes" ;; esac
[ $# -gt 0 ] || misuse 'no command given'
case $timeout in '' | *[!0-9.]* | *.*.*) timeout=0 ;; esac
case $timeout in *[1-9]*) ;; *) misuse '--timeout needs a number of seconds above 0' ;; esac
case $limit in '' | *[!0-9]*) misuse '--body-limit needs a number of bytes' ;; esac
[ -z "$schedule" ] || [ -z "$every" ] || misuse '--schedule and --every exclude each other: give the one that the job runs by'
# One that is closed would be taken by a pipe of ours.
true 3>&2 || exec 2>/dev/null
{ true 3>&1; } 2>/dev/null || exec >/dev/null
{ true 3<&0; } 2>/dev/null || exec </dev/null

# --- where the pings go ---------------------------------------------------------------------------------------------
# Line ends (CRLF too) and blanks around a setting come from the file or secret that it was kept in.
trimmed() {
  text=${1#"${1%%[![:space:]]*}"}
  printf %s "${text%"${text##*[![:space:]]}"}"
}

fault='' name="the check" hex='[0-9a-fA-F]'
url=$(trimmed "${LASTSEEN_PING_URL-}") key=$(trimmed "${LASTSEEN_PING_KEY-}") slug=$(trimmed "$slug")
url=${url%/} base=''
case $url in
  *[[:space:]\"\\]*) url='' ;; # to curl they would be more than a URL
esac
case $url in
  http://?* | https://?*) base=$url ;;
  *) fault='LASTSEEN_PING_URL is not set to an http(s) URL' ;;
esac
# shellcheck disable=SC2254 # $hex is a pattern
case $slug in
  $hex$hex$hex$hex$hex$hex$hex$hex-$hex$hex$hex$hex-$hex$hex$hex$hex-$hex$hex$hex$hex-$hex$hex$hex$hex$hex$hex$hex$hex$hex$hex$hex$hex)
    base=$base/$(printf %s "$slug" | tr A-F a-f) ;;
  *[!a-z0-9_-]* | '') fault=${fault:-it is not a slug (a-z, 0-9, -, _) nor a UUID} ;;
  *)
    name=$slug base=$base/$key/$slug
    case $key in
      '') fault=${fault:-a slug needs LASTSEEN_PING_KEY} ;;
      *[!A-Za-z0-9_-]*) fault=${fault:-LASTSEEN_PING_KEY is not a ping key} ;;
    esac ;;
esac
rid=$(cat /proc/sys/kernel/random/uuid 2>/dev/null) ||
  rid=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n' | sed 's/^\(.\{8\}\)\(.\{4\}\)\(.\{4\}\)\(.\{4\}\)/\1-\2-\3-\4-/')
query="?rid=$rid$create"

type='Content-Type: application/octet-stream' # no text type: a gateway may repair the bytes of a text
if command -v curl >/dev/null; then
  post() { # URL FILE: prints the HTTP status, if there was one; the answer is in $dir/said
    printf 'url = "%s"\n' "$1" |
      curl -K - -s -m "$timeout" -o "$dir/said" -w '%{http_code}' -H "$type" -A lastseen.sh --data-binary "@$2"
  }
elif command -v wget >/dev/null; then
  bound=''
  ! command -v timeout >/dev/null || bound="timeout -s KILL $timeout" # wget's own limit is one of each read
  case $(wget --help 2>&1) in
    *BusyBox*) # it ends a body at the first NUL; Debian's build has no -T, and dies of it
      fetch() {
        tr -d '\000' <"$2" >"$2.text"
        $bound wget -S -O /dev/null --header "$type" --post-file "$2.text" "$1" 2>&1
      } ;;
    *) fetch() {
      printf '%s\n' "$1" |
        $bound wget -S -t 1 -T "$timeout" -U lastseen.sh -O "$dir/said" --content-on-error --header "$type" \
          --post-file "$2" -i - 2>&1
    } ;;
  esac
  post() {
    fetch "$1" "$2" >"$dir/answer"
    [ $? -lt 128 ] || return 1
    sed -n 's/^ *HTTP\/[0-9.]* \([0-9][0-9][0-9]\).*/\1/p' "$dir/answer" | tail -n 1
  }
else
  fault='neither curl nor wget is here'
fi

# The first line of a refusal, which says what to change: printable, short, without secrets. A page has none.
sentence() {
  text=$(sed -n '/[^[:space:]]/{p;q;}' "$dir/said" 2>/dev/null | LC_ALL=C tr -cd ' -~' | head -c 200)
  secret=$key
  [ "$name" = "$slug" ] || secret=$slug
  for secret in "$url" "$secret"; do
    [ -n "$secret" ] || continue
    while case $text in *"$secret"*) ;; *) false ;; esac; do
      text=${text%%"$secret"*}...${text#*"$secret"}
    done
  done
  case $text in '' | '<'*) ;; *) printf ': %s' "$text" ;; esac
}

# deliver SIGNAL FILE TRIES: true if the monitor took it, else what went wrong is in $dir/trouble
deliver() {
  trouble=$fault try=0
  while [ -z "$fault" ] && [ "$try" -lt "$3" ]; do
    [ "$try" -eq 0 ] || sleep "$try"
    try=$((try + 1))
    rm -f "$dir/said"
    code=$(post "$base/$1$query" "$2" 2>/dev/null) || code='' # a status line alone is no answer
    case $code in
      2??) return 0 ;;
      408 | 425 | 429 | 5??) trouble="HTTP $code$(sentence)" ;;
      '' | 000) trouble="no answer" ;;
      *) trouble="HTTP $code$(sentence)" && break ;;
    esac
  done
  [ -s "$dir/trouble" ] || printf '%s' "ping /$1 of $name was not delivered: $trouble" >"$dir/trouble"
  return 1
}

# --- the job --------------------------------------------------------------------------------------------------------
dir=$(mktemp -d "${TMPDIR:-/tmp}/lastseen.XXXXXX") || {
  say "no temporary folder: the job runs, nothing is sent"
  exec "$@"
}
trap 'rm -rf "$dir"' EXIT
: >"$dir/body"
: >"$dir/empty"

begin() {
  [ -z "$start" ] || { (trap '' INT QUIT TERM HUP; deliver start "$dir/empty" 1) </dev/null >/dev/null 2>&1 3>&- 4<&- & started=$!; }
}

# Keep what comes, as far as it is sent: all of it, or its beginning and its end. dd reads no byte too many, where head
# may; what follows is counted on its way to tail.
head=0
[ "$limit" -lt 1000 ] || head=$((limit / 5))
keep() {
  trap '' INT QUIT TERM HUP
  exec 3>&- 4<&-
  if [ "$head" -eq 0 ]; then exec tail -c "$limit" >"$dir/body"; fi
  dd bs=1 count="$head" >"$dir/head" 2>/dev/null
  wc -c <"$dir/count" >"$dir/rest" &
  tee "$dir/count" | tail -c $((limit - head)) >"$dir/end"
  wait
}

# Put the kept parts together. What is left out is left out in whole lines, and the gap is marked.
join_kept() {
  [ -e "$dir/end" ] || return 0
  rest=$(cat "$dir/rest") room=$((limit - head))
  if [ "${rest:-0}" -le "$room" ]; then
    cat "$dir/head" "$dir/end" >"$dir/body"
    return 0
  fi
  tail -c $((room - 50)) "$dir/end" | sed 1d >"$dir/lines" # the first one may have lost its beginning
  sed '$d' "$dir/head" >"$dir/begun" # the last one may have lost its end
  # A line that is too long is cut in its middle.
  [ "$(wc -c <"$dir/lines")" -gt $((room / 2)) ] || tail -c $((room - 50)) "$dir/end" >"$dir/lines"
  [ "$(wc -c <"$dir/begun")" -gt $((head / 2)) ] || cat "$dir/head" >"$dir/begun"
  left=$((head + rest - $(cat "$dir/begun" "$dir/lines" | wc -c)))
  [ -z "$(tail -c 1 "$dir/begun")" ] || echo >>"$dir/begun"
  { cat "$dir/begun" && echo "[... $left bytes left out ...]" && cat "$dir/lines"; } >"$dir/body"
}

# Copy what comes through a FIFO to where it is shown and to the tail. Deaf to signals: a stop is for the job, and its
# last words are wanted.
show() {
  trap '' INT QUIT TERM HUP
  exec tee "$dir/tail" <"$1" 3>&- 4<&- # exec: who kills it must not leave a child of it at work
}

# shellcheck disable=SC2317 # traps call it
forward() {
  interrupted=yes
  kill -s "$1" "$job" 2>/dev/null
}

# Wait for process $1, however often a signal interrupts the waiting; the status is in $status.
await() {
  status=''
  while interrupted=''; wait "$1"; last=$?; [ -n "$interrupted" ]; do status=$last; done
  { [ "$last" -eq 127 ] && [ -n "$status" ]; } || status=$last # 127: the wait before it had it already
}

at_terminal() { # in the foreground, where Ctrl-C reaches it
  trap : INT QUIT
  begin
  "$@"
  status=$?
  echo 'The output went to a terminal: it was not kept.' >"$dir/body"
}

in_background() {
  exec 4<&0 # or the shell would give it an empty stdin
  copies=''
  if [ "$limit" -gt 0 ] || [ -n "$quiet" ]; then
    err=err
    # shellcheck disable=SC3013 # dash, bash, zsh, ksh and BusyBox all know it; another would keep two pipes
    [ ! /dev/fd/1 -ef /dev/fd/2 ] || err=out # where both are one, one pipe for both keeps their order
    mkfifo "$dir/out" "$dir/tail" "$dir/count"
    [ "$err" = out ] || mkfifo "$dir/err"
    exec 3<>"$dir/tail" # held open, or the tail would end with the first of its two writers
    keep <"$dir/tail" 2>/dev/null &
    tail=$!
    if [ -n "$quiet" ]; then show "$dir/out" >/dev/null & else show "$dir/out" & fi
    copies=$!
    if [ "$err" = err ]; then
      if [ -n "$quiet" ]; then show "$dir/err" >/dev/null & else show "$dir/err" >&2 & fi
      copies="$copies $!"
    fi
    "$@" <&4 >"$dir/out" 2>"$dir/$err" 3>&- 4<&- &
  else
    "$@" <&4 4<&- &
  fi
  job=$!
  trap 'forward TERM' TERM INT QUIT
  for signal in HUP USR1 USR2 ALRM; do
    # shellcheck disable=SC2064 # the signal's name of now is meant
    trap "forward $signal" "$signal"
  done
  begin
  await "$job"
  ended=$status
  [ -z "$copies" ] || finish_copies
  status=$ended
}

# What is still in the pipes is copied; a child that outlives the job and holds them is not waited for.
finish_copies() {
  # shellcheck disable=SC2086 # a list of process ids
  (sleep 2; exec kill -s KILL $copies) </dev/null >/dev/null 2>&1 3>&- 4<&- &
  guard=$!
  for copy in $copies; do await "$copy"; done 2>/dev/null
  exec 3>&- # not before: a copy that starts late must find the tail's reader still there
  await "$tail"
  join_kept
  kill "$guard" 2>/dev/null
}

if [ -t 1 ] || [ -t 2 ]; then at_terminal "$@"; else in_background "$@"; fi
[ -z "${started-}" ] || { final=$status; await "$started"; status=$final; }
deliver "$status" "$dir/body" 3 </dev/null >/dev/null
[ ! -s "$dir/trouble" ] || say "$(cat "$dir/trouble")"
exit "$status"
