// @ts-check
// The incidents view: an incident is started, looked for, answered and walked through, in a lab that really breaks.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { DESKTOP, PHONE, watched } from "./support/browser.js";
import { contrasts, faults } from "./support/layout.js";
import { eventually, up } from "./support/lab.js";
import { stage } from "./support/stage.js";
import { settled } from "./support/views.js";

/** @import { Page } from "playwright-core" */

const BREAKABLE = { "--faults": /** @type {const} */ (true), "--faults-port": "0" };
// Before the lab ends: a runner would look for it for some time.
after(() => give("stop").catch(() => {}));
const at = stage({ busy: false, flags: async () => BREAKABLE });
/** Its seed 7 makes the route / slow by 600 ms. */
const TITLE = "The shop is slow";

/** Gives an order as the page does. @param {string} order @param {object} [body] @returns {Promise<any>} */
async function give(order, body = {}, lab = at.lab) {
  const response = await fetch(`${lab.console}/api/incidents/${order}`, {
    method: "POST",
    body: JSON.stringify(body),
  });
  return response.json();
}

/** Ends what a test has left, so that the next one can start another. */
async function free() {
  await give("stop").catch(() => {});
}

/** Two looks of the page at the state. @param {Page} page */
async function refreshed(page) {
  for (let look = 0; look < 2; look += 1)
    await page.waitForResponse((one) => one.url().endsWith("/api/incidents") && one.ok());
}

/** @param {Page} page */
async function opened(page) {
  await page.goto(`${at.lab.console}/incidents`);
  await page.getByRole("heading", { name: "Incidents", exact: true }).waitFor();
}

/** The text of the element that has the focus. @param {Page} page */
const focused = (page) => page.evaluate(() => document.activeElement?.textContent);

test("an incident is played from the page that woke somebody to the walk through its solution", async () => {
  await free();
  const { page, innocent } = await watched(at.browser.context, at.lab.console);
  await opened(page);
  await page.getByRole("spinbutton", { name: "Seed" }).fill("7");
  await page.getByRole("button", { name: `Start ${TITLE}` }).click();
  await page.getByRole("heading", { name: TITLE }).waitFor();
  await eventually("the heading has the focus", async () => (await focused(page)) === TITLE);
  await page.getByRole("blockquote").getByText("customers say that a page of the shop takes its time").waitFor();
  assert.ok(await page.getByRole("region", { name: "All incidents" }).isHidden(), "one is to be solved first");
  assert.equal(await page.getByText("/ 600").count(), 0);

  // The links lead to the time of the incident.
  const links = page.getByRole("navigation", { name: "Look at" }).getByRole("link");
  const hrefs = await links.evaluateAll((all) => all.map((one) => one.getAttribute("href") ?? ""));
  const ranged = hrefs.filter((one) => /^\/(d|services|map|traces|logs|explore)\b.*[?&]from=\d{13}&to=now/.test(one));
  assert.equal(ranged.length, 6, String(hrefs));

  const route = page.getByRole("combobox", { name: "Which route is slow?" });
  const duration = page.getByRole("spinbutton", { name: /How long/ });
  await route.selectOption("/chain");
  await page.getByRole("button", { name: "Answer", exact: true }).click();
  await page.getByText("Not /chain").waitFor();
  await page.getByText("95 of 100 points").waitFor();

  // What is typed stays over refreshes, with the focus, and over a visit to another view.
  await duration.pressSequentially("12");
  await refreshed(page);
  assert.equal(await duration.inputValue(), "12");
  await duration.press("End");
  await duration.pressSequentially("3");
  assert.equal(await duration.inputValue(), "123");
  await links.getByText("logs").click();
  await page.getByRole("heading", { name: "Logs" }).waitFor();
  await page.goBack();
  assert.equal(await duration.inputValue(), "123");

  const hint = page.getByRole("button", { name: /Take a hint/ });
  await hint.focus();
  await page.keyboard.press("Enter");
  const taken = page.getByRole("region", { name: "Hints" }).getByRole("listitem");
  await taken.filter({ hasText: "histogram" }).waitFor();
  assert.match((await focused(page)) ?? "", /Take a hint: 10 points, 2 left/);
  assert.match(await page.locator("#announcement").innerText(), /histogram/);

  await page.reload();
  await page.getByText("Not /chain").waitFor();
  assert.equal(await taken.count(), 1);
  await page.getByText("85 of 100 points").waitFor();

  await route.selectOption("/");
  await duration.fill("600");
  await duration.press("Enter");
  await page.getByText("Solved").waitFor();
  await eventually("the heading has the focus", async () => (await focused(page)) === TITLE);
  const solution = page.getByRole("region", { name: "Solution" });
  await solution.getByText("600 ms").waitFor();

  // The walk has what the servers tell of this run, and leads to the views.
  const first = page.getByRole("region", { name: "1. PromQL" });
  await eventually("the metrics tell", async () => {
    if (await first.getByRole("table", { name: "Result" }).isVisible()) return true;
    await solution.getByRole("button", { name: "Ask again" }).click();
    await page.waitForTimeout(1000);
  });
  assert.equal(await first.getByRole("listitem").filter({ hasText: "route = /" }).count(), 1);
  const second = page.getByRole("region", { name: "2. TraceQL" });
  assert.ok((await second.getByRole("table", { name: "Traces found" }).getByRole("row").count()) > 1);
  const query = (await first.locator("pre").innerText()).trim();
  await first.getByRole("link", { name: "Open in Metrics" }).click();
  await page.getByRole("heading", { name: "Metrics" }).waitFor();
  assert.equal(new URL(page.url()).searchParams.get("expr")?.trim(), query);
  await page.getByRole("table", { name: "Result" }).waitFor();
  await page.goBack();
  await second.getByRole("link", { name: "Open in Traces" }).click();
  await page.getByRole("table", { name: "Traces found" }).waitFor();
  await page.goBack();

  await page.getByRole("button", { name: "Stop…" }).click();
  await page.getByRole("button", { name: "Stop now" }).click();
  await page.getByRole("button", { name: "Stop…" }).waitFor({ state: "hidden" });
  await page.getByRole("region", { name: "All incidents" }).waitFor();
  innocent();
  await page.close();
});

