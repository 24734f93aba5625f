# Prometheus, which scrapes the instances and the servers, and takes Tempo's metrics.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  hardening = import ../hardening.nix { inherit lib; };
  ports = import ../../ports.nix;
  clusterPorts = import ../../cluster-ports.nix;
  configuration = import ../../prometheus.nix { inherit lib; };
  inherit (hardening) authority reachable;
  cfg = config.services.salvo-lab;
  inherit (cfg) cluster;
  inherit (cluster.is) edge;
  apps = lib.filterAttrs (_: it: it.enable) (config.services.salvo-app.instances or { });

in
{
  options.services.salvo-lab.prometheus = {
    enable = lib.mkEnableOption "Prometheus on this machine" // {
      default = cfg.enable;
      defaultText = lib.literalExpression "config.services.salvo-lab.enable";
    };
    host = mkOption {
      type = types.str;
      default = "127.0.0.1";
      example = "192.168.1.2";
      description = "IP address that Prometheus listens on.";
    };
    port = mkOption {
      type = types.port;
      default = if edge then clusterPorts.scraper else ports.prometheus;
      defaultText = lib.literalMD "9090; 9091 on a cluster's edge, where 9090 is the gateway's";
      description = "Port that Prometheus listens on.";
    };
    url = mkOption {
      type = types.str;
      default =
        if edge then
          "http://${authority (reachable cfg.host) cluster.gateway.prometheusPort}"
        else
          "http://${authority (reachable cfg.prometheus.host) cfg.prometheus.port}";
      defaultText = lib.literalMD "on this machine; on a cluster's edge its gateway";
      example = "http://192.168.1.2:9090";
      description = "Where Grafana and Tempo find Prometheus, here or elsewhere.";
    };
    targets = mkOption {
      type = types.attrsOf (types.listOf types.str);
      defaultText = lib.literalMD "the instances and servers of this machine";
      example = {
        app-a = [ "192.168.1.1:8000" ];
        promtail = [
          "127.0.0.1:9080"
          "192.168.1.1:9080"
        ];
      };
      description = ''
        What is scraped, by job: `app-a`, `app-b`, `app-c`, `prometheus`, `tempo`, `loki`, `grafana`, the shipper
        by its name, and any other job that is named here. An empty list scrapes nothing.
      '';
    };
    retention = mkOption {
      type = types.str;
      default = "7d";
      example = "30d";
      description = "How long samples are kept.";
    };
    memoryMax = mkOption {
      type = types.str;
      default = "1G";
      example = "512M";
      description = "Most memory that Prometheus may take (`MemoryMax=`).";
    };
  };

  config = lib.mkIf cfg.prometheus.enable {
    services.prometheus = {
      enable = true;
      listenAddress = cfg.prometheus.host;
      inherit (cfg.prometheus) port;
      configText = configuration.render {
        inherit (cfg.prometheus) targets;
        inherit (cfg.logs) shipper;
        remoteWrite = if edge then authority (reachable cfg.host) cluster.gateway.prometheusPort else null;
      };
      retentionTime = cfg.prometheus.retention;
      extraFlags = [
        # The step from a metric to its trace.
        "--enable-feature=exemplar-storage"
        # Tempo's service graph and span metrics.
        "--web.enable-remote-write-receiver"
        # What programs measure comes over OTLP.
        "--web.enable-otlp-receiver"
        # By default every web page that a browser shows here may read all metrics.
        "--web.cors.origin=none"
      ];
    };

    systemd.services.prometheus = {
      wants = lib.mkIf (!hardening.isLoopback cfg.prometheus.host) [ "network-online.target" ];
      after = lib.mkIf (!hardening.isLoopback cfg.prometheus.host) [ "network-online.target" ];
      startLimitIntervalSec = lib.mkDefault 0;
      serviceConfig =
        hardening.onto hardening.server
        // hardening.own (
          hardening.network cfg.allowedAddresses
          // {
            TasksMax = hardening.serverTasks;
            RestartSec = 2;
            # It writes what it holds in memory to disk first.
            TimeoutStopSec = 60;
            MemoryMax = cfg.prometheus.memoryMax;
            LogExtraFields = hardening.journalFields "stderr" "prometheus";
          }
        );
    };

    services.salvo-lab = {
      prometheus.targets = lib.mapAttrs (_: lib.mkDefault) (
        {
          inherit (configuration.targets) app-a app-b app-c;
        }
        // lib.mapAttrs (_: it: [ (authority (reachable it.host) it.port) ]) apps
        // {
          prometheus = [ (authority (reachable cfg.prometheus.host) cfg.prometheus.port) ];
          # Those of a cluster scrape themselves.
          tempo = lib.optional (!edge) (authority (reachable cfg.host) cfg.tempo.port);
          loki = lib.optional (!edge) (authority (reachable cfg.host) cfg.loki.port);
          grafana = [ (authority (reachable cfg.grafana.host) cfg.grafana.port) ];
          ${cfg.logs.shipper} = [ (authority (reachable cfg.logs.host) cfg.logs.port) ];
        }
      );
      listeners."Prometheus" = { inherit (cfg.prometheus) host port; };
      peers = lib.concatLists (lib.attrValues cfg.prometheus.targets);
    };
  };
}
