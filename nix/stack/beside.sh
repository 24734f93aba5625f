# shellcheck shell=bash
# For what is used beside a running stack: the ports that it has taken. What is set in the environment wins.

if [[ -r $LAB_STATE/ports ]]; then
  while IFS='=' read -r name value; do
    if [[ $name =~ ^LAB_[A-Z0-9_]+_PORT$ && $value =~ ^[0-9]+$ && -z ${!name:-} ]]; then
      export "$name=$value"
    fi
  done <"$LAB_STATE/ports"
fi
export_addresses
instances=("http://$LAB_HOST:$LAB_APP_A_PORT" "http://$LAB_HOST:$LAB_APP_B_PORT" "http://$LAB_HOST:$LAB_APP_C_PORT")
