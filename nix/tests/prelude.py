# What the tests of the lab on NixOS machines share; put before each test's script. PORTS is nix/ports.nix.
import json
import shlex

LABELS = ["compose_project", "compose_service", "container_name", "filename", "host", "service_name", "source"]


def wait_for_servers(machine, shipper, tempo_and_loki="127.0.0.1"):
    for unit in ["tempo", "loki", "prometheus", "grafana", shipper]:
        machine.wait_for_unit(f"{unit}.service")
    for url in [
        f"http://{tempo_and_loki}:{PORTS['tempo']}/ready",
        f"http://{tempo_and_loki}:{PORTS['loki']}/ready",
        f"http://127.0.0.1:{PORTS['prometheus']}/-/ready",
        f"http://127.0.0.1:{PORTS['grafana']}/api/health",
    ]:
        machine.wait_until_succeeds(f"curl --fail --silent --show-error {url}")


def wait_for_apps(machine, host="127.0.0.1"):
    for name in ["app-a", "app-b", "app-c"]:
        machine.wait_for_unit(f"salvo-app@{name}.service")
        machine.wait_until_succeeds(f"curl --fail --silent --show-error http://{host}:{PORTS[name]}/readyz")


def get(machine, url, **parameters):
    encoded = [f"--data-urlencode {shlex.quote(f'{key}={value}')}" for key, value in parameters.items()]
    command = " ".join(["curl --fail --silent --show-error --get", *encoded, shlex.quote(url)])
    return json.loads(machine.succeed(command))


def status(machine, url, options=""):
    return machine.succeed(f"curl --silent --output /dev/null --write-out '%{{http_code}}' {options} {url}").strip()


def login(machine, grafana, password):
    """The status of Grafana's login page: one that is wrong is 401 there, whatever may be seen without a login."""
    body = shlex.quote(json.dumps({"user": "admin", "password": password}))
    return status(machine, f"{grafana}/login", f"--header 'Content-Type: application/json' --data {body}")


def check_labels(machine, loki, sources, further=()):
    """Loki knows the labels of the contract and no other, and each service has the one stream that they make."""
    names = get(machine, f"{loki}/loki/api/v1/labels")["data"]
    assert sorted(names) == sorted([*LABELS, *further]), f"labels {names}"
    for service, (source, host) in sources.items():
        series = get(machine, f"{loki}/loki/api/v1/series", **{"match[]": f'{{compose_service="{service}"}}'})["data"]
        expected = {
            "compose_project": "salvo-observability",
            "compose_service": service,
            "container_name": f"salvo-observability-{service}-1",
            "filename": "/var/log/journal",
            "host": host,
            "service_name": service,
            "source": source,
        }
        assert series == [expected], f"{service}: {series} instead of {expected}"
