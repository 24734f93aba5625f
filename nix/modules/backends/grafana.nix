# Grafana with the lab's data sources and dashboards. Its secrets are made at first start.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkDefault mkOption types;
  hardening = import ../hardening.nix { inherit lib; };
  ports = import ../../ports.nix;
  cfg = config.services.salvo-lab;
  secrets = "/var/lib/salvo-lab";
  dashboards = ../../../dashboards;
  sources = import ../../stack/grafana-sources.nix {
    inherit lib;
    inherit (config.services.grafana.package) version;
  };

  makeSecrets = pkgs.writeShellApplication {
    name = "salvo-lab-secrets";
    runtimeInputs = [ pkgs.coreutils ];
    text = ''
      for secret in secret-key admin-password; do
        file=$STATE_DIRECTORY/$secret
        if [ ! -s "$file" ]; then
          head -c 24 /dev/urandom | base64 -w 0 | tr '+/' '-_' > "$file.new"
          sync "$file.new"
          mv "$file.new" "$file"
        fi
      done
    '';
  };
in
{
  options.services.salvo-lab.grafana = {
    enable = lib.mkEnableOption "Grafana on this machine" // {
      default = cfg.enable;
      defaultText = lib.literalExpression "config.services.salvo-lab.enable";
    };
    host = mkOption {
      type = types.str;
      default = "127.0.0.1";
      example = "192.168.1.2";
      description = "IP address that Grafana listens on.";
    };
    port = mkOption {
      type = types.port;
      default = ports.grafana;
      description = "Port that Grafana listens on.";
    };
    anonymousRole = mkOption {
      type = types.nullOr (
        types.enum [
          "Viewer"
          "Editor"
        ]
      );
      default = if hardening.isLoopback cfg.grafana.host then "Editor" else null;
      defaultText = lib.literalMD ''`"Editor"` on loopback, else null'';
      example = "Viewer";
      description = ''
        What everyone who reaches Grafana may do without a login; null asks everyone for one. Explore, where a
        request is followed from one pillar to the next, needs `"Editor"`, which is allowed on loopback only.
      '';
    };
    adminPasswordFile = mkOption {
      type = types.externalPath;
      default = "${secrets}/admin-password";
      example = "/run/secrets/grafana-admin-password";
      description = ''
        File with the password of the user `admin`, which Grafana takes when it starts for the first time. The
        default one is made then.
      '';
    };
    secretKeyFile = mkOption {
      type = types.externalPath;
      default = "${secrets}/secret-key";
      example = "/run/secrets/grafana-secret-key";
      description = "File with the key that Grafana encrypts its stored secrets with. The default one is made at first start.";
    };
    memoryMax = mkOption {
      type = types.str;
      default = "1G";
      example = "512M";
      description = "Most memory that Grafana may take (`MemoryMax=`).";
    };
  };

  config = lib.mkIf cfg.grafana.enable {
    services.grafana = {
      enable = true;
      settings = {
        server = {
          http_addr = cfg.grafana.host;
          http_port = cfg.grafana.port;
        };
        security = {
          admin_password = "$__file{${cfg.grafana.adminPasswordFile}}";
          secret_key = "$__file{${cfg.grafana.secretKeyFile}}";
          disable_gravatar = true;
        };
        "auth.anonymous" = {
          enabled = cfg.grafana.anonymousRole != null;
          org_role = lib.defaultTo "Viewer" cfg.grafana.anonymousRole;
        };
        users = {
          allow_sign_up = false;
          # Grafana's own first page calls out to a news feed.
          home_page = "/d/salvo-observability";
        };
        # Grafana talks to the lab's servers and to nobody else.
        analytics = {
          reporting_enabled = false;
          check_for_updates = false;
          check_for_plugin_updates = false;
          feedback_links_enabled = false;
        };
        news.news_feed_enabled = false;
        log.mode = "console";
        "log.console".format = "text";
        plugins = {
          preinstall_disabled = true;
          plugin_admin_enabled = false;
          public_key_retrieval_disabled = true;
        };
        snapshots.external_enabled = false;
      };
      provision = {
        enable = true;
        datasources.path = ../../../etc/grafana/datasources.yaml;
        dashboards.path = ../../../etc/grafana/dashboards.yaml;
      };
    };

    systemd.services = {
      salvo-lab-secrets = {
        description = "Secrets of the lab's Grafana, made once";
        serviceConfig = hardening.own (
          hardening.service
          // hardening.network [ ]
          // {
            Type = "oneshot";
            ExecStart = lib.getExe makeSecrets;
            RemainAfterExit = true;
            # Whoever else shall read them has to be root.
            User = "grafana";
            Group = "grafana";
            StateDirectory = baseNameOf secrets;
            StateDirectoryMode = "0700";
            PrivateNetwork = true;
            RestrictAddressFamilies = "none";
            MemoryMax = "64M";
            TasksMax = 16;
          }
        );
      };

      grafana = {
        requires = [ "salvo-lab-secrets.service" ];
        after = [
          "salvo-lab-secrets.service"
        ]
        ++ lib.optional (!hardening.isLoopback cfg.grafana.host) "network-online.target";
        wants = lib.mkIf (!hardening.isLoopback cfg.grafana.host) [ "network-online.target" ];
        startLimitIntervalSec = mkDefault 0;
        environment = {
          LAB_PROMETHEUS_URL = cfg.prometheus.url;
          LAB_LOKI_URL = cfg.loki.url;
          LAB_TEMPO_URL = cfg.tempo.url;
          LAB_DASHBOARDS_PATH = "${dashboards}";
        };
        serviceConfig =
          hardening.onto (
            hardening.server
            // {
              # Plugins are programs of their own, of which nothing is known here.
              MemoryDenyWriteExecute = false;
              Restart = "always";
            }
          )
          // hardening.own (
            hardening.network cfg.allowedAddresses
            // {
              TasksMax = hardening.serverTasks;
              ReadWritePaths = [ config.services.grafana.dataDir ];
              RestartSec = 2;
              MemoryMax = cfg.grafana.memoryMax;
              LogExtraFields = hardening.journalFields "stdout" "grafana";
            }
          );
      };
    };

    assertions = [
      {
        assertion = sources == null || config.services.grafana.declarativePlugins != null;
        message = "services.grafana.package: ${sources} Name the three in services.grafana.declarativePlugins, or take an older package.";
      }
      {
        assertion = cfg.grafana.anonymousRole != "Editor" || hardening.isLoopback cfg.grafana.host;
        message = "services.salvo-lab.grafana listens on ${cfg.grafana.host}, where everyone who reaches it would be an Editor without a login. Set anonymousRole to null or \"Viewer\", or host to 127.0.0.1.";
      }
    ];

    services.salvo-lab = {
      listeners."Grafana" = { inherit (cfg.grafana) host port; };
      peers = [
        cfg.prometheus.url
        cfg.loki.url
        cfg.tempo.url
      ];
    };
  };
}
