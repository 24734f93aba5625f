// @ts-check
// Runs the queries of a panel and reads their responses as series, log lines and exemplars.

import { ask } from "../api.js";
import { referenceIn, sourceOf } from "./source.js";
import { filled, timesOf } from "./template.js";

/** @import { Exemplar, Panel, Question, Result, Round, Series, Target } from "./types" */
/** @import { Entry } from "../logs/types" */

const MOST_SERIES = 50;
const MOST_LINES = 300;

/**
 * @param {Panel} panel @param {number} width in CSS pixels, the upper bound of points per series
 * @param {Round} round @param {AbortSignal} signal @returns {Promise<Result>}
 */
export async function results(panel, width, round, signal) {
  const { span, sources, traceOf, queued } = round;
  const asked = questions(panel, width, round);
  const [start, end] = [span.start / 1000, span.end / 1000];
  // Aligned to the step: a refresh then evaluates the same points, and the lines do not jump.
  /** @param {number} step */
  const pointsOf = (step) => {
    const first = Math.floor(start / step) * step;
    return Array.from({ length: Math.floor((end - first) / step) + 1 }, (_, index) => first + index * step);
  };
  const grids = new Map(asked.map(({ times: { step } }) => [step, pointsOf(step)]));
  const grid = [...new Set([...grids.values()].flat())].sort((a, b) => a - b);

  const parts = asked.map(async ({ target, type, query, times: { step } }) => {
    const instant = target.queryType === "instant" || (target.instant && !target.range);
    const limit = type === "loki" ? MOST_LINES : undefined;
    const first = Math.floor(start / step) * step;
    const params = { query, limit, ...(instant ? { time: end } : { start: first, end, step }) };
    const path = type === "loki" ? "loki/api/v1/query" : "api/v1/query";
    const [{ data }, dots] = await Promise.all([
      queued(() => ask(type, instant ? path : `${path}_range`, params, signal), signal),
      target.exemplar && type === "prometheus"
        ? queued(() => ask(type, `${path}_exemplars`, params, signal), signal)
        : { data: [] },
    ]);
    const streams = data.resultType === "streams";
    /** @type {any[]} */
    const result = data.resultType === "scalar" ? [{ metric: {}, value: data.result }] : data.result;
    return {
      lines: streams ? linesOf(data.result) : [],
      series: streams ? [] : seriesOf(result, target, instant ? undefined : grid, grids.get(step)),
      exemplars: exemplarsOf(dots.data, target, traceOf),
      histograms: result.some((one) => one.histogram || one.histograms),
      type,
    };
  });
  const all = await Promise.all(parts);
  const series = all.flatMap((part) => part.series);
  const lines = all.flatMap((part) => part.lines);
  const measured = all.filter((part) => part.type === "prometheus").flatMap((part) => part.series);
  const told = all.some((part) => part.histograms) ? "Native histograms are drawn by their count" : "";
  const notes = lines.length < MOST_LINES ? told : `The last ${MOST_LINES} lines`;
  return {
    ...span,
    times: grid,
    series: series.slice(0, MOST_SERIES),
    exemplars: all.flatMap((part) => part.exemplars),
    lines,
    measured: all.some((part) => part.type === "prometheus") ? measured.some(hasValue) : undefined,
    notes: series.length > MOST_SERIES ? `The first ${MOST_SERIES} series` : notes,
  };
}

/**
 * The queries of a panel with variables filled in, each with its data source.
 * @param {Panel} panel @param {number} width @param {Pick<Round, "span" | "choices" | "sources" | "panels">} round
 * @returns {Question[]}
 */
