# shellcheck shell=bash
# What stack-cluster prepares beside what every stack does: the keys of its S3, and the files of the servers that read no
# environment. Set by nix/stack-cluster.nix: LAB_CLUSTER_FILES, LAB_PORTS.

prepare_cluster() {
  local line file folder=$LAB_STATE/cluster backend
  mkdir -p "$folder" "$LAB_STATE"/data/{garage,gateway,{tempo,loki,mimir}-{1,2,3}}
  sh "$LAB_CLUSTER_FILES/secrets.sh" "$LAB_STATE/secrets"

  # One of each, on loopback.
  export LAB_CLUSTER_ADDRESS=$LAB_HOST LAB_GARAGE_S3_ADDRESS=$LAB_HOST LAB_S3_ENDPOINT=$LAB_HOST:$LAB_GARAGE_S3_PORT
  export LAB_GARAGE_PEERS=$LAB_HOST LAB_GARAGE_REPLICATION=1 LAB_SCRAPER=$LAB_HOST:$LAB_SCRAPER_PORT
  export LAB_GARAGE_PATH=$LAB_STATE/data/garage LAB_GATEWAY_PATH=$LAB_STATE/data/gateway
  export AWS_SHARED_CREDENTIALS_FILE=$LAB_STATE/secrets/s3-credentials
  export GARAGE_RPC_SECRET_FILE=$LAB_STATE/secrets/garage-rpc-secret
  export GARAGE_ADMIN_TOKEN_FILE=$LAB_STATE/secrets/garage-admin-token
  # A key in the environment would win over the file.
  unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
  export LAB_TEMPO_BACKENDS='' LAB_OTLP_GRPC_BACKENDS='' LAB_OTLP_HTTP_BACKENDS='' LAB_LOKI_BACKENDS='' LAB_MIMIR_BACKENDS=''
  for backend in 1 2 3; do
    add_backend LAB_TEMPO_BACKENDS "LAB_TEMPO_${backend}_PORT"
    add_backend LAB_OTLP_GRPC_BACKENDS "LAB_TEMPO_${backend}_OTLP_GRPC_PORT"
    add_backend LAB_OTLP_HTTP_BACKENDS "LAB_TEMPO_${backend}_OTLP_HTTP_PORT"
    add_backend LAB_LOKI_BACKENDS "LAB_LOKI_${backend}_PORT"
    add_backend LAB_MIMIR_BACKENDS "LAB_MIMIR_${backend}_PORT"
  done

  # All else is as cluster.env has it.
  while read -r line; do
    if [[ $line =~ ^([A-Z0-9_]+)=(.*)$ && -z ${!BASH_REMATCH[1]:-} ]]; then
      export "${BASH_REMATCH[1]}=${BASH_REMATCH[2]}"
    fi
  done <"$LAB_CLUSTER_FILES/cluster.env"
  for file in garage.toml nginx.conf; do
    sh "$LAB_CLUSTER_FILES/render.sh" "$LAB_CLUSTER_FILES/$file" >"$folder/$file"
  done
}

add_backend() {
  local before=${!1}
  printf -v "$1" '%s' "${before:+$before,}$LAB_HOST:${!2}"
}
