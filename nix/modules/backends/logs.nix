# The shipper: reads the journal, makes the labels of docs/contract.md of its fields, sends the lines to Loki.
# Promtail has a unit of our own, since NixOS has none any more.
self:
{
  config,
  lib,
  pkgs,
  utils,
  ...
}:
let
  inherit (lib) mkIf mkOption types;
  hardening = import ../hardening.nix { inherit lib; };
  ports = import ../../ports.nix;
  cfg = config.services.salvo-lab;
  inherit (cfg) logs;

  environment.LAB_LOKI_URL = cfg.loki.url;
  readsJournal = hardening.network cfg.allowedAddresses // {
    TasksMax = hardening.serverTasks;
    RestartSec = 2;
    MemoryMax = logs.memoryMax;
    LogExtraFields = hardening.journalFields "stderr" logs.shipper;
  };
in
{
  options.services.salvo-lab.logs = {
    enable = lib.mkEnableOption "the log shipper on this machine" // {
      default = cfg.enable || cfg.cluster.keeps;
      defaultText = lib.literalMD "`enable`; true on the machines of a cluster";
    };
    shipper = mkOption {
      type = types.enum [
        "promtail"
        "alloy"
      ];
      default = "promtail";
      example = "alloy";
      description = ''
        What ships the lines: Promtail, which reached its end of life in March 2026, or Alloy, its successor. Both
        make the same labels.
      '';
    };
    package = mkOption {
      type = types.package;
      default = self.packages.${pkgs.stdenv.hostPlatform.system}.promtail;
      defaultText = lib.literalExpression "salvo-observability.packages.\${system}.promtail";
      description = "The package that has the program `promtail`. For Alloy there is `services.alloy.package`.";
    };
    host = mkOption {
      type = types.str;
      default = if cfg.cluster.keeps then cfg.host else "127.0.0.1";
      defaultText = lib.literalMD "`127.0.0.1`; `host` on a cluster's storage and backends";
      example = "192.168.1.1";
      description = "IP address that the shipper's own metrics are on.";
    };
    port = mkOption {
      type = types.port;
      default = ports.${logs.shipper};
      defaultText = lib.literalMD "9080 for Promtail, 12345 for Alloy";
      description = "Port that the shipper's own metrics are on.";
    };
    memoryMax = mkOption {
      type = types.str;
      default = "512M";
      example = "256M";
      description = "Most memory that the shipper may take (`MemoryMax=`).";
    };
  };

  config = lib.mkMerge [
    (mkIf logs.enable {
      services.salvo-lab = {
        listeners."the log shipper" = { inherit (logs) host port; };
        peers = [ cfg.loki.url ];
      };
    })

    (mkIf (logs.enable && logs.shipper == "promtail") {
      systemd.services.promtail = {
        description = "Promtail, which ships the journal to Loki";
        wantedBy = [ "multi-user.target" ];
        wants = lib.optional (!hardening.isLoopback logs.host) "network-online.target";
        after = [
          "network.target"
        ]
        ++ lib.optional (!hardening.isLoopback logs.host) "network-online.target";
        startLimitIntervalSec = lib.mkDefault 0;
        environment = environment // {
          LAB_HOST = logs.host;
          LAB_PROMTAIL_PORT = toString logs.port;
          LAB_PROMTAIL_PATH = "/var/lib/promtail";
        };
        serviceConfig = hardening.own (
          hardening.server
          // readsJournal
          // {
            SupplementaryGroups = [ "systemd-journal" ];
            Type = "exec";
            ExecStart = utils.escapeSystemdExecArgs [
              (lib.getExe' logs.package "promtail")
              "-config.expand-env=true"
              "-config.file=${../../../etc/promtail/journal.yaml}"
            ];
            DynamicUser = true;
            StateDirectory = "promtail";
            StateDirectoryMode = "0700";
            WorkingDirectory = "/var/lib/promtail";
            Restart = "always";
            TimeoutStopSec = 30;
          }
        );
      };
    })

    (mkIf (logs.enable && logs.shipper == "alloy") {
      services.alloy = {
        enable = true;
        # All files of a folder are read as one.
        configPath = lib.fileset.toSource {
          root = ../../../etc/alloy;
          fileset = lib.fileset.unions (
            [ ../../../etc/alloy/journal.alloy ] ++ lib.optional cfg.otlp.enable ../../../etc/alloy/otlp.alloy
          );
        };
        extraFlags = [
          "--server.http.listen-addr=${hardening.authority logs.host logs.port}"
          "--storage.path=/var/lib/alloy/data"
          "--disable-reporting"
        ];
      };
      systemd.services.alloy = {
        wants = mkIf (!hardening.isLoopback logs.host) [ "network-online.target" ];
        after = mkIf (!hardening.isLoopback logs.host) [ "network-online.target" ];
        startLimitIntervalSec = lib.mkDefault 0;
        inherit environment;
        # NixOS puts it into the journal's group.
        serviceConfig =
          hardening.onto hardening.server
          // hardening.own (
            readsJournal
            // {
              StateDirectoryMode = "0700";
              TimeoutStopSec = 30;
            }
          );
      };
    })
  ];
}
