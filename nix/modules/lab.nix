# The whole lab on one machine: three instances of the service, and all servers.
self:
{ config, lib, ... }:
let
  inherit (lib) mkDefault;
  inherit (import ./hardening.nix { inherit lib; }) authority reachable;

  ports = import ../ports.nix;

  addresses = map (
    name:
    let
      it = config.services.salvo-app.instances.${name};
    in
    authority (reachable it.host) it.port
  );
in
{
  imports = [
    self.nixosModules.app
    self.nixosModules.backends
  ];

  config = lib.mkIf config.services.salvo-lab.enable {
    # Each calls the two after it.
    services.salvo-app.instances = {
      app-a = {
        port = mkDefault ports.app-a;
        targets = mkDefault (addresses [
          "app-b"
          "app-c"
        ]);
      };
      app-b = {
        port = mkDefault ports.app-b;
        targets = mkDefault (addresses [
          "app-c"
          "app-a"
        ]);
      };
      app-c = {
        port = mkDefault ports.app-c;
        targets = mkDefault (addresses [
          "app-a"
          "app-b"
        ]);
      };
    };
  };
}
