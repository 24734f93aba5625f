// @ts-check
// The spans of a trace as a treegrid. Only some rows of a long trace are drawn; the active row must always be one of
// them, or a screen reader and the keyboard lose their place.

import assert from "node:assert/strict";
import { test } from "node:test";
import { watched } from "./support/browser.js";
import { eventually } from "./support/lab.js";
import { stage } from "./support/stage.js";

const LONG = "10".repeat(16);
const FAILED = "20".repeat(16);
/** Groups of spans below the root, and spans in each. */
const [GROUPS, EACH] = [20, 15];

const at = stage({ busy: false, ready: () => Promise.all([send(LONG), send(FAILED, failures)]).then(() => {}) });

/** @param {number} number */
const spanId = (number) => number.toString(16).padStart(16, "0");

/** A span of a long trace fails without an exception, and a later one, far below, with one. @param {string} name */
function failures(name) {
  if (name === "span 3.2") return { status: { code: 2 } };
  if (name !== "span 15.7") return {};
  const attributes = [
    { key: "exception.type", value: { stringValue: "OutOfStock" } },
    { key: "exception.message", value: { stringValue: "no item 7" } },
  ];
  return { status: { code: 2 }, events: [{ name: "exception", timeUnixNano: nanoseconds(5), attributes }] };
}

const START = Date.now() - 5_000;
/** @param {number} after milliseconds */
function nanoseconds(after) {
  return `${START + after}000000`;
}

/**
 * Sends a trace of groups of spans.
 *
 * @param {string} traceId
 * @param {(name: string) => object} more
 */
async function send(traceId, more = () => ({})) {
  let last = 0;
  const span = (/** @type {string} */ name, parent = 0) => {
    last += 1;
    const times = { startTimeUnixNano: nanoseconds(last), endTimeUnixNano: nanoseconds(1_000) };
    const parentSpanId = parent ? spanId(parent) : "";
    return { traceId, spanId: spanId(last), parentSpanId, name, kind: 1, ...times, ...more(name) };
  };
  const spans = [span("root")];
  for (let group = 1; group <= GROUPS; group += 1) {
    spans.push(span(`group ${group}`, 1));
    const parent = last;
    for (let one = 1; one <= EACH; one += 1) spans.push(span(`span ${group}.${one}`, parent));
  }
  const resource = { attributes: [{ key: "service.name", value: { stringValue: "long" } }] };
  const response = await fetch(`${at.lab.otlp_http}/v1/traces`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans }] }] }),
  });
  assert.equal(response.status, 200, await response.text());
  await eventually("the trace is there", async () => (await fetch(`${at.lab.tempo}/api/traces/${traceId}`)).ok);
}

/**
 * The row that aria-activedescendant names: its name, and if it is inside of the visible part of the grid.
 *
 * @param {import("playwright-core").Page} page
 */
async function active(page) {
  const found = await page.getByRole("treegrid").evaluate((grid) => {
    const id = grid.getAttribute("aria-activedescendant") ?? "";
    const row = document.getElementById(id);
    if (!row || !grid.contains(row)) return { missing: id };
    const [inner, outer] = [row.getBoundingClientRect(), grid.getBoundingClientRect()];
    const inside = inner.top >= outer.top && inner.bottom <= outer.bottom + 1;
    const name = /** @type {string} */ (row.getAttribute("aria-label")).replace(/^long ([^,]*),.*$/, "$1");
    const others = [...grid.querySelectorAll(".wf-active")].filter((one) => one !== row).length;
    return { name, inside, others, expanded: row.getAttribute("aria-expanded") };
  });
  assert.equal(found.missing, undefined, "aria-activedescendant names a row that is drawn");
  assert.equal(found.others, 0, "one row is marked as active");
  return found;
}

/**
 * Opens a trace and focuses its treegrid.
 *
 * @param {string} id
 * @param {(page: import("playwright-core").Page) => Promise<void>} look
 */
async function opened(id, look) {
  const { page, innocent } = await watched(at.browser.context, at.lab.console);
  await page.goto(`${at.lab.console}/traces/${id}`);
  await page.getByRole("treegrid").getByRole("row").nth(1).waitFor();
  await look(page);
  innocent();
  await page.close();
}

