# shellcheck shell=bash
# What the stack does before process-compose starts: says what it is, refuses what cannot work, and prepares its
# folder. Set by nix/stack.nix: LAB_SHIPPER, LAB_PORTS, LAB_PROMETHEUS_FILE, LAB_NAME, PATH.

say() { printf '%s\n' "${@/#/$LAB_NAME: }" >&2; }
fail() {
  say "$@"
  exit 1
}

usage() {
  cat <<TEXT
The lab with the real servers: app-a, app-b, app-c, ${LAB_SERVERS:-Tempo, Loki}, ${LAB_SHIPPER^}, Prometheus, Grafana, on loopback only.

  nix run .#$LAB_NAME                     start it and show its processes; F10 ends it
  nix run .#$LAB_NAME -- -D               start it in the background
  nix run .#$LAB_NAME -- project is-ready --wait
  nix run .#$LAB_NAME -- attach           show what runs in the background
  nix run .#$LAB_NAME -- down             end it
  nix run .#verify                    check every promise of the running lab
  nix run .#load -- --rate 20         send it traffic

The environment says what is different from the usual:

  LAB_STATE      the folder of data, logs and secrets; remove it to begin anew
                 [$LAB_STATE]
  LOG_FORMAT     json instead of text from the instances
  LAB_FAULTS     1 gives each instance a port at which it can be broken: LAB_FAULTS_A_PORT [8100], …
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
  if [[ ${LAB_FAULTS:-0} != [01] ]]; then
    wrong+=("LAB_FAULTS=$LAB_FAULTS is no answer; allowed are 1 and 0")
  fi
  if ! [[ ${LAB_LOG_MIB:-64} =~ ^[1-9][0-9]{0,5}$ ]]; then
    wrong+=("LAB_LOG_MIB=$LAB_LOG_MIB is no size; allowed is 1 to 999999 MiB")
  fi
  if ((${#wrong[@]} > 0)); then
    fail "${wrong[@]}" "nothing was started"
  fi
}

# Nix copies a flake's folder into its store, where everyone can read it; of a git repository only what is tracked.
check_folder() {
  local folder=$LAB_STATE flake=''
  while [[ -n $folder && ! -e $folder/.git ]]; do
    if [[ -e $folder/flake.nix ]]; then flake=$folder; fi
    folder=${folder%/*}
  done
  if [[ -n $flake && -z $folder ]]; then
    fail "LAB_STATE=$LAB_STATE is in the flake $flake, which Nix copies into its store with the lab's secrets" \
      "choose a folder elsewhere; without LAB_STATE it is ${XDG_STATE_HOME:-${HOME:-}/.local/state}/salvo-observability"
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
  if ! mkdir -p "$LAB_STATE" 2>/dev/null || [[ ! -w $LAB_STATE ]]; then
    fail "the folder $LAB_STATE cannot be made or written to; choose another with LAB_STATE"
  fi
  mkdir -p "$LAB_STATE"/{data,logs,run,process-compose} "$LAB_STATE"/data/{tempo,loki,prometheus,grafana,"$LAB_SHIPPER"}
  mkdir -p "$LAB_STATE/secrets"
  chmod 700 "$LAB_STATE/secrets"
  secret grafana-admin-password
  secret grafana-secret-key
  for name in "${LAB_PORTS[@]%%=*}"; do
    name=$(port_variable "$name")
    printf '%s=%s\n' "$name" "${!name}"
  done >"$LAB_STATE/ports"

  prepare_prometheus
  if declare -F prepare_cluster >/dev/null; then prepare_cluster; fi
}

# Prometheus reads no environment: the variables of the ports are put into its file.
prepare_prometheus() {
  local text name folder=$LAB_STATE/prometheus
  text=$(<"$LAB_PROMETHEUS_FILE")
  for name in "${LAB_PORTS[@]%%=*}"; do
    name=$(port_variable "$name")
    text=${text//"@$name@"/${!name}}
  done
  mkdir -p "$folder"
  printf '%s\n' "$text" >"$folder/prometheus.yml"
}

# Commands reach process-compose through a socket, whose path may have some hundred bytes at most: it is in the folder
# that the system has for such things, by a short name, and the lab's own folder says where.
choose_socket() {
  local folder=${XDG_RUNTIME_DIR:-} name
  if [[ ! -d $folder || ! -w $folder || ${#folder} -gt 60 ]]; then
    folder=/tmp/salvo-observability-$UID
    mkdir -m 700 "$folder" 2>/dev/null || true
    if [[ ! -d $folder || -L $folder || ! -O $folder ]]; then
      fail "$folder is somebody else's; name a folder of your own, with a short path, in XDG_RUNTIME_DIR"
    fi
    chmod 700 "$folder"
  fi
  name=$(printf '%s' "$LAB_STATE" | cksum)
  export PC_SOCKET_PATH=$folder/salvo-observability-${name%% *}.sock
  printf '%s\n' "$PC_SOCKET_PATH" >"$LAB_STATE/socket"
  printf '%s\n' "$EPOCHSECONDS" >"$LAB_STATE/started"
}

# The socket of the lab that was started last in this folder.
known_socket() {
  [[ -r $LAB_STATE/socket ]] || return 1
  PC_SOCKET_PATH=$(<"$LAB_STATE/socket")
  export PC_SOCKET_PATH
}

# Whether process-compose listens; one that is slow to answer does.
listens() {
  local code=0
  [[ -S ${PC_SOCKET_PATH:-} ]] || return 1
  curl -q --noproxy '*' --silent --max-time 5 --output /dev/null --unix-socket "$PC_SOCKET_PATH" \
    http://localhost/live || code=$?
  ((code != 7))
}

# The same, with patience for one that has just been started.
listens_soon() {
  local started=0
  if [[ -r $LAB_STATE/started ]]; then started=$(<"$LAB_STATE/started"); fi
  until listens; do
    ((EPOCHSECONDS - started < 10)) || return 1
    sleep 0.2
  done
}

# The servers of this folder that run: NAME=NUMBER, as log-files has noted them.
running() {
  local file number time
  for file in "$LAB_STATE"/run/*; do
    { read -r number time <"$file"; } 2>/dev/null || continue
    if [[ -n $time && $(began "$number") == "$time" ]]; then
      printf '%s=%s\n' "${file##*/}" "$number"
    fi
  done
}

# Ends what is left of a lab whose process-compose was killed: the servers outlive it. Fails when nothing was left.
recover() {
  local entry left second
  mapfile -t left < <(running)
  if ((${#left[@]} == 0)); then
    [[ -n ${PC_SOCKET_PATH:-} && -e $PC_SOCKET_PATH ]] || return 1
    rm -f "$PC_SOCKET_PATH"
    say "the last process-compose in $LAB_STATE was killed; its socket is removed"
    return
  fi
  say "the last process-compose in $LAB_STATE was killed; ending the servers that outlived it: ${left[*]%%=*}"
  for entry in "${left[@]}"; do kill -TERM "${entry#*=}" 2>/dev/null || true; done
  for ((second = 0; second < 40; second++)); do
    mapfile -t left < <(running)
    ((${#left[@]} > 0)) || break
    sleep 0.5
  done
  for entry in "${left[@]}"; do kill -KILL "${entry#*=}" 2>/dev/null || true; done
  [[ -z ${PC_SOCKET_PATH:-} ]] || rm -f "$PC_SOCKET_PATH"
}

export PC_DISABLE_DOTENV=1
# Without a folder of its own process-compose looks for one and says in JSON that there is none.
export PROC_COMP_CONFIG=${PROC_COMP_CONFIG:-$LAB_STATE/process-compose}
case "${1:-up}" in
-h | --help | help)
  usage
  ;;
up | -*)
  if [[ ${LAB_FAULTS:-} == 1 ]]; then
    LAB_PORTS+=(faults-a=8100 faults-b=8101 faults-c=8102)
  fi
  export_addresses
  check_folder
  known_socket || true
  if listens; then
    fail "the lab runs already in $LAB_STATE; nix run .#$LAB_NAME -- attach shows it, -- down ends it"
  fi
  recover || true
  check_settings
  prepare
  choose_socket
  export LAB_LOGS_PATH=$LAB_STATE/logs LAB_HOSTNAME=$HOSTNAME
  export LAB_TEMPO_PATH=$LAB_STATE/data/tempo LAB_LOKI_PATH=$LAB_STATE/data/loki
  export LAB_PROMTAIL_PATH=$LAB_STATE/data/promtail
  export PC_LOG_FILE=$LAB_STATE/process-compose.log LAB_NAME LAB_SHIPPER
  [[ -t 1 ]] || export PC_DISABLE_TUI=true
  say "starting in $LAB_STATE"
  for argument in "$@"; do
    if [[ $argument == -D || $argument == --detached ]]; then
      say "it goes on in the background: nix run .#$LAB_NAME -- attach shows it, -- down ends it"
      # process-compose would name commands of its own here.
      exec >/dev/null
    fi
  done
  ;;
attach | down | list | namespace | process | project)
  export PC_LOG_FILE=$LAB_STATE/process-compose-client.log
  if ! known_socket || ! listens_soon; then
    if [[ $1 == down ]] && recover; then
      exit 0
    fi
    mapfile -t left < <(running)
    if ((${#left[@]} > 0)); then
      fail "process-compose in $LAB_STATE was killed, but its servers still run: ${left[*]%%=*}" \
        "nix run .#$LAB_NAME -- down ends them; nix run .#$LAB_NAME does that too and starts anew"
    fi
    fail "nothing runs in $LAB_STATE; start it with: nix run .#$LAB_NAME"
  fi
  ;;
esac
