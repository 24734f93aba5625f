# shellcheck shell=bash
# The stack from its start to its end, as a person has it with `nix run .#stack -- -D`: it becomes ready, keeps every
# promise, starts an instance again that is killed, starts anew when process-compose itself was killed, and leaves
# nothing behind. STACK and VERIFY are the two programs.

set -euo pipefail
# A path that is too long for a socket.
HOME=$TMPDIR/$(printf 'home-of-somebody-%.0s' {1..6})
export HOME XDG_RUNTIME_DIR=$TMPDIR
unset XDG_STATE_HOME
state=$HOME/.local/state/salvo-observability

failed() {
  echo "FAILED: $1" >&2
  tail -n 15 "$state"/logs/*.log "$state"/process-compose.log >&2 || true
  "$STACK" down >&2 || true
  exit 1
}
# Repeats a command until it succeeds.
within() {
  local seconds=$1
  shift
  until "$@"; do
    ((seconds-- > 0)) || return 1
    sleep 1
  done
}

"$STACK" -D
timeout 300 "$STACK" project is-ready --wait || failed "it is not ready after five minutes"
"$VERIFY" --timeout 180s || failed "a promise is not kept"

read -r killed _ <"$state/run/app-b"
kill -KILL "$killed"
again() {
  local now
  read -r now _ <"$state/run/app-b"
  [[ $now != "$killed" ]] && curl --silent --fail --output /dev/null "http://127.0.0.1:$LAB_APP_B_PORT/readyz"
}
within 60 again || failed "app-b is not started again"

number=$(ps -o ppid= -p "$(cut -d ' ' -f 1 "$state/run/tempo")")
kill -KILL "${number// /}"
"$STACK" -D 2>said || failed "it does not start after process-compose was killed: $(<said)"
grep 'ending the servers that outlived it: .*tempo' said
timeout 300 "$STACK" project is-ready --wait || failed "it is not ready the second time"
if "$STACK" -D 2>said; then failed "it starts twice"; fi
grep "the lab runs already in $state" said

"$STACK" down
# A process of the lab has its folder in the environment.
gone() {
  local entry
  if [[ -d /proc/self ]] && grep -qsz "^LAB_STATE=$state$" /proc/[0-9]*/environ; then return 1; fi
  while IFS='=' read -r _ entry; do
    if (: <>"/dev/tcp/127.0.0.1/$entry") 2>/dev/null; then return 1; fi
  done <"$state/ports"
  [[ ! -e $(<"$state/socket") ]]
}
within 90 gone || failed "something is left after down"
if "$STACK" down 2>said; then failed "down says nothing when nothing runs"; fi
grep "nothing runs in $state" said
