# shellcheck shell=bash
# What the stack does before process-compose starts: says what it is, refuses what cannot work, and prepares its
# folder. Set by nix/stack.nix: LAB_SHIPPER, LAB_PORTS, LAB_ETC, LAB_NAME, PATH.

say() { printf '%s\n' "${@/#/$LAB_NAME: }" >&2; }
fail() {
  say "$@"
  exit 1
}

usage() {
  cat <<TEXT
The lab with the real servers: app-a, app-b, app-c, Tempo, Loki, ${LAB_SHIPPER^}, Prometheus, Grafana, on loopback only.

  nix run .#$LAB_NAME                     start it and show its processes; F10 ends it
  nix run .#$LAB_NAME -- -D               start it in the background
  nix run .#$LAB_NAME -- project is-ready --wait
  nix run .#$LAB_NAME -- attach           show what runs in the background
  nix run .#$LAB_NAME -- down             end it
  nix run .#verify                    check every promise of the running lab
  nix run .#load -- --rate 20         send it traffic

The environment says what is different from the usual:

  LAB_STATE      the folder of data, logs and secrets [.lab]; remove it to begin anew
  LOG_FORMAT     json instead of text from the instances
  LAB_LOG_MIB    size at which a log file becomes FILE.1 and a new one begins [64]
TEXT
  local entry
  for entry in "${LAB_PORTS[@]}"; do
    printf '  %-21s %s [%s]\n' "$(port_variable "${entry%%=*}")" "port of ${entry%%=*}" "${entry#*=}"
  done
  printf '\nprocess-compose runs the processes; what follows are its commands and flags.\n\n'
}

# A port is a number, of one server, and free.
check_settings() {
  local entry name variable port wrong=()
  local -A taken=()
  for entry in "${LAB_PORTS[@]}"; do
    name=${entry%%=*}
    variable=$(port_variable "$name")
    port=${!variable}
    if ! [[ $port =~ ^[1-9][0-9]{0,4}$ ]] || ((port > 65535)); then
      wrong+=("$variable=$port is no port; allowed is 1 to 65535")
    elif [[ -n ${taken[$port]:-} ]]; then
      wrong+=("port $port is that of ${taken[$port]} and of $name; set $variable to another")
    elif timeout 2 bash -c ": <>/dev/tcp/$LAB_HOST/$port" 2>/dev/null; then
      wrong+=("port $port ($name) is in use; choose another with $variable")
    fi
    taken[$port]=$name
  done
  if ! [[ ${LAB_LOG_MIB:-64} =~ ^[1-9][0-9]{0,5}$ ]]; then
    wrong+=("LAB_LOG_MIB=$LAB_LOG_MIB is no size; allowed is 1 to 999999 MiB")
  fi
  if ((${#wrong[@]} > 0)); then
    fail "${wrong[@]}" "nothing was started. If the lab runs already: nix run .#$LAB_NAME -- attach, or -- down"
  fi
}

# A secret is made once, in a folder that only its owner can enter.
secret() {
  local file=$LAB_STATE/secrets/$1
  [[ -s $file ]] || (
    umask 077
    head -c 24 /dev/urandom | basenc --base64url >"$file.new"
    mv "$file.new" "$file"
  )
}

prepare() {
  local name
  mkdir -p "$LAB_STATE" || fail "LAB_STATE=$LAB_STATE cannot be made; choose a folder that you may write to"
  mkdir -p "$LAB_STATE"/{data,logs} "$LAB_STATE"/data/{tempo,loki,prometheus,grafana,"$LAB_SHIPPER"}
  mkdir -p "$LAB_STATE/secrets"
  chmod 700 "$LAB_STATE/secrets"
  secret grafana-admin-password
  secret grafana-secret-key
  for name in "${LAB_PORTS[@]%%=*}"; do
    name=$(port_variable "$name")
    printf '%s=%s\n' "$name" "${!name}"
  done >"$LAB_STATE/ports"

  prepare_prometheus
}

# Prometheus reads no environment: its targets get the ports in use, and the shipper its name.
prepare_prometheus() {
  local entry variable shipper='' script=() folder=$LAB_STATE/prometheus
  if [[ $LAB_SHIPPER == alloy ]]; then
    shipper='s/job_name: promtail/job_name: alloy/;s/"127\.0\.0\.1:9080"/"127.0.0.1:12345"/'
  fi
  for entry in "${LAB_PORTS[@]}"; do
    variable=$(port_variable "${entry%%=*}")
    # `t`: one replacement a line, or a port that took another's place would be replaced again.
    script+=(-e "s/\"127\.0\.0\.1:${entry#*=}\"/\"127.0.0.1:${!variable}\"/;t")
  done
  mkdir -p "$folder"
  sed "$shipper" "$LAB_ETC/prometheus/prometheus.yml" | sed "${script[@]}" >"$folder/prometheus.yml"
  cat "$LAB_ETC/prometheus/rules.yml" >"$folder/rules.yml"
}

# Commands reach the running stack through a socket that belongs to its folder; its path has a longest length.
if ((${#LAB_STATE} < 80)); then
  export PC_SOCKET_PATH=$LAB_STATE/process-compose.sock
else
  export PC_NO_SERVER=true
fi

export PC_DISABLE_DOTENV=1
case "${1:-up}" in
-h | --help | help)
  usage
  ;;
up | -*)
  export_addresses
  check_settings
  prepare
  export LAB_LOGS_PATH=$LAB_STATE/logs LAB_HOSTNAME=$HOSTNAME
  export LAB_TEMPO_PATH=$LAB_STATE/data/tempo LAB_LOKI_PATH=$LAB_STATE/data/loki
  export LAB_PROMTAIL_PATH=$LAB_STATE/data/promtail
  export PC_LOG_FILE=$LAB_STATE/process-compose.log
  [[ -t 1 ]] || export PC_DISABLE_TUI=true
  say "starting in $LAB_STATE"
  ;;
attach | down | list | namespace | process | project)
  [[ -S ${PC_SOCKET_PATH:-} ]] || fail "nothing runs in $LAB_STATE; start it with: nix run .#$LAB_NAME"
  ;;
esac
