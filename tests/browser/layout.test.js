// @ts-check
// Every view at the size of a desk and of a telephone, in both themes: no text lies upon other text, nothing is cut
// off, and text can be told from its ground.

import assert from "node:assert/strict";
import { test } from "node:test";
import { DESKTOP, PHONE, watched } from "./support/browser.js";
import { contrasts, faults } from "./support/layout.js";
import { eventually } from "./support/lab.js";
import { VIEWS, settled } from "./support/views.js";
import { stage } from "./support/stage.js";
import { traced } from "./support/traffic.js";

let trace = "";
let other = "";
const at = stage({ ready: shownTraces });

async function shownTraces() {
  const shown = async (/** @type {string} */ path) => {
    const { id } = await traced(at.lab, path);
    await eventually("the trace is there", async () => (await fetch(`${at.lab.tempo}/api/traces/${id}`)).ok);
    return id;
  };
  [trace, other] = [await shown("/chain"), await shown("/io_task")];
}

for (const size of [DESKTOP, PHONE]) {
  for (const theme of /** @type {const} */ (["light", "dark"])) {
    test(`no text overlaps at ${size.width}×${size.height}, ${theme}`, async () => {
      const { page, innocent } = await watched(at.browser.context, at.lab.console, { size, theme });
      const compared = `/traces/compare?a=${trace}&b=${other}`;
      for (const view of [...VIEWS, `/traces/${trace}`, `/traces/${trace}?span=first`, compared]) {
        await page.goto(at.lab.console + view);
        await settled(page);
        if (view.endsWith("span=first")) await page.getByRole("treegrid").getByRole("row").nth(1).click();
        assert.deepEqual(await page.evaluate(faults), [], `${view} at ${size.width} px, ${theme}`);
        assert.deepEqual(await page.evaluate(contrasts), [], `${view} at ${size.width} px, ${theme}`);
      }
      innocent();
      await page.close();
    });
  }
}

test("the theme is a choice that stays", async () => {
  const { page, innocent } = await watched(at.browser.context, at.lab.console, { theme: "light" });
  await page.goto(`${at.lab.console}/traffic`);
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await page.getByRole("button", { name: /^Theme/ }).click();
  await page.getByRole("button", { name: /^Theme/ }).click();
  assert.match(await page.getByRole("button", { name: /^Theme/ }).innerText(), /dark/);
  assert.notEqual(await ground(), light);
  await page.reload();
  await settled(page);
  assert.notEqual(await ground(), light);
  await page.evaluate(() => localStorage.clear());
  innocent();
  await page.close();
});
