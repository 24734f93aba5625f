# The servers of the lab as systemd services: Tempo, Loki, Prometheus, Grafana and the log shipper, all
# on one machine or each where it is wanted. What they read is etc/, as everywhere else.
self:
{
  config,
  lib,
  modulesPath,
  options,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  inherit (import ./hardening.nix { inherit lib; })
    authority
    isLoopback
    reachable
    server
    unused
    ;

  cfg = config.services.salvo-lab;
  apps = lib.filterAttrs (_: it: it.enable) (config.services.salvo-app.instances or { });

  listeners =
    lib.mapAttrsToList (name: listener: listener // { inherit name; }) cfg.listeners
    ++ lib.mapAttrsToList (name: it: {
      inherit (it) host port;
      name = "salvo-app@${name}";
      isApp = true;
    }) apps;
  byPort = lib.filterAttrs (_: those: lib.any (it: !(it ? isApp)) those) (
    lib.groupBy (it: toString it.port) listeners
  );

  # `lab verify` with this machine's addresses, and Grafana's password, which root alone may read.
  instances = lib.filterAttrs (job: _: lib.hasPrefix "app-" job) cfg.prometheus.targets;
  verify = pkgs.writeShellScriptBin "lab-verify" ''
    exec ${lib.getExe cfg.package} verify ${
      lib.escapeShellArgs (
        map (address: "--app=http://${address}") (lib.concatLists (lib.attrValues instances))
        ++ [
          "--tempo=${cfg.tempo.url}"
          "--loki=${cfg.loki.url}"
          "--prometheus=${cfg.prometheus.url}"
          "--servers-log=tempo,loki,prometheus,grafana,${cfg.logs.shipper}"
          "--grafana=http://${authority (reachable cfg.grafana.host) cfg.grafana.port}"
          "--grafana-password-file=${cfg.grafana.adminPasswordFile}"
        ]
        ++
          lib.optional (cfg.otlp.enable || cfg.cluster.is.edge)
            "--otlp=${if cfg.otlp.enable then cfg.otlp.url else cfg.tempo.otlpUrl}"
      )
    } "$@"
  '';

  # The units that NixOS makes and the lab confines further.
  confined =
    lib.optional cfg.tempo.enable "tempo"
    ++ lib.optional cfg.cluster.is.backend "mimir"
    ++ lib.optional cfg.loki.enable "loki"
    ++ lib.optional cfg.prometheus.enable "prometheus"
    ++ lib.optional cfg.grafana.enable "grafana"
    ++ lib.optional (cfg.logs.enable && cfg.logs.shipper == "alloy") "alloy";

  beyond = lib.naturalSort (lib.unique (lib.filter (address: !isLoopback address) cfg.peers));
in
{
  imports = [
    ./backends/tempo.nix
    ./backends/loki.nix
    ./backends/prometheus.nix
    ./backends/grafana.nix
    (lib.modules.importApply ./backends/logs.nix self)
    ./backends/otlp.nix
    ./backends/zero-code.nix
    ./cluster
  ];

  options.services.salvo-lab = {
    enable = lib.mkEnableOption ''
      all servers of the lab on this machine: Tempo, Loki, Prometheus, Grafana and the log shipper. Each has an
      `enable` of its own, which takes this one's value unless it is set
    '';
    package = mkOption {
      type = types.package;
      default = self.packages.${pkgs.stdenv.hostPlatform.system}.lab;
      defaultText = lib.literalExpression "salvo-observability.packages.\${system}.lab";
      description = "The package that has the program `lab`, for `lab-verify`.";
    };
    host = mkOption {
      type = types.strMatching "[0-9]+\\.[0-9]+\\.[0-9]+\\.[0-9]+";
      default = "127.0.0.1";
      example = "192.168.1.2";
      description = ''
        IPv4 address that Tempo and Loki listen on, which spans and lines come to; in a cluster all servers of a backend,
        and an edge's gateway. Prometheus, Grafana and the shipper have a `host` of their own.
      '';
    };
    allowedAddresses = mkOption {
      type = types.listOf types.str;
      default = [ "localhost" ];
      example = [
        "localhost"
        "192.168.1.0/24"
      ];
      description = ''
        Addresses that the servers may talk to and be called from, as systemd's `IPAddressAllow=` takes them.
        Everything else is dropped.
      '';
    };
    openFirewall = mkOption {
      type = types.bool;
      default = false;
      description = "Whether to open the ports of those servers that listen on other addresses than loopback.";
    };
    listeners = mkOption {
      type = types.attrsOf (
        types.submodule {
          options = {
            host = mkOption {
              type = types.str;
              description = "Address.";
            };
            port = mkOption {
              type = types.port;
              description = "Port.";
            };
          };
        }
      );
      default = { };
      internal = true;
      visible = false;
      description = "Where the servers that run on this machine listen.";
    };
    peers = mkOption {
      type = types.listOf types.str;
      default = [ ];
      internal = true;
      description = "Addresses and URLs that the servers of this machine use.";
    };
  };

  config = {
    services.salvo-lab.peers = lib.mapAttrsToList (_: it: it.host) cfg.listeners;

    environment.systemPackages = lib.mkIf cfg.enable [
      cfg.package
      verify
    ];

    networking.firewall.allowedTCPPorts = lib.mkIf cfg.openFirewall (
      map (it: it.port) (lib.filter (it: !isLoopback it.host) (lib.attrValues cfg.listeners))
    );

    warnings = lib.concatMap (
      unit:
      unused {
        inherit modulesPath unit;
        definitions = options.systemd.services.definitionsWithLocations;
        settings = server // lib.optionalAttrs (unit == "grafana") { Restart = "always"; };
      }
    ) confined;

    assertions =
      lib.mapAttrsToList (port: those: {
        assertion = lib.length those == 1;
        message = "services.salvo-lab: ${
          lib.concatMapStringsSep " and " (it: it.name) those
        } want the same port, ${port}. Give one of them another.";
      }) byPort
      ++ map (it: {
        assertion = it.port >= 1024;
        message = "services.salvo-lab: ${it.name} cannot listen on port ${toString it.port}: ports below 1024 need a right that the lab's servers do not have. Take another port.";
      }) (lib.filter (it: !(it ? isApp)) listeners)
      ++ [
        {
          assertion = beyond == [ ] || cfg.allowedAddresses != [ "localhost" ];
          message = "services.salvo-lab uses ${lib.concatStringsSep ", " beyond}, but allowedAddresses lets its servers talk to this machine alone. Add the other machines' addresses there.";
        }
      ];
  };
}
