// @ts-check
// The field for an expression: a list of what can be written at the cursor, and errors at their place.

import { announce } from "../announce.js";
import { fill, h } from "../dom.js";
import { placeAt } from "./cursor.js";

/** @import { Option, Place } from "./types" */

const PAUSE_MS = 120;
/** @type {Record<string, number>} */
const KEYS = { ArrowDown: 1, ArrowUp: -1 };

/**
 * @param {string} text @param {{ options: (place: Place, text: string) => Promise<{ options: Option[], more: number }>,
 *   run: () => void, changed: () => void }} actions
 */
export function expressionField(text, { options, run, changed }) {
  const list = h("ul", { role: "listbox", id: "options", class: "options surface", "aria-label": "Completions" });
  const problem = h("div", { id: "problem", class: "problem", role: "status" });
  const field = h("textarea", {
    class: "mono",
    value: text,
    spellcheck: false,
    autocapitalize: "off",
    placeholder: "sum by (service) (rate(traces_spanmetrics_calls_total[5m]))",
    "aria-label": "PromQL expression",
    "aria-autocomplete": "list",
    "aria-haspopup": "listbox",
    "aria-controls": "options",
    "aria-describedby": "problem",
    onkeydown,
    oninput,
    onblur: close,
    onclick: close,
  });
  /** @type {Option[]} */
  let offered = [];
  /** @type {Place | undefined} */
  let place;
  let active = -1;
  let timer = 0;
  let asked = 0;

  function size() {
    field.rows = Math.min(12, Math.max(2, field.value.split("\n").length));
  }

  function oninput() {
    size();
    changed();
    clearTimeout(timer);
    timer = window.setTimeout(offer, PAUSE_MS);
  }

  /** Shows what can be written at the cursor. `always`: even if nothing is written yet. */
  async function offer(always = false) {
    asked += 1;
    const mine = asked;
    const at = placeAt(field.value, field.selectionStart);
    if (!at || (at.kind === "name" && !at.written && !always)) return close();
    // Without completion the field still works; the query reports what is wrong.
    const found = await options(at, field.value).catch(() => ({ options: [], more: 0 }));
    if (mine !== asked || document.activeElement !== field) return;
    offered = found.options;
    place = at;
    draw(-1);
    if (found.more > 0) list.append(h("li", { class: "quiet", role: "presentation" }, `and ${found.more} more`));
    if (offered.length > 0) announce(`${offered.length} completions`);
  }

  /** @param {number} at the option that is marked; -1 for none */
  function draw(at) {
    active = at;
    const rows = offered.map(({ name, about }, index) =>
      h(
        "li",
        {
          role: "option",
          id: `option-${index}`,
          "aria-selected": String(index === at),
          // Before the field loses the focus.
          onmousedown: (/** @type {Event} */ event) => {
            event.preventDefault();
            take(index);
          },
        },
        h("span", { class: "mono" }, name),
        h("span", { class: "quiet cut" }, about),
      ),
    );
    fill(list, rows);
    list.hidden = rows.length === 0;
    mark();
  }

  function mark() {
    [...list.querySelectorAll("[role=option]")].forEach((row, index) => (row.ariaSelected = String(index === active)));
    const row = list.children[active];
    row?.scrollIntoView({ block: "nearest" });
    if (row) field.setAttribute("aria-activedescendant", row.id);
    else field.removeAttribute("aria-activedescendant");
  }

  function close() {
    asked += 1;
    clearTimeout(timer);
    offered = [];
    draw(-1);
  }

  /** Puts an option in the place of what was written. @param {number} index */
  function take(index) {
    if (!place) return;
    const { kind, start } = place;
    const behind = field.value.slice(field.selectionStart);
    const closing = kind === "value" && !behind.startsWith(field.value[start - 1]) ? field.value[start - 1] : "";
    const { text: taken } = offered[index];
    field.setRangeText(taken + closing, start, field.selectionStart, "end");
    close();
    oninput();
  }

  /** @param {KeyboardEvent} event */
  function onkeydown(event) {
    const { key, ctrlKey, shiftKey } = event;
    const open = offered.length > 0;
    if (key === " " && ctrlKey) offer(true);
    else if (open && KEYS[key]) {
      active = (active + KEYS[key] + offered.length + (active < 0 && key === "ArrowUp" ? 1 : 0)) % offered.length;
      mark();
    } else if (open && key === "Escape") close();
    else if (open && key === "Tab" && !shiftKey) take(Math.max(0, active));
    else if (key === "Enter" && !shiftKey) {
      if (active >= 0) take(active);
      else {
        close();
        run();
      }
    } else return;
    event.preventDefault();
  }

  /**
   * Shows an error below the line that has it; without an error, removes it.
   * @param {{ message: string, line?: string, column?: number, at?: number }} [error]
   */
  function tell(error) {
    field.ariaInvalid = String(Boolean(error));
    if (!error) return fill(problem);
    const { message, line = "", column = 0, at } = error;
    const wrong = /^[\w:.]+|^[^]/u.exec(line.slice(column))?.[0] ?? " ";
    const go = () => {
      field.focus();
      field.setSelectionRange(at ?? 0, (at ?? 0) + wrong.length);
    };
    fill(
      problem,
      at !== undefined && h("pre", {}, line.slice(0, column), h("mark", {}, wrong), line.slice(column + wrong.length)),
      h(
        "div",
        { class: "row" },
        h("span", { class: "bad" }, message),
        at !== undefined && h("button", { type: "button", onclick: go }, `Go to column ${column + 1}`),
      ),
    );
  }

  size();
  list.hidden = true;
  const element = h("div", { class: "expression" }, field, list, problem);
  /** @param {string} value */
  const set = (value) => {
    field.value = value;
    size();
    close();
  };
  return { element, tell, set, text: () => field.value, focus: () => field.focus() };
}
