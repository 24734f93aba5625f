# The whole lab under process-compose: the three instances and the real servers, on loopback, in one folder.
{
  pkgs,
  processCompose,
  salvo-app,
  salvo-app-faults,
  promtail,
  # Who reads the log files: promtail or alloy.
  shipper ? "promtail",
}:
let
  inherit (pkgs) lib;
  name = if shipper == "promtail" then "stack" else "stack-${shipper}";
  isAlloy = shipper == "alloy";
  # What this stack does not run; and only Alloy takes the ports for OTLP away from Tempo.
  others = [
    "zero-code"
  ]
  ++ lib.optional isAlloy "promtail"
  ++ lib.optionals (!isAlloy) [
    "alloy"
    "tempo-otlp-grpc"
    "tempo-otlp-http"
  ];
  ports = removeAttrs (import ./ports.nix) others;
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

  # With the variables of the ports in the place of the ports; the start puts their values there.
  configuration = import ./prometheus.nix { inherit lib; };
  prometheusFile = pkgs.writeText "prometheus.yml" (
    configuration.render {
      inherit shipper;
      targets = lib.genAttrs (
        lib.attrNames (removeAttrs configuration.targets [ "promtail" ]) ++ [ shipper ]
      ) (job: [ "127.0.0.1:@${addresses.variable job}@" ]);
    }
  );

  # Alloy reads all files of a folder as one.
  alloyFiles = lib.fileset.toSource {
    root = ../etc/alloy;
    fileset = lib.fileset.unions [
      ../etc/alloy/files.alloy
      ../etc/alloy/otlp.alloy
    ];
  };

  servers = [
    {
      name = "tempo";
      description = "keeps traces";
      # It can hang on SIGTERM when a query came shortly before; its write-ahead log is replayed at the next start.
      stopSeconds = 15;
      command = lib.concatStringsSep " " (
        lib.optional isAlloy ''env LAB_OTLP_GRPC_PORT="$LAB_TEMPO_OTLP_GRPC_PORT" LAB_OTLP_HTTP_PORT="$LAB_TEMPO_OTLP_HTTP_PORT"''
        ++ [
          "${lib.getExe' pkgs.tempo "tempo"} -config.expand-env=true -config.file=${etc}/tempo/tempo.yaml"
        ]
      );
    }
    {
      name = "loki";
      description = "keeps logs";
      stopSeconds = 20;
      command = "${lib.getExe' pkgs.grafana-loki "loki"} -config.expand-env=true -config.file=${etc}/loki/loki.yaml";
    }
    {
      name = "prometheus";
      description = "keeps metrics";
      ready = "/-/ready";
      stopSeconds = 20;
      command = lib.concatStringsSep " " [
        (lib.getExe' pkgs.prometheus "prometheus")
        ''--config.file="$LAB_STATE/prometheus/prometheus.yml"''
        ''--web.listen-address="$LAB_HOST:$LAB_PROMETHEUS_PORT"''
        ''--storage.tsdb.path="$LAB_STATE/data/prometheus" --storage.tsdb.retention.time=7d''
        "--enable-feature=exemplar-storage"
        # Tempo writes what it counts in spans.
        "--web.enable-remote-write-receiver"
        # What programs measure comes over OTLP.
        "--web.enable-otlp-receiver"
        # By default every web page that the browser of this machine shows may read all metrics.
        "--web.cors.origin=none"
      ];
    }
    {
      name = "grafana";
      description = "shows it all";
      ready = "/api/health";
      after = [
        "tempo"
        "loki"
        "prometheus"
      ];
      command = lib.getExe grafana;
    }
    {
      name = shipper;
      description = "reads the log files" + lib.optionalString isAlloy ", takes all signals over OTLP";
      ready = if isAlloy then "/-/ready" else "/ready";
      after = [
        "loki"
      ]
      ++ lib.optionals isAlloy [
        "tempo"
        "prometheus"
      ];
      command =
        {
          promtail = "${lib.getExe' promtail "promtail"} -config.expand-env=true -config.file=${etc}/promtail/files.yaml";
          alloy = lib.concatStringsSep " " [
            ''env LAB_TEMPO_OTLP_URL="http://$LAB_HOST:$LAB_TEMPO_OTLP_HTTP_PORT"''
            "${lib.getExe' pkgs.grafana-alloy "alloy"} run --disable-reporting"
            ''--server.http.listen-addr="$LAB_HOST:$LAB_ALLOY_PORT" --storage.path="$LAB_STATE/data/alloy"''
            "${alloyFiles}"
          ];
        }
        .${shipper};
    }
  ];

  grafana = pkgs.callPackage ./stack/grafana.nix { inherit etc; };
  backends = [
    "tempo"
    shipper
  ];
in
processCompose.makeProcessCompose {
  inherit name;
  modules = [
    (parts.start {
      variables = {
        LAB_NAME = name;
        LAB_SHIPPER = shipper;
        LAB_PROMETHEUS_FILE = prometheusFile;
      };
      processes = lib.listToAttrs (map (one: lib.nameValuePair one.name (server one)) servers) // {
        app-b = app "b" "C" "A" backends;
        app-c = app "c" "A" "B" backends;
        app-a = app "a" "B" "C" (
          backends
          ++ [
            "app-b"
            "app-c"
          ]
        );
      };
    })
  ];
}
