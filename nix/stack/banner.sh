# shellcheck shell=bash
# Shown by process-compose as soon as everything is ready.

cat <<TEXT
The lab is ready.

  Grafana      $LAB_GRAFANA_URL   no login needed; admin's password: $(<"$LAB_STATE/secrets/grafana-admin-password")
  Service      http://$LAB_HOST:$LAB_APP_A_PORT   app-b :$LAB_APP_B_PORT, app-c :$LAB_APP_C_PORT
  Prometheus   $LAB_PROMETHEUS_URL
  Tempo        $LAB_TEMPO_URL   spans: OTLP gRPC :$LAB_OTLP_GRPC_PORT, HTTP :$LAB_OTLP_HTTP_PORT
  Loki         $LAB_LOKI_URL
  Folder       $LAB_STATE

  One request through all three:  curl http://$LAB_HOST:$LAB_APP_A_PORT/chain
  Check every promise:            nix run .#verify
  Send traffic:                   nix run .#load
TEXT