test("every kind of step shows its result and opens its view", async () => {
  await free();
  await give("start", { name: "one-article", seed: 3 });
  const { page, innocent } = await watched(at.browser.context, at.lab.console);
  await eventually("the telemetry tells", async () => {
    const { incident } = await give("solution", { give_up: true });
    const steps = incident.solution.steps;
    return steps.every((/** @type {any} */ one) => one.rows > 0) && steps.length > 3;
  });
  await opened(page);
  await page.getByText("Given up").waitFor();
  await page.getByRole("region", { name: "1. PromQL" }).getByRole("table", { name: "Result" }).waitFor();
  const exemplars = page.getByRole("region", { name: "2. Exemplars" });
  await exemplars.locator("a.exemplar").first().waitFor();
  const trace = page.getByRole("region", { name: "3. Trace id" });
  await trace.getByRole("treegrid").getByRole("row").nth(1).waitFor();
  const logs = page.getByRole("region", { name: "4. LogQL" });
  await logs.locator("li.log-line").first().waitFor();
  await logs.getByRole("link", { name: "Open in Logs" }).click();
  await page.locator("li.log-line").first().waitFor();
  await page.goBack();
  await trace.getByRole("link", { name: "Open in Trace" }).click();
  await page.getByRole("treegrid").getByRole("row").nth(1).waitFor();
  innocent();
  await page.close();
});

test("a query for numbers of the log opens as numbers", async () => {
  const { page, innocent } = await watched(at.browser.context, at.lab.console);
  const query = 'sum by (service_name) (count_over_time({service_name=~".+"}[5m]))';
  await page.goto(`${at.lab.console}/logs?${new URLSearchParams({ query, from: "now-5m", to: "now" })}`);
  await page.getByRole("table", { name: "Result" }).getByText("app-a").waitFor();
  innocent();
  await page.close();
});

test("it is started, given up and stopped by keyboard, and asks before it ends", async () => {
  await free();
  const { page, innocent } = await watched(at.browser.context, at.lab.console);
  await opened(page);
  await page.getByRole("checkbox", { name: "Look at it healthy first" }).press("Space");
  await page.getByRole("button", { name: "Start Holes in the charts" }).press("Enter");
  await page.getByText("Nothing is broken").waitFor();
  assert.ok(await page.getByRole("button", { name: "Answer", exact: true }).isHidden(), "there is nothing to find");
  await page.getByRole("button", { name: "Now break it" }).press("Enter");
  await page.getByRole("button", { name: "Answer", exact: true }).waitFor();

  await page.getByRole("button", { name: "Give up…" }).press("Enter");
  await page.getByText("ends with no points").waitFor();
  assert.equal(await focused(page), "Cancel");
  await page.keyboard.press("Enter");
  assert.equal(await focused(page), "Give up…");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Shift+Tab");
  assert.equal(await focused(page), "Give up now");
  await page.keyboard.press("Enter");
  await page.getByText("Given up").waitFor();
  await page.getByRole("region", { name: "Solution" }).waitFor();
  await eventually("the heading has the focus", async () => (await focused(page)) === "Holes in the charts");
  await page.getByRole("button", { name: "Stop…" }).press("Enter");
  await page.getByRole("button", { name: "Stop now" }).press("Enter");
  await page.getByRole("button", { name: "Stop…" }).waitFor({ state: "hidden" });
  innocent();
  await page.close();
});

