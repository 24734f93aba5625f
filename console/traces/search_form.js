// @ts-check
// The form of the trace search: fields that write a TraceQL query, and the query itself.

import { ask } from "../api.js";
import { fill, h } from "../dom.js";
import { traceql } from "./traceql.js";

/** @import { Params } from "./types" */

/**
 * @param {URLSearchParams} params @param {() => void} changed is called after each choice
 */
export function searchForm(params, changed) {
  /** @param {string} name */
  const asked = (name) => params.get(name) ?? "";
  const fields = {
    service: select("", [], asked("service")),
    route: select("", [], asked("route")),
    status: select("", ["error", "ok", "2xx", "3xx", "4xx", "5xx"], asked("status")),
    min: h("input", { placeholder: "100ms", size: 8, value: asked("min") }),
    max: h("input", { placeholder: "1.5s", size: 8, value: asked("max") }),
  };
  const filters = () => Object.fromEntries(Object.entries(fields).map(([name, { value }]) => [name, value.trim()]));
  const limit = select("20", ["50", "100", "500"], asked("limit") || "20");
  const query = h("input", { "aria-label": "TraceQL", class: "mono", required: true, spellcheck: false });
  query.value = asked("q") || traceql(filters());
  const rewrite = () => {
    query.value = traceql(filters());
    changed();
  };
  const element = h(
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
  );
  return {
    element,
    query: () => ({ q: query.value, limit: limit.value }),
    filters,
    /** Offers the services and routes of a time range. @param {Params} range @param {AbortSignal} signal */
    offer(range, signal) {
      offerValues(fields.service, "resource.service.name", range, signal);
      offerValues(fields.route, "span.http.route", range, signal);
    },
  };
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
    /** @type {{ tagValues?: { value: string }[] }} */
    const { tagValues = [] } = await ask("tempo", `api/v2/search/tag/${tag}/values`, params, signal);
    const values = tagValues.map((one) => one.value).sort();
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
