// @ts-check
// The logs view: filters, and the lines of a time range with their volume, or the live tail.

import { note } from "../address.js";
import { ApiError, ask } from "../api.js";
import { derivedFields } from "../correlation.js";
import { fill, h, renew } from "../dom.js";
import { notice, repeat } from "../notice.js";
import { span } from "../time.js";
import { timePicker } from "../time_picker.js";
import { fieldList } from "./fields.js";
import { filterForm } from "./filters.js";
import { logLine } from "./line.js";
import { live } from "./live.js";
import { fieldOf, paramsOf, queryOf, SERVICE, stateOf } from "./loki.js";
import { rangeLines } from "./range.js";

/** @import { Context, Range } from "../types" */
/** @import { Entry, State } from "./types" */

export const title = "Logs";

const RETRY_MS = 5000;

/** @param {Context} context */
export async function show({ main, params, signal }) {
  const state = stateOf(params);
  /** @param {Partial<State>} changes */
  const change = (changes) => {
    Object.assign(state, changes);
    note(paramsOf(state), { entry: true });
    draw();
    load();
    fields.refresh();
  };
  /** @param {Range} range */
  const setRange = (range) => change({ range });

  /** @type {import("./types").Filter} */
  const filter = (name, value, without, parser) => {
    const other = fieldOf(name, value, !without, parser);
    const fields = [...state.fields.filter((one) => one !== other), fieldOf(name, value, without, parser)];
    change({ fields: [...new Set(fields)] });
  };
  const fields = fieldList(() => ({ query: queryOf(state), range: span(state.range) }), filter, signal);

  const toggle = h("button", { type: "button", onclick: () => change({ live: !state.live }) }, "Live");
  const picker = h("div");
  const filters = filterForm(state, change);
  const bars = h("div", { class: "surface part log-volume" });
  const places = {
    status: h("div", { class: "row part log-status quiet" }),
    problem: h("div"),
    list: h("ol", { class: "log-lines", "aria-label": "Log lines, newest first", onkeydown: walk }),
    foot: h("div", { class: "part quiet" }),
  };
  fill(
    main,
    h("div", { class: "toolbar" }, h("h1", {}, "Logs"), toggle, picker),
    filters.element,
    bars,
    fields.element,
    h("section", { class: "surface", "aria-label": "Lines" }, Object.values(places)),
  );
  /** @type {string[]} */
  let known = [];
  function draw() {
    fill(picker, timePicker(state.range, setRange));
    filters.draw(known);
    toggle.ariaPressed = String(state.live);
    picker.hidden = bars.hidden = fields.element.hidden = state.live;
  }

  let again = true;
  const load = repeat(
    async (current) => {
      again = true;
      /** @param {{ data: string[] }} one */
      const named = ({ data }) => filters.draw((known = data));
      // A failure here is reported by the query for lines.
      ask("loki", `loki/api/v1/label/${SERVICE}/values`, {}, current).then(named, String);
      try {
        const links = await derivedFields();
        if (current.aborted) return;
        /** @param {Entry} entry */
        const row = (entry) => logLine(entry, links, filter);
        const lines = state.live ? live : rangeLines(state.range, bars, setRange);
        await lines(queryOf(state), row, places, current);
        again = false;
      } catch (error) {
        if (current.aborted) return;
        renew(places.problem, notice(error));
        for (const place of [bars, places.list, places.foot, places.status]) fill(place);
        again = !(error instanceof ApiError && error.kind === "refused");
      }
    },
    () => (again ? RETRY_MS : 0),
    signal,
  );
  draw();
  load();
}

/** Moves the focus from line to line with the arrow keys, Home and End. @param {KeyboardEvent} event */
function walk(event) {
  const lines = [...document.querySelectorAll(".log-line")];
  const at = lines.findIndex((line) => line.contains(document.activeElement));
  const to = { ArrowDown: lines[at + 1], ArrowUp: lines[at - 1], Home: lines[0], End: lines.at(-1) }[event.key];
  if (!to) return;
  event.preventDefault();
  to.querySelector("button")?.focus();
}
