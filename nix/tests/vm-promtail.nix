# One machine with everything: the lab keeps its promises, and still has them after a restart.
{ self, prelude }:
{
  name = "salvo-observability-promtail";

  nodes.machine.imports = [
    self.nixosModules.lab
    ../examples/one-machine.nix
    ./common.nix
  ];

  testScript = prelude + ''
    def verify(flags):
        machine.succeed(f"lab-verify --timeout 180s --state /var/lib/sent.json {flags} >&2")


    start_all()

    with subtest("every unit comes up"):
        wait_for_servers(machine, "promtail")
        wait_for_apps(machine)

    with subtest("every promise is kept, Grafana's and the servers' logs included"):
        verify("")

    with subtest("the log has the labels of the contract"):
        check_labels(machine, f"http://127.0.0.1:{PORTS['loki']}", {
            "app-a": ("stdout", "machine"),
            "app-b": ("stdout", "machine"),
            "app-c": ("stdout", "machine"),
            "tempo": ("stderr", "machine"),
            "loki": ("stderr", "machine"),
            "prometheus": ("stderr", "machine"),
            "grafana": ("stdout", "machine"),
            "promtail": ("stderr", "machine"),
        })

    with subtest("Grafana's secrets are its own, and an editor needs no login"):
        for secret in ["admin-password", "secret-key"]:
            owner = machine.succeed(f"stat --format '%U %a' /var/lib/salvo-lab/{secret}").strip()
            assert owner == "grafana 600", owner
        password = machine.succeed("cat /var/lib/salvo-lab/admin-password")
        grafana = f"http://127.0.0.1:{PORTS['grafana']}"
        assert status(machine, f"{grafana}/api/admin/settings", f"--user admin:{password}") == "200"
        assert login(machine, grafana, password) == "200"
        assert login(machine, grafana, "admin") == "401"
        assert status(machine, f"{grafana}/api/admin/settings") in ["401", "403"]
        assert status(machine, f"{grafana}/api/datasources/proxy/uid/tempo/api/echo") == "200"

    with subtest("every listener of the lab is on loopback"):
        elsewhere = ["alloy", "tempo-otlp-grpc", "tempo-otlp-http", "zero-code"]
        ports = [str(port) for name, port in PORTS.items() if name not in elsewhere]
        listening = [line.split()[3].rsplit(":", 1) for line in machine.succeed("ss -ltnH").splitlines()]
        found = {port for _, port in listening}
        assert set(ports) <= found, f"nobody listens on {set(ports) - found}"
        open_ones = [(host, port) for host, port in listening if port in ports and not host.startswith(("127.", "[::1]"))]
        assert not open_ones, open_ones

    with subtest("systemd measures an exposure of the instances of 2.0 at most"):
        machine.succeed("systemd-analyze security --no-pager --threshold=20 salvo-app@app-a.service >&2")

    with subtest("an instance that is killed is started again"):
        machine.succeed("systemctl kill --signal=KILL salvo-app@app-b.service")
        machine.wait_until_succeeds("systemctl show --property=NRestarts salvo-app@app-b.service | grep --quiet =1")
        wait_for_apps(machine)

    with subtest("after a restart the old trace and its lines are found again"):
        machine.shutdown()
        machine.start()
        wait_for_servers(machine, "promtail")
        wait_for_apps(machine)
        verify("--existing")
        assert machine.succeed("cat /var/lib/salvo-lab/admin-password") == password
  '';
}
