# Checks of the NixOS modules: three that boot machines, and those that evaluation alone can make.
{ self, pkgs }:
let
  prelude = "PORTS = ${
    builtins.toJSON (import ../ports.nix // import ../cluster-ports.nix)
  }\n${builtins.readFile ./prelude.py}";
  vm = file: pkgs.testers.runNixOSTest (import file { inherit self prelude; });
  machines = {
    vm-promtail = vm ./vm-promtail.nix;
    vm-alloy = vm ./vm-alloy.nix;
    vm-two-machines = vm ./vm-two-machines.nix;
    vm-cluster = vm ./vm-cluster.nix;
  };
in
machines
// {
  units = import ./units.nix {
    inherit pkgs;
    inherit (machines.vm-promtail.nodes) machine;
    inherit (machines.vm-cluster.nodes) backend1 edge;
  };
  docs-nixos = import ./docs.nix {
    inherit pkgs;
    inherit (self.nixosConfigurations.lab) options;
  };
  modules-refuse = import ./refuse.nix { inherit self pkgs; };
  modules-yield = import ./yield.nix { inherit self pkgs; };
  modules-zero-code = import ./zero-code.nix { inherit self pkgs; };
}
