# What the tests of the lab on NixOS machines share; put before each test's script.
import json
import shlex

LABELS = ["compose_project", "compose_service", "container_name", "filename", "host", "source"]


def wait_for_servers(machine, shipper, tempo_and_loki="127.0.0.1"):
    for unit in ["tempo", "loki", "prometheus", "grafana", shipper]:
        machine.wait_for_unit(f"{unit}.service")
    for url in [
        f"http://{tempo_and_loki}:3200/ready",
        f"http://{tempo_and_loki}:3100/ready",
        "http://127.0.0.1:9090/-/ready",
        "http://127.0.0.1:3000/api/health",
    ]:
        machine.wait_until_succeeds(f"curl --fail --silent --show-error {url}")


def wait_for_apps(machine, host="127.0.0.1"):
    for name, port in [("app-a", 8000), ("app-b", 8001), ("app-c", 8002)]:
        machine.wait_for_unit(f"salvo-app@{name}.service")
        machine.wait_until_succeeds(f"curl --fail --silent --show-error http://{host}:{port}/readyz")


def get(machine, url, **parameters):
    encoded = [f"--data-urlencode {shlex.quote(f'{key}={value}')}" for key, value in parameters.items()]
    command = " ".join(["curl --fail --silent --show-error --get", *encoded, shlex.quote(url)])
    return json.loads(machine.succeed(command))


def status(machine, url, options=""):
    return machine.succeed(f"curl --silent --output /dev/null --write-out '%{{http_code}}' {options} {url}").strip()


def check_labels(machine, loki, sources):
    """Loki knows the labels of the contract and no other, and each service has the one stream that they make."""
    names = get(machine, f"{loki}/loki/api/v1/labels")["data"]
    assert sorted(names) == LABELS, f"labels {names}"
    for service, (source, host) in sources.items():
        series = get(machine, f"{loki}/loki/api/v1/series", **{"match[]": f'{{compose_service="{service}"}}'})["data"]
        expected = {
            "compose_project": "salvo-observability",
            "compose_service": service,
            "container_name": f"salvo-observability-{service}-1",
            "filename": "/var/log/journal",
            "host": host,
            "source": source,
        }
        assert series == [expected], f"{service}: {series} instead of {expected}"
