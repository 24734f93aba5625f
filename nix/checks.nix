# What `nix flake check` looks at beside the Rust code and the machines: each configuration by its own server, the
# generated stack, the dashboards, and the Nix files themselves.
{ pkgs, packages }:
let
  inherit (pkgs) lib;
  inherit (pkgs.stdenv.hostPlatform) isLinux;

  etc = ../etc;

  # What `fileset.toSource` keeps of the tree is all that the check sees, so that nothing else runs it anew.
  nixFiles = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.fileFilter (file: file.hasExt "nix") ../.;
  };

  check =
    name: tools: script:
    pkgs.runCommand "check-${name}" { nativeBuildInputs = tools; } ''
      export HOME=$TMPDIR
      ${script}
      touch $out
    '';

  # The journal is Linux' alone.
  kinds = [ "files" ] ++ lib.optional isLinux "journal";
  each = lib.concatMapStringsSep "\n";
in
{
  prometheus = check "prometheus" [ pkgs.prometheus.cli ] ''
    promtool check config ${etc}/prometheus/prometheus.yml
    promtool check rules ${etc}/prometheus/rules.yml
    promtool test rules ${etc}/prometheus/rules.test.yml
  '';

  loki = check "loki" [ pkgs.grafana-loki ] ''
    LAB_LOKI_PATH=$TMPDIR loki -verify-config -config.expand-env=true -config.file=${etc}/loki/loki.yaml
  '';

  tempo = check "tempo" [ pkgs.tempo ] ''
    LAB_TEMPO_PATH=$TMPDIR tempo -config.verify=true -config.expand-env=true -config.file=${etc}/tempo/tempo.yaml
  '';

  promtail = check "promtail" [ packages.promtail ] (
    each (kind: ''
      LAB_PROMTAIL_PATH=$TMPDIR LAB_LOGS_PATH=$TMPDIR promtail -check-syntax -config.expand-env=true \
        -config.file=${etc}/promtail/${kind}.yaml
    '') kinds
  );

  alloy = check "alloy" [ pkgs.grafana-alloy ] (
    each (kind: ''
      alloy fmt --test ${etc}/alloy/${kind}.alloy
      alloy validate ${etc}/alloy/${kind}.alloy
    '') kinds
  );

  # Prepares a folder as at a start, on ports that nobody has, and lets process-compose read what it would run.
  stack = check "stack" [ pkgs.prometheus.cli ] (
    each (stack: ''
      export LAB_STATE=$TMPDIR/${stack.name}
      LAB_APP_A_PORT=47801 LAB_APP_B_PORT=47802 LAB_GRAFANA_PORT=47803 LAB_PROMETHEUS_PORT=47804 \
        LAB_LOKI_PORT=47805 LAB_LOKI_GRPC_PORT=47806 LAB_TEMPO_PORT=47807 LAB_TEMPO_GRPC_PORT=47808 \
        LAB_OTLP_GRPC_PORT=47809 LAB_OTLP_HTTP_PORT=47810 LAB_PROMTAIL_PORT=47811 LAB_ALLOY_PORT=47811 \
        LAB_APP_C_PORT=47812 ${lib.getExe stack} --dry-run
      promtool check config $LAB_STATE/prometheus/prometheus.yml
      test "$(grep -c '127.0.0.1:478' $LAB_STATE/prometheus/prometheus.yml)" = \
        "$(grep -c '127.0.0.1:' ${etc}/prometheus/prometheus.yml)"
      test "$(stat -c %a $LAB_STATE/secrets $LAB_STATE/secrets/* | tr '\n' ' ')" = "700 600 600 "
      ${lib.getExe stack} --help >/dev/null
    '') [
      packages.stack
      packages.stack-alloy
    ]
  );

  # That their queries work is for `cargo test`; Grafana refuses a dashboard without title, or two of one uid.
  dashboards = check "dashboards" [ pkgs.jq ] ''
    jq --exit-status --slurp '
      all(.[]; (.title | type == "string") and (.uid | type == "string") and (.panels | length > 0))
      and (map(.uid) | unique | length) == length
    ' ${../dashboards}/*.json
  '';

  nixfmt = check "nixfmt" [ pkgs.nixfmt ] "find ${nixFiles} -name '*.nix' -exec nixfmt --check {} +";
  statix = check "statix" [ pkgs.statix ] "statix check ${nixFiles}";
  deadnix = check "deadnix" [ pkgs.deadnix ] "deadnix --fail ${nixFiles}";
}
