// @ts-check
// The answer to an instant query as a table: a row for each series, with a number, a native histogram, or samples.

import { h } from "../dom.js";
import { formatTime } from "../format.js";
import { table } from "../table.js";
import { histogram } from "./histogram.js";

/** @import { Sample } from "./types" */

const MOST_ROWS = 200;
/** The most samples of one series of a range vector. */
const MOST_SAMPLES = 20;

/** @param {{ resultType: string, result: any }} data @param {string[]} notes warnings of the server */
export function resultTable({ resultType, result }, notes) {
  const told = notes.slice(0, 5).map((text) => h("p", { class: "warn" }, text));
  if (resultType === "string") return [told, h("p", { class: "mono" }, result[1])];
  /** @type {Sample[]} */
  const all = resultType === "scalar" ? [{ metric: {}, value: result }] : result;
  if (all.length === 0) return [told, h("p", { class: "quiet" }, "The query has no result at this time.")];
  const rows = all.slice(0, MOST_ROWS).map((one) => [series(one.metric), value(one)]);
  const more = all.length > rows.length && `, of which the first ${rows.length} are shown`;
  return [
    told,
    h("p", { class: "quiet" }, `${all.length} series${more || ""}`),
    table("Result", ["Series", "Value"], rows),
  ];
}

/** @param {Record<string, string>} labels */
function series({ __name__: name = "", ...labels }) {
  const all = Object.entries(labels);
  const inside = all.flatMap(([label, text], at) => [
    h("span", { class: "quiet" }, `${at > 0 ? ", " : ""}${label}=`),
    JSON.stringify(text),
  ]);
  return h(
    "span",
    { class: "mono" },
    h("b", {}, name),
    (all.length > 0 || !name) && "{",
    inside,
    (all.length > 0 || !name) && "}",
  );
}

/** @param {Sample} sample */
function value({ value: one, values = [], histogram: whole, histograms = [] }) {
  if (one) return h("span", { class: "mono" }, one[1]);
  if (whole) return histogram(whole[1]);
  const numbers = values.slice(-MOST_SAMPLES).map(([at, text]) => moment(at, text));
  const others = histograms.slice(-MOST_SAMPLES).map(([at, held]) => moment(at, histogram(held)));
  const left = values.length + histograms.length - numbers.length - others.length;
  return h("ol", { class: "samples" }, left > 0 && h("li", { class: "quiet" }, `${left} older`), numbers, others);
}

/** @param {number} at seconds @param {import("../types").Child} content */
function moment(at, content) {
  return h("li", {}, h("span", { class: "quiet" }, `${formatTime(at * 1000).slice(0, 19)} `), content);
}
