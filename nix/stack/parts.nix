# What the stacks under process-compose are made of: a server, an instance of the service, and the start of all of them.
{
  pkgs,
  salvo-app,
  salvo-app-faults,
  # Where everything listens, by name.
  ports,
}:
let
  inherit (pkgs) lib;
  addresses = import ../addresses.nix { inherit lib; };
  began = builtins.readFile ./began.sh;

  logFiles = pkgs.writeShellApplication {
    name = "log-files";
    runtimeInputs = [
      pkgs.coreutils
      pkgs.gawk
    ];
    runtimeEnv.LOG_FILES_AWK = "${./log-files.awk}";
    text = began + builtins.readFile ./log-files.sh;
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
      # Whose port that is.
      port ? name,
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
        exec.command = "${lib.getExe pkgs.curl} -q --noproxy '*' --silent --fail --max-time 2 --output /dev/null http://127.0.0.1:\$${addresses.variable port}${ready}";
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

  # Its name puts it first in the list, where it is shown without a key being pressed.
  banner = {
    description = "where everything is";
    command = pkgs.writeShellApplication {
      name = "addresses";
      text = builtins.readFile ./banner.sh;
    };
    depends_on = lib.genAttrs [ "app-a" "grafana" ] (_: {
      condition = "process_healthy";
    });
  };

  # The module of a whole stack. `variables` are set for start.sh, `before` is shell text that runs before it.
  start =
    {
      variables,
      processes,
      before ? "",
      tools ? [ ],
    }:
    {
      cli.preHook = ''
        export PATH=${
          lib.makeBinPath (
            [
              pkgs.bash
              pkgs.coreutils
              pkgs.curl
            ]
            ++ tools
          )
        }:$PATH
        ${lib.toShellVars variables}
        ${addresses.shell ports}
        ${began}
        ${before}
        ${builtins.readFile ./start.sh}
      '';
      settings = {
        is_strict = true;
        # Whoever uses a server ends before it does.
        ordered_shutdown = true;
        log_level = "info";
        processes = processes // {
          addresses = banner;
        };
      };
    };
in
{
  inherit
    addresses
    app
    server
    start
    ;
}
