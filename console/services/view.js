// @ts-check
// The services view: rate, errors and duration of every service that sends spans; of one service its operations, with
// charts whose exemplars lead to traces.

import { link, note } from "../address.js";
import { announce } from "../announce.js";
import { colorOf, colorsOf, swatch } from "../colors.js";
import { logsAddress, matcher, quoted, relations, serviceLogs } from "../correlation.js";
import { panelFrame } from "../dashboard/panel.js";
import { fill, h, redraw, renew } from "../dom.js";
import { formatDuration, formatValue } from "../format.js";
import { notice, repeat } from "../notice.js";
import { table } from "../table.js";
import { between, milliseconds, rangeOf, REFRESHES, span } from "../time.js";
import { refreshPicker, timePicker } from "../time_picker.js";
import { EVERY, figures } from "./red.js";
import { sparkline } from "./sparkline.js";

/** @import { Context, Range, Times } from "../types" */
/** @import { Figures } from "./types" */

export const title = "Services";

/** The most rows that are shown. */
const MOST = 200;
const RETRY_MS = 5000;
const FIRST_MS = 700;
const NUMBERS = ["Rate", "Errors", "p50", "p95", "p99"];

/** @param {Context} context */
export async function show({ main, params, signal }) {
  const service = params.get("service") ?? undefined;
  const given = params.get("refresh") ?? "10s";
  const state = { range: rangeOf(params), every: REFRESHES.includes(given) ? given : "" };
  const charts = service === undefined ? undefined : await serviceCharts(service, signal, setRange);
  const logs = await logsOf(service).catch(() => null);
  if (signal.aborted) return;
  let failed = false;
  let empty = false;
  const [picker, problem, place, beside] = [h("div"), h("div"), h("div"), h("p", { class: "row" })];

  const load = repeat(
    async (stopped) => {
      const at = span(state.range);
      try {
        const all = await figures(at, stopped, service);
        failed = false;
        empty = all.length === 0;
        fill(problem);
        const heads = [service === undefined ? "Service" : "Operation", ...NUMBERS, "Over time", "Go to"];
        const colors = colorsOf(all.map(({ name }) => name).sort());
        const looks = { at, range: state.range, service, colors };
        const of = await Promise.all(all.slice(0, MOST).map((one) => row(one, looks)));
        const many =
          all.length > MOST && h("p", { class: "quiet" }, `The ${MOST} with the highest rate of ${all.length}.`);
        const shown = all.length > 0 ? [many, table(heads[0] + "s", heads, of, NUMBERS)] : [nothing(service)];
        redraw(place, () => fill(place, shown));
        announce(`${all.length} ${heads[0].toLowerCase()}s`);
        charts?.load(at);
      } catch (error) {
        if (stopped.aborted) return;
        failed = true;
        renew(problem, notice(error));
        if (!place.querySelector("table")) fill(place);
      }
    },
    // Whoever waits for the first span sees it at once.
    () => (empty && state.every && FIRST_MS) || milliseconds(state.every) || (failed ? RETRY_MS : 0),
    signal,
  );

  function noted() {
    note({ service, ...state.range, refresh: state.every || "off" }, { entry: true });
    draw();
    load();
  }
  /** @param {Range} range */
  function setRange(range) {
    state.range = range;
    noted();
  }
  function draw() {
    fill(picker, timePicker(state.range, setRange));
    const { range } = state;
    /** @param {string} text @param {string} href */
    const way = (text, href) => h("a", { class: "button", href }, text);
    fill(
      beside,
      service !== undefined && [
        way("All services", link("/services", range)),
        way("Traces", link("/traces", { service, ...range })),
      ],
      logs && way("Logs", logsAddress({ query: logs, ...range })),
      way("Service map", link("/map", range)),
    );
  }
  const refresh = refreshPicker(
    state.every,
    (every) => {
      state.every = every;
      noted();
    },
    load,
  );
  const heading = service === undefined ? title : [swatch(colorOf(service)), ` ${service}`];
  draw();
  fill(place, h("p", { class: "quiet" }, "Loading…"));
  fill(
    main,
    h("div", { class: "toolbar" }, h("h1", {}, heading), picker, refresh),
    beside,
    problem,
    charts?.element,
    h("section", { class: "surface part", "aria-label": service === undefined ? title : "Operations" }, place),
  );
  load();
}

/** @param {string | undefined} service */
async function logsOf(service) {
  return service === undefined ? null : serviceLogs(service);
}

