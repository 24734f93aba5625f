// @ts-check
// Variables of a dashboard: the chosen values and the controls to choose them.

import { fill, h } from "../dom.js";
import { updating } from "../panels/update.js";
import { loadOptions, textOf } from "./options.js";
import { referenceOf } from "./source.js";
import { namesIn } from "./template.js";

/** @import { DataSource, Times } from "../types" */
/** @import { Choice, State, Variable } from "./types" */

const ALL = "$__all";
/** @param {string} value */
const nameOf = (value) => (value === ALL ? "All" : value);

/** The initial state of a variable: from the URL, else the default of the dashboard. @param {Variable} definition @param {URLSearchParams} params */
export function stateOf(definition, params) {
  const { name, includeAll, current, type } = definition;
  const given = params.getAll(`var-${name}`);
  const opening = type === "constant" ? textOf(definition) : (current?.value ?? (includeAll ? ALL : []));
  const preset = [opening === "" && type === "textbox" ? textOf(definition) : opening].flat();
  const chosen = (given.length > 0 ? given : preset).map((value) => (value === "All" && includeAll ? ALL : value));
  return { definition, options: [], chosen };
}

/** The chosen values in the form that queries use. @param {State} state @returns {Choice} */
export function choiceOf({ definition: { name, multi, includeAll, allValue }, options, chosen }) {
  const all = chosen.includes(ALL);
  // Without options, “All” matches any value.
  const own = all && (allValue || (options.length === 0 && ".+"));
  const values = own ? [own] : all ? options : chosen;
  const pattern = Boolean(multi || includeAll);
  const list = !own && Boolean(multi || all);
  return { name, values: values.length > 0 ? values : [""], pattern, literal: Boolean(own), list, all };
}

/** Sorts variables so that each follows the variables it uses. @param {readonly Variable[]} all @returns {Variable[]} */
function ordered(all) {
  const waiting = [...all];
  /** @param {Variable} one @param {string} name */
  const uses = ({ query = "", datasource, regex = "" }, name) =>
    [
      ...(typeof query === "object" ? Object.values(query ?? {}) : [query]),
      referenceOf(datasource)?.uid ?? "",
      regex,
    ].some((text) => typeof text === "string" && namesIn(text).includes(name));
  return all.map(() => {
    const free = waiting.findIndex((one) => !waiting.some(({ name }) => name !== one.name && uses(one, name)));
    // Variables that use each other keep their order.
    return waiting.splice(Math.max(0, free), 1)[0];
  });
}

/**
 * All variables of a dashboard, each with its control.
 * @param {readonly Variable[]} definitions @param {URLSearchParams} params @param {() => void} changed after each choice
 */
export function drawVariables(definitions, params, changed) {
  const states = ordered(definitions).map((definition) => stateOf(definition, params));
  const controls = states.map((state) => control(state, changed));

  /** Loads the options of each, with the choices before it. @param {Times} span @param {AbortSignal} signal @param {readonly DataSource[]} sources */
  async function load(span, signal, sources) {
    /** @type {Choice[]} */
    const choices = [];
    /** @type {unknown[]} */
    const problems = [];
    for (const [index, state] of states.entries()) {
      try {
        await loadOptions(state, span, signal, { sources, choices });
        controls[index].update();
      } catch (error) {
        if (signal.aborted) throw error;
        problems.push(error);
      }
      choices.push(choiceOf(state));
    }
    return { choices, problems };
  }

  /** The choices as the URL has them. */
  function chosen() {
    return states.flatMap(({ definition, chosen }) => chosen.map((value) => [`var-${definition.name}`, value]));
  }
  return { elements: controls.map((one) => one.element), load, params: chosen };
}

/** The control of a variable; it calls `changed` after each choice. @param {State} state @param {() => void} changed */
function control(state, changed) {
  const name = state.definition.label || state.definition.name;
  const { type, hide } = state.definition;
  // Hidden variables, and types without a choice, get no visible control.
  if (hide === 2 || /^(constant|adhoc|groupby)$/.test(type))
    return { element: h("span", { hidden: true }), update: () => {} };
  return type === "textbox" ? textBox(name, state, changed) : choiceBox(name, state, changed);
}

/** @param {string} name @param {State} state @param {() => void} changed */
function textBox(name, state, changed) {
  const take = () => {
    if (input.value === state.chosen[0]) return;
    state.chosen = [input.value];
    changed();
  };
  // The clear button of a search field fires `search`, not `change`.
  const input = h("input", { type: "search", value: state.chosen[0] ?? "", onchange: take, onsearch: take });
  return { element: h("label", { class: "field" }, name, input), update: () => {} };
}

/** @param {string} name @param {State} state @param {() => void} changed */
function choiceBox(name, state, changed) {
  const summary = h("summary", { class: "surface" });
  const list = h("div", { class: "choice-list surface", role: "group", "aria-label": name, tabIndex: -1 });
  const box = h("details", { class: "choice" }, summary, list);
  const { multi, includeAll } = state.definition;
  /** @param {string} value */
  const make = (value) => h("label", {}, h("input", { type: "checkbox", value }), nameOf(value));
  const offer = updating(list, String, make);
  const update = () => {
    const text = state.chosen.map(nameOf).join(", ");
    fill(summary, text);
    summary.setAttribute("aria-label", `${name}: ${text}`);
    // A value from the URL stays on offer even if no backend has it.
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
