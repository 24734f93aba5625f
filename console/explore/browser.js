// @ts-check
// The list of metrics, for whoever does not know their names: each row asks for its metric in the form that fits it.

import { fill, h } from "../dom.js";
import { notice } from "../notice.js";
import { table } from "../table.js";
import { selectorOf } from "./words.js";

/** @typedef {{ name: string, type: string, help: string, buckets: boolean }} Metric */

const MOST_ROWS = 100;

/** The query to begin with: the rate of a counter, a quantile of a histogram, else the value. @param {Metric} metric */
export function beginning({ name, type, buckets }) {
  /** @param {string} end */
  const of = (end) => selectorOf(name + end);
  if (buckets) return `histogram_quantile(0.95, sum by (le) (rate(${of("_bucket")}[$__rate_interval])))`;
  if (type === "histogram") return `histogram_quantile(0.95, sum(rate(${of("")}[$__rate_interval])))`;
  return type === "counter" ? `sum(rate(${of("")}[$__rate_interval]))` : of("");
}

/** @param {() => Promise<Metric[]>} load @param {(query: string) => void} chosen */
export function metricBrowser(load, chosen) {
  const rows = h("div");
  const search = h("input", { type: "search", placeholder: "Name, type or help", oninput: () => draw() });
  const summary = h("summary", {}, "Metrics");
  /** @type {Metric[]} */
  let all = [];

  function draw() {
    const wanted = search.value.toLowerCase();
    const found = all.filter(({ name, type, help }) => `${name} ${type} ${help}`.toLowerCase().includes(wanted));
    const shown = found.slice(0, MOST_ROWS).map((metric) => {
      const onclick = () => chosen(beginning(metric));
      return [h("button", { type: "button", class: "mono", onclick }, metric.name), metric.type, metric.help];
    });
    const count = `${found.length} metrics${found.length > shown.length ? `, the first ${shown.length} are shown` : ""}`;
    const none = "Prometheus has no metrics. Send some, over OTLP, by remote write, or let it scrape your program.";
    fill(
      rows,
      h("p", { class: "quiet" }, all.length > 0 ? count : none),
      shown.length > 0 && table("Metrics", ["Metric", "Type", "Help"], shown),
    );
  }

  async function fetched() {
    try {
      all = await load();
      draw();
    } catch (error) {
      fill(rows, notice(error));
    }
  }

  const element = h(
    "details",
    { class: "surface part", ontoggle: () => element.open && fetched() },
    summary,
    h("label", { class: "row" }, "Find", search),
    rows,
  );
  fill(rows, h("p", { class: "quiet" }, "Loading…"));
  return element;
}
