// @ts-check
// Trace search, by form fields, which write a TraceQL query, or by a TraceQL query.

import { go, note } from "../address.js";
import { announce } from "../announce.js";
import { ApiError, ask } from "../api.js";
import { fill, h, renew } from "../dom.js";
import { formatDuration, formatTime } from "../format.js";
import { notice, repeat } from "../notice.js";
import { milliseconds, rangeOf, span } from "../time.js";
import { refreshPicker, timePicker } from "../time_picker.js";
import { earliest, readTrace } from "./model.js";
import { errors, ROOTLESS, serviceName, table } from "./parts.js";
import { traceql } from "./traceql.js";

/** @import { Context, Found, Params, Span } from "./types" */

export const title = "Traces";

/** @param {Context} context */
export async function show({ main, params, signal }) {
  const asked = (/** @type {string} */ name) => params.get(name) ?? "";
  let range = rangeOf(params);
  let every = asked("refresh");
  let down = false;

  const fields = {
    service: select("", [], asked("service")),
    route: select("", [], asked("route")),
    status: select("", ["error", "ok", "2xx", "3xx", "4xx", "5xx"], asked("status")),
    min: h("input", { placeholder: "100ms", size: 8, value: asked("min") }),
    max: h("input", { placeholder: "1.5s", size: 8, value: asked("max") }),
  };
  const values = () => Object.fromEntries(Object.entries(fields).map(([name, { value }]) => [name, value.trim()]));
  const limit = select("20", ["50", "100", "500"], asked("limit") || "20");
  const query = h("input", { "aria-label": "TraceQL", class: "mono", required: true, spellcheck: false });
  query.value = asked("q") || traceql(values());
  const found = h("div", {}, h("p", { class: "quiet" }, "Searching…"));

  const search = repeat(
    async (stopped) => {
      const { start, end } = span(range);
      const window = { start: Math.floor(start / 1000), end: Math.ceil(end / 1000) };
      offerValues(fields.service, "resource.service.name", window, stopped);
      offerValues(fields.route, "span.http.route", window, stopped);
      try {
        const asking = { q: query.value, limit: limit.value, ...window };
        const { traces = [] } = await ask("tempo", "api/search", asking, stopped);
        down = false;
        fill(found, results(traces, Number(asking.limit)));
        nameRootless(found, stopped);
        announce(`${traces.length} traces found`);
      } catch (error) {
        if (stopped.aborted) return;
        down = error instanceof ApiError && error.kind === "down";
        renew(found, notice(error));
      }
    },
    () => milliseconds(every) || (down ? 5_000 : 0),
    signal,
  );
  function changed() {
    note({ ...values(), q: query.value, limit: limit.value, ...range, refresh: every }, { entry: true });
    search();
  }
  function rewrite() {
    query.value = traceql(values());
    changed();
  }
  const times = timePicker(range, (chosen) => {
    range = chosen;
    changed();
  });
  const refresh = refreshPicker(
    every,
    (chosen) => {
      every = chosen;
      changed();
    },
    search,
  );
  const id = h("input", { "aria-label": "Trace id", placeholder: "Trace id", required: true });
  id.pattern = "[0-9a-fA-F]{1,32}";
  const open = () => go(`/traces/${id.value}`);
  main.addEventListener("submit", (event) => event.preventDefault(), { capture: true, signal });

  fill(
    main,
    h(
      "div",
      { class: "toolbar" },
      h("h1", {}, "Traces"),
      h("form", { class: "line", "aria-label": "Open a trace", onsubmit: open }, id, h("button", {}, "Open")),
      times,
      refresh,
    ),
    h(
      "form",
      { class: "surface part", "aria-label": "Search traces", onsubmit: changed },
      h(
        "div",
        { class: "toolbar", onchange: rewrite },
        labelled("Service", fields.service),
        labelled("Route", fields.route),
        labelled("Status", fields.status),
        labelled("Duration at least", fields.min),
        labelled("Duration at most", fields.max),
      ),
      h(
        "div",
        { class: "toolbar", onchange: changed },
        h("label", { class: "traceql" }, "TraceQL query (the fields above write it)", query),
        labelled("Limit", limit),
        h("button", { class: "primary" }, "Search"),
      ),
    ),
    found,
  );
  search();
}

/** @param {Found[]} traces @param {number} limit */
function results(traces, limit) {
  if (traces.length === 0)
    return [
      h("p", {}, "No traces found. Choose a longer time range or ", h("a", { href: "/traffic" }, "send traffic"), "."),
    ];
  traces.sort((a, b) => Number(b.startTimeUnixNano) - Number(a.startTimeUnixNano));
  const longest = Math.max(...traces.map(({ durationMs = 0 }) => durationMs), 1);
  const rows = traces.map((trace) => {
    const { traceID, rootServiceName, rootTraceName = "?", durationMs = 0, serviceStats = {} } = trace;
    const rooted = rootServiceName !== "<root span not yet received>";
    const services = Object.entries(serviceStats);
    const [day, clock] = formatTime(Number(trace.startTimeUnixNano) / 1e6).split(" ");
    const length = durationMs ? formatDuration(durationMs / 1000) : "< 1 ms";
    return [
      h("time", {}, h("span", { class: "quiet" }, `${day} `), clock),
      rooted
        ? h("div", {}, serviceName(rootServiceName), h("a", { href: `/traces/${traceID}` }, rootTraceName || "?"))
        : rootless(traceID),
      h("div", { class: "share", style: `--share: ${(durationMs / longest) * 100}%` }, length),
      services.reduce((sum, [, { spanCount = 0 }]) => sum + spanCount, 0),
      errors(services.reduce((sum, [, { errorCount = 0 }]) => sum + errorCount, 0)),
      h(
        "div",
        {},
        services.map(([one]) => serviceName(one)),
      ),
    ];
  });
  return [
    h("p", { class: "quiet" }, `${traces.length} traces found${traces.length < limit ? "" : "; there may be more"}`),
    table("Traces found", ["Time", "Trace", "Duration", "Spans", "Errors", "Services"], rows),
  ];
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
async function nameRootless(found, signal) {
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

/** @param {string} name @param {HTMLElement} control */
function labelled(name, control) {
  control.setAttribute("aria-label", name);
  return h("label", {}, name, control);
}

/** @param {string} first @param {string[]} values @param {string} value is one of them in any case */
function select(first, values, value) {
  const options = [...new Set([first, ...values, value])];
  return h(
    "select",
    {},
    options.map((one) => h("option", { value: one, selected: one === value }, one || "Any")),
  );
}

/** @param {HTMLSelectElement} field @param {string} tag @param {Params} params @param {AbortSignal} signal */
async function offerValues(field, tag, params, signal) {
  try {
    const { tagValues = [] } = await ask("tempo", `api/v2/search/tag/${tag}/values`, params, signal);
    const values = tagValues.map((/** @type {{ value: string }} */ one) => one.value).sort();
    const { value } = field;
    const { options } = select("", values, value);
    // Replacing the options would close an open list.
    if (options.length === field.length) return;
    fill(field, ...options);
    field.value = value;
  } catch {
    // The search reports the error.
  }
}
