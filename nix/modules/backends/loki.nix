# Loki, which keeps the log lines.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  hardening = import ../hardening.nix { inherit lib; };
  ports = import ../../ports.nix;
  cfg = config.services.salvo-lab;
in
{
  options.services.salvo-lab.loki = {
    enable = lib.mkEnableOption "Loki on this machine" // {
      default = cfg.enable;
      defaultText = lib.literalExpression "config.services.salvo-lab.enable";
    };
    port = mkOption {
      type = types.port;
      default = ports.loki;
      description = "Port of Loki's API, where lines are pushed too.";
    };
    grpcPort = mkOption {
      type = types.port;
      default = ports.loki-grpc;
      description = "Port between Loki's own parts, always on loopback.";
    };
    url = mkOption {
      type = types.str;
      default = "http://${hardening.authority (hardening.reachable cfg.host) cfg.loki.port}";
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
      configFile = ../../../etc/loki/loki.yaml;
      extraFlags = [ "-config.expand-env=true" ];
    };

    systemd.services.loki = {
      wants = lib.mkIf (!hardening.isLoopback cfg.host) [ "network-online.target" ];
      after = lib.mkIf (!hardening.isLoopback cfg.host) [ "network-online.target" ];
      startLimitIntervalSec = lib.mkDefault 0;
      environment = {
        LAB_HOST = cfg.host;
        LAB_LOKI_PORT = toString cfg.loki.port;
        LAB_LOKI_GRPC_PORT = toString cfg.loki.grpcPort;
        LAB_LOKI_PATH = config.services.loki.dataDir;
      };
      serviceConfig =
        hardening.onto hardening.server
        // hardening.own (
          hardening.network cfg.allowedAddresses
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
        host = "127.0.0.1";
        port = cfg.loki.grpcPort;
      };
    };
  };
}
