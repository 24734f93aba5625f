# Garage, which keeps the blocks of Tempo, Loki and Mimir: an S3 of one's own. The first of its machines makes them one
# and makes the buckets.
{
  config,
  lib,
  pkgs,
  utils,
  ...
}:
let
  inherit (lib) mkOption types;
  hardening = import ../hardening.nix { inherit lib; };
  ports = import ../../cluster-ports.nix;
  render = import ./render.nix { inherit pkgs; };
  cfg = config.services.salvo-lab;
  inherit (cfg) cluster;
  inherit (cluster) is s3 storage;
  garage = lib.getExe' storage.package "garage";

  configuration = render "garage.toml" ../../../etc/cluster/garage.toml {
    LAB_CLUSTER_ADDRESS = cfg.host;
    LAB_GARAGE_PATH = "/var/lib/garage";
    LAB_GARAGE_REPLICATION = toString storage.replicationFactor;
    LAB_GARAGE_S3_ADDRESS = storage.s3Host;
    LAB_GARAGE_S3_PORT = toString storage.s3Port;
    LAB_GARAGE_RPC_PORT = toString storage.rpcPort;
    LAB_GARAGE_ADMIN_PORT = toString storage.adminPort;
    LAB_S3_REGION = s3.region;
  };

  setup = pkgs.writeShellApplication {
    name = "salvo-lab-storage";
    runtimeInputs = [
      pkgs.coreutils
      pkgs.curl
      pkgs.gnused
      pkgs.jq
    ];
    text = builtins.readFile ../../../etc/cluster/garage-setup.sh;
  };

  # Garage's own commands, for root: lab-garage status
  command = pkgs.writeShellApplication {
    name = "lab-garage";
    text = ''
      export GARAGE_RPC_SECRET_FILE=${lib.escapeShellArg storage.rpcSecretFile} GARAGE_ALLOW_WORLD_READABLE_SECRETS=true
      exec ${garage} -c ${configuration} "$@"
    '';
  };
