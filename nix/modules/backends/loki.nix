# Loki, which keeps the log lines: alone, or as one of a cluster's.
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
  options.services.salvo-lab.loki = {
    enable = lib.mkEnableOption "Loki on this machine" // {
      default = cfg.enable && !cluster.enable || backend;
      defaultText = lib.literalMD "`enable`; in a cluster on the backends";
    };
    port = mkOption {
      type = types.port;
      default = ports.loki;
      description = "Port of Loki's API, where lines are pushed too.";
    };
    grpcPort = mkOption {
      type = types.port;
      default = ports.loki-grpc;
      description = "Port between Loki's own parts, on loopback; in a cluster between the Lokis, on `host`.";
    };
    gossipPort = mkOption {
      type = types.port;
      default = clusterPorts.loki-gossip;
      description = "Port at which the Lokis of a cluster find each other, the same on every backend.";
    };
    url = mkOption {
      type = types.str;
      default = "http://${hardening.authority (hardening.reachable cluster.nearest) cfg.loki.port}";
      defaultText = lib.literalExpression ''"http://''${host}:''${loki.port}"'';
      example = "http://192.168.1.2:3100";
      description = "Where Grafana and the shipper find Loki, here or elsewhere.";
    };
    memoryMax = mkOption {
      type = types.str;
      default = "1G";
      example = "512M";
      description = "Most memory that Loki may take (`MemoryMax=`).";
    };
  };

  config = lib.mkIf cfg.loki.enable {
    services.loki = {
      enable = true;
      configFile = if backend then ../../../etc/cluster/loki.yaml else ../../../etc/loki/loki.yaml;
      extraFlags = [ "-config.expand-env=true" ];
    };

    systemd.services.loki = {
      wants = lib.mkIf network [ "network-online.target" ];
      after = lib.mkIf network (
        [ "network-online.target" ] ++ lib.optional cluster.is.storage "garage.service"
      );
      startLimitIntervalSec = lib.mkDefault 0;
      environment = {
        LAB_LOKI_PORT = toString cfg.loki.port;
        LAB_LOKI_GRPC_PORT = toString cfg.loki.grpcPort;
        LAB_LOKI_PATH = config.services.loki.dataDir;
      }
      // (
        if backend then
          cluster.environment
          // {
            LAB_LOKI_PEERS = hardening.authorities cluster.peers cfg.loki.gossipPort;
            LAB_LOKI_GOSSIP_PORT = toString cfg.loki.gossipPort;
          }
        else
          { LAB_HOST = cfg.host; }
      );
      serviceConfig =
        hardening.onto hardening.server
        // hardening.own (
          hardening.network cfg.allowedAddresses
          // lib.optionalAttrs backend cluster.credentials
          // {
            TasksMax = hardening.serverTasks;
            # All that the strict file system leaves writable.
            StateDirectory = "loki";
            StateDirectoryMode = "0700";
            RestartSec = 2;
            # It writes what it holds in memory to disk first.
            TimeoutStopSec = 60;
            MemoryMax = cfg.loki.memoryMax;
            LogExtraFields = hardening.journalFields "stderr" "loki";
          }
        );
    };

    services.salvo-lab.listeners = {
      "Loki" = {
        inherit (cfg) host;
        inherit (cfg.loki) port;
      };
      "Loki's own gRPC" = {
        host = if backend then cfg.host else "127.0.0.1";
        port = cfg.loki.grpcPort;
      };
    }
    // lib.optionalAttrs backend {
      "Loki's gossip" = {
        inherit (cfg) host;
        port = cfg.loki.gossipPort;
      };
    };
  };
}
