// @ts-check
// The variables of a dashboard: which values there are, which are chosen, and the controls that choose.

import { ask } from "../api.js";
import { fill, h } from "../dom.js";
import { updating } from "../panels/update.js";

/** @import { Choice, State, Variable } from "./types" */

const ALL = "$__all";
const MOST = 1000;
const { compare } = new Intl.Collator("en", { numeric: true });
const nameOf = (/** @type {string} */ value) => (value === ALL ? "All" : value);

/** As the address has it, else as the dashboard opens. @param {Variable} definition @param {URLSearchParams} params */
export function stateOf(definition, params) {
  const { name, includeAll, current } = definition;
  const given = params.getAll(`var-${name}`);
  const preset = [current?.value ?? (includeAll ? ALL : [])].flat();
  const chosen = (given.length > 0 ? given : preset).map((value) => (value === "All" && includeAll ? ALL : value));
  return { definition, options: [], chosen };
}

/** What is chosen, for a query. @param {State} state @returns {Choice} */
export function choiceOf({ definition: { name, multi, includeAll, allValue }, options, chosen }) {
  const all = chosen.includes(ALL);
  // While nobody has told the values, “All” is anything.
  const own = all && (allValue || (options.length === 0 && ".+"));
  const values = own ? [own] : all ? options : chosen;
  const pattern = Boolean(multi || includeAll);
  return { name, values: values.length > 0 ? values : [""], pattern, literal: Boolean(own) };
}

/**
 * The values that `label_values(series, label)` has.
 * @param {Variable} variable @param {{ start: number, end: number }} span @param {AbortSignal} signal
 */
export async function optionsOf({ name, query }, { start, end }, signal) {
  const text = typeof query === "object" ? query.query : query;
  const [, series, label] = /^\s*label_values\((?:(.+),)?\s*([\w.]+)\s*\)\s*$/s.exec(text ?? "") ?? [];
  if (!label) throw new Error(`The variable ${name} is ${text}; the console knows label_values(series, label) only.`);
  const params = { "match[]": series, start: start / 1000, end: end / 1000 };
  const { data } = await ask("prometheus", `api/v1/label/${label}/values`, params, signal);
  return data.map(String).sort(compare).slice(0, MOST);
}

/** Changes what is chosen, and says so. @param {State} state @param {() => void} changed */
export function control(state, changed) {
  const name = state.definition.label || state.definition.name;
  return state.definition.type === "textbox" ? textBox(name, state, changed) : choiceBox(name, state, changed);
}

/** @param {string} name @param {State} state @param {() => void} changed */
function textBox(name, state, changed) {
  const take = () => {
    if (input.value === state.chosen[0]) return;
    state.chosen = [input.value];
    changed();
  };
  // The cross of a search box clears it without a change event.
  const input = h("input", { type: "search", value: state.chosen[0] ?? "", onchange: take, onsearch: take });
  return { element: h("label", { class: "field" }, name, input), update: () => {} };
}

/** @param {string} name @param {State} state @param {() => void} changed */
function choiceBox(name, state, changed) {
  const summary = h("summary", { class: "surface" });
  const list = h("div", { class: "choice-list surface", role: "group", "aria-label": name, tabIndex: -1 });
  const box = h("details", { class: "choice" }, summary, list);
  const offer = updating(list, String, (/** @type {string} */ value) =>
    h("label", {}, h("input", { type: "checkbox", value }), nameOf(value)),
  );
  const update = () => {
    const text = state.chosen.map(nameOf).join(", ");
    fill(summary, text);
    summary.setAttribute("aria-label", `${name}: ${text}`);
    // What the address asks for stays, even where no backend knows it.
    offer([ALL, ...state.options, ...state.chosen]);
    for (const one of list.querySelectorAll("input")) one.checked = state.chosen.includes(one.value);
  };
  list.addEventListener("change", ({ target }) => {
    const { value, checked } = /** @type {HTMLInputElement} */ (target);
    const others = value === ALL ? [] : state.chosen.filter((one) => one !== ALL && one !== value);
    state.chosen = checked ? [...others, value] : others.length > 0 ? others : [ALL];
    update();
    changed();
  });
  box.addEventListener("focusout", ({ relatedTarget: next }) => {
    if (next instanceof Node && !box.contains(next)) box.open = false;
  });
  update();
  return { element: h("div", { class: "field" }, name, box), update };
}
