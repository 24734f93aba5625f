# The gateway of an edge: nginx at the lab's usual ports, behind which the backends are. Instances, shipper, Prometheus
# and Grafana beside it speak to it as to one Tempo, one Loki and one Prometheus.
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
  ports = import ../../ports.nix;
  render = import ./render.nix { inherit pkgs; };
  inherit (hardening) authority isLoopback reachable;
  cfg = config.services.salvo-lab;
  inherit (cfg) cluster;
  inherit (cluster) gateway is;
  state = "/var/lib/salvo-lab-gateway";

  all = hardening.authorities cluster.peers;

  configuration = render "nginx.conf" ../../../etc/cluster/nginx.conf {
    LAB_HOST = cfg.host;
    LAB_GATEWAY_PATH = state;
    LAB_TEMPO_PORT = toString cfg.tempo.port;
    LAB_LOKI_PORT = toString cfg.loki.port;
    LAB_OTLP_GRPC_PORT = toString cfg.tempo.otlpGrpcPort;
    LAB_OTLP_HTTP_PORT = toString cfg.tempo.otlpHttpPort;
    LAB_PROMETHEUS_PORT = toString gateway.prometheusPort;
    LAB_TEMPO_BACKENDS = all gateway.backends.tempo;
    LAB_OTLP_GRPC_BACKENDS = all gateway.backends.otlpGrpc;
    LAB_OTLP_HTTP_BACKENDS = all gateway.backends.otlpHttp;
    LAB_LOKI_BACKENDS = all gateway.backends.loki;
    LAB_MIMIR_BACKENDS = all cluster.mimir.port;
    LAB_SCRAPER = authority (reachable cfg.prometheus.host) cfg.prometheus.port;
  };

  backendPort =
    name: what:
    mkOption {
      type = types.port;
      default = ports.${name};
      description = "Port of ${what} on every backend.";
    };
in
{
  options.services.salvo-lab.cluster.gateway = {
    package = lib.mkPackageOption pkgs "nginx" { };
    prometheusPort = mkOption {
      type = types.port;
      default = ports.prometheus;
      description = ''
        Port at which the gateway answers as Prometheus does, out of Mimir. Its other ports are `tempo.port`,
        `tempo.otlpGrpcPort`, `tempo.otlpHttpPort` and `loki.port`, all on `host`.
      '';
    };
    backends = {
      tempo = backendPort "tempo" "Tempo's API";
      otlpGrpc = backendPort "otlp-grpc" "spans over OTLP gRPC";
      otlpHttp = backendPort "otlp-http" "spans over OTLP HTTP";
      loki = backendPort "loki" "Loki's API";
    };
    memoryMax = mkOption {
      type = types.str;
      default = "512M";
      example = "256M";
      description = "Most memory that the gateway may take (`MemoryMax=`).";
    };
  };

  config = lib.mkIf is.edge {
    systemd.services.salvo-lab-gateway = {
      description = "nginx, the one address of the cluster's backends";
      wantedBy = [ "multi-user.target" ];
      wants = lib.mkIf (!isLoopback cfg.host) [ "network-online.target" ];
      after = [
        "network.target"
      ]
      ++ lib.optional (!isLoopback cfg.host) "network-online.target";
      startLimitIntervalSec = lib.mkDefault 0;
      serviceConfig = hardening.own (
        hardening.server
        // hardening.network cfg.allowedAddresses
        // {
          Type = "exec";
          ExecStart = utils.escapeSystemdExecArgs [
            (lib.getExe' gateway.package "nginx")
            "-e"
            "stderr"
            "-c"
            "${configuration}"
          ];
          DynamicUser = true;
          StateDirectory = baseNameOf state;
          StateDirectoryMode = "0700";
          WorkingDirectory = state;
          Restart = "always";
          RestartSec = 1;
          # Requests under way are answered.
          KillSignal = "SIGQUIT";
          KillMode = "mixed";
          TimeoutStopSec = 15;
          LimitNOFILE = 16384;
          MemoryMax = gateway.memoryMax;
          TasksMax = hardening.serverTasks;
          LogExtraFields = hardening.journalFields "stderr" "gateway";
        }
      );
    };

    services.salvo-lab = {
      listeners =
        lib.mapAttrs
          (_: port: {
            inherit (cfg) host;
            inherit port;
          })
          {
            "the gateway to Tempo" = cfg.tempo.port;
            "the gateway to OTLP gRPC" = cfg.tempo.otlpGrpcPort;
            "the gateway to OTLP HTTP" = cfg.tempo.otlpHttpPort;
            "the gateway to Loki" = cfg.loki.port;
            "the gateway to Mimir" = gateway.prometheusPort;
          };
    };
  };
}
