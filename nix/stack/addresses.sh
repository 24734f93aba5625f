# shellcheck shell=bash
# The lab's addresses as the configurations under etc/ want them. LAB_PORTS is a list of NAME=PORT, the usual ports.

# The variable of a port: tempo-grpc is LAB_TEMPO_GRPC_PORT.
port_variable() {
  local name=${1^^}
  printf 'LAB_%s_PORT' "${name//-/_}"
}

export_addresses() {
  local entry variable
  for entry in "${LAB_PORTS[@]}"; do
    variable=$(port_variable "${entry%%=*}")
    export "$variable=${!variable:-${entry#*=}}"
  done
  # The configurations know the host as a variable too; the stack never leaves loopback.
  export LAB_HOST=127.0.0.1
  export LAB_GRAFANA_URL=http://$LAB_HOST:$LAB_GRAFANA_PORT
  export LAB_PROMETHEUS_URL=http://$LAB_HOST:$LAB_PROMETHEUS_PORT
  export LAB_LOKI_URL=http://$LAB_HOST:$LAB_LOKI_PORT
  export LAB_TEMPO_URL=http://$LAB_HOST:$LAB_TEMPO_PORT
}
