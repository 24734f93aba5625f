# Prometheus, which scrapes the instances and the servers, and takes Tempo's metrics.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  hardening = import ../hardening.nix { inherit lib; };
  ports = import ../../ports.nix;
  inherit (hardening) authority reachable;
  cfg = config.services.salvo-lab;
  apps = lib.filterAttrs (_: it: it.enable) (config.services.salvo-app.instances or { });

  # Prometheus expands no variables, so that other addresses are put in the place of the file's.
  file = builtins.readFile ../../../etc/prometheus/prometheus.yml;
  inFile = lib.mapAttrs (_: port: "127.0.0.1:${toString port}") {
    inherit (ports)
      app-a
      app-b
      app-c
      prometheus
      tempo
      loki
      promtail
      grafana
      ;
  };
  shipper = {
    promtail = cfg.prometheus.targets.${cfg.logs.shipper};
  };
  list = lib.concatMapStringsSep ", " builtins.toJSON;
  others = removeAttrs cfg.prometheus.targets (lib.attrNames inFile ++ [ "alloy" ]);
  job = name: targets: ''
    - job_name: ${builtins.toJSON name}
      scrape_interval: 5s
      static_configs:
        - targets: [${list targets}]
  '';
  jobs = lib.concatStrings (lib.mapAttrsToList job others);
  indented = lib.concatMapStrings (line: "  ${line}\n") (
    lib.filter (line: line != "") (lib.splitString "\n" jobs)
  );
  replacements = {
    "rules.yml" = "${../../../etc/prometheus/rules.yml}";
    "\nscrape_configs:\n" = "\nscrape_configs:\n${indented}";
    "job_name: promtail\n" = "job_name: ${cfg.logs.shipper}\n";
  }
  // lib.mapAttrs' (
    name: address: lib.nameValuePair ''"${address}"'' (list (cfg.prometheus.targets // shipper).${name})
  ) inFile;
  text = lib.replaceStrings (lib.attrNames replacements) (lib.attrValues replacements) file;
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
      default = ports.prometheus;
      description = "Port that Prometheus listens on.";
    };
    url = mkOption {
      type = types.str;
      default = "http://${authority (reachable cfg.prometheus.host) cfg.prometheus.port}";
      defaultText = lib.literalExpression ''"http://''${prometheus.host}:''${prometheus.port}"'';
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
      configText = text;
      retentionTime = cfg.prometheus.retention;
      extraFlags = [
        # The step from a metric to its trace.
        "--enable-feature=exemplar-storage"
        # Tempo's service graph and span metrics.
        "--web.enable-remote-write-receiver"
      ];
    };

    systemd.services.prometheus = {
      wants = lib.mkIf (!hardening.isLoopback cfg.prometheus.host) [ "network-online.target" ];
      after = lib.mkIf (!hardening.isLoopback cfg.prometheus.host) [ "network-online.target" ];
      startLimitIntervalSec = 0;
      serviceConfig = lib.mapAttrs (_: lib.mkForce) (
        hardening.server
        // hardening.network cfg.allowedAddresses
        // {
          RestartSec = 2;
          # It writes what it holds in memory to disk first.
          TimeoutStopSec = 60;
          MemoryMax = cfg.prometheus.memoryMax;
          LogExtraFields = hardening.journalFields "stderr" "prometheus";
        }
      );
    };

    assertions = lib.mapAttrsToList (from: _: {
      assertion = lib.hasInfix from file;
      message = "etc/prometheus/prometheus.yml has no ${builtins.toJSON from} any more, which services.salvo-lab.prometheus puts this machine's value for. Bring nix/modules/backends/prometheus.nix up to date.";
    }) replacements;

    services.salvo-lab = {
      prometheus.targets = lib.mapAttrs (_: lib.mkDefault) (
        lib.mapAttrs (_: address: [ address ]) { inherit (inFile) app-a app-b app-c; }
        // lib.mapAttrs (_: it: [ (authority (reachable it.host) it.port) ]) apps
        // {
          prometheus = [ (authority (reachable cfg.prometheus.host) cfg.prometheus.port) ];
          tempo = [ (authority (reachable cfg.host) cfg.tempo.port) ];
          loki = [ (authority (reachable cfg.host) cfg.loki.port) ];
          grafana = [ (authority (reachable cfg.grafana.host) cfg.grafana.port) ];
          ${cfg.logs.shipper} = [ (authority (reachable cfg.logs.host) cfg.logs.port) ];
        }
      );
      listeners."Prometheus" = { inherit (cfg.prometheus) host port; };
      peers = lib.concatLists (lib.attrValues cfg.prometheus.targets);
    };
  };
}
