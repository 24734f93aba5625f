// @ts-check
// The solution of an incident as a walk: each step with its query, what that gives in this run, and what it tells.

import { go } from "../address.js";
import { ask } from "../api.js";
import { derivedFields, relations, traceAddress } from "../correlation.js";
import { panelFrame } from "../dashboard/panel.js";
import { fill, h, section } from "../dom.js";
import { formatClock } from "../format.js";
import { resultTable } from "../explore/result.js";
import { logLine } from "../logs/line.js";
import { CATEGORIZED, entries } from "../logs/loki.js";
import { notice } from "../notice.js";
import { readTrace } from "../traces/model.js";
import { results } from "../traces/search_results.js";
import { waterfall } from "../traces/waterfall.js";
import { local } from "./incident.js";

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
export function solutionWalk(incident, here, again, signal) {
  const { solution, asked, started_ms, to_ms } = incident;
  const { answers = {}, steps = [], learn = "" } = solution ?? {};
  const told = asked.map(({ key, text, kind, unit = "", choices = {} }) =>
    h(
      "li",
      {},
      `${text} `,
      h("strong", {}, choices[answers[key]] || `${answers[key]} ${kind === "time" ? "UTC" : unit}`),
    ),
  );
  const of = steps.map((step, at) => {
    const [view, language] = VIEWS[step.signal];
    // Its rows stack on a narrow screen, as they do in their view.
    const place = h("div", { class: `walk-result view-${step.signal.startsWith("trace") ? "traces" : "explore"}` });
    const derived = Object.entries(step.derived).map(([key, value]) => {
      const isTime = asked.some((one) => one.key === key && one.kind === "time");
      const href = key.startsWith("trace") && traceAddress(value);
      return h(
        "li",
        {},
        `${key} = `,
        href ? h("a", { href }, value) : h("strong", {}, isTime ? formatClock(Number(value) * 1000) : rounded(value)),
      );
    });
    if (step.problem) fill(place, h("p", { class: "notice" }, step.problem));
    else if (here) draw(step, started_ms, to_ms, place, signal).catch((error) => fill(place, notice(error)));
    return section(
      `${at + 1}. ${language}`,
      h("pre", {}, step.query.trim()),
      h("p", {}, step.see),
      place,
      here && step.link && h("a", { class: "button", href: local(step.link, incident) }, `Open in ${view}`),
      h("ul", {}, derived),
    );
  });
  const button = h("button", { type: "button", onclick: again }, "Ask again");
  return h("div", {}, section("Solution", h("ul", {}, told), h("p", {}, learn), button), of);
}

/** A number with two decimals at most. @param {string} value */
function rounded(value) {
  return value.replace(/(\.\d\d)\d+$/, "$1");
}

/** Shows the result of a step. @type {(step: Step, start: number, end: number, place: HTMLElement, stop: AbortSignal) => Promise<void>} */
async function draw({ signal, query, over_time }, start, end, place, stop) {
  const text = query.trim();
  if (over_time || signal === "exemplars") {
    const led = await relations();
    const panel = { id: 1, type: "timeseries", title: "Over time", targets: [{ expr: text, exemplar: true }] };
    const frame = panelFrame(panel, { signal: stop, links: led.links, zoom: () => {} });
    fill(place, h("div", { class: "charts" }, frame.section));
    return frame.load({ span: { start, end }, ...led });
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
    fill(place, results(traces, MOST, text));
  } else {
    const trace = readTrace(await ask("tempo", `api/traces/${text}`, {}, stop), text);
    if (!trace) return;
    const tree = waterfall(trace, new Map(), ({ id }) => go(`/traces/${text}`, { span: id }));
    fill(place, tree.element);
    tree.select(undefined);
  }
}
