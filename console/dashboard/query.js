// @ts-check
// Asks what a panel shows: from its targets to series, log lines and exemplars.

import { ask } from "../api.js";
import { filled, timesOf } from "./template.js";

/** @import { Exemplar, Panel, Result, Round, Series, Target } from "./types" */
/** @import { Entry } from "../logs/types" */

const MOST_SERIES = 50;
const MOST_LINES = 300;

/**
 * @param {Panel} panel @param {number} width CSS pixels: more points than that cannot be seen
 * @param {Round} round @param {AbortSignal} signal @returns {Promise<Result>}
 */
export async function results(panel, width, { span, choices, sources, traceOf, queued }, signal) {
  const targets = (panel.targets ?? []).filter((one) => one.expr && !one.hide);
  const uid = (targets[0]?.datasource ?? panel.datasource)?.uid;
  const { type, jsonData } = sources.find((one) => one.uid === uid) ?? {};
  if (type !== "prometheus" && type !== "loki") throw new Error(`There is no data source ${uid}.`);
  const loki = type === "loki";
  // All queries of a panel have one step, so that their points are at the same times.
  const times = timesOf(span, type, {
    own: targets.find((one) => one.interval)?.interval,
    panel: panel.interval,
    scrape: jsonData?.timeInterval,
    points: panel.maxDataPoints ?? Math.max(100, width),
  });
  const { step } = times;
  const [start, end] = [span.start / 1000, span.end / 1000];
  // Aligned to the step, so that a refresh asks for the same points again and the lines stand still.
  const first = Math.floor(start / step) * step;
  const grid = Array.from({ length: Math.floor((end - first) / step) + 1 }, (_, index) => first + index * step);

  const parts = targets.map(async (target) => {
    const query = filled(target.expr ?? "", type, times, choices);
    const instant = target.queryType === "instant" || (target.instant && !target.range);
    const limit = loki ? MOST_LINES : undefined;
    const params = { query, limit, ...(instant ? { time: end } : { start: first, end, step }) };
    const path = loki ? "loki/api/v1/query" : "api/v1/query";
    const [{ data }, dots] = await Promise.all([
      queued(() => ask(type, instant ? path : `${path}_range`, params, signal), signal),
      target.exemplar ? queued(() => ask(type, `${path}_exemplars`, params, signal), signal) : { data: [] },
    ]);
    const streams = data.resultType === "streams";
    return {
      lines: streams ? linesOf(data.result) : [],
      series: streams ? [] : seriesOf(data.result, target, instant ? undefined : grid),
      exemplars: exemplarsOf(dots.data, target, traceOf),
    };
  });
  const all = await Promise.all(parts);
  const series = all.flatMap((part) => part.series);
  const lines = all.flatMap((part) => part.lines);
  const notes = lines.length < MOST_LINES ? "" : `The last ${MOST_LINES} lines`;
  return {
    ...span,
    times: grid,
    series: series.slice(0, MOST_SERIES),
    exemplars: all.flatMap((part) => part.exemplars),
    lines,
    notes: series.length > MOST_SERIES ? `The first ${MOST_SERIES} series` : notes,
  };
}

/** @param {any[]} all @param {Target} target @param {number[]} [grid] none for single values @returns {Series[]} */
export function seriesOf(all, target, grid) {
  return all.map(({ metric, value, values = [value] }) => {
    return { name: legend(target, metric), labels: metric, values: grid ? onGrid(values, grid) : [number(value[1])] };
  });
}

/** Points that a server leaves out are gaps. @param {[number, string][]} points @param {number[]} grid */
function onGrid(points, grid) {
  const found = new Map(points.map(([time, text]) => [Math.round(time * 1000), number(text)]));
  return grid.map((time) => found.get(Math.round(time * 1000)) ?? null);
}

/** @param {any[]} all @param {Target} target @param {Round["traceOf"]} traceOf @returns {Exemplar[]} */
function exemplarsOf(all, target, traceOf) {
  return all.flatMap(({ seriesLabels, exemplars }) => {
    const name = legend(target, seriesLabels);
    return exemplars.map((/** @type {any} */ { timestamp, value, labels }) => {
      const known = { time: timestamp * 1000, value: Number(value), traceId: traceOf(labels) };
      return { ...known, name, labels: { ...seriesLabels, ...labels } };
    });
  });
}

/** The lines of all streams, the newest first. @param {any[]} streams @returns {Entry[]} */
function linesOf(streams) {
  const all = streams.flatMap(({ stream, values }) =>
    values.map((/** @type {string[]} */ [ts, line]) => ({ ts, line, labels: stream })),
  );
  return all.sort((a, b) => (a.ts < b.ts ? 1 : -1));
}

/** A series' name: by `legendFormat`, else its labels. @param {Target} target @param {Record<string, string>} labels */
export function legend({ legendFormat: format }, { __name__: metric = "", ...labels }) {
  if (format && format !== "__auto") {
    return format.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name) => labels[name] ?? "").trim() || "Value";
  }
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
  return (pairs.length > 0 ? `${metric}{${pairs.join(", ")}}` : metric) || "Value";
}

/** What a division by zero gives is no value. @param {string} text */
function number(text) {
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}
