// @ts-check
// Layout of panels: Grafana's grid of 24 columns, grouped into collapsible rows.

import { h } from "../dom.js";
import { panelFrame } from "./panel.js";

/** @import { Board, Group, Panel } from "./types" */

/** Groups panels by row. An open row is followed by its panels in the list; a collapsed row contains them. @param {readonly Panel[]} all */
function groups(all) {
  /** @type {Group[]} */
  const found = [{ panels: [] }];
  for (const panel of all) {
    if (panel.type === "row") found.push({ row: panel, panels: [...(panel.panels ?? [])] });
    else found.at(-1)?.panels.push(panel);
  }
  return found.filter((group) => group.row || group.panels.length > 0);
}

/** @param {readonly Panel[]} all @param {Board} board */
export function drawGroups(all, board) {
  const drawn = groups(all).map(({ row, panels }) => {
    const top = Math.min(...panels.map((panel) => panel.gridPos?.y ?? 0));
    const frames = panels.map((panel) => {
      const frame = panelFrame(panel, board);
      const { x = 0, y = 0, w = 12, h: high = 8 } = panel.gridPos ?? {};
      const { style } = frame.section;
      style.setProperty("--area", `${y - top + 1} / ${x + 1} / span ${high} / span ${w}`);
      style.setProperty("--high", String(high));
      return frame;
    });
    const grid = h(
      "div",
      { class: "grid" },
      frames.map((frame) => frame.section),
    );
    const title = row && h("summary", { class: "board-row" }, row.title);
    return { frames, element: title ? h("details", { open: !row.collapsed }, title, grid) : grid };
  });
  return { elements: drawn.map((one) => one.element), panels: drawn.flatMap((one) => one.frames) };
}