test("a time of day is answered in the time zone of the browser", async () => {
  await free();
  const { incident } = await give("start", { name: "since-when", seed: 2 });
  const { page, innocent } = await watched(at.browser.context, at.lab.console);
  await opened(page);
  const asked = incident.asked.find((/** @type {any} */ one) => one.kind === "time");
  const field = page.getByLabel(asked.text);
  // An hour before: wrong, and told as it was typed.
  const time = await page.evaluate((ms) => new Date(ms).toLocaleTimeString("en-GB"), incident.started_ms - 3_600_000);
  await field.fill(time);
  await page.getByRole("button", { name: "Answer", exact: true }).click();
  await page.getByText(`Not ${time}`).waitFor();
  const now = await (await fetch(`${at.lab.console}/api/incidents`)).json();
  const [wrong] = now.incident.asked.find((/** @type {any} */ one) => one.kind === "time").wrong;
  assert.ok(Math.abs(Date.parse(wrong) - (incident.started_ms - 3_600_000)) < 1000, wrong);
  innocent();
  await page.close();
});

for (const size of [DESKTOP, PHONE]) {
  for (const theme of /** @type {const} */ (["light", "dark"])) {
    test(`no text overlaps while it is solved and after, at ${size.width}×${size.height}, ${theme}`, async () => {
      await free();
      await give("start", { name: "one-article", seed: 3 });
      await give("answer", { answers: { route: "/chain", item: "1" } });
      await give("hint");
      const { page, innocent } = await watched(at.browser.context, at.lab.console, { size, theme });
      await opened(page);
      await page.getByText("Not /chain").waitFor();
      const check = async (/** @type {string} */ what) => {
        await settled(page);
        assert.deepEqual(await page.evaluate(faults), [], what);
        assert.deepEqual(await page.evaluate(contrasts), [], what);
      };
      await check("open");
      await page.getByRole("button", { name: "Give up…" }).click();
      await check("asked");
      await page.getByRole("button", { name: "Give up now" }).click();
      await page.getByRole("region", { name: "Solution" }).waitFor();
      await check("given up");
      innocent();
      await page.close();
    });
  }
}

test("an alert from before the incident is marked, and one of the incident is not", async () => {
  await free();
  const { page, innocent } = await watched(at.browser.context, at.lab.console);
  await give("start", { name: "half-broken", seed: 4 });
  await page.goto(`${at.lab.console}/alerts`);
  const row = page.getByRole("table", { name: "Alerts" }).getByRole("row", { name: /ErrorRatioHigh.*app-c/ });
  // Rules are looked at every 15 s.
  await row.waitFor({ timeout: 60_000 });
  const mark = row.getByText("before this incident");
  assert.equal(await mark.count(), 0, "it is of this incident");
  await give("stop");
  await give("start", { name: "slow-shop", seed: 7 });
  await mark.waitFor();
  await give("stop");
  await mark.waitFor({ state: "detached" });
  innocent();
  await page.close();
});

test("without faults the page has the list, and says how to start a lab that can break", async () => {
  const lab = await up();
  try {
    const { page, innocent } = await watched(at.browser.context, lab.console);
    await page.goto(`${lab.console}/incidents`);
    await page.getByText("lab up --faults").waitFor();
    assert.ok((await page.getByRole("table", { name: "Incidents" }).getByRole("row").count()) > 12);
    assert.equal(await page.getByRole("button", { name: /^Start/ }).count(), 0);
    innocent();
    await page.close();
  } finally {
    await lab.stop();
  }
});

test("a lab that goes away and comes back is told, and what is typed stays", async () => {
  const state = mkdtempSync(join(tmpdir(), "lab-state-"));
  const first = await up(BREAKABLE, state);
  const port = new URL(first.console).port;
  const { page, expects } = await watched(at.browser.context, first.console);
  let lab = first;
  try {
    await give("start", { name: "slow-shop", seed: 7 }, lab);
    await page.goto(`${lab.console}/incidents`);
    const duration = page.getByRole("spinbutton", { name: /How long/ });
    await duration.fill("70");
    expects(/ERR_CONNECTION_REFUSED|Failed to load resource/);
    await lab.stop();
    await page.getByRole("alert").getByText("lab up").waitFor();
    await page.getByRole("button", { name: "Answer", exact: true }).click();
    assert.equal(await duration.inputValue(), "70");
    lab = await up({ ...BREAKABLE, "--console-port": port }, state);
    await page.getByRole("alert").first().waitFor({ state: "hidden" });
    assert.equal(await duration.inputValue(), "70");
    await page.close();
  } finally {
    await give("stop", {}, lab).catch(() => {});
    await lab.stop();
    rmSync(state, { recursive: true, force: true });
  }
});
