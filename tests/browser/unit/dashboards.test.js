// What the Dashboards view computes, without a browser.

import assert from "node:assert/strict";
import test from "node:test";

import { queue } from "../../../console/dashboard/queue.js";
import { legend, seriesOf } from "../../../console/dashboard/query.js";
import { filled, timesOf } from "../../../console/dashboard/template.js";
import { choiceOf, stateOf } from "../../../console/dashboard/variables.js";
import { apart } from "../../../console/panels/exemplars.js";
import { sorted } from "../../../console/panels/single.js";
import { calculation, shown } from "../../../console/panels/values.js";

const TIMES = { range: 900, step: 5, rateInterval: 20 };

/** A variable with what the address or the dashboard chooses. */
function choice(more, address = "", options = []) {
  const state = stateOf({ name: "app", type: "query", ...more }, new URLSearchParams(address));
  return choiceOf({ ...state, options });
}

test("macros and every spelling of a variable are filled in", () => {
  const one = [choice({}, "var-app=x")];
  assert.equal(
    filled("$app ${app} ${app:raw} [[app]] [$__rate_interval] $__range_s", "prometheus", TIMES, one),
    "x x x x [20s] 900",
  );
  assert.equal(filled("[$__auto] $__interval_ms $__range", "loki", TIMES, []), "[5s] 5000 900s");
  assert.equal(
    filled('label_replace(up, "a", "$1", "b", "(.*)")', "prometheus", TIMES, []),
    'label_replace(up, "a", "$1", "b", "(.*)")',
  );
  assert.throws(() => filled("$other", "prometheus", TIMES, one), /\$other/);
});

test("several values become a pattern, escaped for the language they go to", () => {
  const several = choice({ multi: true }, "var-app=a.b&var-app=c");
  assert.equal(filled("$app", "prometheus", TIMES, [several]), "(a\\\\.b|c)");
  assert.equal(filled("$app", "loki", TIMES, [several]), "a\\\\.b|c");
});

test("all stands for every value, unless the variable has its own", () => {
  const all = { multi: true, includeAll: true, current: { value: ["$__all"] } };
  assert.equal(filled("$app", "prometheus", TIMES, [choice(all, "", ["a", "b"])]), "(a|b)");
  assert.equal(filled("$app", "prometheus", TIMES, [choice({ ...all, allValue: ".*" }, "", ["a"])]), ".*");
  assert.equal(filled("$app", "prometheus", TIMES, [choice(all, "var-app=All", ["a"])]), "a");
  assert.equal(filled("$app", "prometheus", TIMES, [choice(all)]), ".+");
});

test("a text cannot leave its quotes", () => {
  const text = choice({ type: "textbox", query: "" }, `var-app=${encodeURIComponent('a"b\\')}`);
  assert.equal(filled("$app", "loki", TIMES, [text]), 'a\\"b\\\\');
});

test("the rate interval spans four scrapes, and a series has no more points than fit", () => {
  const span = (seconds) => ({ start: 0, end: seconds * 1000 });
  const times = (seconds, more = {}) => timesOf(span(seconds), "prometheus", { scrape: "5s", points: 1000, ...more });
  assert.deepEqual([times(900).step, times(900).rateInterval], [5, 20]);
  assert.deepEqual([times(86_400).step, times(86_400).rateInterval], [87, 92]);
  assert.deepEqual([times(900, { own: "15s" }).step, times(900, { own: "15s" }).rateInterval], [15, 60]);
  assert.equal(timesOf(span(900), "loki", { points: 1000 }).step, 1);
  assert.ok(900_000 / timesOf(span(900_000), "loki", { points: 1e9 }).step <= 11_000);
});

test("a series is named by its legend, or by its labels", () => {
  const labels = { __name__: "up", job: "<b>" };
  assert.equal(legend({ legendFormat: "{{job}} {{ missing }}" }, labels), "<b>");
  assert.equal(legend({}, labels), 'up{job="<b>"}');
  assert.equal(legend({ legendFormat: "__auto" }, {}), "Value");
});

