# Mimir, which keeps the samples of a cluster: it takes what Prometheus scrapes, and answers as Prometheus does.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  hardening = import ../hardening.nix { inherit lib; };
  ports = import ../../cluster-ports.nix;
  cfg = config.services.salvo-lab;
  inherit (cfg) cluster;
  inherit (cluster) is mimir;
  querierRing = import ../../mimir-ring.nix {
    inherit lib;
    mimir = config.services.mimir.package;
  };
in
{
  options.services.salvo-lab.cluster.mimir = {
    port = mkOption {
      type = types.port;
      default = ports.mimir;
      description = "Port of Mimir's API, the same on every backend.";
    };
    grpcPort = mkOption {
      type = types.port;
      default = ports.mimir-grpc;
      description = "Port between the Mimirs.";
    };
    gossipPort = mkOption {
      type = types.port;
      default = ports.mimir-gossip;
      description = "Port at which the Mimirs find each other, the same on every backend.";
    };
    memoryMax = mkOption {
      type = types.str;
      default = "2G";
      example = "8G";
      description = "Most memory that Mimir may take (`MemoryMax=`).";
    };
  };

  config = lib.mkIf is.backend {
    services.mimir = {
      enable = true;
      configFile = ../../../etc/cluster/mimir.yaml;
      extraFlags = [
        "-config.expand-env=true"
      ]
      ++ querierRing {
        inherit (cluster) instance;
        address = cfg.host;
      };
    };

    systemd.services.mimir = {
      wants = [ "network-online.target" ];
      after = [ "network-online.target" ] ++ lib.optional is.storage "garage.service";
      startLimitIntervalSec = lib.mkDefault 0;
      environment = cluster.environment // {
        LAB_MIMIR_PEERS = hardening.authorities cluster.peers mimir.gossipPort;
        LAB_MIMIR_PORT = toString mimir.port;
        LAB_MIMIR_GRPC_PORT = toString mimir.grpcPort;
        LAB_MIMIR_GOSSIP_PORT = toString mimir.gossipPort;
        LAB_MIMIR_PATH = "/var/lib/mimir";
      };
      serviceConfig =
        hardening.onto hardening.server
        // hardening.own (
          hardening.network cfg.allowedAddresses
          // cluster.credentials
          // {
            StateDirectoryMode = "0700";
            TasksMax = hardening.serverTasks;
            RestartSec = 2;
            TimeoutStopSec = 60;
            MemoryMax = mimir.memoryMax;
            LogExtraFields = hardening.journalFields "stderr" "mimir";
          }
        );
    };

    services.salvo-lab.listeners =
      lib.mapAttrs
        (_: port: {
          inherit (cfg) host;
          inherit port;
        })
        {
          "Mimir" = mimir.port;
          "Mimir's own gRPC" = mimir.grpcPort;
          "Mimir's gossip" = mimir.gossipPort;
        };
  };
}
