// @ts-check
// Whatever is in logs, spans and labels is text: it is shown as it is, and is never markup or script.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { start, watched } from "./support/browser.js";
import { eventually, up } from "./support/lab.js";
import { request } from "./support/program.js";

const SCRIPT = `<img src=x onerror="document.title='taken'"><script>document.title='taken'</script>"'\`javascript:alert(1)`;

/** @type {import("./support/lab.js").Lab} */
let lab;
/** @type {Awaited<ReturnType<typeof start>>} */
let browser;
/** @type {import("node:http").Server} */
let metrics;

/** Answers that are held back while it is a list. @type {(() => void)[] | undefined} */
let hanging;

/** Answers every query of Prometheus with the script in each place that a server can fill. */
function hostileMetrics() {
  const now = () => Date.now() / 1000;
  const buckets = [
    [0, "0.5", "1", "4"],
    [0, "1", SCRIPT, "3"],
  ];
  /** @type {[number, object]} */
  const histogram = [Date.now() / 1000, { count: "7", sum: "3.5", buckets }];
  const alert = {
    state: "firing",
    labels: { alertname: SCRIPT, [SCRIPT]: SCRIPT },
    annotations: { summary: SCRIPT, description: SCRIPT },
    activeAt: SCRIPT,
    value: SCRIPT,
  };
  const rule = { type: "alerting", name: SCRIPT, query: SCRIPT, health: SCRIPT, lastError: SCRIPT, alerts: [alert] };
  const metric = {
    service: SCRIPT,
    span_name: SCRIPT,
    __name__: SCRIPT,
    path: SCRIPT,
    app_name: SCRIPT,
    job: SCRIPT,
    le: SCRIPT,
    outcome: SCRIPT,
  };
  /** @type {Record<string, () => unknown>} */
  const answers = {
    "/api/v1/query": () => ({
      resultType: "vector",
      result: [
        { metric, value: [now(), "1"] },
        { metric, histogram },
      ],
    }),
    "/api/v1/rules": () => ({ groups: [{ name: SCRIPT, interval: 15, rules: [rule] }] }),
    "/api/v1/metadata": () => ({ [SCRIPT]: [{ type: SCRIPT, help: SCRIPT, unit: SCRIPT }] }),
    "/api/v1/query_range": () => ({
      resultType: "matrix",
      result: [
        {
          metric,
          values: [
            [now() - 15, "1"],
            [now(), "2"],
          ],
        },
        { metric: { ...metric, service: "native" }, histograms: [histogram] },
      ],
    }),
    "/api/v1/query_exemplars": () => [
      {
        seriesLabels: metric,
        exemplars: [{ labels: { TraceID: SCRIPT, [SCRIPT]: SCRIPT }, value: "1", timestamp: now() }],
      },
    ],
  };
  return createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://it").pathname;
    const data = answers[path]?.() ?? [SCRIPT];
    response.setHeader("content-type", "application/json");
    const answer = () => response.end(JSON.stringify({ status: "success", data, warnings: [SCRIPT] }));
    if (hanging) hanging.push(answer);
    else answer();
  });
}

before(async () => {
  metrics = hostileMetrics();
  await new Promise((done) => metrics.listen(0, "127.0.0.1", () => done(null)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (metrics.address());
  [lab, browser] = await Promise.all([up({ "--prometheus": `http://127.0.0.1:${port}` }), start()]);
});

after(async () => {
  await browser?.stop();
  await lab?.stop();
  metrics?.close();
});

/** @param {import("playwright-core").Page} page */
async function harmless(page) {
  assert.notEqual(await page.title(), "taken");
  assert.equal(await page.locator("main img, main script, main iframe").count(), 0);
  const links = await page.locator("main a").evaluateAll((all) => all.map((one) => one.getAttribute("href") ?? ""));
  for (const href of links) assert.ok(!/^\s*(javascript|data|vbscript):/i.test(href), href);
}

test("log lines and labels", async () => {
  const nanoseconds = `${Date.now()}000000`;
  const stream = {
    compose_project: "salvo-observability",
    compose_service: "app-a",
    container_name: SCRIPT,
    host: SCRIPT,
  };
  const lines = [
    [
      nanoseconds,
      `2026-11-22 14:07:31,123 ERROR [${SCRIPT}] [${SCRIPT}] [trace_id=0af7651916cd43dd8448eb211c80319c span_id=b7ad6b7169203331 resource.service.name=${SCRIPT}] - ${SCRIPT}\n  ${SCRIPT}`,
      { [`field`]: SCRIPT },
    ],
    [nanoseconds, `{"level":"${"<b>"}","message":${JSON.stringify(SCRIPT)},"trace_id":${JSON.stringify(SCRIPT)}}`],
    [nanoseconds, SCRIPT],
  ];
  const pushed = await fetch(`${lab.loki}/loki/api/v1/push`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ streams: [{ stream, values: lines }] }),
  });
  assert.equal(pushed.status, 204, await pushed.text());
  const { page, innocent } = await watched(browser.context, lab.console);
  for (const live of ["", "&live=1"]) {
    await page.goto(
      `${lab.console}/logs?from=now-15m&to=now&query=${encodeURIComponent('{compose_service="app-a"} |= "onerror"')}${live}`,
    );
    if (live) break;
    const row = page.locator("li.log-line").filter({ hasText: "onerror" });
    await eventually("the lines are there", async () => (await row.count()) >= 3);
    for (const details of await row.getByRole("button", { name: /Details of the line/ }).all()) await details.click();
    await harmless(page);
  }
  await harmless(page);
  innocent();
  await page.close();
});

