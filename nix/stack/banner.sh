# shellcheck shell=bash
# Shown by process-compose as soon as everything is ready. In a terminal of 80 columns and 24 lines its last five lines
# are seen: where Grafana is and how to quit have to be there.

# Alloy takes all signals at the ports where Tempo takes spans alone.
signals=spans
if [[ $LAB_SHIPPER == alloy ]]; then signals='all signals'; fi

cat <<TEXT
The lab is ready. Its folder:
  $LAB_STATE

  Service      http://$LAB_HOST:$LAB_APP_A_PORT   app-b :$LAB_APP_B_PORT, app-c :$LAB_APP_C_PORT
  Prometheus   $LAB_PROMETHEUS_URL
  Loki         $LAB_LOKI_URL
  Tempo        $LAB_TEMPO_URL   $signals: OTLP gRPC :$LAB_OTLP_GRPC_PORT, HTTP :$LAB_OTLP_HTTP_PORT
  A request through all three:   curl http://$LAB_HOST:$LAB_APP_A_PORT/chain
  Send traffic                   nix run .#load
  Check every promise            nix run .#verify
  Grafana      $LAB_GRAFANA_URL   no login needed
  its admin    $(<"$LAB_STATE/secrets/grafana-admin-password")   the password
  Quit         F10 where it was started; else nix run .#$LAB_NAME -- down
TEXT