in
{
  options.services.salvo-lab.cluster.storage = {
    package = mkOption {
      type = types.package;
      default = import ../../garage.nix { inherit pkgs; };
      defaultText = lib.literalExpression "pkgs.garage_2";
      description = "The package that has the program `garage`, 2.0 or newer.";
    };
    peers = mkOption {
      type = types.listOf (types.strMatching "[0-9]+\\.[0-9]+\\.[0-9]+\\.[0-9]+");
      default = cluster.peers;
      defaultText = lib.literalMD "`cluster.peers`";
      example = [
        "192.168.1.5"
        "192.168.1.6"
        "192.168.1.7"
      ];
      description = ''
        IPv4 addresses of all machines with the role `storage`, the same list on every one. The first makes them one
        cluster and makes the buckets.
      '';
    };
    replicationFactor = mkOption {
      type = types.ints.positive;
      default = 3;
      example = 2;
      description = "How many of them keep each object. Garage cannot change it later.";
    };
    capacity = mkOption {
      type = types.ints.positive;
      default = 100000000000;
      example = 2000000000000;
      description = "How much each machine may store, in bytes.";
    };
    s3Host = mkOption {
      type = types.str;
      default = if is.backend then "127.0.0.1" else cfg.host;
      defaultText = lib.literalMD "`127.0.0.1` with the role `backend`, else `host`";
      example = "192.168.1.5";
      description = "IP address that the S3 listens on.";
    };
    s3Port = mkOption {
      type = types.port;
      default = ports.garage-s3;
      description = "Port of the S3.";
    };
    rpcPort = mkOption {
      type = types.port;
      default = ports.garage-rpc;
      description = "Port between the Garages, the same on every machine.";
    };
    adminPort = mkOption {
      type = types.port;
      default = ports.garage-admin;
      description = "Port of Garage's API for administration and of its metrics, the same on every machine.";
    };
    rpcSecretFile = mkOption {
      type = types.externalPath;
      default = "/etc/salvo-lab/secrets/garage-rpc-secret";
      example = "/run/secrets/garage-rpc-secret";
      description = ''
        File with the secret by which the Garages know each other, the same on every machine.
        `etc/cluster/secrets.sh` makes one.
      '';
    };
    adminTokenFile = mkOption {
      type = types.externalPath;
      default = "/etc/salvo-lab/secrets/garage-admin-token";
      example = "/run/secrets/garage-admin-token";
      description = ''
        File with the token of the API for administration, the same on every machine. `etc/cluster/secrets.sh` makes
        one.
      '';
    };
    memoryMax = mkOption {
      type = types.str;
      default = "1G";
      example = "512M";
      description = "Most memory that Garage may take (`MemoryMax=`).";
    };
  };

  config = lib.mkIf is.storage {
    systemd.services = {
      garage = {
        description = "Garage, which keeps the blocks of the cluster";
        wantedBy = [ "multi-user.target" ];
        wants = [ "network-online.target" ];
        after = [ "network-online.target" ];
        startLimitIntervalSec = lib.mkDefault 0;
        environment = {
          GARAGE_RPC_SECRET_FILE = "%d/rpc-secret";
          GARAGE_ADMIN_TOKEN_FILE = "%d/admin-token";
          # systemd shows its credentials with a mode that Garage takes for too open.
          GARAGE_ALLOW_WORLD_READABLE_SECRETS = "true";
          # Otherwise each request is a line.
          RUST_LOG = "warn";
        };
        serviceConfig = hardening.own (
          hardening.server
          // hardening.network cfg.allowedAddresses
          // {
            Type = "exec";
            ExecStart = utils.escapeSystemdExecArgs [
              garage
              "-c"
              "${configuration}"
              "server"
            ];
            LoadCredential = [
              "rpc-secret:${storage.rpcSecretFile}"
              "admin-token:${storage.adminTokenFile}"
            ];
            DynamicUser = true;
            StateDirectory = "garage";
            StateDirectoryMode = "0700";
            Restart = "always";
            RestartSec = 2;
            TimeoutStopSec = 30;
            LimitNOFILE = 65536;
            MemoryMax = storage.memoryMax;
            TasksMax = hardening.serverTasks;
            LogExtraFields = hardening.journalFields "stderr" "garage";
          }
        );
      };

      salvo-lab-storage = lib.mkIf (lib.head (storage.peers ++ [ "" ]) == cfg.host) {
        description = "Makes the Garages one cluster, with its key and buckets; what is there stays";
        wantedBy = [ "multi-user.target" ];
        wants = [ "network-online.target" ];
        after = [
          "network-online.target"
          "garage.service"
        ];
        startLimitIntervalSec = lib.mkDefault 0;
        environment = {
          LAB_GARAGE_PEERS = lib.concatStringsSep "," storage.peers;
          LAB_GARAGE_ADMIN_PORT = toString storage.adminPort;
          LAB_GARAGE_RPC_PORT = toString storage.rpcPort;
          LAB_GARAGE_CAPACITY = toString storage.capacity;
          GARAGE_ADMIN_TOKEN_FILE = "%d/admin-token";
          LAB_TEMPO_BUCKET = s3.buckets.tempo;
          LAB_LOKI_BUCKET = s3.buckets.loki;
          LAB_MIMIR_BUCKET = s3.buckets.mimir;
          AWS_SHARED_CREDENTIALS_FILE = "%d/s3-credentials";
        };
        serviceConfig = hardening.own (
          hardening.service
          // hardening.network cfg.allowedAddresses
          // {
            # Not oneshot: while another machine is away, this one's start need not wait for it.
            Type = "exec";
            RemainAfterExit = true;
            ExecStart = lib.getExe setup;
            LoadCredential = [
              "admin-token:${storage.adminTokenFile}"
            ]
            ++ cluster.credentials.LoadCredential;
            DynamicUser = true;
            Restart = "on-failure";
            RestartSec = 5;
            MemoryMax = "64M";
            TasksMax = 16;
          }
        );
      };
    };

    environment.systemPackages = [ command ];

    services.salvo-lab = {
      listeners = {
        "Garage's S3" = {
          host = storage.s3Host;
          port = storage.s3Port;
        };
        "Garage's own port" = {
          inherit (cfg) host;
          port = storage.rpcPort;
        };
        "Garage's administration" = {
          inherit (cfg) host;
          port = storage.adminPort;
        };
      };
      inherit (storage) peers;
    };

    assertions = [
      {
        assertion = lib.elem cfg.host storage.peers;
        message = "services.salvo-lab.host is ${cfg.host}, which is none of cluster.storage.peers (${lib.concatStringsSep ", " storage.peers}), so that no other Garage would find this one. Set host to this machine's address among them.";
      }
      {
        assertion = storage.replicationFactor <= lib.length (lib.unique storage.peers);
        message = "services.salvo-lab.cluster.storage.replicationFactor is ${toString storage.replicationFactor}, but there are ${toString (lib.length (lib.unique storage.peers))} machines in storage.peers. Add machines, or keep objects less often.";
      }
    ];
  };
}
