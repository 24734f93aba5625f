# Alloy in the place of Promtail: the same promises, the same labels.
{ self, prelude }:
{
  name = "salvo-observability-alloy";

  nodes.machine = {
    imports = [
      self.nixosModules.lab
      ./common.nix
    ];
    services.salvo-lab = {
      enable = true;
      logs.shipper = "alloy";
    };
  };

  testScript = prelude + ''
    start_all()
    wait_for_servers(machine, "alloy")
    wait_for_apps(machine)

    with subtest("every promise is kept, those of OTLP, of Grafana and of the servers' logs included"):
        machine.succeed("lab-verify --timeout 180s >&2")

    with subtest("the log has the same labels as with Promtail"):
        check_labels(machine, f"http://127.0.0.1:{PORTS['loki']}", {
            "app-a": ("stdout", "machine"),
            "app-b": ("stdout", "machine"),
            "app-c": ("stdout", "machine"),
            "tempo": ("stderr", "machine"),
            "loki": ("stderr", "machine"),
            "prometheus": ("stderr", "machine"),
            "grafana": ("stdout", "machine"),
            "alloy": ("stderr", "machine"),
            # What lab-verify sent over OTLP has it.
        }, ["service_instance_id"])
  '';
}
