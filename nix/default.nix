# What the flake gives on one system.
{ inputs, system }:
let
  inherit (inputs) self;
  pkgs = inputs.nixpkgs.legacyPackages.${system};
  inherit (pkgs) lib;

  rust = import ./package.nix {
    inherit pkgs;
    craneLib = inputs.crane.mkLib pkgs;
  };
  ofStacks = {
    inherit pkgs;
    inherit (packages) promtail salvo-app salvo-app-faults;
    processCompose = import inputs.process-compose-flake.lib { inherit pkgs; };
  };
  stack = shipper: import ./stack.nix (ofStacks // { inherit shipper; });
  packages = {
    inherit (rust) lab salvo-app salvo-app-faults;
    default = rust.lab;
    stack = stack "promtail";
    stack-alloy = stack "alloy";
    stack-cluster = import ./stack-cluster.nix ofStacks;
    promtail = import ./promtail.nix { inherit inputs system; };
  }
  # A nixpkgs that is given in place of the pinned one may lack the tool.
  // lib.optionalAttrs (pkgs ? cargo-cyclonedx) { inherit (rust) sbom; };
  apps = import ./apps.nix { inherit self pkgs packages; };
in
{
  inherit apps packages;
  devShells = import ./shell.nix { inherit pkgs packages; };
  checks =
    rust.checks
    // {
      inherit (rust) lab salvo-app;
    }
    // import ./checks.nix { inherit apps pkgs packages; }
    // lib.optionalAttrs pkgs.stdenv.hostPlatform.isLinux (import ./tests { inherit self pkgs; });
  formatter = pkgs.nixfmt-tree;
}
