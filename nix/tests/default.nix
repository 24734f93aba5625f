# Checks of the NixOS modules: three that boot machines, and those that evaluation alone can make.
{ self, pkgs }:
let
  vm = file: pkgs.testers.runNixOSTest (import file { inherit self; });
  machines = {
    vm-promtail = vm ./vm-promtail.nix;
    vm-alloy = vm ./vm-alloy.nix;
    vm-two-machines = vm ./vm-two-machines.nix;
  };
in
machines
// {
  units = import ./units.nix {
    inherit pkgs;
    promtail = machines.vm-promtail.nodes.machine;
    alloy = machines.vm-alloy.nodes.machine;
  };
  docs-nixos = import ./docs.nix {
    inherit pkgs;
    inherit (self.nixosConfigurations.lab) options;
  };
  modules-refuse = import ./refuse.nix { inherit self pkgs; };
}
