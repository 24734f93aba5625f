// @ts-check
// The logs view: filters, and the lines of a time range with their volume, or the live tail.

import { note } from "../address.js";
import { announce } from "../announce.js";
import { ApiError, ask } from "../api.js";
import { colorOf, swatch } from "../colors.js";
import { derivedFields } from "../correlation.js";
import { fill, h, renew } from "../dom.js";
import { notice, repeat } from "../notice.js";
import { span } from "../time.js";
import { timePicker } from "../time_picker.js";
import { logLine } from "./line.js";
import { live } from "./live.js";
import { counted, LEVELS, older, paramsOf, queryOf, SERVICE, stateOf } from "./loki.js";
import { volume } from "./volume.js";

/** @import { Entry, Show, State } from "./types" */

export const title = "Logs";

/** The most lines of a range that are shown. */
const MOST = 5000;
const RETRY_MS = 5000;

/** @param {import("../types").Context} context */
export async function show({ main, params, signal }) {
  const state = stateOf(params);
  let again = true;
  const change = (/** @type {Partial<State>} */ changes) => {
    Object.assign(state, changes);
    note(paramsOf(state), { entry: true });
    pick();
    draw();
    load();
  };
  const pick = () =>
    fill(
      picker,
      timePicker(state.range, (range) => change({ range })),
    );

  const choices = (/** @type {"services" | "levels"} */ key, label = "") => {
    const group = h("div", { class: "row", role: "group", "aria-label": label });
    const choice = (name = "") => {
      const onclick = () => {
        const names = new Set(state[key]);
        if (!names.delete(name)) names.add(name);
        change({ [key]: [...names], own: "" });
      };
      return h("button", { type: "button", onclick }, key === "services" && swatch(colorOf(name)), name);
    };
    const offer = (names = LEVELS) => {
      // Rebuilt only when the names change, so that a focused button keeps the focus.
      if (group.dataset.names !== `${names}`) fill(group, names.map(choice));
      group.dataset.names = `${names}`;
      names.forEach((name, at) => (group.children[at].ariaPressed = String(state[key].includes(name))));
    };
    return { field: h("div", { class: "field" }, label, group), offer };
  };
  const services = choices("services", "Service");
  const levels = choices("levels", "Level");
  const text = h("input", { onchange: () => change({ text: text.value, own: "" }) });
  const query = h("input", { class: "mono", spellcheck: false });
  const onsubmit = (/** @type {Event} */ event) => {
    event.preventDefault();
    const own = query.value.trim();
    if (own === queryOf({ ...state, own: "" })) change({ own: "" });
    else change({ own, services: [], levels: [], text: "" });
  };

  const toggle = h("button", { type: "button", onclick: () => change({ live: !state.live }) }, "Live");
  const picker = h("div");
  const bars = h("div", { class: "surface part log-volume" });
  const status = h("div", { class: "row part log-status quiet" });
  const problem = h("div");
  const list = h("ol", { class: "log-lines", "aria-label": "Log lines, newest first", onkeydown: walk });
  const foot = h("div", { class: "part quiet" });
  fill(
    main,
    h("div", { class: "toolbar" }, h("h1", {}, "Logs"), toggle, picker),
    h(
      "form",
      { class: "surface toolbar part log-form", "aria-label": "Filter log lines", onsubmit },
      services.field,
      levels.field,
      h("label", {}, "Contains", text),
      h("label", { class: "log-query" }, "LogQL", query),
      h("button", { class: "primary" }, "Run query"),
    ),
    bars,
    h("section", { class: "surface", "aria-label": "Lines" }, status, problem, list, foot),
  );
  /** @type {string[]} */
  let known = [];
  const draw = (names = known) => {
    known = names;
    services.offer([...new Set([...names, ...state.services])].sort());
    levels.offer();
    text.value = state.text;
    query.value = queryOf(state);
    toggle.ariaPressed = String(state.live);
    picker.hidden = bars.hidden = state.live;
  };

  /** @type {Show} */
  const range = async (query, row, _, current) => {
    const wanted = span(state.range);
    const drawn = volume(query, wanted, (zoomed) => change({ range: zoomed }), current).catch(notice);
    /** @type {Entry[]} */
    const lines = [];
    const next = async () => {
      button.disabled = true;
      const { found, more } = await older(query, wanted, lines, current).finally(() => (button.disabled = false));
      if (lines.length === 0) fill(list);
      lines.push(...found);
      list.append(...found.map(row));
      fill(problem);
      const count = counted(lines.length) + (more ? ", the newest in the range" : "");
      fill(status, h("span", { class: "log-said" }, count));
      announce(count);
      const none = [
        "No log lines found. Choose a longer time range, remove filters, or ",
        h("a", { href: "/traffic" }, "send traffic"),
        ".",
      ];
      fill(foot, lines.length === 0 && none, more && lines.length < MOST && button);
    };
    const onclick = () => next().catch((error) => current.aborted || fill(foot, button, notice(error)));
    const button = h("button", { type: "button", onclick }, "Load older lines");
    await next();
    const made = await drawn;
    if (!current.aborted) fill(bars, made);
  };

  const load = repeat(
    async (current) => {
      again = true;
      // A failure here is reported by the query for lines.
      ask("loki", `loki/api/v1/label/${SERVICE}/values`, {}, current).then(({ data }) => draw(data), String);
      try {
        const links = await derivedFields();
        if (current.aborted) return;
        const row = (/** @type {Entry} */ entry) => logLine(entry, links, { openable: true });
        await (state.live ? live : range)(queryOf(state), row, { list, status, foot, problem }, current);
        again = false;
      } catch (error) {
        if (current.aborted) return;
        renew(problem, notice(error));
        for (const place of [bars, list, foot, status]) fill(place);
        again = !(error instanceof ApiError && error.kind === "refused");
      }
    },
    () => (again ? RETRY_MS : 0),
    signal,
  );
  pick();
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
