// @ts-check
// What most files of tests stand on: a lab, a browser, and traffic where they want it.

import { after, before } from "node:test";
import { start } from "./browser.js";
import { up } from "./lab.js";
import { traffic } from "./traffic.js";

/**
 * Starts both before the tests of a file and ends them after. What is returned is filled in by then.
 *
 * @param {{ flags?: () => Promise<Record<string, string | true>>, busy?: boolean, ready?: () => Promise<void> }} [how]
 *   `flags` of `lab up`; `busy`: with traffic; `ready` is done once both are there, before the tests
 */
export function stage({ flags = async () => ({}), busy = true, ready = async () => {} } = {}) {
  const all = /** @type {{ lab: import("./lab.js").Lab, browser: Awaited<ReturnType<typeof start>> }} */ ({});
  let quiet = () => {};
  before(async () => {
    [all.lab, all.browser] = await Promise.all([flags().then(up), start()]);
    if (busy) quiet = traffic(all.lab);
    await ready();
  });
  after(async () => {
    quiet();
    await all.browser?.stop();
    await all.lab?.stop();
  });
  return all;
}
