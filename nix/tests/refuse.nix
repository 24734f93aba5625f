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

  # One machine of a cluster, with these settings.
  clustered =
    settings:
    self.nixosConfigurations.lab.extendModules {
      modules = [
        {
          services.salvo-lab = {
            enable = lib.mkForce false;
            host = "192.168.1.1";
            allowedAddresses = [ "192.168.1.0/24" ];
            cluster = {
              enable = true;
              peers = [
                "192.168.1.1"
                "192.168.1.2"
                "192.168.1.3"
              ];
            };
          };
        }
        { services.salvo-lab = settings; }
      ];
    };

  # What each of these machines says, and nothing else.
  cases = [
    {
      machine = wrong;
      expected = expectedOfOne;
    }
    {
      machine = clustered {
        cluster = {
          peers = [ "192.168.1.3" ];
          replicationFactor = 4;
        };
      };
      expected = [
        "cluster.roles is empty"
        "cluster.peers has 192.168.1.3 more than once"
        "cluster.replicationFactor is 4, but there are 3 backends in peers"
      ];
    }
    {
      machine = clustered {
        host = lib.mkForce "192.168.1.9";
        cluster = {
          roles = [ "backend" ];
          mimir.port = 3100;
        };
      };
      expected = [
        "host is 192.168.1.9, which is none of cluster.peers"
        "this backend has no storage"
        "Loki and Mimir want the same port, 3100"
      ];
    }
    {
      machine = clustered {
        enable = lib.mkOverride 10 true;
        cluster = {
          roles = [ "storage" ];
          storage = {
            peers = [
              "192.168.1.5"
              "192.168.1.6"
            ];
            replicationFactor = 3;
          };
        };
      };
      expected = [
        "services.salvo-lab.enable brings the instances' side of the lab"
        "host is 192.168.1.1, which is none of cluster.storage.peers"
        "cluster.storage.replicationFactor is 3, but there are 2 machines in storage.peers"
      ];
    }
    {
      machine = clustered {
        enable = lib.mkOverride 10 true;
        tempo.enable = true;
        allowedAddresses = lib.mkForce [ "localhost" ];
        cluster = {
          roles = [
            "edge"
            "backend"
          ];
          s3.endpoint = "s3.example.com";
          peers = lib.mkForce [ ];
        };
      };
      expected = [
        "cluster.peers is empty"
        "cluster.replicationFactor is 3, but there are 0 backends"
        "host is 192.168.1.1, which is none of cluster.peers"
        "cluster.roles has \"backend\" and \"edge\" for one machine"
        "an edge runs no Tempo and no Loki of its own"
        "but allowedAddresses lets its servers talk to this machine alone"
        "Loki and the gateway to Loki want the same port, 3100"
        "Tempo and the gateway to Tempo want the same port, 3200"
        "Tempo's OTLP gRPC and the gateway to OTLP gRPC want the same port, 4317"
        "Tempo's OTLP HTTP and the gateway to OTLP HTTP want the same port, 4318"
      ];
    }
  ];

  expectedOfOne = [
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

  complaints = lib.concatMap (
    { machine, expected }:
    let
      said = map (it: it.message) (lib.filter (it: !it.assertion) machine.config.assertions);
      unsaid = lib.filter (text: !lib.any (lib.hasInfix text) said) expected;
      further = lib.filter (message: !lib.any (text: lib.hasInfix text message) expected) said;
    in
    lib.optional (
      unsaid != [ ]
    ) "not refused: ${lib.concatStringsSep "; " unsaid}; said: ${lib.concatStringsSep "; " said}"
    ++ lib.optional (further != [ ]) "refused beside: ${lib.concatStringsSep "; " further}"
  ) cases;
in
assert lib.assertMsg (complaints == [ ]) (lib.concatStringsSep "\n" complaints);
pkgs.runCommand "modules-refuse" { } "touch $out"
