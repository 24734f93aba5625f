# What a person sets beside the lab's modules counts, and what the lab must have is there without it.
{ self, pkgs }:
let
  inherit (pkgs) lib;
  hardening = import ../modules/hardening.nix { inherit lib; };

  plain = self.nixosConfigurations.lab.extendModules {
    modules = [ { services.salvo-lab.logs.shipper = lib.mkForce "alloy"; } ];
  };
  changed = self.nixosConfigurations.lab.extendModules {
    modules = [
      {
        _file = "a person's file";
        systemd.services = {
          tempo.serviceConfig = {
            MemoryMax = "3G";
            TimeoutStopSec = 40;
            LogExtraFields = [ "MINE=1" ];
            ProtectHome = lib.mkForce "read-only";
          };
          loki.serviceConfig = lib.mkIf true { ProtectClock = lib.mkMerge [ false ]; };
          prometheus.serviceConfig.ProtectClock = lib.mkIf false false;
          promtail.serviceConfig.PrivateTmp = false;
          "salvo-app@app-a".serviceConfig.TasksMax = 600;
        };
      }
    ];
  };
  of = machine: unit: machine.config.systemd.services.${unit}.serviceConfig;

  # What is not as it is to be: [ what it is, what it has to be, where ].
  differing =
    where: found: wanted:
    lib.mapAttrsToList (
      key: value:
      lib.optionalString (found.${key} or null != value)
        "${where}: ${key} is ${builtins.toJSON (found.${key} or null)} instead of ${builtins.toJSON value}"
    ) wanted;

  confined =
    unit: extra:
    differing "${unit}.service" (of plain unit) (
      hardening.server
      // hardening.network [ "localhost" ]
      // {
        TasksMax = hardening.serverTasks;
      }
      // extra
    );

  said = lib.filter (lib.hasInfix "a person's file") changed.config.warnings;

  wrong = lib.filter (it: it != "") (
    confined "tempo" { MemoryMax = plain.config.services.salvo-lab.tempo.memoryMax; }
    ++ confined "loki" { MemoryMax = plain.config.services.salvo-lab.loki.memoryMax; }
    ++ confined "prometheus" { MemoryMax = plain.config.services.salvo-lab.prometheus.memoryMax; }
    ++ confined "alloy" { MemoryMax = plain.config.services.salvo-lab.logs.memoryMax; }
    ++ confined "grafana" {
      MemoryMax = plain.config.services.salvo-lab.grafana.memoryMax;
      MemoryDenyWriteExecute = false;
      Restart = "always";
    }
    ++ differing "a person's tempo.service" (of changed "tempo") {
      MemoryMax = "3G";
      TimeoutStopSec = 40;
      ProtectHome = "read-only";
      ProtectSystem = "strict";
    }
    ++ differing "a person's promtail.service" (of changed "promtail") { PrivateTmp = false; }
    ++ differing "a person's salvo-app@app-a.service" (of changed "salvo-app@app-a") { TasksMax = 600; }
    ++ lib.optional (
      !lib.elem "COMPOSE_SERVICE=tempo" (of changed "tempo").LogExtraFields
    ) "a person's LogExtraFields replace the lab's"
    ++ lib.optional (
      lib.length said != 1 || !lib.hasInfix "loki.serviceConfig.ProtectClock" (lib.head said)
    ) "warnings of what is not used: ${builtins.toJSON said}"
  );
in
assert lib.assertMsg (wrong == [ ]) (lib.concatStringsSep "\n" wrong);
pkgs.runCommand "modules-yield" { } "touch $out"
