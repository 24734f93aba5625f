// @ts-check
// What stands at the cursor of a PromQL expression, read without a parser since the expression is unfinished.

import { GROUPINGS } from "./words.js";

/** @import { Place } from "./types" */

const NAME = /[a-zA-Z_:][\w:]*$/;
const MATCHER = /([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)\s*$/;

/**
 * What can be written at the cursor; undefined inside of a text or a comment, and after a number.
 * @param {string} text @param {number} cursor @returns {Place | undefined}
 */
export function placeAt(text, cursor) {
  const { open, before, quoted, comment } = opened(text.slice(0, cursor));
  if (comment) return undefined;
  if (quoted >= 0) {
    const label = MATCHER.exec(text.slice(0, quoted))?.[1];
    const written = text.slice(quoted + 1, cursor);
    return open === "{" && label ? { kind: "value", label, metric: before, written, start: quoted + 1 } : undefined;
  }
  const behind = text.slice(0, cursor);
  if (open === "[") {
    const start = behind.lastIndexOf("[") + 1;
    return { kind: "duration", written: behind.slice(start).trim(), start, metric: "" };
  }
  const written = NAME.exec(behind)?.[0] ?? "";
  const start = cursor - written.length;
  if (/[\w.$]$/.test(behind.slice(0, start))) return undefined;
  const last = behind.slice(0, start).trimEnd().at(-1) ?? "";
  if (open === "{") return /[{,]/.test(last) ? { kind: "label", metric: before, written, start } : undefined;
  const grouped = open === "(" && GROUPINGS.includes(before.toLowerCase());
  return grouped
    ? { kind: "label", metric: "", written, start, grouped: true }
    : { kind: "name", written, start, metric: "" };
}

/**
 * The innermost open bracket before the cursor with the word in front of it, and where an open text begins.
 * @param {string} text
 */
function opened(text) {
  /** @type {{ open: string, before: string }[]} */
  const brackets = [];
  let quoted = -1;
  let comment = false;
  for (let at = 0; at < text.length; at += 1) {
    const one = text[at];
    if (comment) comment = one !== "\n";
    else if (quoted >= 0) {
      if (one === "\\" && text[quoted] !== "`") at += 1;
      else if (one === text[quoted]) quoted = -1;
    } else if (/["'`]/.test(one)) quoted = at;
    else if (one === "#") comment = true;
    else if (/[([{]/.test(one)) brackets.push({ open: one, before: NAME.exec(text.slice(0, at).trimEnd())?.[0] ?? "" });
    else if (/[)\]}]/.test(one)) brackets.pop();
  }
  return { open: "", before: "", ...brackets.at(-1), quoted, comment };
}

/**
 * The place that an error of Prometheus names, as a position in the expression; undefined when it names none.
 * Columns count bytes.
 * @param {string} message @param {string} text
 */
export function errorAt(message, text) {
  const found = /(\d+):(\d+): parse error: ([^]*)/.exec(message);
  if (!found) return undefined;
  const lines = text.split("\n");
  const row = Math.min(Number(found[1]), lines.length) - 1;
  const bytes = new TextEncoder().encode(lines[row]).slice(0, Number(found[2]) - 1);
  const column = new TextDecoder().decode(bytes).length;
  const before = lines.slice(0, row).reduce((sum, line) => sum + line.length + 1, 0);
  return { line: lines[row], column, at: before + column, message: found[3] };
}
