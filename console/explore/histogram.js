// @ts-check
// A native histogram in words and bars: how many values, their sum and average, and the count of each bucket.

import { h } from "../dom.js";
import { formatValue } from "../format.js";

/** @import { Histogram } from "./types" */

/** The most buckets that are drawn. */
const MOST = 160;

/** Bounds of a bucket as an interval; its rule says which of them are part of it. @param {number} rule @param {string} from @param {string} to */
export function interval(rule, from, to) {
  const [open, close] = [rule === 1 || rule === 3 ? "[" : "(", rule === 0 || rule === 3 ? "]" : ")"];
  return `${open}${short(from)}, ${short(to)}${close}`;
}

/** @param {string} bound */
function short(bound) {
  const value = Number(bound);
  return Number.isFinite(value) ? String(Number(value.toPrecision(4))) : bound;
}

/** @param {Histogram} histogram */
export function histogram({ count, sum, buckets = [] }) {
  const [all, total] = [Number(count), Number(sum)];
  const most = Math.max(...buckets.map((one) => Number(one[3])));
  const rows = buckets.slice(0, MOST).map(([rule, from, to, held]) => {
    const bar = h("span", { class: "bar" });
    bar.style.setProperty("--share", `${(100 * Number(held)) / (most || 1)}%`);
    return h(
      "li",
      { class: "bar-row" },
      h("span", {}, interval(rule, from, to)),
      bar,
      h("b", {}, formatValue(Number(held))),
    );
  });
  const further = buckets.length - rows.length;
  return h(
    "div",
    {},
    `count ${formatValue(all)}, sum ${formatValue(total)}, average ${formatValue(all ? total / all : NaN)}`,
    rows.length > 0 &&
      h(
        "details",
        {},
        h("summary", {}, `${buckets.length} buckets`),
        h("ul", { class: "bars mono" }, rows),
        further > 0 && h("p", { class: "quiet" }, `and ${further} more`),
      ),
  );
}
