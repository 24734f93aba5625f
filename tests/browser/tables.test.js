// @ts-check
// A screen reader names the column or row of a table cell only when the header says which of both it heads.

import assert from "node:assert/strict";
import { test } from "node:test";
import { watched } from "./support/browser.js";
import { panel } from "./support/views.js";
import { stage } from "./support/stage.js";
import { traced } from "./support/traffic.js";

const at = stage();

/**
 * Waits for headers in `place` and demands a scope of each.
 *
 * @param {import("playwright-core").Locator} place
 * @param {"col" | "row"} scope
 */
async function headed(place, scope) {
  const headers = place.locator("th");
  await headers.first().waitFor({ timeout: 60_000 });
  const scopes = await headers.evaluateAll((all) => all.map((one) => one.getAttribute("scope")));
  assert.deepEqual(
    scopes,
    scopes.map(() => scope),
  );
}

/**
 * @param {string} path
 * @param {(page: import("playwright-core").Page) => Promise<void>} look
 */
async function on(path, look) {
  const { page, innocent } = await watched(at.browser.context, at.lab.console);
  await page.goto(at.lab.console + path);
  await look(page);
  innocent();
  await page.close();
}

test("the headers of the responses have a scope", () =>
  on("/traffic", (page) => headed(page.getByRole("table", { name: "Responses, newest first" }), "col")));

test("the headers of the traces found have a scope", () =>
  on("/traces?from=now-5m&to=now&refresh=5s", (page) =>
    headed(page.getByRole("table", { name: "Traces found" }), "col"),
  ));

test("the headers of the service graph's tables have a scope", async () => {
  const { id } = await traced(at.lab, "/chain");
  const { page, innocent, expects } = await watched(at.browser.context, at.lab.console);
  // The trace may not be there yet; the view waits for it.
  expects(/404/);
  await page.goto(`${at.lab.console}/traces/${id}`);
  await page.getByText("As tables").click();
  await headed(page.getByRole("main").getByRole("table"), "col");
  innocent();
  await page.close();
});

test("the headers of a line's labels have a scope", () =>
  on("/logs?from=now-5m&to=now", async (page) => {
    const line = page.locator("li.log-line").first();
    await line.getByRole("button", { name: /Details of the line/ }).click();
    await headed(line, "row");
  }));

test("the headers of a legend have a scope", () =>
  on("/d/salvo-telemetry?from=now-5m&to=now&refresh=5s", async (page) =>
    headed((await panel(page, "Log Lines by Level")).locator("thead"), "col"),
  ));

test("the headers of a table panel have a scope", async () => {
  const targets = [{ refId: "A", datasource: { uid: "prometheus" }, expr: "up", instant: true, format: "table" }];
  const panels = [{ id: 1, type: "table", title: "Up", datasource: { uid: "prometheus" }, targets }];
  const { page, innocent } = await watched(at.browser.context, at.lab.console);
  await page.route("**/api/dashboards/table", (route) => route.fulfill({ json: { title: "Table", panels } }));
  await page.goto(`${at.lab.console}/d/table?refresh=5s`);
  await headed(await panel(page, "Up"), "col");
  innocent();
  await page.close();
});
