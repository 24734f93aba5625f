# The whole lab on one machine: three instances of the service, the servers, and `lab-verify`.
self:
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkDefault;
  inherit (import ./hardening.nix { inherit lib; }) authority reachable;
  inherit (self.packages.${pkgs.stdenv.hostPlatform.system}) lab;

  cfg = config.services.salvo-lab;
  apps = lib.attrValues (lib.filterAttrs (_: it: it.enable) config.services.salvo-app.instances);

  addresses = map (
    name:
    let
      it = config.services.salvo-app.instances.${name};
    in
    authority (reachable it.host) it.port
  );

  # With the addresses of this machine, and Grafana's password, which root alone may read.
  verify = pkgs.writeShellScriptBin "lab-verify" ''
    exec ${lib.getExe lab} verify ${
      lib.escapeShellArgs (
        lib.concatMap (it: [
          "--app"
          "http://${authority (reachable it.host) it.port}"
        ]) apps
        ++ [
          "--tempo"
          cfg.tempo.url
          "--loki"
          cfg.loki.url
          "--prometheus"
          cfg.prometheus.url
          "--servers-log=tempo,loki,prometheus,grafana,${cfg.logs.shipper}"
          "--grafana"
          "http://${authority (reachable cfg.grafana.host) cfg.grafana.port}"
          "--grafana-password-file"
          cfg.grafana.adminPasswordFile
        ]
      )
    } "$@"
  '';
in
{
  imports = [
    self.nixosModules.app
    self.nixosModules.backends
  ];

  config = {
    # Each calls the two after it.
    services.salvo-app.instances = {
      app-a = {
        port = mkDefault 8000;
        targets = mkDefault (addresses [ "app-b" "app-c" ]);
      };
      app-b = {
        port = mkDefault 8001;
        targets = mkDefault (addresses [ "app-c" "app-a" ]);
      };
      app-c = {
        port = mkDefault 8002;
        targets = mkDefault (addresses [ "app-a" "app-b" ]);
      };
    };
    services.salvo-lab.enable = mkDefault true;
    environment.systemPackages = [
      lab
      verify
    ];
  };
}
