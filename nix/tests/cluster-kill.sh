#!/usr/bin/env bash
# One backend of a running stack-cluster dies under load, all three of its servers at once by SIGKILL, stays away for a
# while and comes back. Prints what was sent and what is there as a table, and fails when a request failed, when a span, line
# or sample is missing that was accepted, or when a promise is not kept in time.
#
#   LAB=target/release/lab STACK='nix run .#stack-cluster --' LAB_STATE=… nix/tests/cluster-kill.sh
#
# LAB is the command lab, STACK what starts and ends servers, LAB_STATE the folder of the running stack. Needs curl and jq.
# SECONDS_AWAY is how long the backend stays away (60), BACKEND which one it is (2).

set -euo pipefail
: "${LAB:?the command lab}" "${STACK:?the command of the stack}" "${LAB_STATE:?the folder of the running stack}"
backend=${BACKEND:-2}
away=${SECONDS_AWAY:-60}
lasts=$((away + 30))
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

while IFS='=' read -r name value; do
  [[ $name =~ ^LAB_[A-Z0-9_]+_PORT$ && $value =~ ^[0-9]+$ ]] && printf -v "$name" '%s' "$value"
done <"$LAB_STATE/ports"
host=127.0.0.1
tempo=http://$host:$LAB_TEMPO_PORT
loki=http://$host:$LAB_LOKI_PORT
prometheus=http://$host:$LAB_PROMETHEUS_PORT
scraper=http://$host:$LAB_SCRAPER_PORT
apps=("http://$host:$LAB_APP_A_PORT" "http://$host:$LAB_APP_B_PORT" "http://$host:$LAB_APP_C_PORT")
killed=("tempo-$backend" "loki-$backend" "mimir-$backend")

failures=()
failed() {
  failures+=("$*")
  echo "FAILED: $*" >&2
}
get() { curl -q --noproxy '*' --silent --show-error --fail --max-time 30 "$@"; }
stack() { $STACK "$@" >/dev/null 2>"$work/said" || { cat "$work/said" >&2; return 1; }; }
# The one number that an instant query answers, now or at a time, from one server of the two.
number() {
  local from=$1 query=$2
  shift 2
  get --get "$from" --data-urlencode "query=$query" "$@" | jq --raw-output '.data.result[0].value[1] // "0"'
}
verify() {
  "$LAB" verify "${apps[@]/#/--app=}" --tempo "$tempo" --loki "$loki" --prometheus "$prometheus" \
    --otlp="http://$host:$LAB_OTLP_HTTP_PORT" --json "$@" >"$work/verified" 2>"$work/said"
}
within() {
  local seconds=$1
  shift
  until "$@"; do
    ((seconds-- > 0)) || return 1
    sleep 1
  done
}

verify --timeout 60s || failed "a promise is not kept before anything is killed: $(cat "$work/verified")"

# Requests to the service, and telemetry of other programs over OTLP through the gateway.
began=$EPOCHSECONDS
"$LAB" load --rate 20 --duration "${lasts}s" --mix root=2,items=6,chain=1,error_test=1 "${apps[@]/#/--target=}" --json \
  >"$work/load" &
load=$!
"$LAB" flood --to "http://$host:$LAB_OTLP_HTTP_PORT" --spans 200 --lines 50 --samples 500 --series 500 \
  --duration "${lasts}s" --json >"$work/flood" &
flood=$!
sleep 10

for name in "${killed[@]}"; do
  read -r process _ <"$LAB_STATE/run/$name"
  kill -KILL "$process"
done
died=$EPOCHSECONDS
# Or process-compose would start them again after two seconds.
for name in "${killed[@]}"; do stack process stop "$name"; done

# Every promise is kept again within a minute, but the one that every target is up: three are not, and it says so.
asked=$EPOCHSECONDS
verify --timeout $((died + 60 - asked))s || true
lacking=$(jq --raw-output '[.promises[] | select(.state != "kept") | .id] | join(" ")' "$work/verified")
[[ $lacking == metrics.targets ]] || failed "not kept without the backend: $lacking: $(cat "$work/verified")"
kept=$((asked - died + $(jq '[.promises[] | select(.state == "kept") | .after_ms] | max / 1000 | ceil' "$work/verified")))

