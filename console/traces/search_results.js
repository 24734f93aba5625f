// @ts-check
// The table of traces that a search found. Traces without a root are named by their earliest span.

import { link } from "../address.js";
import { ask } from "../api.js";
import { h } from "../dom.js";
import { formatDuration, formatTime } from "../format.js";
import { table } from "../table.js";
import { earliest, readTrace, wholeId } from "./model.js";
import { errors, ROOTLESS, serviceName } from "./parts.js";

/** @import { Found, Span } from "./types" */

/** @param {Found[]} traces @param {number} limit @param {string} query whose selected attributes are shown */
export function results(traces, limit, query) {
  if (traces.length === 0)
    return [
      h("p", {}, "No traces found. Choose a longer time range or ", h("a", { href: "/traffic" }, "send traffic"), "."),
    ];
  traces.sort((a, b) => Number(b.startTimeUnixNano) - Number(a.startTimeUnixNano));
  const way = comparison();
  const longest = Math.max(...traces.map(({ durationMs = 0 }) => durationMs), 1);
  const rows = traces.map((trace) => {
    const { rootServiceName, rootTraceName = "?", durationMs = 0, serviceStats = {} } = trace;
    const traceID = wholeId(trace.traceID);
    const told = query.includes("select(") && h("div", { class: "quiet mono" }, selected(trace));
    const rooted = rootServiceName !== "<root span not yet received>";
    const services = Object.entries(serviceStats);
    const [day, clock] = formatTime(Number(trace.startTimeUnixNano) / 1e6).split(" ");
    const length = durationMs ? formatDuration(durationMs / 1000) : "< 1 ms";
    return [
      h("time", {}, h("span", { class: "quiet" }, `${day} `), clock),
      rooted
        ? h("div", {}, serviceName(rootServiceName), h("a", { href: `/traces/${traceID}` }, rootTraceName || "?"), told)
        : rootless(traceID),
      h("div", { class: "share", style: `--share: ${(durationMs / longest) * 100}%` }, length),
      services.reduce((sum, [, { spanCount = 0 }]) => sum + spanCount, 0),
      errors(services.reduce((sum, [, { errorCount = 0 }]) => sum + errorCount, 0)),
      h(
        "div",
        {},
        services.map(([one]) => serviceName(one)),
      ),
      chooser(traceID, way),
    ];
  });
  const heads = ["Time", "Trace", "Duration", "Spans", "Errors", "Services", "Mark"];
  const found = table("Traces found", heads, rows, ["Spans", "Errors"]);
  found.classList.add("surface");
  const count = `${traces.length} traces found${traces.length < limit ? "" : "; there may be more"}`;
  return [h("p", { class: "line quiet" }, count, way), found];
}

/** The attributes that a query has selected. @param {Found} trace */
function selected({ spanSets = [] }) {
  const all = spanSets.flatMap(({ spans = [] }) => spans.flatMap(({ attributes = [] }) => attributes));
  return [...new Set(all.map(({ key, value }) => `${key}=${Object.values(value)[0]}`))].join(" ");
}

/** Ids of the traces that are marked for a comparison, two at most. Kept over refreshes and visits to other views. @type {string[]} */
const marked = [];

/** The link to the comparison, which tells how many are still to be marked. */
function comparison() {
  const way = h("a", { class: "button" });
  drawComparison(way);
  return way;
}

/** @param {HTMLAnchorElement} way */
function drawComparison(way) {
  const [a, b] = marked;
  way.hidden = !a;
  way.textContent = b ? "Compare the two marked traces" : "Mark a second trace to compare";
  if (b) way.href = link("/traces/compare", { a, b });
  else way.removeAttribute("href");
}

/** @param {string} id @param {HTMLAnchorElement} way */
function chooser(id, way) {
  const box = h("input", {
    type: "checkbox",
    checked: marked.includes(id),
    "aria-label": `Compare trace ${id}`,
    value: id,
  });
  box.addEventListener("change", () => {
    if (box.checked) marked.push(id);
    else marked.splice(marked.indexOf(id), 1);
    // A third mark takes the place of the first.
    const [gone] = marked.length > 2 ? marked.splice(0, 1) : [];
    for (const other of document.querySelectorAll("input")) if (gone && other.value === gone) other.checked = false;
    drawComparison(way);
  });
  return box;
}

/** Service and name of the earliest span, for traces without a root. @type {Map<string, Pick<Span, "service" | "name">>} */
const named = new Map();
/** Parallel requests for such traces. */
const AT_ONCE = 4;

/** The cell of a trace without a root: named by its earliest span once that is loaded. @param {string} id */
function rootless(id) {
  const span = named.get(id);
  const href = `/traces/${id}`;
  const mark = h("em", { class: "quiet" }, ROOTLESS);
  if (span) return h("div", {}, serviceName(span.service), h("a", { href }, span.name || "?"), mark);
  return h("div", { "data-rootless": id }, h("a", { href }, ROOTLESS.trim()));
}

/** Loads traces without a root to name them: search results do not contain their earliest span. @param {Element} found @param {AbortSignal} signal */
export async function nameRootless(found, signal) {
  const waiting = [...found.querySelectorAll("[data-rootless]")];
  const one = async () => {
    for (let cell = waiting.shift(); cell && !signal.aborted; cell = waiting.shift()) {
      const id = cell.getAttribute("data-rootless") ?? "";
      try {
        const trace = readTrace(await ask("tempo", `api/traces/${id}`, {}, signal), id);
        if (!trace) continue;
        const { service, name } = earliest(trace);
        named.set(id, { service, name });
        cell.replaceWith(rootless(id));
      } catch {
        // The trace stays listed without a name; the trace view reports the error.
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}
