"""Reads the metrics page of a running service with the strict OpenMetrics parser of
prometheus-client, and checks that what it says is what was done.

    python openmetrics.py path/to/salvo-app
"""

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request

from prometheus_client.openmetrics.parser import text_string_to_metric_families

NAME = 'hostile "name" \\ é'


def get(url, accept="*/*"):
    request = urllib.request.Request(url, headers={"Accept": accept})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.headers["Content-Type"], response.read().decode()
    except urllib.error.HTTPError as error:
        return error.headers["Content-Type"], error.read().decode()


def main(binary):
    environment = {
        "APP_NAME": NAME,
        "EXPOSE_PORT": "0",
        "OTLP_GRPC_ENDPOINT": "",
        "PATH": os.environ["PATH"],
    }
    with subprocess.Popen([binary], env=environment, stdout=subprocess.PIPE, text=True) as service:
        try:
            line = next(line for line in service.stdout if "ready on" in line)
            base = re.search(r"http://\S+", line)[0]
            for path in ["/", "/items/1", "/items/x", "/nope", "/error_test", "/error_test"]:
                get(base + path)
            content_type, page = get(base + "/metrics", "application/openmetrics-text")
        finally:
            service.terminate()
    assert content_type == "application/openmetrics-text; version=1.0.0; charset=utf-8", content_type

    families = {family.name: family for family in text_string_to_metric_families(page)}
    requests = {
        sample.labels["path"]: sample
        for sample in families["salvo_requests"].samples
        if sample.name == "salvo_requests_total"
    }
    assert requests["/items/{item_id}"].value == 2, requests
    assert requests["_unmatched"].value == 1, requests
    assert requests["/"].labels["app_name"] == NAME, requests
    durations = families["salvo_requests_duration_seconds"]
    assert (durations.type, durations.unit) == ("histogram", "seconds"), durations
    exemplars = [sample.exemplar for sample in durations.samples if sample.exemplar]
    assert exemplars and all(len(it.labels["TraceID"]) == 32 and it.timestamp for it in exemplars)
    failed = families["salvo_exceptions"].samples[0]
    assert failed.value == 2 and failed.exemplar, failed
    summary = {name: family.type for name, family in families.items()}
    print(json.dumps(summary, indent=1))


if __name__ == "__main__":
    main(sys.argv[1])
