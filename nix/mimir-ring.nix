# Flags for Mimirs whose queriers have a ring of their own, which came with 3.1; before, they are refused. They say what
# etc/cluster/mimir.yaml says of the other rings.
{ lib, mimir }:
{ instance, address }:
lib.optionals (lib.versionAtLeast (lib.getVersion mimir) "3.1") [
  "-querier.ring.instance-id=${instance}"
  "-querier.ring.instance-addr=${address}"
  "-querier.ring.heartbeat-period=3s"
  "-querier.ring.heartbeat-timeout=20s"
]