while ((EPOCHSECONDS < died + away)); do sleep 1; done
for name in "${killed[@]}"; do stack process start "$name"; done
back=$EPOCHSECONDS
all_ready() {
  local port
  for port in LAB_TEMPO_${backend}_PORT LAB_LOKI_${backend}_PORT LAB_MIMIR_${backend}_PORT; do
    get --output /dev/null "http://$host:${!port}/ready" 2>/dev/null || return 1
  done
}
within 90 all_ready || failed "the backend is not ready again"
ready=$((EPOCHSECONDS - back))

wait "$load" || failed "load: $(cat "$work/load")"
# What was late is not sent, and does not count here.
wait "$flood" || true
[[ $(jq '[.signals[] | .refused + .unanswered] | add' "$work/flood") == 0 ]] || failed "flood: $(cat "$work/flood")"
ended=$EPOCHSECONDS

verify --timeout 60s || failed "a promise is not kept after the backend is back: $(cat "$work/verified")"
verified=$((EPOCHSECONDS - back))
# What was on its way has arrived: Prometheus sends within seconds, Promtail too.
sleep 5

# --- What is there, asked through the gateway -----------------------------------------------------------------------

accepted() { jq ".signals.$1.accepted" "$work/flood"; }
range=$((EPOCHSECONDS - began + 10))
row() { printf '| %-46s | %9s | %9s |\n' "$@"; }
row "" sent there
row ---------------------------------------------- --------- ---------
check() {
  row "$@"
  [[ $2 == "$3" ]] || failed "$1: $2 sent, $3 there"
}

check "requests to the service, answered" "$(jq .all.sent "$work/load")" "$(jq .all.answered "$work/load")"
check "flood: lines accepted, in Loki" "$(accepted lines)" \
  "$(number "$loki/loki/api/v1/query" "sum(count_over_time({service_name=~\"flood-.+\"}[${range}s]))")"
check "flood: samples accepted, in Mimir" "$(accepted samples)" \
  "$(number "$prometheus/api/v1/query" "sum(count_over_time(flood_requests_total[${range}s]))")"

# All spans that a search finds, ten seconds at a time.
: >"$work/spans"
since=$began
while ((since < ended)); do
  get --get "$tempo/api/search" --data-urlencode 'q={ resource.service.name =~ "flood-.+" }' --data limit=20000 --data spss=10 \
    --data "start=$((since - 1))" --data "end=$((since + 11))" |
    jq --raw-output '.traces[]? | .traceID as $trace | .spanSets[].spans[] | $trace + .spanID' >>"$work/spans"
  since=$((since + 10))
done
spans=$(sort --unique "$work/spans" | wc --lines)
check "flood: spans accepted, in Tempo" "$(accepted spans)" "$spans"

# What the instances wrote is in their log files.
lines=$(cat "$LAB_STATE"/logs/app-?.stdout.log | awk -v from="$(date -d "@$began" '+%F %T')" -v to="$(date -d "@$ended" '+%F %T')" \
  '/^[0-9][0-9][0-9][0-9]-/ { time = substr($0, 1, 19); if (time > from && time < to) count++ } END { print count + 0 }')
found=0
since=$began
while ((since < ended + 30)); do
  # The time of a line in Loki is that at which it was read; its own is in the text.
  found=$((found + $(get --get "$loki/loki/api/v1/query_range" --data-urlencode 'query={compose_service=~"app-.+", source="stdout"}' \
    --data-urlencode limit=5000 --data-urlencode "start=$since" --data-urlencode "end=$((since + 10))" |
    jq --raw-output '.data.result[].values[][1]' |
    awk -v from="$(date -d "@$began" '+%F %T')" -v to="$(date -d "@$ended" '+%F %T')" \
      '/^[0-9][0-9][0-9][0-9]-/ { time = substr($0, 1, 19); if (time > from && time < to) count++ } END { print count + 0 }')))
  since=$((since + 10))
done
check "lines that the instances wrote, in Loki" "$lines" "$found"

# What Prometheus has scraped of the instances is in its own store too.
query="sum(count_over_time(salvo_requests_duration_seconds_bucket[$((ended - began))s] @ $ended))"
check "samples of the instances, scraped and in Mimir" "$(number "$scraper/api/v1/query" "$query")" \
  "$(number "$prometheus/api/v1/query" "$query")"

echo
echo "requests with another status than 2xx, 3xx or the 500 of /error_test: $(jq '[.all.status | to_entries[] | select(.key | test("^[23]|500") | not) | .value] | add // 0' "$work/load"), errors: $(jq -c .all.errors "$work/load")"
echo "all other promises kept again after $kept s without the backend; ready $ready s after its start, every promise kept after $verified s"
((${#failures[@]} == 0)) || exit 1
