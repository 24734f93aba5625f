{
  description = "A reproducible laboratory for observability: one Salvo service followed through traces, metrics and logs";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";
    # The last release that has Promtail; nothing else is taken from it.
    nixpkgs-promtail.url = "github:NixOS/nixpkgs/nixos-25.11";
    crane.url = "github:ipetkov/crane";
    process-compose-flake.url = "github:Platonic-Systems/process-compose-flake";
  };

  outputs =
    { self, nixpkgs, ... }@inputs:
    let
      inherit (nixpkgs) lib;
      systems = [
        "x86_64-linux"
        "aarch64-linux"
        "aarch64-darwin"
      ];
      bySystem = lib.genAttrs systems (system: import ./nix { inherit inputs system; });
      output = name: lib.mapAttrs (_: outputs: outputs.${name}) bySystem;
      # The key keeps a module one module, however many others import it.
      nixosModule = name: file: {
        key = "salvo-observability#nixosModules.${name}";
        imports = [ (lib.modules.importApply file self) ];
      };
    in
    {
      packages = output "packages";
      apps = output "apps";
      devShells = output "devShells";
      checks = output "checks";
      formatter = output "formatter";

      overlays.default = import ./nix/overlay.nix inputs;

      nixosModules =
        lib.mapAttrs nixosModule {
          app = ./nix/modules/app.nix;
          backends = ./nix/modules/backends.nix;
          lab = ./nix/modules/lab.nix;
        }
        // {
          default = self.nixosModules.lab;
        };

      nixosConfigurations.lab = lib.nixosSystem {
        modules = [
          self.nixosModules.lab
          ./nix/machine.nix
        ];
      };
    };
}
