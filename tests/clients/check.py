#!/usr/bin/env python3
"""Programs of other people in a lab: a shop in four languages, each with OpenTelemetry's own SDK and run by `lab run`.
One request to each is found again, by the id of its trace, as spans in Tempo, as a line in Loki and as an exemplar in
Prometheus, and `lab run` tells what has arrived.

    check.py LAB BUILT [NAME…]

LAB is the program, BUILT the folder in which .ci/clients has built the shops. It prints what came of one request.
"""

import base64
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent

# Longest wait for one thing, in seconds. A Java program with its agent on a busy machine is slow to start.
PATIENCE = 60
# The promise of the lab for a span that has ended; how busy a machine may be comes on top.
VISIBLE = 5


@dataclass
class Shop:
    """A program, how it sends, and whether its SDK puts exemplars at the durations of requests."""

    name: str
    command: list
    has_exemplars: bool
    # Beside what `lab run` sets. Each of the four sends in another form.
    settings: dict = field(default_factory=dict)


def shops(built, lab):
    """The four, built in a folder, for a lab."""
    python = built / "venv/bin"
    node = HERE / "node"
    return [
        Shop(
            "python",
            [str(python / "opentelemetry-instrument"), str(python / "python"), str(HERE / "python/shop.py")],
            True,
        ),
        Shop(
            "node",
            ["node", "--require", "@opentelemetry/auto-instrumentations-node/register", str(node / "shop.js")],
            False,
            {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json", "NODE_PATH": str(node / "node_modules")},
        ),
        Shop(
            "go",
            [str(built / "shop")],
            True,
            {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_ENDPOINT": lab["otlp_grpc"]},
        ),
        Shop(
            "java",
            ["java", f"-javaagent:{built / 'java/opentelemetry-javaagent.jar'}", "-cp", str(built / "java"), "Shop"],
            True,
            {"OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"},
        ),
    ]


class Failed(Exception):
    """A promise is not kept."""


def get(url, **headers):
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def ask(server, path, **params):
    return get(f"{server}{path}?{urllib.parse.urlencode(params)}")


def eventually(what, look, patience=PATIENCE):
    """Looks until something is there."""
    deadline = time.monotonic() + patience
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise Failed(f"in vain for {patience} s: {what}")
        time.sleep(0.02)


def start_lab(program, log):
    """A lab on free ports, and its addresses."""
    ports = ("console", "prometheus", "loki", "tempo", "otlp-grpc", "otlp-http")
    flags = [word for port in ports for word in (f"--{port}-port", "0")]
    process = subprocess.Popen(
        [program, "up", "--no-apps", "--json", *flags], stdout=subprocess.PIPE, stderr=log, text=True
    )
    for line in process.stdout:
        event = json.loads(line)
        if event.get("event") == "ready":
            return process, event
    raise Failed("the lab has not started")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def spans_of(lab, trace):
    """The spans of a trace with their service; none before it has come."""
    try:
        answer = get(f"{lab['tempo']}/api/traces/{trace}")
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return []
        raise
    spans = []
    for batch in answer["batches"]:
        attributes = {it["key"]: it["value"] for it in batch["resource"]["attributes"]}
        service = attributes["service.name"]["stringValue"]
        for scope in batch["scopeSpans"]:
            for span in scope["spans"]:
                own = base64.b64decode(span["spanId"]).hex()
                spans.append({**span, "spanId": own, "service": service})
    return spans


def lines_of(lab, service, trace):
    """The lines of a service with the id of a trace, each with the id of its span."""
    query = f'{{service_name="{service}"}} | trace_id="{trace}"'
    answer = ask(lab["loki"], "/loki/api/v1/query_range", query=query)
    streams = answer["data"]["result"]
    return [(line, stream["stream"].get("span_id")) for stream in streams for _, line in stream["values"]]


def exemplars_of(lab, service):
    """The names of a service's series, with the traces of their exemplars."""
    now = time.time()
    answer = ask(
        lab["prometheus"],
        "/api/v1/query_exemplars",
        **{"query": f'{{__name__=~".+",job="{service}"}}', "start": now - 600, "end": now + 60},
    )
    return [
        (series["seriesLabels"]["__name__"], exemplar["labels"].get("trace_id"))
        for series in answer["data"]
        for exemplar in series["exemplars"]
    ]


def counted(lab, service):
    """The requests to a service, as its own metrics have them: the labels and the number of each series."""
    query = f'{{__name__=~"http_server_(request_)?duration(_milliseconds|_seconds)?_count",job="{service}"}}'
    answer = ask(lab["prometheus"], "/api/v1/query", query=query)
    return [(it["metric"], float(it["value"][1])) for it in answer["data"]["result"]]


def arrived(text, service):
    """The numbers of spans, lines and series that `lab run` tells."""
    found = re.search(rf"{service}\s+(\d+) spans\s+(\d+) lines\s+(\d+) series", text)
    if not found:
        raise Failed(f"`lab run` does not tell what has arrived:\n{text}")
    return [int(number) for number in found.groups()]


def follow(lab, shop, process, port):
    """Sends one request and finds it again. Gives what there was to see."""
    service = f"shop-{shop.name}"

    def is_up():
        if process.poll() is not None:
            raise Failed(f"the program has ended with {process.returncode}")
        return listens(port)

    eventually("the program listens", is_up)
    trace, parent = secrets.token_hex(16), secrets.token_hex(8)
    answer = get(f"http://127.0.0.1:{port}/orders/7", traceparent=f"00-{trace}-{parent}-01")
    since = time.monotonic()
    if answer != {"order": 7}:
        raise Failed(f"the shop has answered {answer}")

    def served():
        return [span for span in spans_of(lab, trace) if span["kind"] == "SPAN_KIND_SERVER"]

    server = eventually(f"a server span in the trace {trace}", served)
    visible = time.monotonic() - since
    if visible > VISIBLE:
        raise Failed(f"the span was visible after {visible:.1f} s")
    if [span["service"] for span in server] != [service]:
        raise Failed(f"server spans of {server}")

    lines = eventually(f"a line with the trace {trace}", lambda: lines_of(lab, service, trace))
    if [line for line, _ in lines] != ["order 7 is paid"]:
        raise Failed(f"the lines are {lines}")
    if lines[0][1] not in [span["spanId"] for span in spans_of(lab, trace)]:
        raise Failed(f"the line is of the span {lines[0][1]}, which is none of the trace")
    logged = time.monotonic() - since

    count = eventually("the request is counted", lambda: counted(lab, service))
    if [value for _, value in count] != [1.0]:
        raise Failed(f"one request was counted as {count}")
    measured = time.monotonic() - since
    exemplars = exemplars_of(lab, service)
    at = sorted({name for name, of in exemplars if of == trace})
    if bool(at) != shop.has_exemplars:
        raise Failed(f"the SDK has exemplars: {shop.has_exemplars}; found are {exemplars}")
    return {
        "metric": count[0][0]["__name__"],
        "route": count[0][0].get("http_route") or count[0][0].get("http_target"),
        "exemplars": ", ".join(at) or "none",
        "seconds": f"{visible:.2f} / {logged:.2f} / {measured:.2f}",
    }


def run(program, lab, shop, folder):
    """Runs a shop in the lab from its start to its end."""
    port = free_port()
    settings = [f"{name}={value}" for name, value in {"PORT": port, **shop.settings}.items()]
    told = folder / f"{shop.name}.told"
    with open(told, "w") as errors, open(folder / f"{shop.name}.out", "w") as output:
        process = subprocess.Popen(
            [program, "run", "--console", lab["console"], "--service", f"shop-{shop.name}", "--"]
            + ["env", *settings, *shop.command],
            stdout=output,
            stderr=errors,
            # Ctrl-C in a terminal reaches all processes in it.
            start_new_session=True,
        )
        try:
            seen = follow(lab, shop, process, port)
            os.killpg(process.pid, signal.SIGINT)
            process.wait(PATIENCE)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    spans, lines, series = arrived(told.read_text(), f"shop-{shop.name}")
    if not (spans and lines and series):
        raise Failed(f"arrived are {spans} spans, {lines} lines, {series} series")
    return {"spans": spans, "lines": lines, "series": series, **seen}


def main(program, built, *names):
    began = time.monotonic()
    outcomes = {}
    with tempfile.TemporaryDirectory() as folder, open(f"{folder}/lab.log", "w") as log:
        process, lab = start_lab(program, log)
        try:
            chosen = [shop for shop in shops(Path(built).resolve(), lab) if not names or shop.name in names]

            def one(shop):
                try:
                    outcomes[shop.name] = run(program, lab, shop, Path(folder))
                except Exception as problem:  # whatever it is, the others go on and it is told
                    outcomes[shop.name] = problem

            threads = [threading.Thread(target=one, args=[shop]) for shop in chosen]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            process.terminate()
            process.wait()
        failed = 0
        for shop in chosen:
            outcome = outcomes[shop.name]
            if isinstance(outcome, dict):
                print(f"{shop.name}: " + ", ".join(f"{name} {value}" for name, value in outcome.items()))
                continue
            failed += 1
            print(f"{shop.name}: {outcome!r}")
            for file in sorted(Path(folder).glob(f"{shop.name}.*")):
                print(f"--- {file.name}\n{file.read_text()}")
    print(f"in {time.monotonic() - began:.1f} s")
    print(f"{len(chosen) - failed} passed, {failed} failed")
    sys.exit(1 if failed or not chosen else 0)


main(*sys.argv[1:])