/**
 * @param {Figures} one
 * @param {{ at: Times, range: Range, service: string | undefined, colors: Map<string, string> }} looks
 */
async function row(one, { at, range, service, colors }) {
  const { name, kind, rate = 0, errors, p50, p95, p99, line } = one;
  const share = rate > 0 ? errors / rate : 0;
  const whole = service === undefined;
  const q = whole ? undefined : `{ resource.service.name = ${quoted(service)} && name = ${quoted(name)} }`;
  const traces = whole ? { service: name } : { q };
  const failing = whole ? { ...traces, status: "error" } : { q: q?.replace(/ }$/, " && status = error }") };
  const own = whole ? matcher("service", [name]) : `${matcher("service", [service])}, ${matcher("span_name", [name])}`;
  const expr = `histogram_quantile(0.95, sum by (le) (rate(traces_spanmetrics_latency_bucket{${own}}[1m])))`;
  const lines = whole ? await serviceLogs(name).catch(() => null) : null;
  /** @param {string} text @param {string} href */
  const to = (text, href) => h("a", { href, "aria-label": `${text} of ${name}` }, text);
  const failures = h(
    "a",
    { class: "bad", href: link("/traces", { ...failing, ...range }) },
    formatValue(share, "percentunit"),
  );
  return [
    whole
      ? [
          swatch(colors.get(name) ?? ""),
          " ",
          h("a", { href: link("/services", { service: name, ...range }) }, name || "(no name)"),
        ]
      : [name, " ", h("span", { class: "quiet" }, kind)],
    one.rate === undefined ? "–" : `${formatValue(rate)}/s`,
    errors > 0 ? failures : formatValue(one.rate === undefined ? undefined : share, "percentunit"),
    ...[p50, p95, p99].map((one) => (one === undefined || Number.isNaN(one) ? "–" : formatDuration(one))),
    sparkline(line, at),
    h(
      "span",
      { class: "row" },
      to("Traces", link("/traces", { ...traces, ...range })),
      lines && to("Logs", logsAddress({ query: lines, ...range })),
      to("Metrics", link("/explore", { expr, ...range })),
    ),
  ];
}

/** Says that there is nothing, and what to do. @param {string | undefined} service */
function nothing(service) {
  return h(
    "p",
    { class: "quiet" },
    service === undefined
      ? "No service sent spans in this time range. "
      : `${service} sent no spans in this time range. `,
    "Send traces over OTLP: a service is here at once, its figures some seconds later.",
  );
}

/**
 * The charts of one service: rate by operation, errors, and duration with exemplars.
 * @param {string} service @param {AbortSignal} signal @param {(range: Range) => void} setRange
 */
async function serviceCharts(service, signal, setRange) {
  const led = await relations();
  const of = matcher("service", [service]);
  /** @param {number} start @param {number} end */
  const zoom = (start, end) => setRange(between(start, end));
  /** @param {string} more */
  const calls = (more) => `sum by (span_name) (rate(traces_spanmetrics_calls_total{${of}${more}}[$__rate_interval]))`;
  /** @param {number} q */
  const quantile = (q) => ({
    expr: `histogram_quantile(${q}, sum by (le) (rate(traces_spanmetrics_latency_bucket{${of}}[$__rate_interval])))`,
    legendFormat: `p${q * 100}`,
    exemplar: q === 0.99,
    interval: `${EVERY}s`,
  });
  const panels = [
    {
      title: "Rate",
      unit: "ops",
      targets: [{ expr: calls(""), legendFormat: "{{span_name}}", interval: `${EVERY}s` }],
    },
    {
      title: "Errors",
      unit: "ops",
      targets: [
        { expr: calls(', status_code="STATUS_CODE_ERROR"'), legendFormat: "{{span_name}}", interval: `${EVERY}s` },
      ],
    },
    { title: "Duration", unit: "s", targets: [0.5, 0.95, 0.99].map(quantile) },
  ].map(({ unit, ...panel }, id) => {
    const defaults = { unit, min: 0, noValue: id === 1 ? "No errors" : "No data" };
    return panelFrame(
      { id, type: "timeseries", fieldConfig: { defaults }, ...panel },
      { signal, links: led.links, zoom },
    );
  });
  const element = h(
    "div",
    { class: "charts" },
    panels.map(({ section }) => section),
  );
  /** @param {Times} at */
  const load = (at) => panels.forEach((panel) => panel.load({ span: at, ...led }));
  return { element, load };
}
