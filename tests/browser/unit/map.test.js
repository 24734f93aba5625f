// What the service map computes, without a browser.

import assert from "node:assert/strict";
import test from "node:test";

import { assembled } from "../../../console/map/graph.js";
import { boxes, curve, textPlace } from "../../../console/map/layout.js";

/** @param {string} from @param {string} to @param {number} value */
function edge(from, to, value, connection = "") {
  return { metric: { client: from, server: to, connection_type: connection }, value: [0, String(value)] };
}

/** @param {string} service @param {number} value */
function of(service, value) {
  return { metric: { service }, value: [0, String(value)] };
}

const EDGES = [
  {
    name: "rate",
    all: [
      edge("user", "shop", 2, "virtual_node"),
      edge("shop", "stock", 3),
      edge("stock", "orders", 4, "database"),
      edge("stock", "nobody", 0),
    ],
  },
  { name: "errors", all: [edge("shop", "stock", 1)] },
  { name: "mean", all: [edge("shop", "stock", 0.02)] },
];
const SERVICES = [
  { name: "rate", all: [of("shop", 2), of("stock", 3), of("idle", 0)] },
  { name: "p95", all: [of("shop", 0.5)] },
];

test("a graph has the services that were asked, and those that send no spans", () => {
  const { places, edges } = assembled(EDGES, SERVICES);
  assert.deepEqual(
    places.map(({ name, kind, rate, p95 }) => [name, kind, rate, p95]),
    [
      ["orders", "database", 4, undefined],
      ["shop", "", 2, 0.5],
      ["stock", "", 3, undefined],
      ["user", "outside", 0, undefined],
    ],
  );
  const calls = edges.map(({ from, to, rate, errors, mean }) => [from, to, rate, errors, mean]);
  assert.deepEqual(calls, [
    ["shop", "stock", 3, 1, 0.02],
    ["stock", "orders", 4, 0, NaN],
    ["user", "shop", 2, 0, NaN],
  ]);
});

test("callers stand left of what they call, and a circle has all its services", () => {
  const { places, edges } = assembled(EDGES, SERVICES);
  const at = boxes(places, edges);
  const x = ["user", "shop", "stock", "orders"].map((name) => at.get(name)?.x ?? NaN);
  assert.deepEqual(
    x,
    [...x].sort((one, other) => one - other),
  );
  assert.equal(new Set(x).size, 4);
  const circle = [{ name: "rate", all: [edge("a", "b", 1), edge("b", "a", 1), edge("c", "c", 1)] }];
  const round = assembled(circle, []);
  assert.deepEqual([...boxes(round.places, round.edges).keys()].sort(), ["a", "b", "c"]);
});

test("no two texts of lines lie upon each other or upon a box", () => {
  const names = ["a", "b", "c", "d", "e"];
  const all = names.flatMap((from) => names.map((to) => edge(from, to, 1)));
  const { places, edges } = assembled([{ name: "rate", all }], []);
  const at = boxes(places, edges);
  const taken = [...at.values()];
  for (const { from, to } of edges) {
    const [one, other] = [at.get(from), at.get(to)];
    assert.ok(one && other);
    textPlace(curve(one, other), 90, taken);
  }
  assert.ok(taken.length > names.length + 5);
  for (const [index, one] of taken.entries()) {
    for (const other of taken.slice(index + 1)) {
      const across = one.x < other.x + other.width && other.x < one.x + one.width;
      const down = one.y < other.y + other.height && other.y < one.y + one.height;
      assert.ok(!(across && down), `${JSON.stringify(one)} ${JSON.stringify(other)}`);
    }
  }
});
