// @ts-check
// Requests to the instances of a lab, for as long as a test needs them.

const PATHS = ["/", "/items/1?q=lab", "/items/abc", "/io_task", "/cpu_task", "/random_status", "/error_test", "/chain"];

/**
 * Ten requests a second over all instances and routes, until the returned function is called.
 *
 * @param {import("./lab.js").Lab} lab
 */
export function traffic(lab) {
  const apps = Object.values(lab.apps);
  let turn = 0;
  const timer = setInterval(() => {
    const app = apps[turn % apps.length];
    const path = PATHS[Math.floor(turn / apps.length) % PATHS.length];
    turn += 1;
    // An instance may be stopping; what it answers is for the lab to show.
    fetch(app + path, { redirect: "manual" })
      .then((response) => response.arrayBuffer())
      .catch(() => {});
  }, 100);
  return () => clearInterval(timer);
}

/**
 * One request with a trace id that is known.
 *
 * @param {import("./lab.js").Lab} lab
 * @param {string} path
 * @param {string} [app]
 */
export async function traced(lab, path, app = "app-a") {
  const id = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("hex");
  const response = await fetch(lab.apps[app] + path, { redirect: "manual", headers: { traceparent: `00-${id}-00f067aa0ba902b7-01` } });
  return { id, status: response.status, body: await response.text() };
}
