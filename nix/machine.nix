# A machine that runs the whole lab, to be started as a VM: `nix run .#vm`.
{
  config,
  lib,
  modulesPath,
  pkgs,
  ...
}:
let
  lab = config.services.salvo-lab;

  # What a browser or curl on the host may ask. The lab itself stays on loopback, inside the machine too.
  ports = lib.mapAttrsToList (_: it: it.port) config.services.salvo-app.instances ++ [
    lab.grafana.port
    lab.prometheus.port
    lab.loki.port
    lab.tempo.port
    lab.tempo.otlpGrpcPort
    lab.tempo.otlpHttpPort
  ];
in
{
  imports = [ (modulesPath + "/virtualisation/qemu-vm.nix") ];

  virtualisation = {
    cores = 2;
    memorySize = 4096;
    diskSize = 8192;
    graphics = false;
    forwardPorts = map (port: {
      from = "host";
      host = {
        address = "127.0.0.1";
        inherit port;
      };
      guest.port = port;
    }) ports;
  };

  # QEMU brings a forwarded connection to the machine's own address; these pass it on to loopback.
  systemd.sockets = lib.listToAttrs (
    map (port: {
      name = "from-host-${toString port}";
      value = {
        wantedBy = [ "sockets.target" ];
        listenStreams = [ "10.0.2.15:${toString port}" ];
        socketConfig.FreeBind = true;
      };
    }) ports
  );
  systemd.services = lib.listToAttrs (
    map (port: {
      name = "from-host-${toString port}";
      value.serviceConfig = {
        ExecStart = "${config.systemd.package}/lib/systemd/systemd-socket-proxyd 127.0.0.1:${toString port}";
        DynamicUser = true;
      };
    }) ports
  );
  networking.firewall.allowedTCPPorts = ports;

  services.getty = {
    autologinUser = "root";
    helpLine = ''

      http://127.0.0.1:${toString lab.grafana.port} on the host is Grafana, ${
        lib.concatStringsSep ", " (
          lib.mapAttrsToList (
            name: it: "http://127.0.0.1:${toString it.port} ${name}"
          ) config.services.salvo-app.instances
        )
      }.
      lab-verify checks the lab; journalctl -f shows its log; poweroff ends the machine.
    '';
  };
  environment.systemPackages = [ pkgs.curl ];

  services.salvo-lab.enable = true;

  networking.hostName = "lab";
  nixpkgs.hostPlatform = "x86_64-linux";
  system.stateVersion = "26.05";
}
