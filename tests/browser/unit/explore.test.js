// What the metrics explorer reads in an expression, and what it makes of answers, without a browser.

import assert from "node:assert/strict";
import test from "node:test";

import { seriesOf } from "../../../console/dashboard/query.js";
import { beginning } from "../../../console/explore/browser.js";
import { errorAt, placeAt } from "../../../console/explore/cursor.js";
import { interval } from "../../../console/explore/histogram.js";
import { ranked } from "../../../console/explore/known.js";

/** The place at the mark `|`. */
function at(/** @type {string} */ text) {
  const cursor = text.indexOf("|");
  const place = placeAt(text.replace("|", ""), cursor);
  return place && [place.kind, place.written, place.label ?? place.metric, place.start];
}

test("what can be written follows from what is open before the cursor", () => {
  for (const [text, expected] of [
    ["ra|", ["name", "ra", "", 0]],
    ["sum(ra|)", ["name", "ra", "", 4]],
    ["sum by (se|", ["label", "se", "", 8]],
    ["sum by (a, |) (up)", ["label", "", "", 11]],
    ["a / on (in|stance) b", ["label", "in", "", 8]],
    ["up{|", ["label", "", "up", 3]],
    ['up{job="a", in|', ["label", "in", "up", 12]],
    ['up{job="a|"}', ["value", "a", "job", 8]],
    ['up{job=~"a|', ["value", "a", "job", 9]],
    ["up{job='a|", ["value", "a", "job", 8]],
    ['{job="x(|', ["value", "x(", "job", 6]],
    ["rate(up[|", ["duration", "", "", 8]],
    ["rate(up[5|m])", ["duration", "5", "", 8]],
    ["sum(up) b|", ["name", "b", "", 8]],
  ])
    assert.deepEqual(at(String(text)), expected, String(text));
});

test("nothing is offered inside of texts, comments, numbers and variables", () => {
  for (const text of ['label_replace(up, "a|', "up # co|", "1e|", "$va|"]) {
    assert.equal(at(text), undefined, text);
  }
  assert.deepEqual(at('up{job="a\\"|'), ["value", 'a\\"', "job", 8], "an escaped quote ends no text");
});

test("an error is found at its line and column, which counts bytes", () => {
  const message = 'invalid parameter "query": 2:7: parse error: unexpected ")"';
  const found = errorAt(message, 'up{a="ä"}\n+ "é")');
  assert.deepEqual(found, { line: '+ "é")', column: 5, at: 15, message: 'unexpected ")"' });
  assert.equal(errorAt("too many samples", "up"), undefined);
  const beyond = errorAt("1:40: parse error: unexpected end of input", "sum(up");
  assert.equal(beyond?.column, 6);
});

test("options that begin with the text come first, and one that is written already is none", () => {
  const options = ["xup_total", "up", "up_total"].map((name) => ({ name, text: name, about: "" }));
  assert.deepEqual(
    ranked("up", options).options.map(({ name }) => name),
    ["up_total", "xup_total"],
  );
  const many = Array.from({ length: 500 }, (_, index) => ({ name: `m${index}`, text: `m${index}`, about: "" }));
  const { options: some, more } = ranked("m", many);
  assert.deepEqual([some.length, more], [50, 450]);
});

test("a metric begins with the query that fits its type, whatever its name", () => {
  const of = (/** @type {string} */ type, name = "x", buckets = false) => beginning({ name, type, help: "", buckets });
  assert.equal(of("gauge"), "x");
  assert.equal(of("counter"), "sum(rate(x[$__rate_interval]))");
  assert.match(of("histogram", "x", true), /sum by \(le\) \(rate\(x_bucket\[/);
  assert.match(of("histogram"), /histogram_quantile\(0.95, sum\(rate\(x\[/);
  assert.equal(of("gauge", "a.b"), '{"a.b"}');
});

test("a native histogram is drawn by its count, and its buckets say which bounds they have", () => {
  const histogram = { count: "7", sum: "3.5", buckets: [[0, "0.5", "1", "7"]] };
  const metric = { __name__: "x" };
  const [line] = seriesOf([{ metric, values: [[1, "2"]], histograms: [[2, histogram]] }], {}, [1, 2, 3]);
  assert.deepEqual(line.values, [2, 7, null]);
  assert.deepEqual(seriesOf([{ metric, histogram: [2, histogram] }], {})[0].values, [7]);
  const rules = [0, 1, 2, 3].map((rule) => interval(rule, "0.50000001", "+Inf"));
  assert.deepEqual(rules, ["(0.5, +Inf]", "[0.5, +Inf)", "(0.5, +Inf)", "[0.5, +Inf]"]);
});
