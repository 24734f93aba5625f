// @ts-check
// A table. Each cell carries the name of its column, which a narrow screen shows in front of the cell.

import { h } from "./dom.js";

/** @import { Child } from "./types" */

/**
 * @param {string} name @param {readonly string[]} heads @param {readonly (Child | Child[])[][]} rows
 * @param {readonly string[]} numeric columns of numbers
 */
export function table(name, heads, rows, numeric = []) {
  const about = heads.map((head) => ({ "data-head": head, class: numeric.includes(head) && "numeric" }));
  const head = heads.map((text, at) => h("th", { scope: "col", role: "columnheader", ...about[at] }, text));
  /** @param {readonly (Child | Child[])[]} row */
  const line = (row) =>
    h(
      "tr",
      { role: "row" },
      row.map((cell, at) => h("td", { role: "cell", ...about[at] }, cell)),
    );
  // The roles are said, since cells that a narrow screen stacks would lose them.
  return h(
    "table",
    { role: "table", "aria-label": name },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, head)),
    h("tbody", { role: "rowgroup" }, rows.map(line)),
  );
}
