# What the flake gives on one system.
{ inputs, system }:
let
  inherit (inputs) self nixpkgs;
  inherit (nixpkgs) lib;
  pkgs = nixpkgs.legacyPackages.${system};
  promtail = import ./promtail.nix { inherit inputs system; };
  rust = import ./package.nix {
    inherit pkgs;
    craneLib = inputs.crane.mkLib pkgs;
  };
  packages = {
    default = rust.lab;
    inherit (rust) lab salvo-app;
    inherit promtail;
  };
in
{
  inherit packages;
  formatter = pkgs.nixfmt-tree;
  apps = lib.optionalAttrs pkgs.stdenv.hostPlatform.isLinux {
    vm = {
      type = "app";
      program =
        let
          machine = self.nixosConfigurations.lab.extendModules {
            modules = [ { nixpkgs.hostPlatform = lib.mkForce system; } ];
          };
        in
        lib.getExe machine.config.system.build.vm;
      meta.description = "A virtual machine that runs the whole lab as systemd services";
    };
  };
  devShells = { };
  checks = lib.optionalAttrs pkgs.stdenv.hostPlatform.isLinux (
    import ./tests { inherit self pkgs; }
  );
}
