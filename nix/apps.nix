# What `nix run` starts: the stack, and what is used beside it.
{
  self,
  pkgs,
  packages,
}:
let
  inherit (pkgs) lib;
  inherit (pkgs.stdenv.hostPlatform) system;
  addresses = import ./addresses.nix { inherit lib; };

  app = description: program: {
    type = "app";
    inherit program;
    meta = { inherit description; };
  };

  # A command of `lab` with the addresses of the stack that runs in this folder.
  beside =
    name: text:
    lib.getExe (
      pkgs.writeShellApplication {
        inherit name;
        text = ''
          ${addresses.shell (import ./ports.nix)}
          ${builtins.readFile ./stack/beside.sh}
          ${text}
        '';
      }
    );

  # The control ports of the instances, which are open in a stack with LAB_FAULTS=1.
  faults = ''
    faults=()
    for port in "''${LAB_FAULTS_A_PORT:-8100}" "''${LAB_FAULTS_B_PORT:-8101}" "''${LAB_FAULTS_C_PORT:-8102}"; do
      faults+=(--faults "http://$LAB_HOST:$port")
    done
  '';

  stack = app "The lab with the real servers, under process-compose" (lib.getExe packages.stack);
in
{
  inherit stack;
  default = stack;
  stack-alloy = app "The same with Alloy in the place of Promtail, which takes all signals over OTLP too" (
    lib.getExe packages.stack-alloy
  );
  stack-cluster = app "The same on a cluster: three each of Tempo, Loki and Mimir over Garage, behind a gateway" (
    lib.getExe packages.stack-cluster
  );

  verify = app "Check that the running stack keeps every promise" (
    beside "verify" ''
      arguments=("''${instances[@]/#/--app=}")
      arguments+=(--tempo "$LAB_TEMPO_URL" --loki "$LAB_LOKI_URL" --prometheus "$LAB_PROMETHEUS_URL" --grafana "$LAB_GRAFANA_URL")
      password=$LAB_STATE/secrets/grafana-admin-password
      if [[ -r $password ]]; then
        arguments+=(--grafana-password-file "$password")
      fi
      # Proofs of the incidents take the place of the promises, and need nothing of what follows.
      if [[ " $*" == *" --incidents"* ]]; then
        ${faults}
        exec ${lib.getExe packages.lab} verify "''${arguments[@]}" "''${faults[@]}" "$@"
      fi
      servers=tempo,loki,prometheus,grafana,promtail
      ports=
      if [[ -r $LAB_STATE/ports ]]; then ports=$(<"$LAB_STATE/ports"); fi
      # Alloy, and the gateway of a cluster, take all signals.
      if [[ $ports == *LAB_ALLOY_PORT=* ]]; then
        servers=''${servers/promtail/alloy}
        arguments+=(--otlp="http://$LAB_HOST:$LAB_OTLP_HTTP_PORT")
      elif [[ $ports == *LAB_SCRAPER_PORT=* ]]; then
        servers=tempo-1,tempo-2,tempo-3,loki-1,loki-2,loki-3,prometheus,grafana,promtail
        arguments+=(--otlp="http://$LAB_HOST:$LAB_OTLP_HTTP_PORT")
      fi
      exec ${lib.getExe packages.lab} verify "''${arguments[@]}" --servers-log="$servers" "$@"
    ''
  );

  load = app "Send traffic to the instances of the running stack" (
    beside "load" ''
      exec ${lib.getExe packages.lab} load "''${instances[@]/#/--target=}" "$@"
    ''
  );

  incident = app "Break the running stack, and find out from its telemetry what happened" (
    beside "incident" ''
      # Only a start has to be told where the lab is.
      addresses=()
      if [[ ''${1:-} == start ]]; then
        echo "where a text says \`lab incident\`, \`nix run .#incident --\` does the same here" >&2
        addresses=("''${instances[@]/#/--app=}" --prometheus "$LAB_PROMETHEUS_URL" --loki "$LAB_LOKI_URL" --tempo "$LAB_TEMPO_URL" --grafana "$LAB_GRAFANA_URL")
        ${faults}
        addresses+=("''${faults[@]}")
      fi
      exec ${lib.getExe packages.lab} incident "$@" "''${addresses[@]}"
    ''
  );

  # Not a check: a check sees no network, and a database that flake.lock pins would not know what became known since.
  advisories = app "Look up the known vulnerabilities of what Cargo.lock names" (
    lib.getExe (
      pkgs.writeShellApplication {
        name = "advisories";
        runtimeInputs = [
          pkgs.cargo
          pkgs.cargo-deny
        ];
        text = ''
          exec cargo-deny --locked check --hide-inclusion-graph advisories "$@"
        '';
      }
    )
  );
}
// lib.optionalAttrs pkgs.stdenv.hostPlatform.isLinux {
  vm =
    let
      machine = self.nixosConfigurations.lab.extendModules {
        modules = [ { nixpkgs.hostPlatform = lib.mkForce system; } ];
      };
    in
    app "A virtual machine that runs the lab as systemd services" (
      lib.getExe (
        pkgs.writeShellApplication {
          name = "vm";
          text = ''
            ${addresses.state}
            # Not in the folder at hand: Nix would copy the disk into its store with the checkout.
            export NIX_DISK_IMAGE=''${NIX_DISK_IMAGE:-$LAB_STATE/vm.qcow2}
            mkdir -p "$(dirname "$NIX_DISK_IMAGE")"
            exec ${lib.getExe machine.config.system.build.vm} "$@"
          '';
        }
      )
    );
}
