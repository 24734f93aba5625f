// @ts-check
// A program that is none of the lab's: its services, metrics, log lines and traces, and the ways between them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { watched } from "./support/browser.js";
import { eventually } from "./support/lab.js";
import { checkout, request, spanMetrics } from "./support/program.js";
import { stage } from "./support/stage.js";

/** @type {string[]} */
let ids = [];
const at = stage({ flags: async () => ({ "--no-apps": true }), busy: false, ready: sent });

async function sent() {
  ids = [
    await request(at.lab, checkout(1)),
    await request(at.lab, checkout(6, { retried: true, note: "late" })),
    await request(at.lab, checkout(1, { failed: true })),
  ];
  await spanMetrics(at.lab, [
    { service: "warehouse", operation: "GET /stock", rate: 2, trace: ids[1] },
    { service: "warehouse", operation: "GET /stock", rate: 0.5, failed: true },
    { service: "warehouse", operation: "SELECT stock", rate: 20, kind: "SPAN_KIND_CLIENT" },
    { service: "night job", operation: "sweep", rate: 1, kind: "SPAN_KIND_INTERNAL" },
  ]);
  await eventually("the traces are there", async () => {
    const found = await Promise.all(ids.map(async (id) => (await fetch(`${at.lab.tempo}/api/traces/${id}`)).ok));
    return found.every(Boolean);
  });
}

/** @param {string} path @param {(page: import("playwright-core").Page, expects: (what: RegExp) => void) => Promise<void>} look */
async function on(path, look) {
  const { page, innocent, expects } = await watched(at.browser.context, at.lab.console);
  await page.goto(at.lab.console + path);
  await look(page, expects);
  innocent();
  await page.close();
}

test("without instances the first page is all services with rate, errors and duration", () =>
  on("/", async (page) => {
    await page.waitForURL("**/services**");
    const table = page.getByRole("table", { name: "Services" });
    const row = table.getByRole("row").filter({ hasText: "warehouse" });
    await row.waitFor();
    const [, rate, errors, ...durations] = await row.getByRole("cell").allInnerTexts();
    // 2.5 requests a second of two minutes, seen over five; what it asks of others is not asked of it.
    const perSecond = parseFloat(rate);
    assert.ok(perSecond > 0.7 && perSecond < 1.3, rate);
    assert.equal(errors, "20%");
    for (const one of durations.slice(0, 3)) assert.match(one, /^(1\d\d|2\d\d) ms$/);
    // The spans of the checkouts are counted on their way in.
    await table.getByRole("row").filter({ hasText: "payment" }).waitFor();
    const job = table.getByRole("row").filter({ hasText: "night job" });
    assert.match(await job.innerText(), /0\.\d+\/s/, "a service that nobody asks is measured by its own spans");
    // A refresh draws the table anew; whoever is on a link stays there.
    const link = row.getByRole("link", { name: "warehouse", exact: true });
    await link.focus();
    const before = await table.elementHandle();
    await page.getByRole("combobox", { name: "Refresh every" }).selectOption("5s");
    await link.focus();
    await page.waitForFunction((one) => !one?.isConnected, before);
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), "warehouse");
    await link.click();
    const operations = page.getByRole("table", { name: "Operations" });
    await operations.getByRole("row").filter({ hasText: "SELECT stock" }).waitFor();
    assert.match(page.url(), /service=warehouse/);
    const dot = page.getByRole("region", { name: "Duration" }).locator("a.exemplar").first();
    await dot.waitFor();
    assert.equal(await dot.getAttribute("href"), `/traces/${ids[1]}`, "an exemplar leads to its trace");
  }));

test("an expression is completed by the keyboard, drawn, and in the address", () =>
  on("/explore", async (page, expects) => {
    // An expression is checked while it is unfinished.
    expects(/400 .*parse_query/);
    const field = page.getByRole("textbox", { name: "PromQL expression" });
    const options = page.getByRole("listbox", { name: "Completions" }).getByRole("option");
    await page.getByRole("table", { name: "Metrics" }).waitFor();
    await field.click();
    await page.keyboard.type("sum by (span_k");
    await options.filter({ hasText: "span_kind" }).waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.type(") (rate(calls_to");
    await options.filter({ hasText: "traces_spanmetrics_calls_total" }).waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.keyboard.type("{serv");
    await options.filter({ hasText: "service" }).first().waitFor();
    await page.keyboard.press("Tab");
    await options.filter({ hasText: "warehouse" }).waitFor();
    await page.keyboard.type("ware");
    await eventually("one value is left", async () => (await options.count()) === 1);
    await page.keyboard.press("Tab");
    await page.keyboard.type("}[1m]))");
    await page.keyboard.press("Escape");
    await page.keyboard.press("Enter");
    const expr = 'sum by (span_kind) (rate(traces_spanmetrics_calls_total{service="warehouse"}[1m]))';
    assert.equal(await field.inputValue(), expr);
    const rows = page.getByRole("table", { name: "Result" }).getByRole("row");
    await rows.filter({ hasText: "SPAN_KIND_CLIENT" }).waitFor();
    await page.getByRole("region", { name: "Over time" }).locator("canvas").waitFor();
    assert.equal(new URL(page.url()).searchParams.get("expr"), expr);
  }));