test("the rows of a table are named by their labels and in the order that the file sets", () => {
  assert.equal(legend({ format: "table" }, { __name__: "up", path: "/b" }), "/b");
  const rows = [
    ["/b", 1],
    ["/a", 3],
    ["/c", 2],
  ].map(([path, value]) => ({ labels: { path }, value }));
  const by = (field, desc) =>
    sorted({ transformations: [{ id: "sortBy", options: { sort: [{ field, desc }] } }] }, rows);
  assert.deepEqual(
    by("path", false).map((one) => one.labels.path),
    ["/a", "/b", "/c"],
  );
  assert.deepEqual(
    by("Value", true).map((one) => one.value),
    [3, 2, 1],
  );
  assert.deepEqual(sorted({}, rows), rows);
});

test("points of a query with another step are no gaps of the others", () => {
  const result = [
    {
      metric: {},
      values: [
        [0, "1"],
        [10, "2"],
      ],
    },
  ];
  assert.deepEqual(seriesOf(result, {}, [0, 5, 10], [0, 10])[0].values, [1, undefined, 2]);
});

test("values are reduced over what there is", () => {
  const values = [null, 1, 3, null];
  assert.deepEqual(
    ["lastNotNull", "mean", "max", "min"].map((name) => calculation(name).of(values)),
    [3, 2, 3, 1],
  );
  assert.deepEqual(
    ["max", "mean"].map((name) => calculation(name).of([null])),
    [null, null],
  );
  assert.equal(calculation("lastNotNull").title, "Last");
});

test("a value has the colour of its threshold, its unit, and words where there is none", () => {
  const steps = [
    { color: "green", value: null },
    { color: "#d00000", value: 1 },
  ];
  const config = { unit: "s", decimals: 1, noValue: "none", thresholds: { steps } };
  assert.deepEqual(shown(2, config), { text: "2.0 s", color: "#d00000" });
  assert.notEqual(shown(0.5, config).color, "#d00000");
  assert.equal(shown(null, config).text, "none");
  const mappings = [{ type: "value", options: { 0: { text: "down", color: "#d00000" } } }];
  assert.deepEqual(shown(0, { ...config, mappings }), { text: "down", color: "#d00000" });
});

test("a step that a server left out is a gap, and so is what a division by zero gives", () => {
  const result = [
    {
      metric: { job: "a" },
      values: [
        [0, "1"],
        [10, "NaN"],
        [15, "+Inf"],
        [20, "2"],
      ],
    },
  ];
  const [{ name, values }] = seriesOf(result, { legendFormat: "{{job}}" }, [0, 5, 10, 15, 20]);
  assert.deepEqual([name, values], ["a", [1, null, null, null, 2]]);
  assert.deepEqual(seriesOf([{ metric: {}, value: [0, "7"] }], {})[0].values, [7]);
});

test("of exemplars that lie together the slowest stays, and each can be hit", () => {
  const all = Array.from({ length: 500 }, (_, index) => ({ x: index, y: (index * 37) % 100 }));
  const kept = apart(all);
  assert.ok(kept.length <= 150 && kept.some((one) => one.y === 0));
  for (const one of kept) assert.ok(kept.every((two) => one === two || Math.hypot(one.x - two.x, one.y - two.y) >= 13));
  assert.deepEqual(
    kept.map((one) => one.x),
    kept.map((one) => one.x).toSorted((a, b) => a - b),
  );
});

test("no more queries are under way than agreed, and one that is given up makes room", async () => {
  const queued = queue(2);
  const given = new AbortController();
  let now = 0;
  let most = 0;
  const work = async () => {
    now += 1;
    most = Math.max(most, now);
    await new Promise((done) => setImmediate(done));
    now -= 1;
  };
  const all = Array.from({ length: 9 }, (_, index) =>
    queued(work, index === 4 ? given.signal : new AbortController().signal),
  );
  given.abort();
  const ended = await Promise.allSettled(all);
  assert.deepEqual([most, ended.filter((one) => one.status === "rejected").length], [2, 1]);
});
