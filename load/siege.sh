#!/usr/bin/env bash
# Traffic by siege (Debian: apt install siege): five users who send to random routes of all
# instances, each after up to a second.
#
#   load/siege.sh                          for five minutes
#   load/siege.sh --time=30S               further options of siege
#   TARGETS=http://127.0.0.1:8000 load/siege.sh
set -euo pipefail
targets=${TARGETS:-http://127.0.0.1:8000 http://127.0.0.1:8001 http://127.0.0.1:8002}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Only what was asked for: no further resources of a page, no redirects. The service fails on
# purpose, and siege gives up after a number of failures.
cat >"$work/siegerc" <<'CONFIG'
verbose = false
logging = false
parser = false
follow-location = false
failures = 1000000000
timeout = 30
CONFIG
for target in $targets; do
  for path in / '/items/1?q=siege' /io_task /cpu_task /random_status /random_sleep /error_test /chain; do
    echo "$target$path"
  done
done >"$work/urls"

# At its first run on a machine siege writes a file of settings and says so, which is no JSON.
siege --config >/dev/null
siege --rc="$work/siegerc" --file="$work/urls" --internet --concurrent=5 --delay=1 "${@:---time=5M}"
