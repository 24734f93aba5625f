# The unit that watches programs by eBPF has the rights that this takes, and no others; all other units have none.
{ self, pkgs }:
let
  inherit (pkgs) lib;
  machine = self.nixosConfigurations.lab.extendModules {
    modules = [
      {
        services.salvo-lab = {
          logs.shipper = lib.mkForce "alloy";
          zeroCode = {
            enable = true;
            ports = [
              8080
              "9000-9010"
            ];
          };
        };
      }
    ];
  };
  inherit (machine.config.systemd) services;
  unit = services.salvo-lab-zero-code;
  wrong =
    lib.optional (lib.any (it: !it.assertion) machine.config.assertions) "it is refused"
    ++ lib.optional (unit.environment.LAB_ZERO_CODE_PORTS != "8080,9000-9010") "other ports"
    ++ lib.optional (unit.environment.LAB_OTLP_URL != "http://127.0.0.1:4318") "spans go elsewhere"
    ++ lib.optional (
      lib.toList unit.serviceConfig.AmbientCapabilities != unit.serviceConfig.CapabilityBoundingSet
      || lib.length unit.serviceConfig.CapabilityBoundingSet != 6
    ) "other rights than the six"
    ++ lib.optional (
      services.alloy.environment.LAB_TEMPO_OTLP_URL != "http://127.0.0.1:14318"
      || services.tempo.environment.LAB_OTLP_HTTP_PORT != "14318"
    ) "Alloy and Tempo want the same port"
    ++ map (name: "${name} has rights") (
      lib.filter (name: services.${name}.serviceConfig.CapabilityBoundingSet != "") [
        "alloy"
        "tempo"
        "loki"
        "prometheus"
      ]
    );
in
assert lib.assertMsg (
  wrong == [ ]
) "services.salvo-lab.zeroCode: ${lib.concatStringsSep ", " wrong}";
pkgs.runCommand "modules-zero-code" { } "touch $out"
