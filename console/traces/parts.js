// @ts-check
// Elements that several parts of the trace views share.

import { colorOf, swatch } from "../colors.js";
import { h } from "../dom.js";

/** @import { Child } from "./types" */

/** Marks a trace without a root span. */
export const ROOTLESS = " (root span missing)";

/** @param {string} name */
export function serviceName(name, color = colorOf(name)) {
  return h("span", { class: "service-name" }, swatch(color), name);
}

/** @param {string} name @param {string[]} heads @param {Child[][]} rows */
export function table(name, heads, rows) {
  const looks = heads.map((head) => `${head.toLowerCase()} ${/Spans|Errors|Calls/.test(head) ? "numeric" : ""}`);
  return h(
    "table",
    { class: "surface", "aria-label": name },
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        heads.map((head, at) => h("th", { scope: "col", class: looks[at] }, head)),
      ),
    ),
    h(
      "tbody",
      {},
      rows.map((row) =>
        h(
          "tr",
          {},
          row.map((cell, at) => h("td", { class: looks[at] }, cell)),
        ),
      ),
    ),
  );
}

/** A description list. @param {string} look @param {Iterable<[string, Child | Child[]]>} list */
export function pairs(look, list) {
  const rows = [...list].map(([term, value]) => h("div", {}, h("dt", {}, term), h("dd", {}, value)));
  return h("dl", { class: look }, rows);
}

/** @param {number} count */
export function errors(count) {
  return h("span", { class: count > 0 && "bad" }, count);
}
