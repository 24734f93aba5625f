# What scrapes the servers of a machine of the cluster, and sends it to Mimir: each machine scrapes itself, so that a
# machine that dies takes no target of another with it.
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
  configuration = import ../../prometheus.nix { inherit lib; };
  inherit (hardening) authority;
  cfg = config.services.salvo-lab;
  inherit (cfg) cluster;
  inherit (cluster) is scraper;
  package = config.services.prometheus.package;

  # Not on loopback, whose addresses would be the same on every machine, and so their series.
  targets = lib.mapAttrs (_: port: [ (authority cfg.host port) ]) (
    lib.optionalAttrs is.backend {
      tempo = cfg.tempo.port;
      loki = cfg.loki.port;
      mimir = cluster.mimir.port;
    }
    // lib.optionalAttrs is.storage { garage = cluster.storage.adminPort; }
    // lib.optionalAttrs (cfg.logs.enable && cfg.logs.host == cfg.host) {
      ${cfg.logs.shipper} = cfg.logs.port;
    }
  );

  text = pkgs.writeText "scraper.yml" (
    configuration.agent {
      inherit targets;
      remoteWrite = authority cluster.nearest cluster.mimir.port;
    }
  );
  checked = pkgs.runCommand "scraper-checked.yml" { nativeBuildInputs = [ package.cli ]; } ''
    ln -s ${text} $out
    promtool check config --agent $out
  '';
in
{
  options.services.salvo-lab.cluster.scraper = {
    port = mkOption {
      type = types.port;
      default = if is.edge then ports.scraper + 1 else ports.scraper;
      defaultText = lib.literalMD "9091; 9092 on an edge, where Prometheus itself has 9091";
      description = "Port of the Prometheus that scrapes this machine's storage or backend, on loopback.";
    };
    memoryMax = mkOption {
      type = types.str;
      default = "512M";
      example = "256M";
      description = "Most memory that it may take (`MemoryMax=`).";
    };
  };

  config = lib.mkIf cluster.keeps {
    systemd.services.salvo-lab-scraper = {
      description = "Prometheus, which scrapes this machine's servers and sends it to Mimir";
      wantedBy = [ "multi-user.target" ];
      wants = [ "network-online.target" ];
      after = [ "network-online.target" ];
      startLimitIntervalSec = lib.mkDefault 0;
      serviceConfig = hardening.own (
        hardening.server
        // hardening.network cfg.allowedAddresses
        // {
          Type = "exec";
          ExecStart = utils.escapeSystemdExecArgs [
            (lib.getExe' package "prometheus")
            "--agent"
            "--config.file=${checked}"
            "--storage.agent.path=/var/lib/salvo-lab-scraper"
            "--web.listen-address=127.0.0.1:${toString scraper.port}"
            "--web.cors.origin=none"
          ];
          DynamicUser = true;
          StateDirectory = "salvo-lab-scraper";
          StateDirectoryMode = "0700";
          WorkingDirectory = "/var/lib/salvo-lab-scraper";
          Restart = "always";
          RestartSec = 2;
          TimeoutStopSec = 60;
          MemoryMax = scraper.memoryMax;
          TasksMax = hardening.serverTasks;
          LogExtraFields = hardening.journalFields "stderr" "scraper";
        }
      );
    };

    services.salvo-lab.listeners."the scraper" = {
      host = "127.0.0.1";
      inherit (scraper) port;
    };
  };
}
