// @ts-check
// The frame of a panel: title, description, and the message that is shown in place of data.

import { fill, h, renew } from "../dom.js";
import { notice } from "../notice.js";
import { logs } from "../panels/logs.js";
import { bars, stat, table } from "../panels/single.js";
import { timeSeries } from "../panels/time_series.js";
import { explain } from "../panels/tooltip.js";
import { results } from "./query.js";

/** @import { Board, Draw, Panel, Place, Round } from "./types" */

/** @type {Map<string, (place: Place) => Draw>} */
const KINDS = new Map(Object.entries({ bargauge: bars, logs, stat, table, timeseries: timeSeries }));

/** @param {Panel} panel @param {Board} board */
export function panelFrame(panel, board) {
  const id = `panel-${panel.id}`;
  const title = panel.title || panel.type;
  const body = h("div", { class: "panel-body" });
  const message = h("div", { class: "panel-message" }, h("p", {}, "Loading…"));
  const notes = h("span", { class: "panel-notes quiet" });
  const section = h(
    "section",
    { class: `panel surface panel-${panel.type}`, "aria-labelledby": id, "data-panel-id": panel.id },
    h("header", {}, h("h2", { id, title }, title), panel.description && information(panel.description), notes),
    h("div", { class: "panel-content" }, body, message),
  );
  const draw = KINDS.get(panel.type)?.({ ...board, panel, title, body });
  // A text panel has no query. Its Markdown source is shown as plain text.
  const written = panel.type === "text" && (panel.options?.content ?? panel.content);
  if (!draw)
    fill(message, h("p", {}, written || `not drawn here: the console does not support panels of type ${panel.type}`));
  let running = new AbortController();
  /** @type {Round | undefined} */
  let last;
  /** @type {boolean | undefined} */
  let measured;

  /** Shows a message over the panel and makes the panel inert; without an element, removes the message. @param {Element} [element] */
  const say = (element) => {
    message.hidden = !element;
    body.inert = !message.hidden;
    renew(message, element ?? h("p"));
  };

  /** @param {Round} round */
  async function load(round) {
    if (!draw || last === round) return;
    last = round;
    running.abort();
    running = new AbortController();
    const signal = AbortSignal.any([running.signal, board.signal]);
    try {
      const result = await results(panel, body.clientWidth, round, signal);
      signal.throwIfAborted();
      measured = result.measured;
      fill(notes, result.notes);
      say(draw(result) ? undefined : h("p", {}, panel.fieldConfig?.defaults?.noValue || "No data"));
    } catch (error) {
      if (!signal.aborted) say(notice(error));
    }
  }
  return { section, load, measured: () => measured };
}

/** The “i” button that shows the description of a panel, by pointer or keyboard. @param {string} text */
function information(text) {
  const labels = { "aria-label": "Description", "aria-description": text };
  const button = h("button", { type: "button", class: "info", ...labels }, "i");
  explain(button, text);
  return button;
}
