// What the trace views compute, without a browser.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test from "node:test";

import { differing, pairsOf } from "../../../console/traces/compare.js";
import { criticalPath } from "../../../console/traces/critical_path.js";
import { earliest, hexadecimal, readTrace } from "../../../console/traces/model.js";
import { callsOf, columnsOf } from "../../../console/traces/service_graph.js";
import { traceql } from "../../../console/traces/traceql.js";

const ID = "9414886b1ebf025db067a4cbd13a0903";
const START = 1_795_360_498_000;

/** @typedef {[id: string, parent: string, start: number, end: number]} Short times in milliseconds */

/** @param {Short} short @param {object} [more] what else it has */
function span([id, parent, start, end], more = {}) {
  const nanos = (/** @type {number} */ ms) => String(BigInt(START) * 1_000_000n + BigInt(Math.round(ms * 1e6)));
  return {
    spanId: hex(id),
    parentSpanId: parent && hex(parent),
    name: id,
    startTimeUnixNano: nanos(start),
    endTimeUnixNano: nanos(end),
    ...more,
  };
}

function hex(/** @type {string} */ id) {
  return Buffer.from(id.padEnd(8, "-")).toString("hex");
}

/** @param {string} service @param {...object} spans */
function resource(service, ...spans) {
  const attributes = [{ key: "service.name", value: { stringValue: service } }];
  return { resource: { attributes }, scopeSpans: [{ scope: { name: "lib", version: "1" }, spans }] };
}

/** @param {unknown} answer that has a trace */
function found(answer) {
  const trace = readTrace(answer, ID);
  assert.ok(trace);
  return trace;
}

/** @param {...Short} spans */
function answer(...spans) {
  return { batches: [resource("app", ...spans.map((one) => span(one)))] };
}

/** @param {...Short} spans */
function trace(...spans) {
  return found(answer(...spans));
}

/** @param {ReturnType<typeof found>} read */
function pathOf(read) {
  const pieces = [...criticalPath(read)].flatMap(([{ name }, own]) => own.map((piece) => ({ name, ...piece })));
  return pieces
    .sort((a, b) => a.start - b.start)
    .map(({ name, start, end }) => /** @type {const} */ ([name, start, end]));
}

test("both versions of Tempo's answer are read alike", async () => {
  const recorded = JSON.parse(
    await readFile(new URL("../../../crates/backends/tests/golden/tempo.json", import.meta.url), "utf8"),
  );
  const [first, second] = ["trace_by_id", "trace_by_id_v2"].map((name) =>
    found(recorded.find((/** @type {{ name: string }} */ one) => one.name === name).body),
  );
  assert.deepEqual(
    first.spans.map((one) => [one.id, one.service, one.kind, one.depth, one.start, one.end]),
    second.spans.map((one) => [one.id, one.service, one.kind, one.depth, one.start, one.end]),
  );
  assert.equal(first.spans.length, 7);
  assert.equal(first.root.id, "1879ed2ebe62a804");
  assert.equal(first.root.name, "GET /chain");
  assert.equal(first.root.attributes.get("http.response.status_code"), "200");
  assert.equal(first.start, START);
  assert.equal(first.duration, 1100);
  assert.deepEqual([...first.colors.keys()].sort(), ["app-a", "app-b", "app-c"]);
});

test("ids are read in base64 and in hexadecimal digits", () => {
  assert.equal(hexadecimal("GHntLr5iqAQ="), "1879ed2ebe62a804");
  assert.equal(hexadecimal("1879ED2EBE62A804"), "1879ed2ebe62a804");
  assert.equal(hexadecimal("lBSIax6/Al2wZ6TL0ToJAw=="), ID);
  assert.equal(hexadecimal(ID), ID);
  assert.equal(hexadecimal("AAAAAAAAAAA="), "");
  assert.equal(hexadecimal(undefined), "");
});

test("the spans of the tree follow their parent, by their start", () => {
  const read = trace(["late", "root", 50, 60], ["leaf", "early", 6, 8], ["root", "", 0, 100], ["early", "root", 5, 10]);
  assert.deepEqual(
    read.spans.map((one) => [one.name, one.depth]),
    [
      ["root", 0],
      ["early", 1],
      ["leaf", 2],
      ["late", 1],
    ],
  );
});

test("orphans, several roots and circles are drawn", () => {
  const read = trace(
    ["a", "", 0, 10],
    ["b", "", 20, 30],
    ["o", "gone", 40, 50],
    ["x", "y", 60, 70],
    ["y", "x", 61, 62],
    ["self", "self", 80, 90],
  );
  assert.deepEqual(
    read.spans.map((one) => [one.name, one.depth, one.orphan, one.circular]),
    [
      ["a", 0, false, false],
      ["b", 0, false, false],
      ["o", 0, true, false],
      ["x", 0, true, true],
      ["y", 1, false, false],
      ["self", 0, true, true],
    ],
  );
  assert.equal(read.root.name, "a");
  assert.equal(trace(["o", "gone", 0, 1]).root.name, "o");
  assert.equal(readTrace({ batches: [] }, ID), undefined);
  assert.deepEqual(trace(["x", "y", 0, 1], ["y", "z", 0, 1], ["z", "x", 0, 1], ["leaf", "z", 0, 1]).spans.length, 4);
});

