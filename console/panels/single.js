// @ts-check
// Panels of single values: stat, bar gauge and table.

import { fill, h } from "../dom.js";
import { calculation, shown } from "./values.js";

/** @import { Draw, Place, Series } from "../dashboard/types" */

const order = new Intl.Collator("en");

/** @param {Place} place @param {Series[]} series */
function reduced({ panel }, series) {
  const { of } = calculation(panel.options?.reduceOptions?.calcs?.[0]);
  const all = series.map(({ name, labels, values }) => {
    const value = of(values);
    return { name, labels, value: Number(value), ...shown(value, panel.fieldConfig?.defaults ?? {}) };
  });
  return sorted(panel, all);
}

/**
 * Sorts rows by the `sortBy` transformation of the panel; without one, keeps the order of the server.
 * @template {{ labels: Record<string, string>, value: number }} Row
 * @param {import("../dashboard/types").Panel} panel @param {Row[]} rows
 */
export function sorted({ transformations = [] }, rows) {
  const { field, desc } = transformations.find((one) => one.id === "sortBy")?.options?.sort?.[0] ?? {};
  if (!field) return rows;
  /** @param {Row} a @param {Row} b */
  const compare = (a, b) =>
    field === "Value" ? a.value - b.value : order.compare(a.labels[field] ?? "", b.labels[field] ?? "");
  return rows.toSorted((a, b) => (desc ? compare(b, a) : compare(a, b)));
}

/** @param {Place} place @returns {Draw} */
export function stat(place) {
  return ({ series }) => {
    const all = reduced(place, series.length > 0 ? series : [{ name: "", labels: {}, values: [] }]);
    const items = all.map(({ name, text, color }) => {
      const value = h("span", { class: "stat-value" }, text);
      value.style.setProperty("--color", color);
      // The font shrinks with the length of the text.
      value.style.setProperty("--letters", String(Math.max(4, text.length)));
      return h("li", { class: "stat" }, all.length > 1 && h("span", { class: "quiet cut", title: name }, name), value);
    });
    fill(place.body, h("ul", { class: "stats" }, items));
    return true;
  };
}

/** @param {Place} place @returns {Draw} */
export function bars(place) {
  return ({ series }) => {
    const all = reduced(place, series);
    const { min = 0, max } = place.panel.fieldConfig?.defaults ?? {};
    const most = max ?? Math.max(...all.map((one) => one.value));
    const rows = all.map(({ name, value, text, color }) => {
      const bar = h("span", { class: "bar" });
      bar.style.setProperty("--share", `${(100 * (value - min)) / (most - min || 1)}%`);
      const label = h("span", { class: "cut", title: name }, name);
      const row = h("li", { class: "bar-row" }, label, bar, h("strong", {}, text));
      row.style.setProperty("--color", color);
      return row;
    });
    fill(place.body, h("ul", { class: "bars" }, rows));
    return rows.length > 0;
  };
}

/** A column for each label, and the value. @param {Place} place @returns {Draw} */
export function table(place) {
  return ({ series }) => {
    const all = reduced(place, series);
    const names = [...new Set(all.flatMap((one) => Object.keys(one.labels)))].filter((name) => name !== "__name__");
    const head = h(
      "tr",
      {},
      [...names, "Value"].map((name) => h("th", { scope: "col" }, name)),
    );
    const rows = all.map(({ labels, text }) => {
      return h(
        "tr",
        {},
        names.map((name) => h("td", {}, labels[name])),
        h("td", { class: "numeric" }, text),
      );
    });
    const data = [h("thead", {}, head), h("tbody", {}, rows)];
    fill(place.body, h("table", { class: "data" }, data));
    return rows.length > 0;
  };
}
