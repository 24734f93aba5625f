# What cannot work, or would open more than is meant, is refused with a message that says what to do.
{ self, pkgs }:
let
  inherit (pkgs) lib;

  wrong = self.nixosConfigurations.lab.extendModules {
    modules = [
      {
        services.salvo-app.instances = {
          app-b.port = lib.mkForce 8000;
          app-c.targets = lib.mkForce [ "127.0.0.1:8000" ];
          app-d = {
            port = 8003;
            endpoint = "http://192.168.1.2:4317";
          };
          app-e = {
            port = 9090;
            environment.OTEL_EXPORTER_OTLP_HEADERS = "authorization=secret";
            faults = "0.0.0.0:8104";
          };
          "app f".port = 8005;
          app-g = {
            port = 8006;
            faults = "127.0.0.1:8106";
            package = self.packages.${pkgs.stdenv.hostPlatform.system}.salvo-app;
          };
        };
        services.salvo-lab = {
          loki.grpcPort = 9095;
          otlp.enable = true;
          zeroCode.enable = true;
          grafana = {
            host = "192.168.1.2";
            anonymousRole = "Editor";
          };
        };
      }
    ];
  };

  said = map (it: it.message) (lib.filter (it: !it.assertion) wrong.config.assertions);
  expected = [
    "app-a and app-b all listen on 127.0.0.1:8000"
    "app-c.targets has 1 entries"
    "app-d uses http://192.168.1.2:4317, but allowedAddresses"
    "app-e.environment sets headers"
    "app-e.faults is 0.0.0.0:8104, but must be a loopback address"
    "app-g.faults is set, but its package was built without them"
    "\"app f\" cannot be a unit's name"
    "Loki's own gRPC and Tempo's own gRPC want the same port, 9095"
    "Prometheus and salvo-app@app-e want the same port, 9090"
    "services.salvo-lab.otlp.enable needs Alloy"
    "services.salvo-lab.zeroCode.ports is empty"
    "services.salvo-lab uses 192.168.1.2, 192.168.1.2:3000, but allowedAddresses"
    "grafana listens on 192.168.1.2, where everyone who reaches it would be an Editor"
  ];
  unsaid = lib.filter (text: !lib.any (lib.hasInfix text) said) expected;
  further = lib.filter (message: !lib.any (text: lib.hasInfix text message) expected) said;
in
assert lib.assertMsg (
  unsaid == [ ]
) "not refused: ${lib.concatStringsSep "; " unsaid}; said: ${lib.concatStringsSep "; " said}";
assert lib.assertMsg (further == [ ]) "refused beside: ${lib.concatStringsSep "; " further}";
pkgs.runCommand "modules-refuse" { } "touch $out"