test("what JSON leaves out as a default is no obstacle: a start of 0, no end, no name, no kind, no ids", () => {
  const { startTimeUnixNano, ...unset } = span(["unset", "root", 0, 40]);
  const read = found({ batches: [resource("app", span(["root", "", 10, 100]), unset, { spanId: hex("bare") }, {})] });
  assert.equal(read.start, START + 10);
  assert.equal(read.duration, 90);
  const { untimed, start, end, depth } = read.spans.find((one) => one.name === "unset") ?? {};
  assert.deepEqual([untimed, start, end, depth], [true, 0, 30, 1]);
  assert.deepEqual(
    read.spans.filter((one) => one.name === "").map((one) => [one.start, one.end, one.kind]),
    [
      [0, 0, ""],
      [0, 0, ""],
    ],
  );
  assert.equal(earliest(read).name, "root");
  const nothing = found({
    batches: [resource("app", { spanId: hex("a"), events: [{}], links: [{}], attributes: [{}] })],
  });
  assert.deepEqual([nothing.start, nothing.duration, nothing.spans.length], [0, 0, 1]);
  assert.equal(criticalPath(nothing).size, 0);
});

test("kinds and states are read as names and as numbers, an id that is none as it is", () => {
  const read = found({ batches: [resource("app", { spanId: "?!", kind: 3, status: { code: 2 } })] });
  assert.deepEqual([read.root.kind, read.root.error, read.root.id], ["client", true, "?!"]);
});

test("a trace without a root is named by the span that began first", () => {
  const read = trace(["late", "gone", 20, 90], ["early", "gone", 10, 30], ["leaf", "late", 25, 30]);
  assert.equal(earliest(read).name, "early");
  assert.equal(earliest(read).service, "app");
});

test("a trace may be as deep as it has spans", () => {
  const many = 20_000;
  const read = trace(
    ...Array.from({ length: many }, (_, at) => {
      return /** @type {Short} */ ([`${at}`, at > 0 ? `${at - 1}` : "", at / 1000, 1000 - at / 1000]);
    }),
  );
  assert.equal(read.spans.length, many);
  assert.equal(read.spans.at(-1)?.depth, many - 1);
  assert.equal(criticalPath(read).size, many);
});

test("values of all kinds are read", () => {
  const read = found({
    resourceSpans: [
      resource(
        "app",
        span(["a", "", 0, 1], {
          kind: "SPAN_KIND_CLIENT",
          status: { code: "STATUS_CODE_ERROR", message: "no" },
          attributes: [
            { key: "long", value: { intValue: "9223372036854775807" } },
            { key: "list", value: { arrayValue: { values: [{ boolValue: true }, { doubleValue: 1.5 }] } } },
            { key: "map", value: { kvlistValue: { values: [{ key: "k", value: { stringValue: "v" } }] } } },
            { key: "nothing", value: {} },
          ],
          events: [{ name: "exception", timeUnixNano: String((BigInt(START) + 1n) * 1_000_000n) }],
        }),
      ),
    ],
  });
  assert.deepEqual(
    [...read.root.attributes],
    [
      ["long", "9223372036854775807"],
      ["list", '{"values":[{"boolValue":true},{"doubleValue":1.5}]}'],
      ["map", '{"values":[{"key":"k","value":{"stringValue":"v"}}]}'],
      ["nothing", ""],
    ],
  );
  assert.equal(read.root.kind, "client");
  assert.equal(read.root.error, true);
  assert.equal(read.root.message, "no");
  assert.equal(read.root.events[0].after, 1);
});

test("the critical path follows the child that finished last", () => {
  const read = trace(
    ["root", "", 0, 100],
    ["fast", "root", 10, 40],
    ["slow", "root", 10, 90],
    ["leaf", "slow", 20, 60],
  );
  assert.deepEqual(pathOf(read), [
    ["root", 0, 10],
    ["slow", 10, 20],
    ["leaf", 20, 60],
    ["slow", 60, 90],
    ["root", 90, 100],
  ]);
});

test("the critical path goes on with the child that had finished before", () => {
  const read = trace(
    ["root", "", 0, 100],
    ["one", "root", 10, 30],
    ["two", "root", 35, 80],
    ["beside", "root", 20, 50],
  );
  assert.deepEqual(pathOf(read), [
    ["root", 0, 10],
    ["one", 10, 30],
    ["root", 30, 35],
    ["two", 35, 80],
    ["root", 80, 100],
  ]);
});

test("a child that outlives its parent is waited for no longer than the parent ran", () => {
  const read = trace(["root", "", 0, 50], ["background", "root", 40, 200]);
  assert.deepEqual(pathOf(read), [
    ["root", 0, 40],
    ["background", 40, 50],
  ]);
});

