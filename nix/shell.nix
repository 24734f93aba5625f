# The tools of whoever works on the lab. What is big, or often fails to build, is in a shell of its own.
{ pkgs, packages }:
let
  inherit (pkgs) lib;
  inherit (pkgs.stdenv.hostPlatform) isLinux;
in
{
  default = pkgs.mkShell {
    packages = [
      # Rust, the same as the packages are built with
      pkgs.cargo
      pkgs.clippy
      pkgs.rust-analyzer
      pkgs.rustc
      pkgs.rustfmt
      pkgs.cargo-deny
      pkgs.cargo-nextest

      # Asking the servers, and checking what they read
      pkgs.grafana-alloy
      pkgs.grafana-loki
      pkgs.prometheus.cli
      pkgs.tempo
      packages.promtail

      # Traffic
      pkgs.k6
      pkgs.oha
      pkgs.siege

      # Nix
      pkgs.deadnix
      pkgs.nixfmt
      pkgs.process-compose
      pkgs.statix
    ];

    env.RUST_SRC_PATH = "${pkgs.rustPlatform.rustLibSrc}";

    shellHook = ''
      echo "The lab: cargo run -- up (one process) or nix run .#stack (the real servers); then cargo run -- verify"
      echo "Tests:   cargo test, cargo nextest run, nix flake check"
      echo "Tools:   promtool logcli tempo-cli promtail alloy k6 oha siege process-compose nixfmt statix deadnix"
      echo "More:    nix develop .#load has Locust, nix develop .#browser has Node and Chromium for .ci/browser"
    '';
  };

  load = pkgs.mkShell {
    packages = [
      pkgs.k6
      pkgs.oha
      pkgs.siege
      (pkgs.python3.withPackages (python: [ python.locust ]))
    ];
  };

  # nixpkgs has Chromium for Linux alone; elsewhere CHROMIUM has to name one that is installed.
  browser = pkgs.mkShell {
    packages = [ pkgs.nodejs ] ++ lib.optional isLinux pkgs.chromium;
  };
}