test("an error is told at its place, while it is written and when it is run", () =>
  on(`/explore?expr=${encodeURIComponent("sum(up) +\nrate(up)")}`, async (page, expects) => {
    expects(/400/);
    const problem = page.locator(".problem");
    await problem.locator("mark").waitFor();
    assert.equal(await problem.locator("pre").innerText(), "rate(up)");
    const field = page.getByRole("textbox", { name: "PromQL expression" });
    assert.equal(await field.getAttribute("aria-invalid"), "true");
    await problem.getByRole("button").click();
    const selected = await field.evaluate((one) => {
      const { value, selectionStart, selectionEnd } = /** @type {HTMLTextAreaElement} */ (one);
      return value.slice(selectionStart, selectionEnd);
    });
    assert.ok(selected.length > 0 && "rate(up)".includes(selected), selected);
    await field.fill("sum(up) by (job) job");
    await problem.locator("pre").getByText("sum(up) by (job) job").waitFor();
    await field.fill("sum  (up )");
    await page.getByRole("button", { name: "Format" }).click();
    await page.getByRole("table", { name: "Result" }).waitFor();
    assert.equal(await field.inputValue(), "sum(up)");
    assert.equal(await problem.innerText(), "");
  }));

test("a line shows its fields, filters by them, and leads to its trace", () =>
  on("/logs?from=now-15m&to=now", async (page) => {
    const lines = page.locator("li.log-line[data-level]");
    await lines.first().waitFor();
    const late = lines.filter({ hasText: "charge of a card" }).nth(1);
    await late.getByRole("button", { name: /Details/ }).click();
    const named = (/** @type {string} */ name) => late.getByRole("button", { name });
    await named("Only http_route /charge").click();
    await eventually("only these lines are left", async () => (await lines.count()) === 3);
    assert.equal(await lines.filter({ hasText: "checkout" }).count(), 0);
    // The fields of all lines, and their values.
    await page.getByText("Fields", { exact: true }).click();
    await page.getByText(/^card_note/).click();
    await page.getByRole("button", { name: "Without card_note late" }).click();
    await eventually("one line fewer", async () => (await lines.count()) === 2);
    assert.deepEqual(new URL(page.url()).searchParams.getAll("field"), ["http_route=/charge", "card_note!=late"]);
    await page.reload();
    await eventually("the address has the conditions", async () => (await lines.count()) === 2);
    await page.getByRole("button", { name: "Remove the condition card_note is not late" }).click();
    await eventually("all three again", async () => (await lines.count()) === 3);
    const trace = lines.first().locator("a.log-trace");
    const href = (await trace.getAttribute("href")) ?? "";
    assert.ok(ids.includes(href.replace("/traces/", "")), href);
    await trace.click();
    await page.getByRole("treegrid").getByRole("row").filter({ hasText: "POST /charge" }).waitFor();
  }));

test("a span leads to its lines and to its metrics", () =>
  on(`/traces/${ids[1]}`, async (page) => {
    const row = page.getByRole("treegrid").getByRole("row").filter({ hasText: "POST /charge" });
    await row.click();
    const metrics = page.getByRole("list", { name: "Metrics" }).getByRole("link").first();
    await metrics.waitFor();
    const expr = new URL((await metrics.getAttribute("href")) ?? "", at.lab.console).searchParams.get("expr") ?? "";
    assert.match(expr, /service="payment", span_name="POST \/charge"/);
    await page.getByRole("link", { name: "Logs of this span" }).click();
    const lines = page.locator("li.log-line[data-level]");
    await lines.first().waitFor();
    assert.equal(await lines.count(), 1);
    assert.match(await lines.innerText(), /charge of a card/);
  }));

test("two traces of the search are compared span by span", () =>
  on("/traces?from=now-15m&to=now", async (page) => {
    for (const id of ids.slice(0, 2)) await page.getByRole("checkbox", { name: `Compare trace ${id}` }).check();
    await page.getByRole("link", { name: "Compare the two marked traces" }).click();
    const rows = page.getByRole("table", { name: "Spans of both traces" }).getByRole("row");
    await rows.nth(5).waitFor();
    const of = async (/** @type {string} */ name) => rows.filter({ hasText: name }).first().innerText();
    assert.match(await of("POST /charge"), /50 ms[^]*300 ms[^]*\+250 ms \(\+500%\)/);
    assert.match(await of("only in B"), /POST[^]*missing[^]*10 ms/);
    await page.getByRole("checkbox", { name: "Only differences" }).check();
    await eventually("equal spans are left out", async () => (await rows.filter({ hasText: "SELECT" }).count()) === 0);
    await page.getByRole("button", { name: "Swap" }).click();
    await rows.filter({ hasText: "only in A" }).waitFor();
    const { searchParams } = new URL(page.url());
    assert.deepEqual([searchParams.get("a"), searchParams.get("b")], [ids[1], ids[0]]);
  }));
