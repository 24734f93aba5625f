// What the logs view asks Loki, and what it reads in a line.

import assert from "node:assert/strict";
import test from "node:test";

import {
  entries,
  fieldOf,
  levelName,
  paramsOf,
  partsOf,
  queryOf,
  read,
  stateOf,
  steps,
} from "../../../console/logs/loki.js";

const LINE =
  "2026-11-22 14:07:31,123 ERROR [salvo_observability::telemetry::exception] [exception.rs:91] " +
  "[trace_id=0af7651916cd43dd8448eb211c80319c span_id=b7ad6b7169203331 resource.service.name=app-a] - GET /error_test failed\n  caused by: one [2]";

const entry = (line, labels = {}) => ({ ts: "1795374030325328554", line, labels });

test("filters become a query", () => {
  assert.equal(queryOf({ services: [], levels: [], text: "" }), '{service_name=~".+"}');
  assert.equal(
    queryOf({ services: ["app-a"], levels: ["ERROR"], text: "" }),
    '{service_name="app-a"} | detected_level="error"',
  );
  assert.equal(
    queryOf({ services: ["app-a", "a.b|c"], levels: ["WARN", "ERROR"], text: "stock" }),
    '{service_name=~"app-a|a\\\\.b\\\\|c"} |= "stock" | detected_level=~"warn|error"',
  );
});

test("text is taken literally, whatever it holds", () => {
  const query = queryOf({ services: ['"} | evil'], levels: [], text: 'say "\\n"\n`x` {{.}}' });
  assert.equal(query, '{service_name="\\"} | evil"} |= "say \\"\\\\n\\"\\n`x` {{.}}"');
});

test("the bars of a range are on round points of time and cover all of it", () => {
  for (const seconds of [1, 59, 300, 900, 3600, 86_400, 31_000_000]) {
    const range = { start: 1_795_374_031_500, end: 1_795_374_031_500 + seconds * 1000 };
    const { step, ends } = steps(range);
    assert.ok(ends.length <= 62, `${ends.length} bars for ${seconds} s`);
    assert.ok(ends.every((end) => end % step === 0));
    assert.ok((ends[0] - step) * 1000 <= range.start && ends[0] * 1000 > range.start);
    assert.ok(ends[ends.length - 1] * 1000 >= range.end);
  }
});

test("a text line is read with its level and all of its message", () => {
  const { level, message, code } = read(entry(LINE, { detected_level: "info" }));
  assert.equal(level, "ERROR");
  assert.equal(message, "GET /error_test failed\n  caused by: one [2]");
  assert.equal(code, "exception.rs:91");
});

test("a JSON line is read too", () => {
  const { level, message } = read(entry('{"level":"WARN","message":"m","error":["a","b"],"trace_id":"0af"}'));
  assert.deepEqual([level, message], ["WARN", "m"]);
});

test("lines of no known form are shown as they are", () => {
  for (const line of ["", "null", "[1]", "{broken", '{"level":3}', "2026-11-22 ERROR", "\u0000"]) {
    const { message, level } = read(entry(line));
    assert.deepEqual([message, level], ["", ""], line);
  }
  assert.equal(read(entry("panic", { detected_level: "critical" })).level, "ERROR");
  assert.equal(read(entry("level=warning", { detected_level: "warn" })).level, "WARN");
  assert.deepEqual([levelName("Info"), levelName("constructor"), levelName(undefined)], ["INFO", "", ""]);
});

test("the state is in the address and comes back from it", () => {
  const address = "service=app-a&service=app-b&level=WARN&text=x+y&from=now-5m&to=now";
  const state = stateOf(new URLSearchParams(address));
  assert.deepEqual(state.services, ["app-a", "app-b"]);
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(paramsOf(state)))
    for (const one of [value].flat()) if (one) params.append(name, String(one));
  assert.equal(params.toString(), address);
});

test("a query in the address stands in the place of the filters", () => {
  const state = stateOf(new URLSearchParams({ service: "app-a", query: ' {a="b"} ', level: "nonsense" }));
  assert.equal(queryOf(state), '{a="b"}');
  assert.deepEqual([state.services, state.levels], [[], []]);
  assert.equal("service" in paramsOf(state), false);
});

test("lines of several streams are in the order of nanoseconds", () => {
  const ordered = entries([
    {
      stream: { s: "a" },
      values: [
        ["1795374030325328554", "2"],
        ["1795374030325328552", "4"],
      ],
    },
    {
      stream: { s: "b" },
      values: [
        ["1795374030325328555", "1"],
        ["1795374030325328553", "3"],
      ],
    },
  ]);
  assert.deepEqual(
    ordered.map((one) => one.line),
    ["1", "2", "3", "4"],
  );
});

test("conditions on fields follow the filters or the own query, each parser once before them", () => {
  const fields = [
    fieldOf("http_route", "/a=b", false),
    fieldOf("code", 'say "1"', true, "json"),
    fieldOf("user", "x", false, "json"),
  ];
  const conditions = ' | json | http_route="/a=b" | code!="say \\"1\\"" | user="x"';
  const empty = { services: [], levels: [], text: "", fields };
  assert.equal(queryOf(empty), `{service_name=~".+"}${conditions}`);
  assert.equal(queryOf({ ...empty, own: '{a="b"} |= "c"' }), `{a="b"} |= "c"${conditions}`);
  assert.deepEqual(partsOf(fields[1]), { parser: "json", name: "code", without: true, value: 'say "1"' });
  const state = stateOf(new URLSearchParams([...fields, "no condition", "a b=c"].map((field) => ["field", field])));
  assert.deepEqual(state.fields, fields, "what is no condition is left out");
});

test("the labels of a line tell those of its stream from its own fields", () => {
  const stream = { service_name: "shop" };
  const values = [
    ["1", "paid", { structuredMetadata: { trace_id: "0af" }, parsed: { user: "u" } }],
    ["2", "old"],
  ];
  const [plain, rich] = entries([{ stream, values }]);
  assert.deepEqual(rich.labels, { service_name: "shop", trace_id: "0af", user: "u" });
  assert.deepEqual([rich.fields, plain.fields], [["trace_id", "user"], []]);
});
