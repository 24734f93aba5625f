// @ts-check
// The Dashboards view: draws one of the lab's Grafana dashboards with data of Prometheus and Loki.

import { go, link, note } from "../address.js";
import { lab } from "../api.js";
import { dataSources, derivedFields, exemplarTrace } from "../correlation.js";
import { fill, h, renew } from "../dom.js";
import { notice, repeat } from "../notice.js";
import { REFRESHES, milliseconds, rangeOf, span } from "../time.js";
import { refreshPicker, timePicker } from "../time_picker.js";
import { drawGroups } from "./grid.js";
import { loadOptions } from "./options.js";
import { queue } from "./queue.js";
import { readDashboard } from "./read.js";
import { choiceOf, control, ordered, stateOf } from "./variables.js";

/** @import { Context, Range } from "../types" */
/** @import { Choice, Dashboard, Known, Round } from "./types" */

export const title = "Dashboards";

const QUERIES_AT_ONCE = 6;

/** @param {Context} context @param {string} uid */
export async function show(context, uid) {
  const { main, signal } = context;
  const paths = [`/api/dashboards/${encodeURIComponent(uid)}`, "/api/dashboards"];
  fill(main, h("p", { class: "quiet" }, "Loading…"));
  try {
    const [dashboard, listed] = await Promise.all(paths.map((path) => lab(path, { signal })));
    const [sources, traceOf, links] = await Promise.all([dataSources(), exemplarTrace(), derivedFields()]);
    if (!signal.aborted) board(context, { ...readDashboard(dashboard), uid }, { listed, sources, traceOf, links });
  } catch (error) {
    if (!signal.aborted) fill(main, h("h1", {}, title), notice(error));
  }
}

/** @param {Context} context @param {Dashboard} dashboard @param {Known} known */
function board({ main, params, signal }, dashboard, { listed, sources, traceOf, links }) {
  document.title = `${dashboard.title} · salvo-observability`;
  let range = rangeOf(params, dashboard.time);
  let refresh = params.get("refresh") ?? (dashboard.refresh || "");
  if (!REFRESHES.includes(refresh)) refresh = "";
  const variables = ordered(dashboard.templating?.list ?? []).map((definition) => stateOf(definition, params));
  const controls = variables.map((state) => control(state, () => changed()));
  const queued = queue(QUERIES_AT_ONCE);
  /** @type {Round | undefined} */
  let round;

  const all = (dashboard.panels ?? []).flatMap((one) => [one, ...(one.panels ?? [])]);
  const { elements, panels } = drawGroups(dashboard.panels ?? [], { signal, links, zoom });
  const loadVisible = () => panels.map(({ section, load }) => round && "visible" in section.dataset && load(round));
  const seen = (/** @type {IntersectionObserverEntry[]} */ entries) => {
    for (const { target, isIntersecting } of entries) target.toggleAttribute("data-visible", isIntersecting);
    loadVisible();
  };
  const watcher = new IntersectionObserver(seen, { rootMargin: "200px" });
  for (const { section } of panels) watcher.observe(section);
  signal.addEventListener("abort", () => watcher.disconnect());

  /** @param {AbortSignal} running */
  async function load(running) {
    const at = span(range);
    /** @type {Choice[]} */
    const choices = [];
    /** @type {unknown[]} */
    const problems = [];
    for (const [index, state] of variables.entries()) {
      try {
        await loadOptions(state, at, running, { sources, choices });
        controls[index].update();
      } catch (error) {
        if (running.aborted) throw error;
        problems.push(error);
      }
      choices.push(choiceOf(state));
    }
    if (problems.length > 0) renew(problem, notice(problems[0]));
    else fill(problem);
    round = { span: at, choices, sources, traceOf, queued, panels: all };
    await Promise.all(loadVisible());
    const found = panels.map((one) => one.measured());
    empty.hidden = !found.includes(false) || found.includes(true);
  }
  const now = repeat(load, () => milliseconds(refresh), signal);

  /** Updates the URL and reloads. `entry` adds a history entry. */
  function changed({ entry = true } = {}) {
    const chosen = variables.flatMap((one) => one.chosen.map((value) => [`var-${one.definition.name}`, value]));
    note(new URLSearchParams([...Object.entries({ ...range, refresh }), ...chosen]), { entry });
    drawLinks();
    now();
  }

  /** @param {number} start @param {number} end */
  function zoom(start, end) {
    setRange({ from: String(Math.round(start)), to: String(Math.round(Math.max(end, start + 1000))) });
    head.children[1].replaceWith(timePicker(range, setRange));
  }

  function drawLinks() {
    const leading = (dashboard.links ?? []).filter((one) => /^(\/|https?:)/.test(one.url ?? ""));
    const href = ({ url = "", keepTime = false }) => link(url, keepTime ? range : {});
    fill(
      others,
      leading.map((one) => h("a", { href: href(one) }, one.title)),
    );
  }

  const setRange = (/** @type {Range} */ chosen) => {
    range = chosen;
    changed();
  };
  const setRefresh = (/** @type {string} */ every) => {
    refresh = every;
    changed({ entry: false });
  };
  const options = listed.map((one) => {
    return h("option", { value: `/d/${encodeURIComponent(one.uid)}`, selected: one.uid === dashboard.uid }, one.title);
  });
  const chooser = h("select", { onchange: () => go(chooser.value, range) }, options);
  const others = h("nav", { class: "board-links", "aria-label": "Links" });
  const pickers = [timePicker(range, setRange), refreshPicker(refresh, setRefresh, now)];
  const head = h("div", { class: "toolbar" }, h("h1", {}, dashboard.title), pickers);
  const choices = [h("label", { class: "field" }, "Dashboard", chooser), ...controls.map((one) => one.element), others];
  const problem = h("div");
  const sending = h("a", { class: "button", href: "/traffic" }, "Send traffic");
  const empty = h("p", { class: "row board-empty", hidden: true }, "There are no metrics in this time range.", sending);
  drawLinks();
  fill(main, head, h("p", { class: "quiet board-about" }, dashboard.description));
  const nothing = elements.length === 0 && h("p", { class: "quiet" }, "This dashboard has no panels.");
  main.append(h("div", { class: "toolbar" }, choices), problem, empty, ...elements, nothing || "");
  now();
}