export function questions(panel, width, { span, choices: all, sources, panels = [] }) {
  // A repeated panel is drawn once, for the first value of its variable.
  const choices = all.map((one) => (one.name === panel.repeat ? { ...one, values: one.values.slice(0, 1) } : one));
  /** @param {string | undefined} text */
  const fill = (text) =>
    text && !/^\$(__auto|\{?__(rate_)?interval\}?)$/.test(text)
      ? filled(text, "prometheus", { range: 0, step: 0, rateInterval: 0 }, choices)
      : text;
  return (panel.targets ?? []).flatMap((target) => {
    if (target.hide) return [];
    const reference = referenceIn(panel, target);
    if (reference.uid === "-- Dashboard --") {
      // A panel that shows the data of another panel runs that panel's queries itself.
      const other = panels.find((one) => one.id === target.panelId);
      if (!other || other === panel)
        throw new Error(`The panel shows the data of panel ${target.panelId}, which does not exist.`);
      return questions({ ...other, repeat: panel.repeat }, width, {
        span,
        choices: all,
        sources,
        panels: panels.filter((one) => one !== panel),
      });
    }
    const { type, uid, jsonData } = sourceOf(reference, sources, choices);
    if (type !== "prometheus" && type !== "loki") {
      throw new Error(
        `The data source ${uid} is of type ${type}; the console draws queries of Prometheus and Loki only.`,
      );
    }
    if (!target.expr?.trim()) return [];
    const times = timesOf(span, type, {
      own: fill(String(target.interval || target.step || "")),
      panel: fill(panel.interval),
      scrape: jsonData?.timeInterval,
      points: Number(panel.maxDataPoints) || Math.max(100, width),
      factor: Number(target.intervalFactor || target.resolution) || 1,
    });
    return [{ target, type: type, uid, times, query: filled(target.expr, type, times, choices) }];
  });
}

/**
 * @param {any[]} all @param {Target} target @param {number[]} [grid] undefined for an instant query
 * @param {number[]} [own] the times of the grid that the query evaluates @returns {Series[]}
 */
export function seriesOf(all, target, grid, own = grid) {
  return all.map(({ metric, ...sample }) => {
    const all = numbers(sample);
    const points = grid ? onGrid(all, grid, own ?? grid) : [number(all[0][1])];
    return { name: legend(target, metric), labels: metric, values: points };
  });
}

/**
 * The samples of a series as numbers: a native histogram is its count of values.
 * @param {any} sample @returns {[number, string][]}
 */
function numbers({ value, values = value ? [value] : [], histogram, histograms = histogram ? [histogram] : [] }) {
  const counts = histograms.map((/** @type {any} */ [time, held]) => [time, held.count]);
  return [...values, ...counts];
}

/**
 * Values on the time grid of the panel: null (a gap) where the server returned no point, undefined at times that only
 * another query of the panel evaluates.
 * @param {[number, string][]} points @param {number[]} grid @param {number[]} own
 */
function onGrid(points, grid, own) {
  const found = new Map(points.map(([time, text]) => [Math.round(time * 1000), number(text)]));
  const asked = own === grid ? undefined : new Set(own);
  return grid.map((time) => (asked && !asked.has(time) ? undefined : (found.get(Math.round(time * 1000)) ?? null)));
}

/** @param {{ seriesLabels: Record<string, string>, exemplars: any[] }[]} all @param {Target} target @param {Round["traceOf"]} traceOf @returns {Exemplar[]} */
function exemplarsOf(all, target, traceOf) {
  return all.flatMap(({ seriesLabels, exemplars }) => {
    const name = legend(target, seriesLabels);
    return exemplars.map(({ timestamp, value, labels }) => {
      const known = { time: timestamp * 1000, value: Number(value), traceId: traceOf(labels) };
      return { ...known, name, labels: { ...seriesLabels, ...labels } };
    });
  });
}

/** The lines of all streams, newest first. @param {any[]} streams @returns {Entry[]} */
function linesOf(streams) {
  const all = streams.flatMap(({ stream, values }) =>
    values.map((/** @type {string[]} */ [ts, line]) => ({ ts, line, labels: stream })),
  );
  return all.sort((a, b) => (a.ts < b.ts ? 1 : -1));
}

/**
 * The name of a series: by `legendFormat`, else its labels; in a table, the values of its labels.
 * @param {Target} target @param {Record<string, string>} labels
 */
export function legend({ legendFormat: format, format: form }, { __name__: metric = "", ...labels }) {
  if (form === "table") return Object.values(labels).join(" ") || metric || "Value";
  if (format && format !== "__auto") {
    return format.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name) => labels[name] ?? "").trim() || "Value";
  }
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
  return (pairs.length > 0 ? `${metric}{${pairs.join(", ")}}` : metric) || "Value";
}

/** NaN and infinity, such as from a division by zero, become null. @param {string} text */
function number(text) {
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}

/** @param {Series} series */
function hasValue({ values }) {
  return values.some((value) => typeof value === "number");
}
