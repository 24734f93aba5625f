"""Traffic by Locust (pip install locust): users who send to all routes of all instances in turn.

    locust -f load/locustfile.py --headless --users 10 --spawn-rate 1

TARGETS in the environment names other instances, separated by spaces. The service starts a trace for
each request and tells it in its answer (traceresponse); a request without an answer is found by its
own id. What the service fails at on purpose does not count as a failure here.
"""

import itertools
import os
import random

from locust import FastHttpUser, constant_throughput, task

TARGETS = os.environ.get(
    "TARGETS", "http://127.0.0.1:8000 http://127.0.0.1:8001 http://127.0.0.1:8002"
).split()

NEXT_TARGET = itertools.cycle(TARGETS)


class Visitor(FastHttpUser):
    """Sends a request a second, unless it still waits for the answer to the one before."""

    host = TARGETS[0]
    wait_time = constant_throughput(1)

    def get(self, path, expected=(200,), name=None):
        """Sends to the next instance; `name` stands for all paths of a route."""
        request_id = f"{random.getrandbits(128):032x}"
        with self.client.get(
            next(NEXT_TARGET) + path,
            name=name or path,
            headers={"X-Request-ID": request_id},
            allow_redirects=False,
            catch_response=True,
        ) as response:
            if response.status_code in expected:
                response.success()
            else:
                _, _, trace = (response.headers or {}).get("traceresponse", "").partition("-")
                found = (
                    f"trace {trace[:32]}"
                    if trace
                    else f'{{ span.http.request.header.x-request-id = "{request_id}" }}'
                )
                response.failure(f"status {response.status_code}, {found}")

    @task
    def root(self):
        self.get("/")

    @task
    def items(self):
        self.get(f"/items/{random.randint(1, 1000)}?q=locust", name="/items/{item_id}")

    @task
    def io_task(self):
        self.get("/io_task")

    @task
    def cpu_task(self):
        self.get("/cpu_task")

    @task
    def random_status(self):
        self.get("/random_status", expected=(200, 300, 400, 500))

    @task
    def random_sleep(self):
        self.get("/random_sleep")

    @task
    def error_test(self):
        self.get("/error_test", expected=(500,))

    @task
    def chain(self):
        self.get("/chain")
