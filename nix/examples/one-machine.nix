# The whole lab on one machine, on loopback. Imported beside nixosModules.lab.
{
  services.salvo-lab = {
    enable = true;
    logs.shipper = "promtail"; # or "alloy"
    prometheus.retention = "30d";
  };

  # Three instances are there already; their settings can be changed.
  services.salvo-app.instances.app-a.environment.MAX_CONCURRENT_REQUESTS = "512";
}
