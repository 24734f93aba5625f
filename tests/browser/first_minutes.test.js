// @ts-check
// The first screen of somebody who has just started a lab: nothing has been sent yet.

import { test } from "node:test";
import { watched } from "./support/browser.js";
import { panel } from "./support/views.js";
import { stage } from "./support/stage.js";

const at = stage({ busy: false });
const EMPTY = "There are no metrics in this time range.";

test("an empty dashboard offers to send traffic, and traffic fills it", async () => {
  const { page, innocent } = await watched(at.browser.context, at.lab.console);
  await page.goto(`${at.lab.console}/d/salvo-observability?from=now-5m&to=now&refresh=5s`);
  const banner = page.getByRole("main").getByText(EMPTY);
  await banner.waitFor();
  await banner.getByRole("link", { name: "Send traffic" }).click();
  await page.waitForURL("**/traffic");

  // Requests at a steady rate: a rate per second takes two scrapes with different counts.
  await page.getByRole("region", { name: "Steady load" }).getByRole("button", { name: "Start" }).click();
  await page.getByRole("button", { name: "Stop" }).waitFor();
  await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: "Dashboards" }).click();
  await page.getByRole("combobox", { name: "Refresh every" }).selectOption("5s");
  await (await panel(page, "Requests Per Second")).locator(".uplot canvas").waitFor({ timeout: 60_000 });
  await banner.waitFor({ state: "hidden" });
  innocent();
  await page.close();
});
