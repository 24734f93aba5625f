#!/bin/sh
# Makes the Garages of cluster.env one cluster with the three buckets, and gives the key of s3-credentials the right to
# them. Asks their admin API only, and may be run again: what is there stays. Needs curl and jq.
#
# Waits for each of LAB_GARAGE_PEERS, two minutes at most.

set -eu
token=$(cat "$GARAGE_ADMIN_TOKEN_FILE")
peers=$(printf '%s' "$LAB_GARAGE_PEERS" | tr ',' ' ')
first=${peers%% *}

fail() {
  echo "garage-setup: $*" >&2
  exit 1
}
# The token and the key go through files and pipes: every process of the machine can read another's arguments.
header=$(umask 077 && mktemp)
trap 'rm -f "$header"' EXIT
printf 'Authorization: Bearer %s\n' "$token" >"$header"
# get HOST PATH, post HOST PATH BODY
get() {
  curl -q --noproxy '*' --silent --show-error --fail-with-body --max-time 20 --header "@$header" \
    "http://$1:$LAB_GARAGE_ADMIN_PORT/v2/$2"
}
post() {
  printf '%s' "$3" |
    curl -q --noproxy '*' --silent --show-error --fail-with-body --max-time 20 --header "@$header" \
      --header 'Content-Type: application/json' --data @- "http://$1:$LAB_GARAGE_ADMIN_PORT/v2/$2"
}

# Each one's id, which it makes itself at its first start.
nodes='[]'
for peer in $peers; do
  tries=0
  until answer=$(get "$peer" 'GetNodeInfo?node=self' 2>/dev/null); do
    tries=$((tries + 1))
    [ "$tries" -lt 60 ] || fail "no Garage answers at $peer:$LAB_GARAGE_ADMIN_PORT"
    sleep 2
  done
  nodes=$(printf '%s' "$answer" | jq --compact-output --argjson nodes "$nodes" --arg peer "$peer" \
    '$nodes + [.success | to_entries[0].value | {id: .nodeId, peer: $peer}]')
done

others=$(printf '%s' "$nodes" | jq --compact-output --arg port "$LAB_GARAGE_RPC_PORT" \
  '[.[1:][] | "\(.id)@\(.peer):\($port)"]')
if [ "$others" != '[]' ]; then
  connected=$(post "$first" ConnectClusterNodes "$others")
  printf '%s' "$connected" | jq --exit-status 'all(.[]; .success)' >/dev/null ||
    fail "they do not reach each other: $connected"
fi

# Those without a place in the layout get one, each a zone of its own.
layout=$(get "$first" GetClusterLayout)
roles=$(printf '%s' "$layout" | jq --compact-output --argjson nodes "$nodes" --argjson capacity "$LAB_GARAGE_CAPACITY" \
  '[.roles[].id] as $have | [$nodes[] | select([.id] | inside($have) | not)
    | {id, zone: .peer, capacity: $capacity, tags: []}]')
if [ "$roles" != '[]' ]; then
  post "$first" UpdateClusterLayout "{\"roles\":$roles}" >/dev/null
  version=$(($(printf '%s' "$layout" | jq .version) + 1))
  post "$first" ApplyClusterLayout "{\"version\":$version}" >/dev/null
fi

# The key.
field() { sed -n "s/^$1 *= *//p" "$AWS_SHARED_CREDENTIALS_FILE"; }
id=$(field aws_access_key_id)
if ! get "$first" "GetKeyInfo?id=$id" >/dev/null 2>&1; then
  tries=0
  # A new layout takes a moment to hold.
  until said=$(post "$first" ImportKey \
    "{\"accessKeyId\":\"$id\",\"secretAccessKey\":\"$(field aws_secret_access_key)\",\"name\":\"lab\"}" 2>&1); do
    tries=$((tries + 1))
    [ "$tries" -lt 30 ] || fail "the key is not taken: $said"
    sleep 1
  done
fi

# The buckets.
for bucket in "$LAB_TEMPO_BUCKET" "$LAB_LOKI_BUCKET" "$LAB_MIMIR_BUCKET"; do
  answer=$(get "$first" "GetBucketInfo?globalAlias=$bucket" 2>/dev/null) ||
    answer=$(post "$first" CreateBucket "{\"globalAlias\":\"$bucket\"}")
  post "$first" AllowBucketKey "{\"bucketId\":$(printf '%s' "$answer" | jq .id),\"accessKeyId\":\"$id\",
    \"permissions\":{\"read\":true,\"write\":true,\"owner\":false}}" >/dev/null
done
echo "Garage is ready: $(printf '%s' "$nodes" | jq length) machines, buckets $LAB_TEMPO_BUCKET, $LAB_LOKI_BUCKET, $LAB_MIMIR_BUCKET"
