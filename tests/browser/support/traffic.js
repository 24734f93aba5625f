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
    // A request may fail while an instance stops; the test checks what the lab shows.
    fetch(app + path, { redirect: "manual" })
      .then((response) => response.arrayBuffer())
      .catch(() => {});
  }, 100);
  return () => clearInterval(timer);
}

/**
 * Sends one request and reads its trace id from `traceresponse`, as `lab load` does.
 *
 * @param {import("./lab.js").Lab} lab
 * @param {string} path
 * @param {string} [app]
 */
export async function traced(lab, path, app = "app-a") {
  const response = await fetch(lab.apps[app] + path, { redirect: "manual" });
  const header = response.headers.get("traceresponse") ?? "";
  const id = /^00-([0-9a-f]{32})-/.exec(header)?.[1];
  if (!id) throw new Error(`no trace id in traceresponse "${header}" of ${path}`);
  return { id, status: response.status, body: await response.text() };
}
