// @ts-check
// The exercise that the lab exists for, clicked through as a person does it: from a metric to its trace, from the
// trace to its log lines, and from a line back to the trace.

import assert from "node:assert/strict";
import { test } from "node:test";
import { watched } from "./support/browser.js";
import { panel } from "./support/views.js";
import { stage } from "./support/stage.js";
import { traced } from "./support/traffic.js";

const at = stage();

test("an exemplar leads to its trace, the trace to its lines, and a line back to the trace", async () => {
  const { page, innocent } = await watched(at.browser.context, at.lab.console);
  await page.goto(`${at.lab.console}/d/salvo-observability?from=now-5m&to=now&refresh=5s`);
  const latency = await panel(page, "PR 99 Requests Duration");

  // Metric → trace.
  const dot = latency.locator("a.exemplar[aria-label*='/chain']:visible").first();
  await dot.waitFor({ timeout: 60_000 });
  await dot.hover();
  const shown = await page.locator(".tooltip:visible").innerText();
  const name = (await dot.getAttribute("aria-label")) ?? "";
  const id = /trace ([0-9a-f]{32})/.exec(name)?.[1] ?? "";
  assert.match(shown, new RegExp(id), "the box of a dot names its trace");
  assert.match(shown, /app-[abc]/, "and the service");
  await dot.click();
  await page.waitForURL(`**/traces/${id}`);

  // The trace: the request, its three calls, and what they did on the other instances.
  const rows = page.getByRole("treegrid").getByRole("row");
  await rows.filter({ hasText: "GET /cpu_task" }).first().waitFor();
  const chain = page.getByRole("heading", { level: 1 });
  assert.match(await chain.innerText(), /app-[abc]\s+GET \/chain/);
  for (const called of ["GET /io_task", "GET /cpu_task"]) {
    assert.ok((await rows.filter({ hasText: called }).count()) > 0, `a span of ${called}`);
  }

  // Trace → logs.
  await page.getByRole("link", { name: "Logs of this trace" }).click();
  await page.waitForURL("**/logs?**");
  const lines = page.locator("li.log-line");
  await lines.first().waitFor();
  const text = (await lines.allTextContents()).join("\n");
  for (const message of ["chain finished", "io task", "cpu task"]) {
    assert.ok(text.includes(message), `a line of "${message}"`);
  }

  // Log → trace.
  await lines.locator("a.log-trace").first().click();
  await page.waitForURL(`**/traces/${id}`);
  await rows.filter({ hasText: "GET /chain" }).first().waitFor();
  innocent();
  await page.close();
});

test("the same by the keyboard alone", async () => {
  const { page, innocent } = await watched(at.browser.context, at.lab.console);
  await page.goto(`${at.lab.console}/d/salvo-observability?from=now-5m&to=now`);
  const latency = await panel(page, "PR 99 Requests Duration");
  await latency.locator("a.exemplar:visible").first().waitFor({ timeout: 60_000 });
  await latency.locator("a.exemplar[tabindex='0']:visible").first().focus();
  await page.keyboard.press("ArrowRight");
  const name = await page.evaluate(() => document.activeElement?.getAttribute("aria-label"));
  assert.match(name ?? "", /^Exemplar /);
  await page.keyboard.press("Enter");
  await page.waitForURL("**/traces/*");
  const tree = page.getByRole("treegrid");
  await tree.waitFor();
  await tree.focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: "Logs of this span" }).waitFor();
  await page.getByRole("link", { name: "Logs of this span" }).focus();
  await page.keyboard.press("Enter");
  await page.waitForURL("**/logs?**");
  innocent();
  await page.close();
});

test("the exception of a failed request is on its span and in its line", async () => {
  const failed = await traced(at.lab, "/error_test");
  assert.equal(failed.status, 500);
  const { page, innocent, expects } = await watched(at.browser.context, at.lab.console);
  // A trace that is opened at once may not be there yet; the view waits for it.
  expects(/404/);
  await page.goto(`${at.lab.console}/traces/${failed.id}`);
  // The view opens at the span that failed.
  const exception = page.getByRole("group", { name: "Exception" });
  await exception.waitFor();
  assert.match(await exception.innerText(), /stock of item 7/);
  await page.getByRole("link", { name: "Logs of this span" }).click();
  const line = page.locator("li.log-line[data-level=error], li.log-line[data-level=ERROR]").first();
  await line.waitFor();
  await line.getByRole("button", { name: /^\+\d+ lines?$/ }).click();
  assert.match(await line.innerText(), /caused by/i);
  innocent();
  await page.close();
});

test("a request sent from the console is found by its trace id", async () => {
  const { page, innocent, expects } = await watched(at.browser.context, at.lab.console);
  expects(/404/);
  await page.goto(`${at.lab.console}/traffic`);
  await page.getByRole("button", { name: "Send /chain", exact: true }).click();
  const trace = page.getByRole("table", { name: "Responses, newest first" }).locator("a[href^='/traces/']").first();
  await trace.waitFor();
  await trace.click();
  await page.getByRole("treegrid").getByRole("row").filter({ hasText: "GET /chain" }).first().waitFor();
  innocent();
  await page.close();
});
