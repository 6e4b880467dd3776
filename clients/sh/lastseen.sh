#!/bin/sh
# Run a job and tell a Lastseen monitor when it starts and how it ends. Needs a POSIX sh, and curl or wget.
#
#   LASTSEEN_PING_URL=https://.../ping LASTSEEN_PING_KEY=... lastseen.sh nightly -- /usr/local/bin/job --all
#
# Options, before the slug (or UUID):
#   --create            let the first ping of a slug create its check
#   --no-start          tell the end only: no run time, no stuck runs
#   --quiet             show neither the job's output nor warnings
#   --timeout SECONDS   for one try of one ping (5)
#   --body-limit BYTES  how much of the output's end to send (10000); 0: do not touch the output
#
# The job starts at once and never fails because of a ping; the exit status is the job's own. The start is sent once,
# while the job runs; the end up to three times, never again after a 4xx. At worst it returns 23 s after the job: 5 s
# for a start under way, three times 5 s, pauses of 1 and 2 s.
# What it cannot do, and `lastseen exec` can: at a terminal the output is shown but not sent; INT and QUIT sent to this
# script reach the job as TERM, because a shell starts background commands deaf to them (Ctrl-C at a terminal is INT).
# The URL and the key are secrets: they are in no message and not among the arguments that `ps` shows (BusyBox's wget
# knows no other way; there they are, and NUL bytes are left out of what is sent).
set -u

create='' start=yes quiet='' timeout=5 limit=10000

say() { [ -n "$quiet" ] || printf 'lastseen: %s\n' "$1" >&2; }
misuse() { printf 'lastseen: %s\nusage: lastseen.sh [options] SLUG -- command ...\n' "$1" >&2; exit 2; }

while [ $# -gt 0 ]; do
  case $1 in
    --create) create='&create=1' ;;
    --no-start) start='' ;;
    --quiet) quiet=yes ;;
    --timeout | --body-limit)
      [ $# -gt 1 ] || misuse "$1 needs a number"
      case $1 in --timeout) timeout=$2 ;; *) limit=$2 ;; esac
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
# One that is closed would be taken by a pipe of ours.
true 3>&2 || exec 2>/dev/null
{ true 3>&1; } 2>/dev/null || exec >/dev/null
{ true 3<&0; } 2>/dev/null || exec </dev/null

# --- where the pings go ---------------------------------------------------------------------------------------------
fault='' name="the check" hex='[0-9a-fA-F]'
case ${LASTSEEN_PING_URL-} in
  http://?* | https://?*) base=${LASTSEEN_PING_URL%/} ;;
  *) fault='LASTSEEN_PING_URL is not set to an http(s) URL' base='' ;;
esac
# shellcheck disable=SC2254 # $hex is a pattern
case $slug in
  $hex$hex$hex$hex$hex$hex$hex$hex-$hex$hex$hex$hex-$hex$hex$hex$hex-$hex$hex$hex$hex-$hex$hex$hex$hex$hex$hex$hex$hex$hex$hex$hex$hex)
    base=$base/$(printf %s "$slug" | tr A-F a-f) ;;
  *[!a-z0-9_-]* | '') fault=${fault:-it is not a slug (a-z, 0-9, -, _) nor a UUID} ;;
  *)
    name=$slug base=$base/${LASTSEEN_PING_KEY-}/$slug
    [ -n "${LASTSEEN_PING_KEY-}" ] || fault=${fault:-a slug needs LASTSEEN_PING_KEY} ;;
esac
rid=$(cat /proc/sys/kernel/random/uuid 2>/dev/null) ||
  rid=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n' | sed 's/^\(.\{8\}\)\(.\{4\}\)\(.\{4\}\)\(.\{4\}\)/\1-\2-\3-\4-/')
query="?rid=$rid$create"

type='Content-Type: application/octet-stream' # no text type: a gateway may mend the bytes of a text
if command -v curl >/dev/null; then
  post() { # URL FILE: prints the HTTP status, if there was one
    printf 'url = "%s"\n' "$1" |
      curl -K - -s -m "$timeout" -o /dev/null -w '%{http_code}' -H "$type" -A lastseen.sh --data-binary "@$2"
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
        $bound wget -S -t 1 -T "$timeout" -U lastseen.sh -O /dev/null --header "$type" --post-file "$2" -i - 2>&1
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

# deliver SIGNAL FILE TRIES: true if the monitor took it, else what went wrong is in $dir/trouble
deliver() {
  trouble=$fault try=0
  while [ -z "$fault" ] && [ "$try" -lt "$3" ]; do
    [ "$try" -eq 0 ] || sleep "$try"
    try=$((try + 1))
    code=$(post "$base/$1$query" "$2" 2>/dev/null) || code='' # a status line alone is no answer
    case $code in
      2??) return 0 ;;
      408 | 425 | 429 | 5??) trouble="HTTP $code" ;;
      '' | 000) trouble="no answer" ;;
      *) trouble="HTTP $code" && break ;;
    esac
  done
  [ -s "$dir/trouble" ] || printf '%s' "ping /$1 of $name was not delivered: $trouble" >"$dir/trouble"
  return 1
}

# --- the job --------------------------------------------------------------------------------------------------------
dir=$(mktemp -d "${TMPDIR:-/tmp}/lastseen.XXXXXX") || {
  say "no temporary folder: the job runs, nothing is told"
  exec "$@"
}
trap 'rm -rf "$dir"' EXIT
: >"$dir/body"
: >"$dir/empty"

begin() {
  [ -z "$start" ] || { (trap '' INT QUIT TERM HUP; deliver start "$dir/empty" 1) </dev/null >/dev/null 2>&1 3>&- 4<&- & started=$!; }
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
    mkfifo "$dir/out" "$dir/tail"
    [ "$err" = out ] || mkfifo "$dir/err"
    exec 3<>"$dir/tail" # held open, or the tail would end with the first of its two writers
    (trap '' INT QUIT TERM HUP; exec tail -c "$limit" <"$dir/tail" >"$dir/body" 2>/dev/null 3>&- 4<&-) &
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
  kill "$guard" 2>/dev/null
}

if [ -t 1 ] || [ -t 2 ]; then at_terminal "$@"; else in_background "$@"; fi
[ -z "${started-}" ] || { final=$status; await "$started"; status=$final; }
deliver "$status" "$dir/body" 3 </dev/null >/dev/null
[ ! -s "$dir/trouble" ] || say "$(cat "$dir/trouble")"
exit "$status"
