#!/usr/bin/env bash
# One request through all instances, and where its trace, its log lines and its exemplar are. The
# service starts the trace, and tells its id in the header traceresponse of the answer.
#
#   load/trace.sh
#   TARGETS=http://127.0.0.1:8000 load/trace.sh
set -euo pipefail
target=${TARGETS:-http://127.0.0.1:8000}
target=${target%% *}

head=$(mktemp)
trap 'rm -f "$head"' EXIT
curl --silent --show-error --fail-with-body --dump-header "$head" "$target/chain"

# W3C Trace Context: version, trace, the span that answered, flags.
trace=$(sed -n 's/^traceresponse: [0-9a-f]\{2\}-\([0-9a-f]\{32\}\)-.*/\1/p' "$head")
if [[ -z $trace ]]; then
  echo "the answer of $target/chain does not tell its trace (no header traceresponse)" >&2
  exit 1
fi

cat <<TEXT

Sent. In some seconds the trace is complete:

  in the browser   http://127.0.0.1:3000/traces/$trace
                   (in Grafana: Explore, data source Tempo, query type TraceQL, the id as the query)
  its spans        curl -s http://127.0.0.1:3200/api/traces/$trace
  its log lines    curl -sG http://127.0.0.1:3100/loki/api/v1/query_range --data-urlencode 'query={compose_project="salvo-observability"} |= "$trace"'
  its exemplar     curl -s $target/metrics -H 'Accept: application/openmetrics-text' | grep $trace
TEXT
