// @ts-check
// Entry point of the console: theme, navigation, and the view for the URL.

import { CHANGED, current, go } from "./address.js";
import { lab } from "./api.js";
import { fill, h } from "./dom.js";
import { startTheme } from "./theme.js";

/** @type {[RegExp, string, () => Promise<import("./types").View>][]} */
const ROUTES = [
  [/^\/d\/([^/]+)(?:\/[^/]*)?$/, "dashboards", () => import("./dashboard/view.js")],
  [/^\/services$/, "services", () => import("./services/view.js")],
  [/^\/explore$/, "explore", () => import("./explore/view.js")],
  [/^\/traces$/, "traces", () => import("./traces/search_view.js")],
  [/^\/traces\/([0-9a-fA-F]{1,32})$/, "traces", () => import("./traces/trace_view.js")],
  [/^\/traces\/compare$/, "traces", () => import("./traces/compare_view.js")],
  [/^\/logs$/, "logs", () => import("./logs/view.js")],
  [/^\/map$/, "map", () => import("./map/view.js")],
  [/^\/alerts$/, "alerts", () => import("./alerts/view.js")],
  [/^\/incidents$/, "incidents", () => import("./incidents/view.js")],
  [/^\/traffic$/, "traffic", () => import("./traffic/view.js")],
];
const main = /** @type {HTMLElement} */ (document.getElementById("main"));
let leaving = new AbortController();

async function show() {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  if (location.pathname === "/") history.replaceState(null, "", (await home(signal)) + location.search);
  if (signal.aborted) return;
  const { path, params } = current();
  const [pattern, name, load] = ROUTES.find(([one]) => one.test(path)) ?? [];
  for (const item of document.querySelectorAll("header nav a")) {
    if (item.getAttribute("data-view") === name) item.setAttribute("aria-current", "page");
    else item.removeAttribute("aria-current");
  }
  if (!pattern || !load) {
    fill(
      main,
      h("h1", {}, "Page not found"),
      h("p", {}, `There is no page at ${path}. Choose a view in the bar above.`),
    );
    return;
  }
  try {
    const view = await load();
    if (signal.aborted) return;
    document.title = `${view.title} · salvo-observability`;
    main.className = `view-${name}`;
    fill(main);
    await view.show({ main, params, signal }, ...(pattern.exec(path) ?? []).slice(1).map(decoded));
  } catch (error) {
    if (signal.aborted) return;
    fill(main, h("h1", {}, "The view failed to load"), h("p", { role: "alert" }, String(error)));
    throw error;
  }
}

/** The first page: the dashboard of the instances; without instances, the services that send something. @param {AbortSignal} signal */
async function home(signal) {
  const { instances = [{}] } = await lab("/api/status", { signal }).catch(() => ({}));
  return instances.length > 0 ? "/d/salvo-observability" : "/services";
}

/** @param {string} part */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Follows links to views without reloading the page. @param {MouseEvent} event */
function follow(event) {
  const changed = event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
  const anchor = event.target instanceof Element ? event.target.closest("a") : null;
  if (event.defaultPrevented || event.button !== 0 || changed || !anchor) return;
  if (anchor.target || anchor.origin !== location.origin || /^\/(api|assets)\//.test(anchor.pathname)) return;
  if (anchor.hash && anchor.pathname === location.pathname && anchor.search === location.search) return;
  event.preventDefault();
  go(anchor.pathname, new URLSearchParams(anchor.search));
  main.focus({ preventScroll: true });
  window.scrollTo(0, 0);
}

startTheme(/** @type {HTMLButtonElement} */ (document.getElementById("theme")));
document.addEventListener("click", follow);
window.addEventListener("popstate", show);
window.addEventListener(CHANGED, show);
show();
