# The lab's programs for a nixpkgs of your own: salvo-app, the same with faults that can be set, salvo-lab (the command
# lab) and promtail.
inputs: final: _prev:
let
  rust = import ./package.nix {
    pkgs = final;
    craneLib = inputs.crane.mkLib final;
  };
in
{
  inherit (rust) salvo-app salvo-app-faults;
  salvo-lab = rust.lab;
  promtail = import ./promtail.nix {
    inherit inputs;
    inherit (final.stdenv.hostPlatform) system;
  };
}
