// @ts-check
// The variables of a dashboard: which values are chosen, and the controls that choose.

import { fill, h } from "../dom.js";
import { updating } from "../panels/update.js";
import { textOf } from "./options.js";
import { referenceOf } from "./source.js";
import { namesIn } from "./template.js";

/** @import { Choice, State, Variable } from "./types" */

const ALL = "$__all";
const nameOf = (/** @type {string} */ value) => (value === ALL ? "All" : value);

/** As the address has it, else as the dashboard opens. @param {Variable} definition @param {URLSearchParams} params */
export function stateOf(definition, params) {
  const { name, includeAll, current, type } = definition;
  const given = params.getAll(`var-${name}`);
  const opening = type === "constant" ? textOf(definition) : (current?.value ?? (includeAll ? ALL : []));
  const preset = [opening === "" && type === "textbox" ? textOf(definition) : opening].flat();
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
  const list = !own && Boolean(multi || all);
  return { name, values: values.length > 0 ? values : [""], pattern, literal: Boolean(own), list, all };
}

/** The variables so that each comes after those that it uses. @param {readonly Variable[]} all @returns {Variable[]} */
export function ordered(all) {
  const waiting = [...all];
  const uses = (/** @type {Variable} */ { query = "", datasource, regex = "" }, /** @type {string} */ name) =>
    [...(typeof query === "object" ? Object.values(query ?? {}) : [query]), referenceOf(datasource)?.uid ?? "", regex]
      .some((text) => typeof text === "string" && namesIn(text).includes(name));
  return all.map(() => {
    const free = waiting.findIndex((one) => !waiting.some(({ name }) => name !== one.name && uses(one, name)));
    // Those that use each other are taken as they come.
    return waiting.splice(Math.max(0, free), 1)[0];
  });
}

/** Changes what is chosen, and says so. @param {State} state @param {() => void} changed */
export function control(state, changed) {
  const name = state.definition.label || state.definition.name;
  const { type, hide } = state.definition;
  // What is not meant to be seen, or cannot be chosen.
  if (hide === 2 || /^(constant|adhoc|groupby)$/.test(type)) return { element: h("span", { hidden: true }), update: () => {} };
  return type === "textbox" ? textBox(name, state, changed) : choiceBox(name, state, changed);
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
  const { multi, includeAll } = state.definition;
  const offer = updating(list, String, (/** @type {string} */ value) =>
    h("label", {}, h("input", { type: "checkbox", value }), nameOf(value)),
  );
  const update = () => {
    const text = state.chosen.map(nameOf).join(", ");
    fill(summary, text);
    summary.setAttribute("aria-label", `${name}: ${text}`);
    // What the address asks for stays, even where no backend knows it.
    const whole = state.definition.includeAll ? [ALL] : [];
    offer([...new Set([...whole, ...state.options, ...state.chosen])]);
    for (const one of list.querySelectorAll("input")) one.checked = state.chosen.includes(one.value);
  };
  list.addEventListener("change", ({ target }) => {
    const { value, checked } = /** @type {HTMLInputElement} */ (target);
    const others = value === ALL || !multi ? [] : state.chosen.filter((one) => one !== ALL && one !== value);
    if (checked) state.chosen = [...others, value];
    else if (others.length > 0) state.chosen = others;
    else if (includeAll) state.chosen = [ALL];
    update();
    changed();
  });
  box.addEventListener("focusout", ({ relatedTarget: next }) => {
    if (next instanceof Node && !box.contains(next)) box.open = false;
  });
  update();
  return { element: h("div", { class: "field" }, name, box), update };
}
