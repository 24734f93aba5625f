// @ts-check
// Makes the pictures of the README and of docs/incidents.md from a real run: node screenshots.js, after cargo build.

import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { start, watched } from "./support/browser.js";
import { eventually, up } from "./support/lab.js";
import { panel, settled } from "./support/views.js";
import { traffic } from "./support/traffic.js";

const FOLDER = fileURLToPath(new URL("../../docs/images/", import.meta.url));
/** Long enough for lines to show their shape. */
const MINUTES = 4;

mkdirSync(FOLDER, { recursive: true });
const lab = await up({ "--faults": true, "--faults-port": "0" });
const quiet = traffic(lab);
const browser = await start();
try {
  await new Promise((resolve) => setTimeout(resolve, MINUTES * 60_000));
  const chains = new URLSearchParams({
    q: '{ span.http.route = "/chain" && resource.service.name = "app-a" }',
    limit: "1",
  });
  const id = await eventually("a trace of /chain", async () => {
    const found = await (await fetch(`${lab.tempo}/api/search?${chains}`)).json();
    return found.traces[0]?.traceID;
  });

  const { page, innocent } = await watched(browser.context, lab.console);
  const picture = async (/** @type {string} */ name) => {
    await settled(page);
    await page.screenshot({ path: `${FOLDER}${name}.png` });
  };
  await page.goto(`${lab.console}/d/salvo-observability?from=now-5m&to=now`);
  const latency = await panel(page, "PR 99 Requests Duration");
  const dot = latency.locator("a.exemplar[aria-label*='/chain']:visible").last();
  await dot.waitFor();
  await page.evaluate(() => window.scrollTo(0, 0));
  await picture("dashboard");
  await latency.evaluate((element) => element.scrollIntoView({ block: "center" }));
  await dot.hover();
  await page.screenshot({ path: `${FOLDER}exemplar.png` });

  await page.goto(`${lab.console}/traces/${id}`);
  await page.getByRole("treegrid").getByRole("row").nth(1).waitFor();
  await picture("trace");

  await page.getByRole("link", { name: "Logs of this trace" }).click();
  await page.locator("li.log-line").first().waitFor();
  await picture("logs");

  await page.goto(`${lab.console}/services?from=now-5m&to=now`);
  await page.getByRole("table", { name: "Services" }).waitFor();
  await picture("services");

  const give = async (/** @type {string} */ order, /** @type {object} */ body) => {
    const response = await fetch(`${lab.console}/api/incidents/${order}`, {
      method: "POST",
      body: JSON.stringify(body),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(`${order}: ${JSON.stringify(answer)}`);
    return answer.incident;
  };
  // The failures of this traffic would be taken for those of the incident.
  quiet();
  const { asked } = await give("start", { name: "one-article", seed: 3 });
  const solution = await eventually("the telemetry tells", async () => {
    const { solution, stage } = await give("solution", { give_up: true });
    return stage === "given_up" && solution.steps.every((/** @type {any} */ one) => one.rows > 0) && solution;
  });
  await give("stop", {});
  // The seed breaks the same again, and what is right is known now.
  await give("start", { name: "one-article", seed: 3 });
  await give("answer", { answers: { [asked[0].key]: "/chain" } });
  await give("hint", {});
  await new Promise((resolve) => setTimeout(resolve, 60_000));
  await give("answer", { answers: solution.answers });
  await page.goto(`${lab.console}/incidents`);
  await page.locator("a.exemplar").first().waitFor();
  await picture("incidents");
  innocent();
  await page.close();
} finally {
  quiet();
  await browser.stop();
  await lab.stop();
}
