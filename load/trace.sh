#!/usr/bin/env bash
# One request through all instances, as part of a trace whose id is known before it is sent.
#
#   load/trace.sh                                     the trace 17785b4c3d530b832fb28ede767c672c
#   load/trace.sh 0af7651916cd43dd8448eb211c80319c    another one
#   TARGETS=http://127.0.0.1:8000 load/trace.sh
set -euo pipefail
trace=${1:-17785b4c3d530b832fb28ede767c672c}
if ! [[ $trace =~ ^[0-9a-f]{32}$ ]] || [[ $trace =~ ^0+$ ]]; then
  echo "$trace is no trace id: 32 hex digits, lower case, not all of them 0" >&2
  exit 2
fi
target=${TARGETS:-http://127.0.0.1:8000}
target=${target%% *}

# W3C Trace Context: version, trace, the span that this request is a child of, sampled.
curl --silent --show-error --fail-with-body "$target/chain" \
  --header "traceparent: 00-$trace-d410eb45cc61f442-01"

cat <<TEXT

Sent. In some seconds the trace is complete:

  in the browser   http://127.0.0.1:3000/traces/$trace
                   (in Grafana: Explore, data source Tempo, query type TraceQL, the id as the query)
  its spans        curl -s http://127.0.0.1:3200/api/traces/$trace
  its log lines    curl -sG http://127.0.0.1:3100/loki/api/v1/query_range --data-urlencode 'query={compose_project="salvo-observability"} |= "$trace"'
  its exemplar     curl -s $target/metrics -H 'Accept: application/openmetrics-text' | grep $trace
TEXT
