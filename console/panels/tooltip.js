// @ts-check
// The tooltip: one box for the whole page, above everything, so that no panel clips it.

import { swatch } from "../colors.js";
import { h } from "../dom.js";

/** @import { Row } from "../dashboard/types" */

const GAP = 14;

/** @param {number} x @param {number} y @param {string} title @param {Row[]} rows */
export function showTooltip(x, y, title, rows) {
  const lines = rows.map(([name, value, color]) => {
    return h("div", {}, color && swatch(color), h("span", { class: "cut" }, name), h("b", {}, value));
  });
  const box = h("div", { class: "tooltip surface", "aria-hidden": "true" }, h("div", { class: "quiet" }, title), lines);
  hideTooltip();
  document.body.append(box);
  const { width, height } = box.getBoundingClientRect();
  box.style.left = `${x + GAP + width < innerWidth ? x + GAP : Math.max(4, x - GAP - width)}px`;
  box.style.top = `${Math.max(4, Math.min(y + GAP, innerHeight - height - 4))}px`;
}

export function hideTooltip() {
  document.querySelector(".tooltip")?.remove();
}

/** Shows a tooltip while `element` has the pointer or the focus. @param {Element} element @param {string} title @param {Row[]} rows */
export function explain(element, title, rows = []) {
  const show = () => {
    const { left, bottom } = element.getBoundingClientRect();
    showTooltip(left, bottom, title, rows);
  };
  for (const type of ["mouseenter", "focus"]) element.addEventListener(type, show);
  for (const type of ["mouseleave", "blur"]) element.addEventListener(type, hideTooltip);
}
