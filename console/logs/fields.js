// @ts-check
// The fields that Loki finds in the lines of the query: structured metadata, and what a parser finds in the text. A field
// shows its values, each with buttons that filter by it.

import { ask } from "../api.js";
import { fill, h } from "../dom.js";
import { notice } from "../notice.js";
import { filterButtons } from "./line.js";

/** @import { Times } from "../types" */
/** @import { Detected, Filter } from "./types" */

const [MOST, MOST_VALUES, LINES] = [200, 50, 500];

/** @param {() => { query: string, range: Times }} asked @param {Filter} filter @param {AbortSignal} signal */
export function fieldList(asked, filter, signal) {
  const place = h("div");
  const element = h("details", { class: "surface part", ontoggle }, h("summary", {}, "Fields"), place);

  /** @param {string} path */
  function get(path) {
    const { query, range } = asked();
    const times = { start: `${range.start}000000`, end: `${range.end}000000` };
    return ask("loki", `loki/api/v1/${path}`, { query, ...times, line_limit: LINES, limit: MOST }, signal);
  }

  async function ontoggle() {
    if (!element.open) return;
    fill(place, h("p", { class: "quiet" }, "Loading…"));
    try {
      /** @type {{ fields?: Detected[] }} */
      const { fields = [] } = await get("detected_fields");
      const some = h("p", { class: "quiet" }, `${fields.length} fields in the newest ${LINES} lines`);
      fill(place, some, h("ul", { class: "log-fields" }, fields.map(field)));
    } catch (error) {
      if (!signal.aborted) fill(place, notice(error));
    }
  }

  /** @param {Detected} field */
  function field({ label, type, cardinality, parsers }) {
    const values = h("ul");
    const about = h("span", { class: "quiet" }, ` ${type}, ${cardinality} values`);
    const open = async () => {
      if (!one.open) return;
      try {
        /** @type {{ values?: string[] }} */
        const { values: all = [] } = await get(`detected_field/${encodeURIComponent(label)}/values`);
        const items = all
          .slice(0, MOST_VALUES)
          .map((value) =>
            h("li", { class: "log-line" }, h("span", {}, value, filterButtons(label, value, filter, parsers?.[0]))),
          );
        fill(
          values,
          items,
          all.length > items.length && h("li", { class: "quiet" }, `and ${all.length - items.length} more`),
        );
      } catch (error) {
        if (!signal.aborted) fill(values, h("li", {}, notice(error)));
      }
    };
    const one = h("details", { ontoggle: open }, h("summary", {}, label, about), values);
    return h("li", {}, one);
  }

  /** The lines are others now: what is open is asked for anew. */
  return { element, refresh: ontoggle };
}
