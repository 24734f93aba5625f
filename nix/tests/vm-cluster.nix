# Three backends and an edge with the instances: the lab keeps its promises through the gateway. One backend dies under
# load: no request fails, nothing that was taken is lost, and every promise is kept again within a minute. When it is back
# it catches up.
{ self, prelude }:
let
  # The test network gives these same addresses, in the order of the names.
  machines = import ../examples/cluster.nix;
  gateway = {
    tempo = "http://127.0.0.1:3200";
    loki = "127.0.0.1:3100";
    prometheus = "http://127.0.0.1:9090";
  };
in
{
  name = "salvo-observability-cluster";

  nodes = builtins.mapAttrs (
    name: machine:
    { pkgs, ... }:
    {
      imports = [
        self.nixosModules.lab
        machine
        ./common.nix
      ];
      environment.systemPackages = [
        pkgs.jq
      ]
      ++ (
        if name == "edge" then
          import ./traffic.nix {
            inherit pkgs;
            app = "127.0.0.1:8000";
            inherit (gateway) loki;
          }
          ++ [
            # Spans that the instances know to be taken, and after them those that were not.
            (pkgs.writeShellApplication {
              name = "sent-spans";
              runtimeInputs = [
                pkgs.curl
                pkgs.gawk
              ];
              text = ''
                curl --fail --silent http://127.0.0.1:800{0,1,2}/metrics | awk '
                  /^salvo_telemetry_spans_total/ { if (/outcome="exported"/) taken += $NF; else lost += $NF }
                  END { print taken + 0, lost + 0 }'
              '';
            })
            # Spans that Tempo, asked at this URL, has of all requests that the instances have logged, and of those that it
            # finds itself: one whose client gave up is not logged. A search leaves out the zeros before an id.
            (pkgs.writeShellApplication {
              name = "found-spans";
              runtimeInputs = [
                pkgs.curl
                pkgs.gnused
                pkgs.jq
              ];
              text = ''
                {
                  journalctl --unit 'salvo-app@*' --output cat |
                    { grep --only-matching --extended-regexp 'trace_id=[0-9a-f]{32}' || true; } | cut --delimiter = --fields 2
                  curl --fail --silent --get "$1/api/search" --data-urlencode 'q={resource.service.name=~"app-.+"}' \
                    --data-urlencode limit=5000 --data-urlencode "start=$(($(date +%s) - 3600))" \
                    --data-urlencode "end=$(date +%s)" | jq --raw-output '.traces[]?.traceID'
                } | sed --regexp-extended ':again; s/^.{1,31}$/0&/; t again' | sort --unique |
                  sed "s#.*#url = \"$1/api/traces/&\"#" > /tmp/urls
                { curl --fail --silent --header 'Accept: application/json' --config /tmp/urls || true; } |
                  jq --slurp '[.[].batches[].scopeSpans[].spans[]] | length'
              '';
            })
            # Samples of the instances that the Prometheus beside them has scraped in ten minutes until this time, and
            # that a URL does not have: a line for each series that differs.
            (pkgs.writeShellApplication {
              name = "missing-samples";
              runtimeInputs = [
                pkgs.curl
                pkgs.jq
              ];
              text = ''
                samples() {
                  curl --fail --silent --get "$1/api/v1/query" --data-urlencode "time=$2" \
                    --data-urlencode 'query={job=~"app-.+"}[10m]' | jq --raw-output '
                      .data.result[] | "\(.metric | to_entries | sort_by(.key) | tojson) \(.values | length)"' | sort
                }
                samples http://127.0.0.1:9091 "$2" > /tmp/scraped
                samples "$1" "$2" > /tmp/kept
                test -s /tmp/scraped
                diff /tmp/scraped /tmp/kept || true
              '';
            })
          ]
        else
          [
            (pkgs.writeShellApplication {
              name = "make-secrets";
              text = builtins.readFile ../../etc/cluster/secrets.sh;
            })
          ]
      );
    }
  ) machines;

  testScript = prelude + ''
    import time

    backends = {backend1: "192.168.1.1", backend2: "192.168.1.2", backend3: "192.168.1.3"}
    tempo, loki, prometheus = "${gateway.tempo}", "http://${gateway.loki}", "${gateway.prometheus}"


    def wait_for_backend(machine):
        for unit in ["garage", "tempo", "loki", "mimir", "salvo-lab-scraper", "promtail"]:
            machine.wait_for_unit(f"{unit}.service")
        for server in ["tempo", "loki", "mimir"]:
            machine.wait_until_succeeds(f"curl --fail --silent --show-error http://{backends[machine]}:{PORTS[server]}/ready")


    def wait_for_members(number):
        """Each backend that is there knows so many of each kind."""
        for machine, address in backends.items():
            for server in ["tempo", "loki", "mimir"]:
                machine.wait_until_succeeds(
                    f"curl --fail --silent http://{address}:{PORTS[server]}/metrics"
                    f" | grep --extended-regexp '^[a-z_]*memberlist_client_cluster_members_count {number}$'"
                )


    def nothing_is_missing(where, tempo=tempo, loki=loki, mimir=prometheus):
        """What was taken is there: spans by the instances' counters, lines by the journal, samples by the scraper."""
        edge.wait_until_succeeds(
            f"read -r taken lost < <(sent-spans); test $lost = 0; test $(found-spans {tempo}) = $taken", timeout=900
        )
        taken = edge.succeed("sent-spans").split()[0]
        edge.wait_until_succeeds("missing=$(missing-lines) && test -z \"$missing\"")
        lines = edge.succeed("wc --lines < /tmp/loki").strip()
        # A scrape is sent within a second or two.
        now = int(edge.succeed("date +%s")) - 15
        edge.wait_until_succeeds(f"missing=$(missing-samples {mimir} {now}) && test -z \"$missing\"")
        samples = edge.succeed("awk '{ all += $NF } END { print all }' /tmp/kept").strip()
        print(f"{where}: {taken} spans, {lines} lines of the load, {samples} samples, none missing")


    start_all()

    with subtest("the machines get the same secrets, and become a cluster"):
        secrets = backend1.succeed(
            "make-secrets /etc/salvo-lab/secrets && tar --create --directory /etc/salvo-lab secrets | base64 --wrap=0"
        )
        for machine in [backend2, backend3]:
            machine.succeed(f"mkdir -p /etc/salvo-lab; echo {secrets} | base64 --decode | tar --extract --directory /etc/salvo-lab")
        for machine in backends:
            wait_for_backend(machine)
        wait_for_members(3)

    with subtest("the edge comes up"):
        for unit in ["salvo-lab-gateway", "prometheus", "grafana", "promtail"]:
            edge.wait_for_unit(f"{unit}.service")
        for url in [f"{tempo}/ready", f"{loki}/ready", f"{prometheus}/-/ready", f"http://127.0.0.1:{PORTS['grafana']}/api/health"]:
            edge.wait_until_succeeds(f"curl --fail --silent --show-error {url}")
        wait_for_apps(edge)

    with subtest("every promise is kept through the gateway"):
        edge.succeed("lab-verify --timeout 180s >&2")

    with subtest("the labels say which machine a line is from"):
        for host in ["backend1", "backend2", "backend3"]:
            found = get(edge, f"{loki}/loki/api/v1/series", **{"match[]": f'{{compose_service="tempo", host="{host}"}}'})
            assert len(found["data"]) == 1, found

    with subtest("nothing is missing while all are there"):
        edge.succeed("load 10 > /tmp/statuses")
        nothing_is_missing("three backends")

    with subtest("no request fails while a backend dies"):
        edge.succeed("load 30 > /tmp/statuses 2> /dev/null < /dev/null & echo started")
        edge.wait_until_succeeds("test $(wc --lines < /tmp/statuses) -gt 30")
        backend2.crash()
        died = time.monotonic()
        edge.wait_until_fails("pgrep --full 'load 30'")
        statuses = edge.succeed("cat /tmp/statuses").split()
        assert len(statuses) > 50, f"{len(statuses)} requests"
        assert set(statuses) == {"200"}, f"answers {set(statuses)}"

    with subtest("every promise is kept again within a minute"):
        left = int(60 - (time.monotonic() - died))
        edge.succeed(f"lab-verify --timeout {left}s >&2")
        seconds = time.monotonic() - died
        print(f"every promise is kept {seconds:.0f} s after the death")
        assert seconds <= 60, f"{seconds:.0f} s"

    with subtest("nothing that was taken is lost"):
        nothing_is_missing("two backends")

    with subtest("a backend that comes back catches up"):
        backend2.start()
        wait_for_backend(backend2)
        wait_for_members(3)
        # Its Garage gets the blocks that it missed.
        backend2.wait_until_succeeds(
            "token=$(cat /etc/salvo-lab/secrets/garage-admin-token) && curl --fail --silent --header \"Authorization: Bearer $token\""
            f" http://192.168.1.2:{PORTS['garage-admin']}/v2/GetClusterHealth | jq --exit-status '.status == \"healthy\"'"
        )
        nothing_is_missing(
            "asked at the one that was away",
            tempo=f"http://192.168.1.2:{PORTS['tempo']}",
            mimir=f"http://192.168.1.2:{PORTS['mimir']}/prometheus",
        )
        edge.succeed("lab-verify --timeout 180s >&2")
  '';
}
