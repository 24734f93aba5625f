// @ts-check
// Trace search, by form fields, which write a TraceQL query, or by a TraceQL query.

import { go, note } from "../address.js";
import { announce } from "../announce.js";
import { ApiError, ask } from "../api.js";
import { fill, h, redraw, renew } from "../dom.js";
import { notice, repeat } from "../notice.js";
import { milliseconds, rangeOf, span } from "../time.js";
import { refreshPicker, timePicker } from "../time_picker.js";
import { searchForm } from "./search_form.js";
import { nameRootless, results } from "./search_results.js";

/** @import { Context } from "./types" */

export const title = "Traces";

/** @param {Context} context */
export async function show({ main, params, signal }) {
  let range = rangeOf(params);
  let every = params.get("refresh") ?? "";
  let down = false;
  const form = searchForm(params, changed);
  const found = h("div", {}, h("p", { class: "quiet" }, "Searching…"));

  const search = repeat(
    async (stopped) => {
      const { start, end } = span(range);
      const window = { start: Math.floor(start / 1000), end: Math.ceil(end / 1000) };
      form.offer(window, stopped);
      try {
        const asking = { ...form.query(), ...window };
        const { traces = [] } = await ask("tempo", "api/search", asking, stopped);
        down = false;
        redraw(found, () => fill(found, results(traces, Number(asking.limit), asking.q)));
        nameRootless(found, stopped);
        announce(`${traces.length} traces found`);
      } catch (error) {
        if (stopped.aborted) return;
        down = error instanceof ApiError && error.kind === "down";
        renew(found, notice(error));
      }
    },
    () => milliseconds(every) || (down ? 5_000 : 0),
    signal,
  );
  function changed() {
    note({ ...form.filters(), ...form.query(), ...range, refresh: every }, { entry: true });
    search();
  }
  const times = timePicker(range, (chosen) => {
    range = chosen;
    changed();
  });
  const refresh = refreshPicker(
    every,
    (chosen) => {
      every = chosen;
      changed();
    },
    search,
  );
  main.addEventListener("submit", (event) => event.preventDefault(), { capture: true, signal });
  fill(main, h("div", { class: "toolbar" }, h("h1", {}, "Traces"), openForm(), times, refresh), form.element, found);
  search();
}

/** Opens a trace by its id. */
function openForm() {
  const id = h("input", { "aria-label": "Trace id", placeholder: "Trace id", required: true });
  id.pattern = "[0-9a-fA-F]{1,32}";
  const open = () => go(`/traces/${id.value}`);
  return h("form", { class: "line", "aria-label": "Open a trace", onsubmit: open }, id, h("button", {}, "Open"));
}
