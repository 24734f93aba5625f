// @ts-check
// What other people have made: their dashboards, and traces that are not whole.

import assert from "node:assert/strict";
import { test } from "node:test";
import { watched } from "./support/browser.js";
import { panel } from "./support/views.js";
import { stage } from "./support/stage.js";

const at = stage();

/** @param {object} file @param {(page: import("playwright-core").Page) => Promise<void>} look */
async function shown(file, look) {
  const { page, innocent } = await watched(at.browser.context, at.lab.console);
  await page.route("**/api/dashboards/other", (route) => route.fulfill({ json: file }));
  await page.goto(`${at.lab.console}/d/other?from=now-5m&to=now&refresh=5s`);
  await look(page);
  innocent();
  await page.close();
}

/** @param {string} title @param {unknown} datasource @param {string} expr @param {object} [more] */
const graph = (title, datasource, expr, more = {}) => ({
  id: title.length,
  type: "graph",
  title,
  datasource,
  targets: [{ refId: "A", expr }],
  ...more,
});

test("rows in the place of panels, and a data source through a variable, are drawn", async () => {
  const list = [
    {
      name: "job",
      type: "query",
      datasource: "$source",
      query: "label_values(up, job)",
      regex: "/app-.*/",
      multi: true,
      includeAll: true,
      current: { value: "$__all" },
    },
    { name: "source", type: "datasource", query: "prometheus", current: { value: "default" } },
  ];
  const rows = [
    {
      title: "A row",
      panels: [
        graph("Up", "$source", 'up{job=~"$job"}', { span: 6 }),
        graph("Down", null, 'up{job=~"${job:regex}"} - 1', { span: 6 }),
      ],
    },
  ];
  await shown({ title: "Old", templating: { list }, rows }, async (page) => {
    await page.locator("summary", { hasText: "A row" }).waitFor();
    for (const title of ["Up", "Down"])
      await (await panel(page, title)).locator("canvas").first().waitFor({ timeout: 60_000 });
  });
});

test("each query of a mixed panel asks its own server", async () => {
  const targets = [
    { refId: "A", datasource: { uid: "prometheus" }, expr: "count(up)", legendFormat: "of Prometheus" },
    {
      refId: "B",
      datasource: { uid: "loki" },
      expr: 'sum(rate({compose_project=~".+"}[$__auto]))',
      legendFormat: "of Loki",
    },
  ];
  const mixed = { id: 1, type: "timeseries", title: "Both", datasource: { uid: "-- Mixed --" }, targets };
  await shown({ title: "Mixed", panels: [mixed] }, async (page) => {
    const both = await panel(page, "Both");
    for (const name of ["of Prometheus", "of Loki"])
      await both.getByRole("button", { name }).waitFor({ timeout: 60_000 });
  });
});

test("what is not known is named where it would be", async () => {
  const panels = [
    graph("Elsewhere", { type: "influxdb", uid: "x" }, "up"),
    graph("Nowhere", "$gone", "up"),
    { id: 99, type: "heatmap", title: "Heat" },
  ];
  await shown({ title: "Odd", panels }, async (page) => {
    for (const [title, said] of [
      ["Elsewhere", /influxdb/],
      ["Nowhere", /\$gone/],
      ["Heat", /heatmap/],
    ]) {
      await (await panel(page, String(title))).getByText(said).first().waitFor();
    }
  });
  await shown({ title: "Nothing", panels: [] }, (page) => page.getByText("This dashboard has no panels.").waitFor());
  await shown({ elements: {}, layout: {} }, (page) =>
    page
      .getByRole("alert")
      .filter({ hasText: /version 2/ })
      .waitFor(),
  );
});

test("a trace without its root is listed by its earliest span, and one of circles and without times is drawn", async () => {
  const end = BigInt(Date.now()) * 1_000_000n;
  const span = (
    /** @type {string} */ id,
    /** @type {string} */ parent,
    /** @type {string} */ name,
    start = end - 50_000_000n,
  ) => {
    return {
      traceId: "ab".repeat(16),
      spanId: id.repeat(16),
      parentSpanId: parent.repeat(16),
      name,
      kind: 2,
      startTimeUnixNano: String(start),
      endTimeUnixNano: String(end),
    };
  };
  const spans = [
    span("1", "2", "first of two"),
    span("2", "1", "second of two", end - 40_000_000n),
    span("3", "3", "its own parent"),
    span("4", "9", "without a start", 0n),
  ];
  const resource = { attributes: [{ key: "service.name", value: { stringValue: "stranger" } }] };
  const body = JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans }] }] });
  const sent = await fetch(`${at.lab.otlp_http}/v1/traces`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  assert.equal(sent.status, 200);
  const { page, innocent } = await watched(at.browser.context, at.lab.console);
  await page.goto(
    `${at.lab.console}/traces?q=${encodeURIComponent('{ resource.service.name = "stranger" }')}&refresh=5s`,
  );
  const row = page.getByRole("row").filter({ hasText: "root span missing" });
  await row.getByText("stranger").first().waitFor();
  await row.getByRole("link", { name: "first of two" }).click();
  const tree = page.getByRole("treegrid").getByRole("row");
  for (const { name } of spans) await tree.filter({ hasText: name }).first().waitFor();
  innocent();
  await page.close();
});
