// What the console makes of Grafana's files, by the cases that `lab verify` keeps to as well.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test from "node:test";

import { linksOf, logsQueryOf, metricLinksOf } from "../../../console/correlation.js";
import { questions } from "../../../console/dashboard/query.js";
import { readDashboard } from "../../../console/dashboard/read.js";
import { sourceOf } from "../../../console/dashboard/source.js";
import { filled, timesOf } from "../../../console/dashboard/template.js";
import { choiceOf } from "../../../console/dashboard/variables.js";

const golden = JSON.parse(await readFile(new URL("../../golden/grafana.json", import.meta.url), "utf8"));

/** The choices of a case. */
function choices({ choices: all = [] }) {
  return all.map(({ variable, options, chosen }) => choiceOf({ definition: variable, options, chosen }));
}

/** What comes is what a case expects, or an error that names the one thing that is not known. */
function asExpected(given, compute) {
  const { error, expected, queries = expected } = given;
  const text = JSON.stringify(given);
  if (error) assert.throws(compute, (/** @type {Error} */ { message }) => message.includes(error), text);
  else assert.deepEqual(compute(), queries, text);
}

test("variables and macros are filled in as by lab verify", () => {
  for (const one of golden.filled) asExpected(one, () => filled(one.text, one.language, golden.times, choices(one)));
});

test("steps and rate intervals are those of lab verify", () => {
  for (const { range, language, limits, expected } of golden.intervals) {
    const { step, rateInterval } = timesOf({ start: 0, end: range * 1000 }, language, limits);
    assert.deepEqual({ step, rateInterval }, expected, JSON.stringify(limits));
  }
});

test("a data source is found however a file names it", () => {
  for (const one of golden.references) {
    asExpected(one, () => sourceOf(one.reference, golden.sources, choices(one)).uid);
  }
});

test("dashboards of other people are read, or the one thing that is not known is named", () => {
  const span = { start: 1_795_374_000_000, end: 1_795_374_900_000 };
  for (const one of golden.dashboards) {
    asExpected(one, () => {
      const { panels } = readDashboard(one.dashboard);
      const all = panels.flatMap((panel) => (panel.type === "row" ? (panel.panels ?? []) : [panel]));
      const own = all.filter((panel) => panel.type !== "text" && panel.datasource?.uid !== "-- Dashboard --");
      return own.flatMap((panel) =>
        questions(panel, 1000, { span, choices: choices(one), sources: golden.sources, panels: all }).map(
          ({ uid: source, query, times: { step } }) => ({ panel: panel.title, source, query, step }),
        ),
      );
    });
  }
});

test("a panel that shows another's data asks what that asks", () => {
  const { dashboard } = golden.dashboards.find(({ name }) => name.startsWith("a panel that shows"));
  const { panels } = readDashboard(dashboard);
  const round = { span: { start: 0, end: 900_000 }, choices: [], sources: golden.sources, panels };
  assert.deepEqual(
    questions(panels[1], 1000, round).map(({ query }) => query),
    ["up"],
  );
});

test("rows of older files are laid out on the grid, folded ones with their panels inside", () => {
  const { dashboard } = golden.dashboards.find(({ name }) => name.startsWith("rows"));
  const { panels } = readDashboard(dashboard);
  assert.deepEqual(
    panels.map(({ type, title }) => [type, title]),
    [
      ["row", "one"],
      ["timeseries", "a"],
      ["stat", "b"],
      ["row", "two"],
    ],
  );
  assert.deepEqual(panels[1].gridPos, { x: 0, y: 1, w: 12, h: 7 });
  assert.deepEqual(panels[2].gridPos, { x: 12, y: 1, w: 12, h: 7 });
  assert.deepEqual(
    panels[3].panels.map(({ title }) => title),
    ["c", "d"],
  );
});

test("a derived field finds the trace in both formats of a line", () => {
  for (const { field, line, expected } of golden.derived_fields) {
    assert.equal(linksOf([field])(line)[0]?.value ?? null, expected, line);
  }
});

test("a span leads to the lines that lab verify looks for", () => {
  for (const { settings, traceId, span, expected } of golden.trace_to_logs) {
    const ms = (/** @type {string} */ nanos) => Number(nanos) / 1e6;
    const read = {
      spanId: span.spanId,
      start: ms(span.startTimeUnixNano),
      end: ms(span.endTimeUnixNano),
      resource: new Map(Object.entries(span.resource)),
      attributes: new Map(Object.entries(span.attributes)),
    };
    const logs = logsQueryOf(settings, traceId, [read]);
    const found = logs && { query: logs.query, from: Number(logs.from), to: Number(logs.to) };
    assert.deepEqual(found, expected, JSON.stringify(settings));
  }
});

test("a label leads to its trace as the line does, once", () => {
  const label = { name: "TraceID", matcherType: "label", matcherRegex: "^trace_id$", datasourceUid: "tempo" };
  const line = { name: "TraceID", matcherRegex: "trace_id=(\\w+)", datasourceUid: "tempo" };
  const id = "0af7651916cd43dd8448eb211c80319c";
  const links = linksOf([line, label]);
  const found = (/** @type {string} */ text, /** @type {Record<string, string>} */ labels) =>
    links(text, labels).map(({ href }) => href);
  assert.deepEqual(found("paid", { trace_id: id, my_trace_id: "1" }), [`/traces/${id}`]);
  assert.deepEqual(found(`trace_id=${id}`, { trace_id: id }), [`/traces/${id}`]);
  assert.deepEqual(found("trace_id=0", {}), [null]);
});

test("a span leads to the metrics of the data source file, with its own name and tags", () => {
  const span = {
    spanId: "05",
    name: 'say "hi"',
    start: 600_000,
    end: 601_000,
    resource: new Map([["service.name", "shop"]]),
    attributes: new Map([["http.route", "/"]]),
  };
  const queries = [
    { name: "calls", query: 'calls{service="${__span.tags["service.name"]}", name="${__span.name}"}' },
    { name: "tagged", query: "requests{$__tags}" },
    { name: "of another", query: 'x{pod="${__span.tags.pod}"}' },
  ];
  const tags = [{ key: "http.route", value: "path" }];
  const mapping = { tags, queries, spanStartTimeShift: "-5m", spanEndTimeShift: "5m" };
  const range = { from: "300000", to: "901000" };
  assert.deepEqual(metricLinksOf({ tracesToMetrics: mapping }, "ab", span), [
    { name: "calls", query: 'calls{service="shop", name="say \\"hi\\""}', ...range },
    { name: "tagged", query: 'requests{path="/"}', ...range },
  ]);
  assert.deepEqual(metricLinksOf({}, "ab", span), []);
});
