# The second of two machines, 192.168.1.2: all servers. Grafana and Prometheus stay on its loopback.
# Imported beside nixosModules.backends.
{
  services.salvo-lab = {
    enable = true;
    host = "192.168.1.2";
    allowedAddresses = [
      "localhost"
      "192.168.1.1"
      "192.168.1.2"
    ];
    openFirewall = true;
    prometheus.targets = {
      app-a = [ "192.168.1.1:8000" ];
      app-b = [ "192.168.1.1:8001" ];
      app-c = [ "192.168.1.1:8002" ];
      promtail = [
        "127.0.0.1:9080"
        "192.168.1.1:9080"
      ];
    };
  };
}
