// @ts-check
// What stands above the panels: title, time range, refresh interval, the choice of a dashboard, links, variables.

import { go, link } from "../address.js";
import { fill, h } from "../dom.js";
import { refreshPicker, timePicker } from "../time_picker.js";

/** @import { Range } from "../types" */
/** @import { Dashboard, Listed } from "./types" */

/**
 * @typedef {object} Actions
 * @property {(range: Range) => void} setRange
 * @property {(every: string) => void} setRefresh
 * @property {() => void} now
 */

/**
 * @param {Dashboard} dashboard @param {readonly Listed[]} listed all dashboards @param {Element[]} controls of variables
 * @param {{ range: Range, refresh: string }} state is read anew at each draw @param {Actions} actions
 */
export function boardHead(dashboard, listed, controls, state, { setRange, setRefresh, now }) {
  let picker = timePicker(state.range, setRange);
  const others = h("nav", { class: "board-links", "aria-label": "Links" });
  const options = listed.map((one) => {
    return h("option", { value: `/d/${encodeURIComponent(one.uid)}`, selected: one.uid === dashboard.uid }, one.title);
  });
  const chooser = h("select", { onchange: () => go(chooser.value, state.range) }, options);

  /** Shows a range that was not chosen in the picker. */
  function drawRange() {
    const made = timePicker(state.range, setRange);
    picker.replaceWith(made);
    picker = made;
  }

  /** Draws the links, which may carry the time range. */
  function drawLinks() {
    const leading = (dashboard.links ?? []).filter((one) => /^(\/|https?:)/.test(one.url ?? ""));
    const href = ({ url = "", keepTime = false }) => link(url, keepTime ? state.range : {});
    fill(
      others,
      leading.map((one) => h("a", { href: href(one) }, one.title)),
    );
  }

  drawLinks();
  const elements = [
    h("div", { class: "toolbar" }, h("h1", {}, dashboard.title), picker, refreshPicker(state.refresh, setRefresh, now)),
    h("p", { class: "quiet board-about" }, dashboard.description),
    h("div", { class: "toolbar" }, h("label", { class: "field" }, "Dashboard", chooser), controls, others),
  ];
  return { elements, drawRange, drawLinks };
}
