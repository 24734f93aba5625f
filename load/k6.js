// Traffic by k6 (go install go.k6.io/k6@v1.8.1): requests at a steady rate, whatever the answers,
// to all routes of all instances in turn.
//
//   k6 run --no-usage-report load/k6.js
//   k6 run --no-usage-report -e RATE=50 -e DURATION=30s load/k6.js
//
// TARGETS names other instances, separated by spaces. The service starts a trace for each request
// and tells it in its answer (traceresponse); a request without an answer is found by its own id.

import { check } from "k6";
import exec from "k6/execution";
import http from "k6/http";

const targets = (__ENV.TARGETS || "http://127.0.0.1:8000 http://127.0.0.1:8001 http://127.0.0.1:8002").split(" ");

// What the service fails at on purpose is what is expected of it.
const routes = [
  { name: "/", expected: [200] },
  { name: "/items/{item_id}", expected: [200] },
  { name: "/io_task", expected: [200] },
  { name: "/cpu_task", expected: [200] },
  { name: "/random_status", expected: [200, 300, 400, 500] },
  { name: "/random_sleep", expected: [200] },
  { name: "/error_test", expected: [500] },
  { name: "/chain", expected: [200] },
];

export const options = {
  scenarios: {
    steady: {
      executor: "constant-arrival-rate",
      rate: Number(__ENV.RATE || 10),
      timeUnit: "1s",
      duration: __ENV.DURATION || "5m",
      preAllocatedVUs: 50,
      maxVUs: 500,
    },
  },
};

function hex(digits) {
  let text = "";
  while (text.length < digits) {
    text += Math.floor(Math.random() * 16).toString(16);
  }
  return text;
}

export default function () {
  const turn = exec.scenario.iterationInTest;
  const target = targets[turn % targets.length];
  // Each instance gets every route in turn.
  const route = routes[Math.floor(turn / targets.length) % routes.length];
  const path = route.name.replace("{item_id}", `${(turn % 1000) + 1}?q=k6`);
  const id = hex(32);
  const answer = http.get(target + path, {
    headers: { "X-Request-ID": id },
    redirects: 0,
    responseCallback: http.expectedStatuses(...route.expected),
    // One name for all paths of a route.
    tags: { name: route.name },
  });
  const expected = check(answer, { "status as expected": (it) => route.expected.includes(it.status) });
  if (!expected) {
    const [, trace] = (answer.headers["Traceresponse"] || "").split("-");
    const found = trace ? `trace ${trace}` : `{ span.http.request.header.x-request-id = "${id}" }`;
    console.error(`${target}${path} answered with ${answer.status}, ${found}`);
  }
}
