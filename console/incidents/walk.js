// @ts-check
// The solution of an incident as a walk: each step with its query, what that gives in this run, and what it tells.

import { link } from "../address.js";
import { ask } from "../api.js";
import { dataSources, derivedFields, exemplarTrace, traceAddress } from "../correlation.js";
import { panelFrame } from "../dashboard/panel.js";
import { go } from "../address.js";
import { fill, h } from "../dom.js";
import { resultTable } from "../explore/result.js";
import { logLine } from "../logs/line.js";
import { CATEGORIZED, entries } from "../logs/loki.js";
import { notice } from "../notice.js";
import { criticalPath } from "../traces/critical_path.js";
import { readTrace } from "../traces/model.js";
import { results } from "../traces/search_results.js";
import { waterfall } from "../traces/waterfall.js";

/** @import { Incident, Step } from "./types" */

/** The most rows of a result; the view of the signal has all of them. */
const MOST = 10;

/** The view of each signal, and what its query is. */
const VIEWS = {
  metrics: ["Metrics", "PromQL"],
  exemplars: ["Metrics", "Exemplars, PromQL"],
  logs: ["Logs", "LogQL"],
  traces: ["Traces", "TraceQL"],
  trace: ["Trace", "Trace id"],
};

/**
 * @param {Incident} incident with its solution @param {boolean} here its telemetry is in this lab
 * @param {() => void} again asks anew @param {AbortSignal} signal
 */
export function solutionWalk({ solution, asked, started_ms, to_ms }, here, again, signal) {
  const { answers = {}, steps = [], learn = "" } = solution ?? {};
  const told = asked.map(({ key, text, kind, unit = "" }) =>
    h("li", {}, `${text} `, h("strong", {}, `${answers[key]} ${kind === "time" ? "UTC" : unit}`)),
  );
  const of = steps.map((step, at) => {
    const [view, language] = VIEWS[step.signal];
    const place = h("div", { class: "walk-result" });
    const derived = Object.entries(step.derived).map(([key, value]) => {
      const href = key.startsWith("trace") && traceAddress(value);
      return h("li", {}, `${key} = `, href ? h("a", { href }, value) : h("strong", {}, value));
    });
    const href = addressOf(step, { from: String(started_ms), to: String(to_ms) });
    if (step.problem) fill(place, h("p", { class: "notice" }, step.problem));
    else if (here) draw(step, started_ms, to_ms, place, signal).catch((error) => fill(place, notice(error)));
    return h(
      "section",
      { class: "surface part", "aria-label": `Step ${at + 1}` },
      h("h3", {}, `${at + 1}. ${language}`),
      h("pre", {}, step.query.trim()),
      h("p", {}, step.see),
      place,
      here && !step.problem && h("a", { class: "button", href }, `Open in ${view}`),
      h("ul", {}, derived),
    );
  });
  return h(
    "div",
    {},
    h(
      "section",
      { class: "surface part", "aria-label": "Solution" },
      h(
        "div",
        { class: "line" },
        h("h2", {}, "Solution"),
        h("button", { type: "button", onclick: again }, "Ask again"),
      ),
      h("ul", {}, told),
      h("p", {}, learn),
    ),
    of,
  );
}

/** The view with the query of a step. @param {Step} step @param {{ from: string, to: string }} range */
function addressOf({ signal, query }, range) {
  const text = query.trim();
  if (signal === "trace") return `/traces/${text}`;
  if (signal === "logs") return link("/logs", { query: text, ...range });
  if (signal === "traces") return link("/traces", { q: text, limit: 100, ...range });
  return link("/explore", { expr: text, ...range });
}

/** Shows the result of a step. @type {(step: Step, start: number, end: number, place: HTMLElement, stop: AbortSignal) => Promise<void>} */
async function draw({ signal, query, over_time }, start, end, place, stop) {
  const text = query.trim();
  if (over_time || signal === "exemplars") {
    const [sources, traceOf, links] = await Promise.all([dataSources(), exemplarTrace(), derivedFields()]);
    const panel = { id: 1, type: "timeseries", title: text, targets: [{ expr: text, exemplar: true }] };
    const frame = panelFrame(panel, { signal: stop, links, zoom: () => {} });
    fill(place, h("div", { class: "charts" }, frame.section));
    return frame.load({ span: { start, end }, choices: [], sources, traceOf, queued: (work) => work() });
  }
  if (signal === "metrics") {
    const { data } = await ask("prometheus", "api/v1/query", { query: text, time: end / 1000 }, stop);
    fill(place, resultTable(data, []).flat());
  } else if (signal === "logs") {
    const times = { start: `${start}000000`, end: `${end}000000`, time: `${end}000000` };
    const params = { query: text, ...times, limit: MOST, direction: "forward" };
    const { data } = await ask("loki", "loki/api/v1/query_range", params, stop, CATEGORIZED);
    if (data.resultType === "streams") {
      const links = await derivedFields();
      const lines = entries(data.result).reverse();
      fill(
        place,
        h(
          "ol",
          { class: "log-lines" },
          lines.map((entry) => logLine(entry, links)),
        ),
      );
    } else fill(place, resultTable((await ask("loki", "loki/api/v1/query", params, stop)).data, []).flat());
  } else if (signal === "traces") {
    const times = { start: Math.floor(start / 1000), end: Math.ceil(end / 1000) };
    const { traces = [] } = await ask("tempo", "api/search", { q: text, limit: MOST, ...times }, stop);
    fill(place, results(traces, MOST));
  } else {
    const trace = readTrace(await ask("tempo", `api/traces/${text}`, {}, stop), text);
    if (trace)
      fill(place, waterfall(trace, criticalPath(trace), ({ id }) => go(`/traces/${text}`, { span: id })).element);
  }
}
