# What `nix flake check` looks at beside the Rust code and the machines: each configuration by its own server, the
# stack as it is generated and as it runs, the dashboards, and the Nix files themselves.
{
  apps,
  pkgs,
  packages,
}:
let
  inherit (pkgs) lib;
  inherit (pkgs.stdenv.hostPlatform) isLinux;

  etc = ../etc;
  ports = import ./ports.nix;
  addresses = import ./addresses.nix { inherit lib; };
  cluster = import ./stack/cluster-ports.nix { inherit lib; };

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

  # Each file, and each folder that Alloy reads as one. eBPF is Linux' alone.
  alloy = check "alloy" [ pkgs.grafana-alloy ] (
    each (kind: ''
      alloy fmt --test ${etc}/alloy/${kind}.alloy
      alloy validate ${etc}/alloy/${kind}.alloy
    '') (kinds ++ [ "otlp" ] ++ lib.optional isLinux "zero-code")
    + each (kind: ''
      mkdir ${kind}
      cp ${etc}/alloy/${kind}.alloy ${etc}/alloy/otlp.alloy ${kind}
      alloy validate ${kind}
    '') kinds
  );

  # The cluster's files by the servers that read them; Mimir and nginx know no other way than these.
  cluster =
    check "cluster"
      [
        pkgs.grafana-loki
        pkgs.mimir
        pkgs.nginx
        pkgs.prometheus.cli
        pkgs.tempo
        pkgs.gawk
      ]
      ''
        set -a
        . ${etc}/cluster/cluster.env
        LAB_CLUSTER_ADDRESS=127.0.0.1
        for name in TEMPO LOKI MIMIR GARAGE GATEWAY; do
          export LAB_''${name}_PATH=$TMPDIR/$name
          mkdir -p $TMPDIR/$name
        done
        tempo -config.verify=true -config.expand-env=true -config.file=${etc}/cluster/tempo.yaml
        loki -verify-config -config.expand-env=true -config.file=${etc}/cluster/loki.yaml
        mimir -modules -config.expand-env=true -config.file=${etc}/cluster/mimir.yaml >/dev/null
        sh ${etc}/cluster/render.sh ${etc}/cluster/nginx.conf >nginx.conf
        nginx -t -e stderr -c $PWD/nginx.conf
        sh ${etc}/cluster/render.sh ${etc}/cluster/garage.toml >/dev/null
        cat ${etc}/prometheus/prometheus.yml ${etc}/cluster/remote-write.yml >prometheus.yml
        cp ${etc}/prometheus/rules.yml .
        promtool check config prometheus.yml
      '';

  # Prepares a folder as at a start, on ports that nobody has, and lets process-compose read what it would run.
  stack =
    pkgs.runCommand "check-stack"
      (
        {
          nativeBuildInputs = [
            pkgs.nginx
            pkgs.prometheus.cli
          ];
        }
        // addresses.moved (cluster.ports // ports) 47800
      )
      ''
        export HOME=$TMPDIR
        for stack in ${lib.getExe packages.stack} ${lib.getExe packages.stack-alloy}; do
          export LAB_STATE=$TMPDIR/$(basename $stack)
          $stack --help >/dev/null
          $stack --dry-run
          promtool check config $LAB_STATE/prometheus/prometheus.yml
          test $(grep -c '"127.0.0.1:478' $LAB_STATE/prometheus/prometheus.yml) = \
            $(grep -c '"127.0.0.1:' ${etc}/prometheus/prometheus.yml)
          if grep @ $LAB_STATE/prometheus/prometheus.yml; then exit 1; fi
          test "$(stat -c %a $LAB_STATE/secrets $LAB_STATE/secrets/* | tr '\n' ' ')" = "700 600 600 "
        done

        export LAB_STATE=$TMPDIR/stack-cluster
        ${lib.getExe packages.stack-cluster} --help >/dev/null
        ${lib.getExe packages.stack-cluster} --dry-run
        promtool check config $LAB_STATE/prometheus/prometheus.yml
        nginx -t -e stderr -c $LAB_STATE/cluster/nginx.conf
        if grep -r '[@$]{*LAB_' $LAB_STATE/prometheus $LAB_STATE/cluster; then exit 1; fi
        test "$(stat -c %a $LAB_STATE/secrets $LAB_STATE/secrets/* | sort | uniq -c | tr -s '\n ' ' ')" = " 5 600 1 700 "

        # A checkout that is no git repository is copied into the store with all that is in it.
        mkdir checkout
        touch checkout/flake.nix
        if LAB_STATE=$PWD/checkout/data ${lib.getExe packages.stack} --dry-run 2>said; then exit 1; fi
        grep 'which Nix copies into its store' said
        touch $out
      '';

  # The real stack, from its start to its end.
  stack-runs =
    pkgs.runCommand "check-stack-runs"
      (
        {
          nativeBuildInputs = [
            pkgs.curl
            pkgs.procps
          ];
          __darwinAllowLocalNetworking = true;
          STACK = apps.stack.program;
          VERIFY = apps.verify.program;
        }
        // addresses.moved ports 47900
      )
      ''
        ${builtins.readFile ./tests/stack-runs.sh}
        touch $out
      '';

  # The cluster from its start to its end, a backend killed under load meanwhile.
  stack-cluster-runs =
    pkgs.runCommand "check-stack-cluster-runs"
      (
        {
          nativeBuildInputs = [
            pkgs.curl
            pkgs.gawk
            pkgs.jq
            pkgs.procps
          ];
          __darwinAllowLocalNetworking = true;
          STACK = apps.stack-cluster.program;
          VERIFY = apps.verify.program;
          LAB = lib.getExe packages.lab;
          KILL = "${./tests/cluster-kill.sh}";
        }
        // addresses.moved (cluster.ports // ports) 47700
      )
      ''
        ${builtins.readFile ./tests/stack-cluster-runs.sh}
        touch $out
      '';

  # The defaults of the files under etc/ are the usual ports.
  ports = check "ports" [ ] (
    each (
      name:
      let
        variable = addresses.variable name;
      in
      ''
        { grep -rhoE '${variable}:-[0-9]+' ${etc} || true; } | sort -u > found
        if [ -s found ]; then echo '${variable}:-${toString ports.${name}}' | diff - found; fi
      ''
    ) (lib.attrNames ports)
  );

  grafana-data-sources = check "grafana-data-sources" [ ] (
    let
      missing = import ./stack/grafana-sources.nix {
        inherit lib;
        inherit (pkgs.grafana) version;
      };
    in
    lib.optionalString (missing != null) ''
      echo ${lib.escapeShellArg "${missing} Keep nixpkgs where it is, or give nix/stack/grafana.nix and nix/modules/backends/grafana.nix the three plugins of nixpkgs first."}
      exit 1
    ''
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
