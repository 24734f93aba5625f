# Tempo, which keeps the traces: alone, or as one of a cluster's.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  hardening = import ../hardening.nix { inherit lib; };
  ports = import ../../ports.nix;
  clusterPorts = import ../../cluster-ports.nix;
  cfg = config.services.salvo-lab;
  inherit (cfg) cluster;
  inherit (cluster.is) backend;
  network = backend || !hardening.isLoopback cfg.host;
in
{
  options.services.salvo-lab.tempo = {
    enable = lib.mkEnableOption "Tempo on this machine" // {
      default = cfg.enable && !cluster.enable || backend;
      defaultText = lib.literalMD "`enable`; in a cluster on the backends";
    };
    port = mkOption {
      type = types.port;
      default = ports.tempo;
      description = "Port of Tempo's API.";
    };
    otlpGrpcPort = mkOption {
      type = types.port;
      default = if cfg.otlp.enable then ports.tempo-otlp-grpc else ports.otlp-grpc;
      defaultText = lib.literalMD "4317; 14317 with `otlp.enable`";
      description = "Port at which Tempo takes spans over OTLP gRPC.";
    };
    otlpHttpPort = mkOption {
      type = types.port;
      default = if cfg.otlp.enable then ports.tempo-otlp-http else ports.otlp-http;
      defaultText = lib.literalMD "4318; 14318 with `otlp.enable`";
      description = "Port at which Tempo takes spans over OTLP HTTP.";
    };
    grpcPort = mkOption {
      type = types.port;
      default = ports.tempo-grpc;
      description = "Port between Tempo's own parts, on loopback; in a cluster between the Tempos, on `host`.";
    };
    gossipPort = mkOption {
      type = types.port;
      default = clusterPorts.tempo-gossip;
      description = "Port at which the Tempos of a cluster find each other, the same on every backend.";
    };
    url = mkOption {
      type = types.str;
      default = "http://${hardening.authority (hardening.reachable cluster.nearest) cfg.tempo.port}";
      defaultText = lib.literalExpression ''"http://''${host}:''${tempo.port}"'';
      example = "http://192.168.1.2:3200";
      description = "Where Grafana finds Tempo's API, here or elsewhere.";
    };
    otlpUrl = mkOption {
      type = types.str;
      default = "http://${hardening.authority (hardening.reachable cfg.host) cfg.tempo.otlpHttpPort}";
      defaultText = lib.literalExpression ''"http://''${host}:''${tempo.otlpHttpPort}"'';
      example = "http://192.168.1.2:4318";
      description = "Where Alloy sends the spans that it takes, over OTLP HTTP, here or elsewhere.";
    };
    memoryMax = mkOption {
      type = types.str;
      # With ten traces a second it takes up to 0.9 GB while it makes blocks of them.
      default = "2G";
      example = "1G";
      description = "Most memory that Tempo may take (`MemoryMax=`).";
    };
  };

  config = lib.mkIf cfg.tempo.enable {
    services.tempo = {
      enable = true;
      configFile = if backend then ../../../etc/cluster/tempo.yaml else ../../../etc/tempo/tempo.yaml;
      extraFlags = [ "-config.expand-env=true" ];
    };

    systemd.services.tempo = {
      wants = lib.mkIf network [ "network-online.target" ];
      after = lib.mkIf network (
        [ "network-online.target" ] ++ lib.optional cluster.is.storage "garage.service"
      );
      startLimitIntervalSec = lib.mkDefault 0;
      environment = {
        LAB_TEMPO_PORT = toString cfg.tempo.port;
        LAB_OTLP_GRPC_PORT = toString cfg.tempo.otlpGrpcPort;
        LAB_OTLP_HTTP_PORT = toString cfg.tempo.otlpHttpPort;
        LAB_TEMPO_GRPC_PORT = toString cfg.tempo.grpcPort;
        LAB_TEMPO_PATH = "/var/lib/tempo";
      }
      // (
        if backend then
          cluster.environment
          // {
            LAB_TEMPO_PEERS = hardening.authorities cluster.peers cfg.tempo.gossipPort;
            LAB_TEMPO_GOSSIP_PORT = toString cfg.tempo.gossipPort;
            LAB_MIMIR_PORT = toString cluster.mimir.port;
          }
        else
          {
            LAB_HOST = cfg.host;
            LAB_PROMETHEUS_URL = cfg.prometheus.url;
          }
      );
      serviceConfig =
        hardening.onto hardening.server
        // hardening.own (
          hardening.network cfg.allowedAddresses
          // lib.optionalAttrs backend cluster.credentials
          // {
            TasksMax = hardening.serverTasks;
            RestartSec = 2;
            # Tempo may not end on SIGTERM when it was asked something shortly before; it has a write-ahead log.
            TimeoutStopSec = 15;
            MemoryMax = cfg.tempo.memoryMax;
            LogExtraFields = hardening.journalFields "stderr" "tempo";
          }
        );
    };

    services.salvo-lab = {
      listeners = {
        "Tempo" = {
          inherit (cfg) host;
          inherit (cfg.tempo) port;
        };
        "Tempo's OTLP gRPC" = {
          inherit (cfg) host;
          port = cfg.tempo.otlpGrpcPort;
        };
        "Tempo's OTLP HTTP" = {
          inherit (cfg) host;
          port = cfg.tempo.otlpHttpPort;
        };
        "Tempo's own gRPC" = {
          host = if backend then cfg.host else "127.0.0.1";
          port = cfg.tempo.grpcPort;
        };
      }
      // lib.optionalAttrs backend {
        "Tempo's gossip" = {
          inherit (cfg) host;
          port = cfg.tempo.gossipPort;
        };
      };
      peers = [ cfg.prometheus.url ];
    };
  };
}
