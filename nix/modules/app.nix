# Instances of the service, each a hardened systemd unit that logs to the journal.
self:
{
  config,
  lib,
  pkgs,
  utils,
  ...
}:
let
  inherit (lib) mkOption types;
  inherit (import ./hardening.nix { inherit lib; })
    authority
    isLoopback
    journalFields
    network
    own
    service
    ;
  ports = import ../ports.nix;

  cfg = config.services.salvo-app;
  packages = self.packages.${pkgs.stdenv.hostPlatform.system};
  instances = lib.filterAttrs (_: instance: instance.enable) cfg.instances;

  instance =
    { name, config, ... }:
    {
      options = {
        enable = lib.mkEnableOption "this instance" // {
          default = true;
        };
        package = mkOption {
          type = types.package;
          default = if config.faults == null then cfg.package else packages.salvo-app-faults;
          defaultText = lib.literalMD "`config.services.salvo-app.package`; with `faults` this flake's `salvo-app-faults`";
          description = "The package that has the program `salvo-app`.";
        };
        faults = mkOption {
          type = types.nullOr types.str;
          default = null;
          example = "127.0.0.1:8100";
          description = ''
            Loopback address at which the instance can be broken (`docs/service.md`, faults), for people who learn to
            find out what is wrong. It has no login: every user of the machine can do it.
          '';
        };
        host = mkOption {
          type = types.str;
          default = "127.0.0.1";
          example = "192.168.1.1";
          description = "IP address to listen on.";
        };
        port = mkOption {
          type = types.port;
          default = ports.app-a;
          example = 8001;
          description = "Port to listen on.";
        };
        targets = mkOption {
          type = types.listOf types.str;
          default = map (name: "127.0.0.1:${toString ports.${name}}") [
            "app-b"
            "app-c"
          ];
          example = [
            "192.168.1.1:8001"
            "http://192.168.1.3:8002"
          ];
          description = "The two instances that `/chain` calls: `host`, `host:port` or a URL.";
        };
        endpoint = mkOption {
          type = types.nullOr types.str;
          default = "http://127.0.0.1:${toString ports.otlp-grpc}";
          example = "http://192.168.1.2:4317";
          description = "Collector that takes spans over OTLP gRPC; null turns the export off.";
        };
        environment = mkOption {
          type = types.attrsOf types.str;
          default = { };
          example = {
            LOG_FORMAT = "json";
            OTEL_TRACES_SAMPLER = "parentbased_traceidratio";
            OTEL_TRACES_SAMPLER_ARG = "0.01";
          };
          description = ''
            Further settings of the service, as `docs/service.md` lists them; they win over the options here.
            They can be read by every user of the machine.
          '';
        };
        environmentFile = mkOption {
          type = types.nullOr types.externalPath;
          default = null;
          example = "/run/secrets/salvo-app.env";
          description = ''
            File with settings that are secret, such as `OTEL_EXPORTER_OTLP_HEADERS`, as systemd's
            `EnvironmentFile=` reads it.
          '';
        };
        extraFlags = mkOption {
          type = types.listOf types.str;
          default = [ ];
          example = [ "--max-concurrent-requests=64" ];
          description = "Flags of `salvo-app`; they win over all other settings.";
        };
        allowedAddresses = mkOption {
          type = types.listOf types.str;
          default = [ "localhost" ];
          example = [
            "localhost"
            "192.168.1.0/24"
          ];
          description = ''
            Addresses that the instance may talk to and be called from, as systemd's `IPAddressAllow=`
            takes them. Everything else is dropped.
          '';
        };
        openFirewall = mkOption {
          type = types.bool;
          default = false;
          description = "Whether to open the instance's port in the firewall.";
        };
        memoryMax = mkOption {
          type = types.str;
          default = "256M";
          example = "64M";
          description = "Most memory that the unit may take (`MemoryMax=`); beyond it, it is started again.";
        };
        tasksMax = mkOption {
          type = types.ints.positive;
          # The runtime has up to 512 threads for blocking work, and one a core.
          default = 1024;
          example = 600;
          description = "Most threads that the unit may have (`TasksMax=`).";
        };
        name = mkOption {
          type = types.str;
          default = name;
          defaultText = lib.literalExpression "the instance's attribute name";
          readOnly = true;
          internal = true;
          description = "Name of the instance in traces, metrics and logs.";
        };
      };
    };

  # What the instance must reach, or be reached from, beyond this machine.
  beyond =
    it:
    lib.filter (address: !isLoopback address) (
      [ it.host ] ++ it.targets ++ lib.optional (it.endpoint != null) it.endpoint
    );

  unit = it: {
    description = "Salvo service ${it.name}";
    wantedBy = [ "multi-user.target" ];
    wants = lib.optional (beyond it != [ ]) "network-online.target";
    startLimitIntervalSec = lib.mkDefault 0;
    after = [ "network.target" ] ++ lib.optional (beyond it != [ ]) "network-online.target";
    environment = {
      OTEL_SERVICE_NAME = it.name;
      EXPOSE_HOST = it.host;
      EXPOSE_PORT = toString it.port;
      OTEL_EXPORTER_OTLP_ENDPOINT = lib.defaultTo "" it.endpoint;
      TARGET_ONE_HOST = lib.elemAt it.targets 0;
      TARGET_TWO_HOST = lib.elemAt it.targets 1;
    }
    // lib.optionalAttrs (it.faults != null) {
      FAULTS_ADDRESS = it.faults;
    }
    // it.environment;
    serviceConfig = own (
      service
      // network it.allowedAddresses
      // {
        Type = "exec";
        ExecStart = utils.escapeSystemdExecArgs ([ (lib.getExe' it.package "salvo-app") ] ++ it.extraFlags);
        DynamicUser = true;
        Restart = "always";
        RestartSec = 1;
        # 2: a setting is not allowed, and will not be at the next start.
        RestartPreventExitStatus = 2;
        # Running requests have 10 s, the last spans 5 s.
        TimeoutStopSec = 20;
        LimitNOFILE = 16384;
        MemoryMax = it.memoryMax;
        TasksMax = it.tasksMax;
        LogExtraFields = journalFields "stdout" it.name;
        # A line that journald drops is missing in every answer.
        LogRateLimitIntervalSec = 0;
      }
      // lib.optionalAttrs (it.environmentFile != null) {
        EnvironmentFile = it.environmentFile;
      }
      // lib.optionalAttrs (it.port < 1024) {
        AmbientCapabilities = "CAP_NET_BIND_SERVICE";
        CapabilityBoundingSet = "CAP_NET_BIND_SERVICE";
        # Capabilities of a user namespace do not count for ports.
        PrivateUsers = false;
      }
    );
  };

  byAddress = lib.groupBy (it: authority it.host it.port) (lib.attrValues instances);
