// @ts-check
// The console in front of backends that are somewhere else: they are killed and started again while it is looked at.

import { after, before, test } from "node:test";
import { start, watched } from "./support/browser.js";
import { up } from "./support/lab.js";
import { panel } from "./support/views.js";
import { traffic } from "./support/traffic.js";

/** @type {import("./support/lab.js").Lab} */
let backends;
/** @type {import("./support/lab.js").Lab} */
let lab;
/** @type {Awaited<ReturnType<typeof start>>} */
let browser;
let quiet = () => {};

/** The backends alone, on the ports that they had before. */
async function again() {
  const port = (/** @type {string} */ url) => new URL(url).port;
  return up({
    "--no-apps": true,
    "--prometheus-port": port(backends.prometheus),
    "--loki-port": port(backends.loki),
    "--tempo-port": port(backends.tempo),
    "--otlp-grpc-port": port(backends.otlp_grpc),
  });
}

before(async () => {
  [backends, browser] = await Promise.all([up({ "--no-apps": true }), start()]);
  lab = await up({
    "--prometheus": backends.prometheus,
    "--loki": backends.loki,
    "--tempo": backends.tempo,
    "--tempo-otlp": backends.otlp_grpc,
  });
  quiet = traffic(lab);
});

after(async () => {
  quiet();
  await browser?.stop();
  await lab?.stop();
  await backends?.stop();
});

test("each view says which backend is down, and shows its data again when that is back", async () => {
  const views = await Promise.all(
    [
      "/d/salvo-telemetry?from=now-5m&to=now&refresh=5s",
      "/traces?from=now-5m&to=now&refresh=5s",
      "/logs?from=now-5m&to=now",
      "/logs?from=now-5m&to=now&live=1",
      "/services?refresh=5s",
      "/explore?expr=up",
    ].map(async (address) => {
      // A page in the background is not refreshed: each has a window of its own.
      const own = await start();
      const one = await watched(own.context, lab.console);
      one.expects(/50[0-9]|WebSocket|ERR_/);
      await one.page.goto(lab.console + address);
      return { ...one, stop: own.stop };
    }),
  );
  const [dashboard, traces, logs, live, services, explore] = views;
  const memory = await panel(dashboard.page, "Resident Memory");
  await memory.locator("canvas").first().waitFor({ timeout: 60_000 });
  await traces.page.getByRole("table", { name: "Traces found" }).waitFor();
  await logs.page.locator("li.log-line").first().waitFor();
  await live.page.locator("[data-state=open]").waitFor();

  await backends.kill();
  const told = (/** @type {import("playwright-core").Page} */ page, /** @type {RegExp} */ text) =>
    page.getByText(text).first().waitFor({ timeout: 60_000 });
  await told(dashboard.page, /Prometheus does not answer/);
  await told(traces.page, /Tempo does not answer/);
  await told(services.page, /Prometheus does not answer/);
  await explore.page.getByRole("button", { name: "Run query" }).click();
  await told(explore.page, /Prometheus does not answer/);
  await logs.page.getByRole("button", { name: "Run query" }).click();
  await told(logs.page, /Loki does not answer/);
  await live.page.locator("[data-state=broken]").waitFor({ timeout: 60_000 });

  backends = await again();
  await memory.locator("canvas").first().waitFor({ timeout: 60_000 });
  await memory.getByRole("alert").waitFor({ state: "detached", timeout: 60_000 });
  await traces.page.getByRole("table", { name: "Traces found" }).waitFor({ timeout: 60_000 });
  await logs.page.locator("li.log-line").first().waitFor({ timeout: 60_000 });
  await live.page.locator("[data-state=open]").waitFor({ timeout: 60_000 });
  await services.page.getByRole("alert").waitFor({ state: "detached", timeout: 60_000 });
  await explore.page.getByRole("table", { name: "Result" }).waitFor({ timeout: 60_000 });
  for (const view of views) {
    view.innocent();
    await view.stop();
  }
});

test("a query that is refused says why, where its answer would be", async () => {
  const { page, expects, innocent } = await watched(browser.context, lab.console);
  expects(/400/);
  await page.goto(`${lab.console}/logs?query=${encodeURIComponent("{nonsense")}`);
  await page
    .getByRole("alert")
    .filter({ hasText: /Loki refused the query/ })
    .first()
    .waitFor();
  await page.goto(`${lab.console}/traces?q=${encodeURIComponent("{ nonsense")}`);
  await page
    .getByRole("alert")
    .filter({ hasText: /Tempo refused the query/ })
    .first()
    .waitFor();
  innocent();
  await page.close();
});
