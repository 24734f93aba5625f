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
          };
          "app f".port = 8005;
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
      machine = clustered { };
      expected = [ "cluster.roles is empty" ];
    }
    {
      machine = clustered {
        cluster = {
          roles = [
            "backend"
            "storage"
          ];
          replicationFactor = 4;
          storage.replicationFactor = 5;
        };
      };
      expected = [
        "cluster.replicationFactor is 4, but there are 3 backends in peers"
        "cluster.storage.replicationFactor is 5, but there are 3 machines in storage.peers"
      ];
    }
    {
      machine = clustered { cluster.roles = [ "backend" ]; };
      expected = [ "this backend has no storage" ];
    }
    {
      machine = clustered {
        host = lib.mkForce "192.168.1.9";
        cluster = {
          roles = [
            "backend"
            "storage"
          ];
          peers = [ "192.168.1.3" ];
          mimir.port = 3100;
        };
      };
      expected = [
        "host is 192.168.1.9, which is none of cluster.peers"
        "host is 192.168.1.9, which is none of cluster.storage.peers"
        "cluster.peers has 192.168.1.3 more than once"
        "Loki and Mimir want the same port, 3100"
      ];
    }
    {
      machine = clustered {
        enable = lib.mkOverride 10 true;
        cluster.roles = [ "storage" ];
      };
      expected = [ "services.salvo-lab.enable brings the instances' side of the lab" ];
    }
    {
      machine = clustered {
        enable = lib.mkOverride 10 true;
        loki = {
          enable = true;
          port = 3101;
        };
        cluster = {
          roles = [ "edge" ];
          peers = lib.mkForce [ ];
        };
      };
      expected = [
        "cluster.peers is empty"
        "cluster.replicationFactor is 3, but there are 0 backends"
        "an edge runs no Tempo and no Loki of its own"
        "Loki and the gateway to Loki want the same port, 3101"
      ];
    }
    {
      machine = clustered {
        host = lib.mkForce "127.0.0.1";
        enable = lib.mkOverride 10 true;
        allowedAddresses = lib.mkForce [ "localhost" ];
        cluster.roles = [ "edge" ];
      };
      expected = [
        "services.salvo-lab uses 192.168.1.1, 192.168.1.2, 192.168.1.3, but allowedAddresses"
      ];
    }
  ];

  expectedOfOne = [
    "app-a and app-b all listen on 127.0.0.1:8000"
    "app-c.targets has 1 entries"
    "app-d uses http://192.168.1.2:4317, but allowedAddresses"
    "app-e.environment sets headers"
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
