// @ts-check
// The legend of a chart: names, colours and calculated values of its series. A click shows or hides a series.

import { swatch } from "../colors.js";
import { fill, h } from "../dom.js";
import { calculation, text } from "./values.js";

/** @import { FieldConfig, Named } from "../dashboard/types" */

/**
 * @param {Element} place @param {{ displayMode?: string, calcs?: string[] }} options @param {FieldConfig} config
 * @param {readonly Named[]} lines @param {(name: string) => void} toggle
 */
export function drawLegend(place, { displayMode, calcs = [] }, config, lines, toggle) {
  const figures = calcs.map(calculation);
  const buttons = () => [...place.querySelectorAll("button")];
  const focused = buttons().findIndex((one) => one === document.activeElement);
  const rows = lines.map(({ name, color, values, hidden }) => {
    const pressed = { type: "button", "aria-pressed": String(!hidden), title: name, onclick: () => toggle(name) };
    const button = h("button", pressed, swatch(color), h("span", { class: "cut" }, name));
    const cells = figures.map(({ title, of }) => h("td", { class: "numeric", title }, text(of(values), config)));
    return h("tr", {}, h("td", {}, button), cells);
  });
  const head = h(
    "tr",
    {},
    h("th", { scope: "col" }, "Name"),
    figures.map(({ title }) => h("th", { scope: "col", class: "numeric" }, title)),
  );
  fill(place, h("table", {}, displayMode === "table" && h("thead", {}, head), h("tbody", {}, rows)));
  buttons()[focused]?.focus();
}