test("the active row of a long trace is drawn and in sight after each key", async () => {
  await opened(LONG, async (page) => {
    await page.getByRole("treegrid").focus();
    const last = `span ${GROUPS}.${EACH}`;
    for (const [key, name] of [
      ["ArrowDown", "group 1"],
      ["ArrowDown", "span 1.1"],
      ["PageDown", "group 2"],
      ["End", last],
      ["PageUp", `group ${GROUPS}`],
      ["Home", "root"],
      ["ArrowUp", "root"],
      ["End", last],
      ["ArrowLeft", `group ${GROUPS}`],
    ]) {
      await page.keyboard.press(key);
      const found = await active(page);
      assert.equal(found.name, name, `after ${key}`);
      assert.ok(found.inside, `${name} is in sight after ${key}`);
    }
    for (let row = 0; row < 30; row += 1) {
      await page.keyboard.press("ArrowUp");
      assert.ok((await active(page)).inside, `row ${row} upwards is in sight`);
    }
  });
});

test("the active row stays drawn while another part of a long trace is in sight", async () => {
  await opened(LONG, async (page) => {
    const grid = page.getByRole("treegrid");
    await grid.focus();
    const drawn = (/** @type {string} */ name) => grid.getByText(name, { exact: true }).waitFor({ state: "attached" });
    await grid.evaluate((element) => element.scrollTo(0, element.scrollHeight));
    await drawn(`span ${GROUPS}.${EACH}`);
    assert.deepEqual(await active(page), { name: "root", inside: false, others: 0, expanded: "true" });

    await page.keyboard.press("End");
    await grid.evaluate((element) => element.scrollTo(0, 0));
    await drawn("span 1.1");
    assert.equal((await active(page)).name, `span ${GROUPS}.${EACH}`);

    // A key goes on from the active row, not from what is in sight.
    await page.keyboard.press("ArrowUp");
    assert.deepEqual(await active(page), {
      name: `span ${GROUPS}.${EACH - 1}`,
      inside: true,
      others: 0,
      expanded: null,
    });
  });
});

test("the active row is drawn after its parent has been collapsed", async () => {
  await opened(LONG, async (page) => {
    const grid = page.getByRole("treegrid");
    await grid.focus();
    for (const key of ["ArrowDown", "ArrowDown", "ArrowDown"]) await page.keyboard.press(key);
    assert.equal((await active(page)).name, "span 1.2");
    for (const key of ["ArrowLeft", "ArrowLeft"]) await page.keyboard.press(key);
    assert.deepEqual(await active(page), { name: "group 1", inside: true, others: 0, expanded: "false" });

    // By pointer: the parent is collapsed while a child is active.
    const group = grid.getByRole("row").filter({ hasText: "group 2" });
    await grid.getByRole("row", { name: /span 2\.3,/ }).click();
    assert.equal((await active(page)).name, "span 2.3");
    await group.locator(".wf-toggle").click();
    await grid.getByText("span 2.3", { exact: true }).waitFor({ state: "detached" });
    assert.deepEqual(await active(page), { name: "group 2", inside: true, others: 0, expanded: "false" });

    // The root is collapsed from the end of a long trace.
    await page.keyboard.press("End");
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowLeft");
    assert.deepEqual(await active(page), { name: "root", inside: true, others: 0, expanded: "false" });
    assert.equal(await grid.getByRole("row").count(), 2, "the header and the root");
  });
});

test("a trace with an error opens at the span with its exception", async () => {
  await opened(FAILED, async (page) => {
    const exception = page.getByRole("group", { name: "Exception" });
    await exception.waitFor();
    assert.match(await exception.innerText(), /OutOfStock[\s\S]*no item 7/);
    await page.getByRole("heading", { name: "span 15.7" }).waitFor();
    const found = await active(page);
    assert.deepEqual([found.name, found.inside], ["span 15.7", true], "its row is active and in sight");
    const selected = page.getByRole("treegrid").locator("[aria-selected=true]");
    assert.match((await selected.getAttribute("aria-label")) ?? "", /span 15\.7,.*error/);
  });
});