test("names, attributes and exceptions of spans", async () => {
  const attribute = (/** @type {string} */ key) => ({ key, value: { stringValue: SCRIPT } });
  const id = "00000000000000000000000000c0ffee";
  const now = BigInt(Date.now()) * 1_000_000n;
  const span = {
    traceId: id,
    spanId: "00000000000000c1",
    name: SCRIPT,
    kind: 2,
    startTimeUnixNano: String(now - 1_000_000n),
    endTimeUnixNano: String(now),
    attributes: [attribute(SCRIPT), attribute("http.route"), attribute("url.full")],
    events: [
      {
        name: "exception",
        timeUnixNano: String(now),
        attributes: ["exception.type", "exception.message", "exception.stacktrace", SCRIPT].map(attribute),
      },
    ],
    status: { code: 2, message: SCRIPT },
  };
  const body = {
    resourceSpans: [
      {
        resource: { attributes: [attribute("service.name"), attribute(SCRIPT)] },
        scopeSpans: [{ scope: { name: SCRIPT }, spans: [span] }],
      },
    ],
  };
  const sent = await fetch(`${lab.otlp_http}/v1/traces`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  assert.equal(sent.status, 200, await sent.text());
  const { page, innocent } = await watched(browser.context, lab.console);
  await page.goto(`${lab.console}/traces/${id}?span=00000000000000c1`);
  await page.getByRole("group", { name: "Exception" }).waitFor();
  await harmless(page);
  await page.goto(`${lab.console}/traces?from=now-15m&to=now`);
  await page.getByRole("table", { name: "Traces found" }).getByText("onerror").first().waitFor();
  await harmless(page);
  innocent();
  await page.close();
});

test("labels, exemplars and variables of metrics", async () => {
  const { page, innocent } = await watched(browser.context, lab.console);
  await page.goto(
    `${lab.console}/d/salvo-observability?from=now-5m&to=now&var-log_keyword=${encodeURIComponent(SCRIPT)}`,
  );
  await page.locator("section.panel").getByText("onerror").first().waitFor();
  for (const one of await page.locator("section.panel").all()) {
    await one.scrollIntoViewIfNeeded();
    await one.getByText("Loading…").waitFor({ state: "detached" });
  }
  await harmless(page);
  innocent();
  await page.close();
});

test("alerts and their rules", async () => {
  const { page, innocent } = await watched(browser.context, lab.console);
  await page.goto(`${lab.console}/alerts`);
  await page.getByRole("table", { name: "Alerts" }).getByText("onerror").first().waitFor();
  await page.getByRole("table", { name: "Rules" }).getByText("onerror").first().waitFor();
  await harmless(page);
  innocent();
  await page.close();
});

test("services, metrics and their completion", async () => {
  const { page, innocent } = await watched(browser.context, lab.console);
  await request(lab, { service: "only spans", name: "x", time: [0, 5] });
  await page.goto(`${lab.console}/services`);
  const fresh = page.getByRole("row").filter({ hasText: "only spans" });
  await fresh.waitFor();
  assert.match(await fresh.innerText(), /–/, "a service without figures is listed all the same");
  for (const path of ["/services", `/services?service=${encodeURIComponent(SCRIPT)}`]) {
    await page.goto(lab.console + path);
    await page.getByRole("table").getByText("onerror").first().waitFor();
    await harmless(page);
  }
  await page.goto(`${lab.console}/explore?expr=up`);
  const result = page.getByRole("table", { name: "Result" });
  await result.getByText("onerror").first().waitFor();
  // A native histogram among the results is read, and drawn.
  await result.getByText("2 buckets").first().click();
  assert.match(await result.innerText(), /count 7, sum 3.5, average 0.5/);
  await page.getByText("Native histograms are drawn by their count").waitFor();
  await page.getByRole("textbox", { name: "PromQL expression" }).fill("<im");
  await page.getByRole("textbox", { name: "PromQL expression" }).press("Control+ ");
  await page.getByRole("listbox").getByText("onerror").first().waitFor();
  await page.keyboard.press("Escape");
  await page.getByText("Metrics", { exact: true }).last().click();
  await page.getByRole("table", { name: "Metrics" }).getByText("onerror").first().waitFor();
  await harmless(page);
  innocent();
  await page.close();
});

test("a server that does not answer holds up nothing else, and what it says at last is shown", async () => {
  const { page, innocent } = await watched(browser.context, lab.console);
  for (const [path, table] of [
    ["/alerts", "Alerts"],
    ["/services", "Services"],
    ["/explore?expr=up", "Result"],
  ]) {
    hanging = [];
    await page.goto(lab.console + path);
    await page.getByRole("heading", { level: 1 }).waitFor();
    if (table !== "Result") await page.getByText("Loading…").first().waitFor();
    await eventually("it was asked", async () => (hanging?.length ?? 0) > 0);
    const held = hanging;
    hanging = undefined;
    for (const answer of held) answer();
    await page.getByRole("table", { name: table }).first().waitFor();
  }
  innocent();
  await page.close();
});
