// @ts-check
// Where things are in the console, by the names that a person or a screen reader has for them.

/**
 * A panel of the dashboard, in sight, since only what is in sight is asked for.
 *
 * @param {import("playwright-core").Page} page
 * @param {string} title
 */
export async function panel(page, title) {
  const found = page.getByRole("region", { name: title, exact: true });
  await found.waitFor();
  await found.scrollIntoViewIfNeeded();
  return found;
}

/** Every view, with an address that shows something on a lab that has traffic. */
export const VIEWS = [
  "/d/salvo-observability?from=now-5m&to=now",
  "/d/salvo-telemetry?from=now-5m&to=now",
  "/traces?from=now-5m&to=now",
  "/services?from=now-5m&to=now",
  "/services?service=app-a&from=now-5m&to=now",
  "/logs?from=now-5m&to=now",
  `/explore?from=now-5m&to=now&expr=${encodeURIComponent("sum by (job) (rate(up[1m]))")}`,
  "/map?from=now-5m&to=now",
  "/alerts",
  "/incidents",
  "/traffic",
];

/**
 * Ends when a view shows what it has: nothing loads any more, and the sizes of its parts have come to rest.
 *
 * @param {import("playwright-core").Page} page
 */
export async function settled(page) {
  await page.locator("main :is(h1, h2)").first().waitFor();
  await page.waitForFunction(() => {
    const main = document.querySelector("main");
    const loading = [...document.querySelectorAll("main *")].some(
      (one) =>
        one.childElementCount === 0 &&
        /^(Loading|Searching)…$/.test(one.textContent ?? "") &&
        one.checkVisibility() &&
        one.getBoundingClientRect().top < innerHeight,
    );
    const size = `${main?.scrollHeight} ${main?.childElementCount}`;
    const seen = /** @type {{ rest?: { size: string, since: number } }} */ (window);
    if (loading || seen.rest?.size !== size) seen.rest = { size, since: performance.now() };
    return performance.now() - (seen.rest?.since ?? 0) > 400;
  });
}
