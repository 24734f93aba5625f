// @ts-check
// The form that filters log lines: buttons for services and levels, a text, and the LogQL query that they make.

import { colorOf, swatch } from "../colors.js";
import { fill, h } from "../dom.js";
import { LEVELS, partsOf, queryOf } from "./loki.js";

/** @import { State } from "./types" */

/** @param {State} state @param {(changes: Partial<State>) => void} change */
export function filterForm(state, change) {
  const services = choices("services", "Service");
  const levels = choices("levels", "Level");
  const text = h("input", { onchange: () => change({ text: text.value, own: "" }) });
  const query = h("input", { class: "mono", spellcheck: false });

  const chips = h("div", { class: "row log-chips", role: "group", "aria-label": "Conditions on fields" });
  /** @param {string} field */
  const chip = (field) => {
    const { name, without, value } = partsOf(field);
    const onclick = () => change({ fields: state.fields.filter((one) => one !== field) });
    const said = `Remove the condition ${name} ${without ? "is not" : "is"} ${value}`;
    return h("button", { type: "button", "aria-label": said, onclick }, `${name} ${without ? "≠" : "="} ${value} ✕`);
  };

  /** @param {"services" | "levels"} key @param {string} label */
  function choices(key, label) {
    const group = h("div", { class: "row", role: "group", "aria-label": label });
    const choice = (name = "") => {
      const onclick = () => {
        const names = new Set(state[key]);
        if (!names.delete(name)) names.add(name);
        change({ [key]: [...names], own: "" });
      };
      return h("button", { type: "button", onclick }, key === "services" && swatch(colorOf(name)), name);
    };
    /** @param {string[]} names */
    const offer = (names) => {
      // Rebuilt only when the names change, so that a focused button keeps the focus.
      if (group.dataset.names !== `${names}`) fill(group, names.map(choice));
      group.dataset.names = `${names}`;
      names.forEach((name, at) => (group.children[at].ariaPressed = String(state[key].includes(name))));
    };
    return { field: h("div", { class: "field" }, label, group), offer };
  }

  /** @param {Event} event */
  function onsubmit(event) {
    event.preventDefault();
    const own = query.value.trim();
    if (own === queryOf(state)) change({});
    else change({ own, services: [], levels: [], text: "", fields: [] });
  }

  const element = h(
    "form",
    { class: "surface toolbar part log-form", "aria-label": "Filter log lines", onsubmit },
    services.field,
    levels.field,
    h("label", {}, "Contains", text),
    h("label", { class: "log-query" }, "LogQL", query),
    chips,
    h("button", { class: "primary" }, "Run query"),
  );
  /** Shows the state. @param {readonly string[]} known services that Loki has */
  function draw(known) {
    services.offer([...new Set([...known, ...state.services])].sort());
    levels.offer(LEVELS);
    fill(chips, state.fields.map(chip));
    text.value = state.text;
    query.value = queryOf(state);
  }
  return { element, draw };
}
