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
  addresses = import ./addresses.nix { inherit lib; };
  etc = ../etc;
  began = builtins.readFile ./stack/began.sh;

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

  logFiles = pkgs.writeShellApplication {
    name = "log-files";
    runtimeInputs = [
      pkgs.coreutils
      pkgs.gawk
    ];
    runtimeEnv.LOG_FILES_AWK = "${./stack/log-files.awk}";
    text = began + builtins.readFile ./stack/log-files.sh;
  };

  # A server that is never meant to end. `ready` is what its port answers with 200 once it can be used.
  server =
    {
      name,
      description,
      command,
      # Shell text before the command.
      before ? "",
      ready ? "/ready",
      after ? [ ],
      # How long it may take to end before it is killed.
      stopSeconds ? 10,
    }:
    {
      inherit description;
      command = pkgs.writeShellApplication {
        inherit name;
        runtimeInputs = [ logFiles ];
        text = "${before}exec log-files ${name} ${command}";
      };
      # Asked with curl and not by process-compose itself, whose probes know no variable for the port.
      readiness_probe = {
        exec.command = "${lib.getExe pkgs.curl} -q --noproxy '*' --silent --fail --max-time 2 --output /dev/null http://127.0.0.1:\$${addresses.variable name}${ready}";
        period_seconds = 2;
        timeout_seconds = 3;
        # Two minutes for the slowest disk; then it is stopped and started again.
        failure_threshold = 60;
      };
      depends_on = lib.genAttrs after (_: {
        condition = "process_healthy";
      });
      availability = {
        restart = "always";
        backoff_seconds = 2;
      };
      shutdown = {
        signal = 15;
        timeout_seconds = stopSeconds;
      };
    };

  # Its targets are the two instances after it.
  app =
    letter: one: two: after:
    server {
      name = "app-${letter}";
      description = "an instance of the service";
      ready = "/readyz";
      inherit after;
      # Ten seconds for requests, five for spans.
      stopSeconds = 20;
      before = ''
        app=(${lib.getExe salvo-app})
        if [[ ''${LAB_FAULTS:-} == 1 ]]; then
          app=(${lib.getExe salvo-app-faults} --faults "127.0.0.1:$LAB_FAULTS_${lib.toUpper letter}_PORT")
        fi
      '';
      command = lib.concatStringsSep " " [
        # A person's environment shall not switch a pillar off.
        "env -u OTEL_SDK_DISABLED -u OTEL_TRACES_EXPORTER -u OTEL_PROPAGATORS -u OTEL_RESOURCE_ATTRIBUTES -u RUST_LOG"
        "-u OTEL_EXPORTER_OTLP_HEADERS -u OTEL_EXPORTER_OTLP_TRACES_HEADERS"
        "-u OTEL_EXPORTER_OTLP_PROTOCOL -u OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
        "-u OTEL_EXPORTER_OTLP_COMPRESSION -u OTEL_EXPORTER_OTLP_TRACES_COMPRESSION"
        # Each would need a folder, or a port, of its own.
        "-u SPAN_SPOOL_DIR -u FAULTS_ADDRESS"
        ''"''${app[@]}"''
        "--app-name app-${letter}"
        ''--expose-host "$LAB_HOST" --expose-port "$LAB_APP_${lib.toUpper letter}_PORT"''
        ''--otlp-grpc-endpoint "http://$LAB_HOST:$LAB_OTLP_GRPC_PORT" --otel-bsp-schedule-delay 200''
        ''--target-one-host "$LAB_HOST:$LAB_APP_${one}_PORT" --target-two-host "$LAB_HOST:$LAB_APP_${two}_PORT"''
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
    {
      cli.preHook = ''
        export PATH=${
          lib.makeBinPath [
            pkgs.bash
            pkgs.coreutils
            pkgs.curl
          ]
        }:$PATH
        LAB_NAME=${name} LAB_SHIPPER=${shipper} LAB_PROMETHEUS_FILE=${prometheusFile}
        ${addresses.shell ports}
        ${began}
        ${builtins.readFile ./stack/start.sh}
      '';
      settings = {
        is_strict = true;
        # Whoever uses a server ends before it does.
        ordered_shutdown = true;
        log_level = "info";
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
          # Its name puts it first in the list, where it is shown without a key being pressed.
          addresses = {
            description = "where everything is";
            command = pkgs.writeShellApplication {
              name = "addresses";
              text = builtins.readFile ./stack/banner.sh;
            };
            depends_on = lib.genAttrs [ "app-a" "grafana" ] (_: {
              condition = "process_healthy";
            });
          };
        };
      };
    }
  ];
}