test("the critical path covers the trace without overlap when one root spans it", () => {
  let seed = 7;
  const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  /** @type {Short[]} */
  const spans = [["0", "", 0, 1000]];
  for (let at = 1; at < 500; at += 1) {
    const start = random() * 990;
    spans.push([`${at}`, `${Math.floor(random() * at)}`, start, start + random() * (1000 - start)]);
  }
  const pieces = pathOf(trace(...spans));
  let until = 0;
  for (const [, start, end] of pieces) {
    assert.ok(Math.abs(start - until) < 1e-6 && end > start);
    until = end;
  }
  assert.ok(Math.abs(until - 1000) < 1e-6);
});

test("calls between services are counted, those of a service to itself too", () => {
  const read = found({
    batches: [
      resource(
        "a",
        span(["root", "", 0, 100], { kind: "SPAN_KIND_SERVER" }),
        span(["out1", "root", 1, 20], { kind: "SPAN_KIND_CLIENT" }),
        span(["in1", "out1", 2, 10], { kind: "SPAN_KIND_SERVER" }),
        span(["out2", "root", 20, 90], { kind: "SPAN_KIND_CLIENT" }),
        span(["work", "root", 91, 92], { kind: "SPAN_KIND_INTERNAL" }),
      ),
      resource(
        "b",
        span(["in2", "out2", 30, 80], { kind: "SPAN_KIND_SERVER", status: { code: "STATUS_CODE_ERROR" } }),
        span(["query", "in2", 40, 50], { kind: "SPAN_KIND_INTERNAL" }),
      ),
      resource("c", span(["back", "in2", 60, 70], { kind: "SPAN_KIND_SERVER" })),
    ],
  });
  const calls = callsOf(read.spans);
  assert.deepEqual(calls, [
    { from: "a", to: "a", count: 1, errors: 0, time: 8 },
    { from: "a", to: "b", count: 1, errors: 1, time: 50 },
    { from: "b", to: "c", count: 1, errors: 0, time: 10 },
  ]);
  assert.deepEqual(columnsOf(["a"], calls), [["a"], ["b"], ["c"]]);
});

test("the fields of the form become TraceQL", () => {
  assert.equal(traceql({}), "{ }");
  assert.equal(
    traceql({ service: 'a"\\', route: "/items/{item_id}" }),
    '{ resource.service.name = "a\\"\\\\" && span.http.route = "/items/{item_id}" }',
  );
  assert.equal(traceql({ status: "error", min: "1.5s" }), "{ status = error && traceDuration >= 1.5s }");
  assert.equal(
    traceql({ status: "4xx", max: "2m" }),
    "{ span.http.response.status_code >= 400 && span.http.response.status_code <= 499 && traceDuration <= 2m }",
  );
  assert.equal(traceql({ status: "ok", route: "" }), "{ status != error }");
});

test("the spans of two traces are matched by their path, and what is missing, further or slower is told", () => {
  const one = trace(["root", "", 0, 100], ["db", "root", 10, 20], ["db", "root", 30, 40], ["cache", "root", 50, 60]);
  const other = trace(
    ["root", "", 0, 150],
    ["db", "root", 10, 60],
    ["retry", "root", 70, 80],
    ["inner", "retry", 71, 72],
  );
  const all = pairsOf(one, other);
  const told = all.map(({ a, b, depth, change }) => [a?.name ?? "", b?.name ?? "", depth, change]);
  assert.deepEqual(told, [
    ["root", "root", 0, 50],
    ["db", "db", 1, 40],
    ["db", "", 1, 0],
    ["cache", "", 1, 0],
    ["", "retry", 1, 0],
    ["", "inner", 2, 0],
  ]);
});

test("of traces that are alike only what differs is kept, with the way to it", () => {
  const spans = /** @type {Short[]} */ ([
    ["root", "", 0, 100],
    ["a", "root", 0, 50],
    ["b", "a", 0, 40],
    ["c", "root", 50, 90],
  ]);
  const slower = /** @type {Short[]} */ (spans.map((one) => (one[0] === "b" ? ["b", "a", 0, 49] : one)));
  assert.deepEqual(differing(pairsOf(trace(...spans), trace(...spans))), []);
  const kept = differing(pairsOf(trace(...spans), trace(...slower))).map(({ a }) => a?.name);
  assert.deepEqual(kept, ["root", "a", "b"]);
});

test("a trace as deep as its number of spans, and one with a span of many children, are compared", () => {
  const deep = /** @type {Short[]} */ (
    Array.from({ length: 5000 }, (_, at) => [`s${at}`, at ? `s${at - 1}` : "", 0, 1])
  );
  assert.equal(pairsOf(trace(...deep), trace(...deep)).length, 5000);
  const wide = /** @type {Short[]} */ (Array.from({ length: 5000 }, (_, at) => [`s${at}`, at ? "s0" : "", 0, 1]));
  assert.equal(pairsOf(trace(...wide), trace(...deep)).length, 9998);
});
