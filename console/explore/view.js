// @ts-check
// The metrics explorer: an expression, its values over time with exemplars, and its result now.

import { note } from "../address.js";
import { ApiError, ask } from "../api.js";
import { announce } from "../announce.js";
import { relations } from "../correlation.js";
import { panelFrame } from "../dashboard/panel.js";
import { filled, timesOf } from "../dashboard/template.js";
import { fill, h, renew } from "../dom.js";
import { notice, repeat } from "../notice.js";
import { between, milliseconds, rangeOf, span } from "../time.js";
import { refreshPicker, timePicker } from "../time_picker.js";
import { metricBrowser } from "./browser.js";
import { errorAt } from "./cursor.js";
import { expressionField } from "./field.js";
import { knowledge } from "./known.js";
import { resultTable } from "./result.js";

/** @import { Context, Range } from "../types" */

export const title = "Metrics";

const CHECK_MS = 500;
const RETRY_MS = 5000;
/** Days in the place of the first variable while an expression is formatted: not whole weeks, which would be rewritten. */
const STAND_IN = 10_001;

/** @param {Context} context */
export async function show({ main, params, signal }) {
  let expr = params.get("expr") ?? "";
  let range = rangeOf(params);
  let every = params.get("refresh") ?? "";
  let checking = 0;
  let down = false;
  const led = await relations();
  if (signal.aborted) return;
  const known = knowledge(signal);
  const field = expressionField(expr, { options: known.options, run, changed: check });
  const browser = metricBrowser(known.metrics, (query) => {
    field.set(query);
    browser.open = false;
    run();
    field.focus();
  });
  const picker = h("div");
  const chart = h("div", { class: "charts" });
  const place = h("div");
  const answer = h("section", { class: "surface part", "aria-label": "Result" }, place);
  const scrape = led.sources.find((one) => one.type === "prometheus")?.jsonData?.timeInterval;

  /** The text with variables filled in, padded so that places of errors stay true. @param {string} text */
  function prepared(text) {
    const times = timesOf(span(range), "prometheus", { scrape, points: Math.max(100, main.clientWidth - 26) });
    return text.replace(/\$\{?\w+\}?/g, (one) => filled(one, "prometheus", times, []).padEnd(one.length));
  }

  const load = repeat(
    async (stopped) => {
      chart.hidden = answer.hidden = !expr.trim();
      if (chart.hidden) return field.tell();
      try {
        const at = span(range);
        const asked = { query: prepared(expr), time: at.end / 1000 };
        const { data, warnings = [], infos = [] } = await ask("prometheus", "api/v1/query", asked, stopped);
        down = false;
        field.tell();
        fill(place, resultTable(data, [...warnings, ...infos]).flat());
        announce(data.resultType === "vector" ? `${data.result.length} series` : "Result");
        // A range vector and a text have no values over time.
        chart.hidden = data.resultType === "matrix" || data.resultType === "string";
        target.expr = expr;
        if (!chart.hidden) await frame.load({ span: at, ...led });
      } catch (error) {
        if (stopped.aborted) return;
        const refused = error instanceof ApiError ? error.kind === "refused" : true;
        down = error instanceof ApiError && error.kind === "down";
        const message = error instanceof Error ? error.message : String(error);
        chart.hidden = true;
        answer.hidden = refused;
        if (refused) field.tell({ message, ...errorAt(message, expr) });
        else renew(place, notice(error));
      }
    },
    () => milliseconds(every) || (down ? RETRY_MS : 0),
    signal,
  );

  /** @param {number} start @param {number} end */
  const zoom = (start, end) => setRange(between(start, end));
  const target = { expr, exemplar: true };
  const panel = { id: 1, type: "timeseries", title: "Over time", targets: [target] };
  const frame = panelFrame(panel, { signal, links: led.links, zoom });

  /** Reports a syntax error while the expression is written. */
  function check() {
    clearTimeout(checking);
    checking = window.setTimeout(async () => {
      const text = field.text();
      try {
        if (text.trim()) await ask("prometheus", "api/v1/parse_query", { query: prepared(text) }, signal);
        if (text === field.text()) field.tell();
      } catch (error) {
        const message = error instanceof Error ? error.message : "";
        const at = errorAt(message, text);
        // A server without this endpoint, or that is down, says nothing about the expression. At its end it is unfinished.
        const wrong = at ? at.at < text.trimEnd().length : !(error instanceof ApiError);
        if (!signal.aborted && text === field.text()) field.tell(wrong ? { message, ...at } : undefined);
      }
    }, CHECK_MS);
  }

  /** Formats the expression. Variables are no PromQL: each is a duration of its own on the way. */
  async function format() {
    const text = field.text();
    const names = text.match(/\$\{?\w+\}?/g) ?? [];
    let left = 0;
    const query = text.replace(/\$\{?\w+\}?/g, () => `${STAND_IN + 7 * left++}d`);
    try {
      const { data } = await ask("prometheus", "api/v1/format_query", { query }, signal);
      field.set(
        data.replace(/\b\d{5}d\b/g, (/** @type {string} */ one) => names[(parseInt(one) - STAND_IN) / 7] ?? one),
      );
      run();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (!signal.aborted) field.tell({ message, ...errorAt(message, query) });
    }
  }

  function run() {
    clearTimeout(checking);
    expr = field.text();
    noted();
    load();
  }
  function noted() {
    note({ expr, ...range, refresh: every }, { entry: true });
  }
  /** @param {Range} chosen */
  function setRange(chosen) {
    range = chosen;
    fill(picker, timePicker(range, setRange));
    noted();
    load();
  }
  const refresh = refreshPicker(
    every,
    (chosen) => {
      every = chosen;
      noted();
      load();
    },
    load,
  );
  /** @param {Event} event */
  const submit = (event) => {
    event.preventDefault();
    run();
  };
  fill(picker, timePicker(range, setRange));
  fill(chart, frame.section);
  fill(
    main,
    h("div", { class: "toolbar" }, h("h1", {}, title), picker, refresh),
    h(
      "form",
      { class: "surface part", "aria-label": "Query", onsubmit: submit },
      field.element,
      h(
        "div",
        { class: "row" },
        h("button", { class: "primary" }, "Run query"),
        h("button", { type: "button", onclick: format }, "Format"),
        h("span", { class: "quiet" }, "Enter runs, Shift+Enter is a new line, Ctrl+Space completes"),
      ),
    ),
    browser,
    chart,
    answer,
  );
  browser.open = !expr.trim();
  load();
}