in
{
  options.services.salvo-app = {
    package = mkOption {
      type = types.package;
      default = packages.salvo-app;
      defaultText = lib.literalExpression "salvo-observability.packages.\${system}.salvo-app";
      description = "The package that all instances run unless they name one of their own.";
    };
    instances = mkOption {
      type = types.attrsOf (types.submodule instance);
      default = { };
      example = lib.literalExpression ''
        {
          app-a = {
            port = 8000;
            targets = [ "127.0.0.1:8001" "127.0.0.1:8002" ];
          };
          app-b.port = 8001;
          app-c.port = 8002;
        }
      '';
      description = ''
        Instances of the service. Each is a unit `salvo-app@NAME`, and its name is the service name in
        traces, metrics and logs.
      '';
    };
  };

  config = {
    systemd.services = lib.mapAttrs' (
      name: it: lib.nameValuePair "salvo-app@${name}" (unit it)
    ) instances;

    networking.firewall.allowedTCPPorts = map (it: it.port) (
      lib.filter (it: it.openFirewall) (lib.attrValues instances)
    );

    assertions =
      lib.mapAttrsToList (address: those: {
        assertion = lib.length those == 1;
        message = "services.salvo-app.instances: ${
          lib.concatMapStringsSep " and " (it: it.name) those
        } all listen on ${address}. Give each a port of its own.";
      }) byAddress
      ++ lib.concatMap (it: [
        {
          assertion = builtins.match "[A-Za-z0-9_.-]+" it.name != null;
          message = "services.salvo-app.instances: ${builtins.toJSON it.name} cannot be a unit's name; use letters, digits, '_', '.' and '-'.";
        }
        {
          assertion = lib.length it.targets == 2;
          message = "services.salvo-app.instances.${it.name}.targets has ${toString (lib.length it.targets)} entries; /chain calls exactly two.";
        }
        {
          assertion = it.faults == null || builtins.match "(127\\.[0-9.]+|\\[::1]):[0-9]+" it.faults != null;
          message = "services.salvo-app.instances.${it.name}.faults is ${toString it.faults}, but must be a loopback address with a port, such as 127.0.0.1:8100: it has no login.";
        }
        {
          assertion = it.faults == null || it.package.hasFaults or false;
          message = "services.salvo-app.instances.${it.name}.faults is set, but its package was built without them. Leave out its package, or take this flake's salvo-app-faults.";
        }
        {
          assertion = beyond it == [ ] || it.allowedAddresses != [ "localhost" ];
          message = "services.salvo-app.instances.${it.name} uses ${lib.concatStringsSep ", " (beyond it)}, but allowedAddresses lets it talk to this machine alone. Add the other machines' addresses there.";
        }
        {
          assertion = !lib.any (lib.hasSuffix "_HEADERS") (lib.attrNames it.environment);
          message = "services.salvo-app.instances.${it.name}.environment sets headers, which hold secrets, and would be readable by everyone in the Nix store. Put them in a file and name it in environmentFile.";
        }
      ]) (lib.attrValues instances);
  };
}
