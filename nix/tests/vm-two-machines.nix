# Instances on one machine, servers on the other. The link between them is cut for a minute: no request
# fails, and afterwards no log line is missing.
{ self, prelude }:
{
  name = "salvo-observability-two-machines";

  # The test network gives 192.168.1.1 and 192.168.1.2, in the order of the names.
  nodes = {
    apps =
      { pkgs, ... }:
      {
        imports = [
          self.nixosModules.app
          self.nixosModules.backends
          ../examples/apps.nix
          ./common.nix
        ];
        environment.systemPackages = import ./traffic.nix {
          inherit pkgs;
          app = "192.168.1.1:8000";
          loki = "192.168.1.2:3100";
        };
      };

    backends =
      { pkgs, ... }:
      {
        imports = [
          self.nixosModules.backends
          ../examples/backends.nix
          ./common.nix
        ];
        environment.systemPackages = [
          pkgs.iptables
          pkgs.jq
        ];
      };
  };

  testScript = prelude + ''
    tempo = f"http://192.168.1.2:{PORTS['tempo']}"
    loki = f"http://192.168.1.2:{PORTS['loki']}"


    def all_targets_are_up():
        backends.wait_until_succeeds(
            "curl --fail --silent --get http://127.0.0.1:9090/api/v1/query --data-urlencode 'query=min(up)'"
            " | jq --exit-status '.data.result[0].value[1] == \"1\"'"
        )


    def a_new_trace_arrives():
        backends.wait_until_succeeds(
            "trace=$(curl --fail --silent --output /dev/null --write-out '%header{traceresponse}'"
            " http://192.168.1.1:8000/ | cut --delimiter - --fields 2) &&"
            f" curl --fail --silent --retry 15 --retry-delay 1 --retry-all-errors {tempo}/api/traces/$trace"
        )


    def verify():
        backends.succeed("lab-verify --timeout 180s >&2")


    start_all()
    wait_for_servers(backends, "promtail", "192.168.1.2")
    wait_for_apps(apps, "192.168.1.1")
    apps.wait_for_unit("promtail.service")

    with subtest("every promise is kept across the two machines"):
        all_targets_are_up()
        a_new_trace_arrives()
        verify()

    with subtest("Grafana and Prometheus are not open to the other machine"):
        for port in [PORTS["grafana"], PORTS["prometheus"]]:
            apps.fail(f"curl --silent --max-time 5 http://192.168.1.2:{port}/")

    with subtest("the labels say which machine a line is from"):
        check_labels(backends, loki, {
            "app-a": ("stdout", "apps"),
            "app-b": ("stdout", "apps"),
            "app-c": ("stdout", "apps"),
            "tempo": ("stderr", "backends"),
            "loki": ("stderr", "backends"),
        })

    with subtest("no request fails while the link is cut for a minute"):
        backends.succeed("iptables --wait --insert INPUT --source 192.168.1.1 --jump DROP")
        backends.succeed("iptables --wait --insert OUTPUT --destination 192.168.1.1 --jump DROP")
        apps.fail(f"curl --silent --max-time 5 {loki}/ready")
        cut = apps.succeed("date +%s%N").strip()
        statuses = apps.succeed("load 60").split()
        assert len(statuses) > 100, f"{len(statuses)} requests in a minute"
        assert set(statuses) == {"200"}, f"answers {set(statuses)}"
        arrived = get(backends, f"{loki}/loki/api/v1/query_range", query='{compose_service=~"app-.+"}', start=cut)
        assert arrived["data"]["result"] == [], "lines came through the cut link"

    with subtest("no line is missing once the link is back"):
        backends.succeed("iptables --wait --delete INPUT --source 192.168.1.1 --jump DROP")
        backends.succeed("iptables --wait --delete OUTPUT --destination 192.168.1.1 --jump DROP")
        apps.wait_until_succeeds("missing=$(missing-lines) && test -z \"$missing\"")
        lines = int(apps.succeed("wc --lines < /tmp/loki"))
        assert lines >= len(statuses), f"{lines} lines of {len(statuses)} requests"

    with subtest("and every promise is kept again"):
        all_targets_are_up()
        a_new_trace_arrives()
        verify()
  '';
}
