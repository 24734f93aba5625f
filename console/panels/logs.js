// @ts-check
// Log lines, drawn as in the logs view.

import { fill, h } from "../dom.js";
import { logLine } from "../logs/line.js";
import { updating } from "./update.js";

/** @import { Draw, Place } from "../dashboard/types" */
/** @import { Entry } from "../logs/types" */

/** @param {Place} place @returns {Draw} */
export function logs({ body, links }) {
  const list = h("ol", { class: "log-lines" });
  /** @param {Entry} one */
  const keyOf = ({ ts, line, labels }) => `${ts} ${JSON.stringify(labels)} ${line}`;
  const update = updating(list, keyOf, (entry) => logLine(entry, links));
  fill(body, list);
  return ({ lines }) => update(lines).size > 0;
}
