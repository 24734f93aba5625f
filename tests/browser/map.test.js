// @ts-check
// The service map of the lab's own traffic: who calls whom, with numbers that follow.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PHONE, watched } from "./support/browser.js";
import { stage } from "./support/stage.js";

const at = stage();

test("the map shows who calls whom, and leads to numbers and traces", async () => {
  const { page, innocent } = await watched(at.browser.context, at.lab.console);
  await page.goto(`${at.lab.console}/map`);
  const calls = page.getByRole("table", { name: "Calls" });
  await calls.getByRole("row", { name: /^app-a app-b/ }).waitFor({ timeout: 60_000 });
  await calls.getByRole("row", { name: /^user app-c/ }).waitFor();
  const map = page.getByRole("region", { name: "Service map" });
  await map.getByRole("link", { name: "Traces of app-a" }).click();
  await page.waitForURL(/\/traces\?service=app-a/);
  await page.goBack();

  // A call leads to traces that have it.
  await calls.getByRole("link", { name: "Traces of app-a calling app-b" }).click();
  await page.waitForURL(/\/traces\?q=/);
  await page.getByRole("main").getByRole("link", { name: /chain/ }).first().waitFor();
  await page.goBack();

  await map.getByRole("link", { name: "Rate, errors, duration of app-a" }).click();
  await page.waitForURL(/\/services\?service=app-a/);
  innocent();
  await page.close();
});

test("the map follows, and the focus stays where it is", async () => {
  const { page, innocent } = await watched(at.browser.context, at.lab.console, { size: PHONE, theme: "dark" });
  await page.goto(`${at.lab.console}/map`);
  const link = page.getByRole("region", { name: "Service map" }).getByRole("link", { name: "Traces of app-a" });
  await link.waitFor({ timeout: 60_000 });
  await link.focus();
  await page.evaluate(() => document.querySelector("[role=group] svg")?.setAttribute("data-first", ""));
  await page.waitForFunction(() => !document.querySelector("[data-first]"));
  const label = await page.evaluate(() => document.activeElement?.getAttribute("aria-label"));
  assert.equal(label, "Traces of app-a");
  innocent();
  await page.close();
});
