# shellcheck shell=bash
# The cluster on one machine from its start to its end: it becomes ready, keeps every promise, loses nothing when a backend
# dies under load, and leaves nothing behind. STACK, VERIFY and LAB are programs, KILL is cluster-kill.sh.

set -euo pipefail
export HOME=$TMPDIR XDG_RUNTIME_DIR=$TMPDIR LAB_STATE=$TMPDIR/cluster

failed() {
  echo "FAILED: $1" >&2
  tail -n 15 "$LAB_STATE"/logs/*.log "$LAB_STATE"/process-compose.log >&2 || true
  "$STACK" down >&2 || true
  exit 1
}

"$STACK" -D
timeout 600 "$STACK" project is-ready --wait || failed "it is not ready after ten minutes"
"$VERIFY" --timeout 180s || failed "a promise is not kept"
bash "$KILL" || failed "a backend died, and something was lost"
"$STACK" down
for file in "$LAB_STATE"/run/*; do
  read -r process _ <"$file"
  if kill -0 "$process" 2>/dev/null; then failed "${file##*/} outlives the stack"; fi
done
