// @ts-check
// Both dashboards are drawn from their Grafana files, and every panel shows data of a lab that has traffic.

import assert from "node:assert/strict";
import { test } from "node:test";
import { watched } from "./support/browser.js";
import { eventually } from "./support/lab.js";
import { panel } from "./support/views.js";
import { stage } from "./support/stage.js";

/** What a panel of each kind draws when it has data. */
const DRAWN = {
  stat: ".stat-value",
  bargauge: ".bar-row",
  timeseries: ".uplot canvas",
  logs: "li.log-line",
  table: "tbody tr",
  text: ".panel-message p",
};

const at = stage();

/** @param {string} path */
const asked = async (path) => (await fetch(at.lab.console + path)).json();

test("every panel of every dashboard shows data", async () => {
  for (const { uid } of await asked("/api/dashboards")) {
    const file = await asked(`/api/dashboards/${uid}`);
    const { page, innocent } = await watched(at.browser.context, at.lab.console);
    await page.goto(`${at.lab.console}/d/${uid}?from=now-5m&to=now&refresh=5s`);
    const panels = file.panels.filter((/** @type {{ type: string }} */ one) => one.type !== "row");
    assert.ok(panels.length > 5, uid);
    for (const { title, type } of panels) {
      const found = await panel(page, title);
      const what = `${uid}: "${title}" with data`;
      await eventually(
        what,
        async () => {
          const text = await found.innerText();
          if (/Loading…|no data|not drawn here/i.test(text) || (await found.getByRole("alert").count())) return false;
          return (await found.locator(DRAWN[/** @type {keyof DRAWN} */ (type)]).count()) > 0;
        },
        60_000,
      );
    }
    innocent();
    await page.close();
  }
});

test("a variable narrows every panel, and is in the address", async () => {
  const { page, innocent } = await watched(at.browser.context, at.lab.console);
  await page.goto(
    `${at.lab.console}/d/salvo-observability?from=now-5m&to=now&var-app_name=app-b&var-log_keyword=hello`,
  );
  const log = await panel(page, "Log of All Applications");
  await log.locator("li.log-line").first().waitFor();
  for (const line of await log.locator("li.log-line").allTextContents()) assert.match(line, /hello/);
  const latency = await panel(page, "PR 99 Requests Duration");
  await latency.locator("a.exemplar:visible").first().waitFor();
  await latency.locator("a.exemplar:visible").first().hover();
  assert.match(await page.locator(".tooltip:visible").innerText(), /app-b/);
  innocent();
  await page.close();
});

test("a range of the past shows that range after a reload", async () => {
  const { page, innocent } = await watched(at.browser.context, at.lab.console);
  const end = Date.now() - 3_600_000;
  await page.goto(`${at.lab.console}/d/salvo-observability?from=${end - 300_000}&to=${end}`);
  const requests = await panel(page, "Requests Per Second");
  await eventually("a range without data says so", async () => /no data/i.test(await requests.innerText()));
  await page.getByRole("combobox", { name: "Time range" }).selectOption("now-5m");
  await eventually("the range of now has data", async () => (await requests.locator(".uplot canvas").count()) > 0);
  assert.match(page.url(), /from=now-5m/);
  await page.goBack();
  await eventually("Back is the range before", async () => page.url().includes(String(end)));
  innocent();
  await page.close();
});

test("a dashboard that does not exist is said to be missing", async () => {
  const { page, expects, innocent } = await watched(at.browser.context, at.lab.console);
  expects(/404/);
  await page.goto(`${at.lab.console}/d/nothing`);
  await page
    .getByRole("alert")
    .filter({ hasText: /no dashboard has this uid/ })
    .waitFor();
  innocent();
  await page.close();
});
