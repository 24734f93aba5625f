# The first of two machines, 192.168.1.1: the instances, and a shipper for their logs.
# Imported beside nixosModules.app and nixosModules.backends.
let
  machines = [
    "localhost"
    "192.168.1.1"
    "192.168.1.2"
  ];
  instance = port: one: two: {
    inherit port;
    host = "192.168.1.1";
    targets = [
      "192.168.1.1:${toString one}"
      "192.168.1.1:${toString two}"
    ];
    endpoint = "http://192.168.1.2:4317";
    allowedAddresses = machines;
    openFirewall = true;
  };
in
{
  services.salvo-app.instances = {
    app-a = instance 8000 8001 8002;
    app-b = instance 8001 8002 8000;
    app-c = instance 8002 8000 8001;
  };

  services.salvo-lab = {
    logs = {
      enable = true;
      host = "192.168.1.1";
    };
    loki.url = "http://192.168.1.2:3100";
    allowedAddresses = machines;
    openFirewall = true;
  };
}
