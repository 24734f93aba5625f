// @ts-check
// A browser that notices what must never happen: an error in its console, a request to another host, a dialog.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };

/**
 * @typedef {object} Watched
 * @property {import("playwright-core").Page} page
 * @property {() => void} innocent fails when something happened that must not
 * @property {(pattern: RegExp) => void} expects errors in the console that belong to the test
 */

/** Starts Chromium; the returned function ends it. */
export async function start() {
  const folder = mkdtempSync(join(tmpdir(), "lab-browser-"));
  const context = await chromium.launchPersistentContext(folder, {
    executablePath: CHROMIUM,
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  const stop = async () => {
    await context.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { context, stop };
}

/**
 * A page of its own, watched.
 *
 * @param {import("playwright-core").BrowserContext} context
 * @param {string} origin the only host it may speak to
 * @param {{ size?: { width: number, height: number }, theme?: "light" | "dark" }} [how]
 * @returns {Promise<Watched>}
 */
export async function watched(context, origin, { size = DESKTOP, theme = "light" } = {}) {
  const page = await context.newPage();
  await page.setViewportSize(size);
  await page.emulateMedia({ colorScheme: theme });
  /** @type {string[]} */
  const offences = [];
  /** @type {RegExp[]} */
  const expected = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning")
      offences.push(`console: ${message.text()} (${message.location().url})`);
  });
  page.on("pageerror", (error) => offences.push(`uncaught: ${error.stack ?? error}`));
  page.on("dialog", (dialog) => {
    offences.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("request", (request) => {
    const url = new URL(request.url());
    const own = url.host === new URL(origin).host || url.protocol === "data:" || url.protocol === "blob:";
    if (!own) offences.push(`request to ${request.url()}`);
  });
  page.on("websocket", (socket) => {
    if (new URL(socket.url()).host !== new URL(origin).host) offences.push(`socket to ${socket.url()}`);
  });
  return {
    page,
    expects: (pattern) => expected.push(pattern),
    innocent: () => {
      const real = offences.filter((one) => !expected.some((pattern) => pattern.test(one)));
      assert.deepEqual(real, [], "what must never happen in a page");
    },
  };
}
