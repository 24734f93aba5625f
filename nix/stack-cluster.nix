# The lab on a cluster, under process-compose on one machine: three Tempo, three Loki and three Mimir over Garage, behind
# the gateway, as etc/cluster/ has them for machines of their own.
{
  pkgs,
  processCompose,
  salvo-app,
  salvo-app-faults,
  promtail,
}:
let
  inherit (pkgs) lib;
  name = "stack-cluster";
  cluster = import ./stack/cluster-ports.nix { inherit lib; };
  inherit (cluster) backends nameOf ports;
  parts = import ./stack/parts.nix {
    inherit
      pkgs
      ports
      salvo-app
      salvo-app-faults
      ;
  };
  inherit (parts) addresses app server;
  etc = ../etc;
  garage = import ./garage.nix { inherit pkgs; };

  # "$LAB_TEMPO_2_GRPC_PORT" for backend 2 and tempo-grpc.
  portOf = backend: port: "$" + addresses.variable (nameOf backend port);
  all = kind: map (backend: "${kind}-${toString backend}") backends;
  engines = lib.concatMap all [
    "tempo"
    "loki"
    "mimir"
  ];

  configuration = import ./prometheus.nix { inherit lib; };
  at = port: "127.0.0.1:@${addresses.variable port}@";
  prometheusFile = pkgs.writeText "prometheus.yml" (
    configuration.render {
      shipper = "promtail";
      targets = lib.mapAttrs (job: _: [ (at job) ]) configuration.targets // {
        prometheus = [ (at "scraper") ];
        tempo = map at (all "tempo");
        loki = map at (all "loki");
        mimir = map at (all "mimir");
        garage = [ (at "garage-admin") ];
      };
      remoteWrite = at "prometheus";
    }
  );

  querierRing = import ./mimir-ring.nix {
    inherit lib;
    inherit (pkgs) mimir;
  };

  # One of the servers, with the variables of etc/cluster/cluster.env that differ from one to the other.
  engine =
    kind: program: backend:
    server {
      name = "${kind}-${toString backend}";
      description = "keeps ${
        {
          tempo = "traces";
          loki = "logs";
          mimir = "metrics";
        }
        .${kind}
      }, ${toString backend} of ${toString (lib.length backends)}";
      after = [ ];
      stopSeconds = 20;
      command = lib.concatStringsSep " " (
        [
          "env"
          "LAB_CLUSTER_INSTANCE=backend-${toString backend}"
          ''LAB_${lib.toUpper kind}_PEERS="${
            lib.concatMapStringsSep "," (peer: "$LAB_HOST:${portOf peer "${kind}-gossip"}") backends
          }"''
          ''LAB_${lib.toUpper kind}_PATH="$LAB_STATE/data/${kind}-${toString backend}"''
        ]
        ++ map (port: ''${addresses.variable port}="${portOf backend port}"'') (
          lib.filter (lib.hasPrefix kind) cluster.ofBackend
        )
        ++ lib.optionals (kind == "tempo") [
          ''LAB_OTLP_GRPC_PORT="${portOf backend "tempo-otlp-grpc"}"''
          ''LAB_OTLP_HTTP_PORT="${portOf backend "tempo-otlp-http"}"''
          # What it counts in spans goes to the Mimir beside it.
          ''LAB_MIMIR_PORT="${portOf backend "mimir"}"''
        ]
        ++ [ "${program} -config.expand-env=true -config.file=${etc}/cluster/${kind}.yaml" ]
        ++ lib.optionals (kind == "mimir") (querierRing {
          instance = "backend-${toString backend}";
          address = ''"$LAB_HOST"'';
        })
      );
    }
    // {
      # What it keeps is in the buckets.
      depends_on.garage-setup.condition = "process_completed_successfully";
    };

  single = [
    {
      name = "garage";
      description = "is the S3 of all others";
      port = "garage-admin";
      ready = "/health";
      # Before its first layout it is not healthy, and the setup is what makes it that.
      command = ''env RUST_LOG=warn ${lib.getExe' garage "garage"} -c "$LAB_STATE/cluster/garage.toml" server'';
    }
    {
      name = "gateway";
      description = "leads to one that lives";
      port = "prometheus";
      ready = "/-/ready";
      after = engines;
      command = ''${lib.getExe' pkgs.nginx "nginx"} -e stderr -c "$LAB_STATE/cluster/nginx.conf"'';
    }
    {
      name = "prometheus";
      description = "scrapes, and sends to Mimir";
      port = "scraper";
      ready = "/-/ready";
      after = [ "gateway" ];
      stopSeconds = 20;
      command = lib.concatStringsSep " " [
        (lib.getExe' pkgs.prometheus "prometheus")
        ''--config.file="$LAB_STATE/prometheus/prometheus.yml"''
        ''--web.listen-address="$LAB_HOST:$LAB_SCRAPER_PORT"''
        # What Mimir has for a week it needs for its rules only.
        ''--storage.tsdb.path="$LAB_STATE/data/prometheus" --storage.tsdb.retention.time=6h''
        "--enable-feature=exemplar-storage"
        # By default every web page that the browser of this machine shows may read all metrics.
        "--web.cors.origin=none"
      ];
    }
    {
      name = "grafana";
      description = "shows it all";
      ready = "/api/health";
      after = [
        "gateway"
        "prometheus"
      ];
      command = lib.getExe grafana;
    }
    {
      name = "promtail";
      description = "reads the log files";
      after = [ "gateway" ];
      command = "${lib.getExe' promtail "promtail"} -config.expand-env=true -config.file=${etc}/promtail/files.yaml";
    }
  ];

  grafana = pkgs.callPackage ./stack/grafana.nix { inherit etc; };
  before = [
    "gateway"
    "promtail"
  ];
  engineProcesses =
    kind: program:
    lib.listToAttrs (
      map (
        backend: lib.nameValuePair "${kind}-${toString backend}" (engine kind program backend)
      ) backends
    );
in
processCompose.makeProcessCompose {
  inherit name;
  modules = [
    (parts.start {
      variables = {
        LAB_NAME = name;
        LAB_SHIPPER = "promtail";
        LAB_PROMETHEUS_FILE = prometheusFile;
        LAB_CLUSTER_FILES = "${etc}/cluster";
        LAB_SERVERS = "three each of Tempo, Loki and Mimir over Garage";
      };
      before = builtins.readFile ./stack/cluster.sh;
      tools = [ pkgs.gawk ];
      processes =
        lib.listToAttrs (map (one: lib.nameValuePair one.name (server one)) single)
        // engineProcesses "tempo" (lib.getExe' pkgs.tempo "tempo")
        // engineProcesses "loki" (lib.getExe' pkgs.grafana-loki "loki")
        // engineProcesses "mimir" (lib.getExe' pkgs.mimir "mimir")
        // {
          garage-setup = {
            description = "makes the buckets";
            command = pkgs.writeShellApplication {
              name = "garage-setup";
              runtimeInputs = [
                pkgs.coreutils
                pkgs.curl
                pkgs.jq
              ];
              text = "exec sh ${etc}/cluster/garage-setup.sh";
            };
            depends_on.garage.condition = "process_started";
            availability.restart = "on_failure";
          };
          app-b = app "b" "C" "A" before;
          app-c = app "c" "A" "B" before;
          app-a = app "a" "B" "C" (
            before
            ++ [
              "app-b"
              "app-c"
            ]
          );
        };
    })
  ];
}
