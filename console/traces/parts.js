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

/** A description list. @param {string} look @param {Iterable<[string, Child | Child[]]>} list */
export function pairs(look, list) {
  const rows = [...list].map(([term, value]) => h("div", {}, h("dt", {}, term), h("dd", {}, value)));
  return h("dl", { class: look }, rows);
}

/** @param {number} count */
export function errors(count) {
  return h("span", { class: count > 0 && "bad" }, count);
}
