// @ts-check
// The lines of a time range, newest first and page by page, below their volume.

import { announce } from "../announce.js";
import { ask } from "../api.js";
import { fill, h } from "../dom.js";
import { resultTable } from "../explore/result.js";
import { notice } from "../notice.js";
import { span } from "../time.js";
import { counted, older } from "./loki.js";
import { volume } from "./volume.js";

/** @import { Range } from "../types" */
/** @import { Entry, Show } from "./types" */

/** The most lines of a range that are shown. */
const MOST = 5000;

/** @param {Range} range @param {Element} bars place of the volume @param {(range: Range) => void} zoom @returns {Show} */
export function rangeLines(range, bars, zoom) {
  return async (query, row, { list, status, foot, problem }, signal) => {
    const wanted = span(range);
    // Numbers have no volume of lines.
    const drawn = /^[\s(]*\{/.test(query) && volume(query, wanted, zoom, signal).catch(notice);
    /** @type {Entry[]} */
    const lines = [];
    const next = async () => {
      button.disabled = true;
      const { found, more, numbers } = await older(query, wanted, lines, signal).finally(
        () => (button.disabled = false),
      );
      if (lines.length === 0) fill(list);
      if (numbers) {
        const { data } = await ask("loki", "loki/api/v1/query", { query, time: `${wanted.end}000000` }, signal);
        fill(problem);
        fill(status);
        return fill(foot, resultTable(data, []).flat());
      }
      lines.push(...found);
      list.append(...found.map(row));
      fill(problem);
      const count = counted(lines.length) + (more ? ", the newest in the range" : "");
      fill(status, h("span", { class: "log-said" }, count));
      announce(count);
      fill(foot, lines.length === 0 && none(), more && lines.length < MOST && button);
    };
    const onclick = () => next().catch((error) => signal.aborted || fill(foot, button, notice(error)));
    const button = h("button", { type: "button", onclick }, "Load older lines");
    await next();
    const made = await drawn;
    if (!signal.aborted) fill(bars, made || null);
  };
}

/** Says that there are no lines, and what to do. */
function none() {
  return [
    "No log lines found. Choose a longer time range, remove filters, or ",
    h("a", { href: "/traffic" }, "send traffic"),
    ".",
  ];
}
