// @ts-check
// The Dashboards view: draws one of the lab's Grafana dashboards with data of Prometheus and Loki.

import { note } from "../address.js";
import { lab } from "../api.js";
import { dataSources, derivedFields, exemplarTrace } from "../correlation.js";
import { fill, h, renew } from "../dom.js";
import { notice, repeat } from "../notice.js";
import { between, milliseconds, rangeOf, REFRESHES, span } from "../time.js";
import { drawGroups } from "./grid.js";
import { boardHead } from "./head.js";
import { queue } from "./queue.js";
import { readDashboard } from "./read.js";
import { drawVariables } from "./variables.js";
import { watchVisible } from "./visible.js";

/** @import { Context, Range } from "../types" */
/** @import { Dashboard, Known, Round } from "./types" */

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
  const every = params.get("refresh") ?? (dashboard.refresh || "");
  const state = { range: rangeOf(params, dashboard.time), refresh: REFRESHES.includes(every) ? every : "" };
  const variables = drawVariables(dashboard.templating?.list ?? [], params, () => changed());
  const queued = queue(QUERIES_AT_ONCE);
  /** @type {Round | undefined} */
  let round;

  const all = (dashboard.panels ?? []).flatMap((one) => [one, ...(one.panels ?? [])]);
  const { elements, panels } = drawGroups(dashboard.panels ?? [], { signal, links, zoom });
  const sections = panels.map(({ section }) => section);
  const loadVisible = () => panels.map(({ section, load }) => round && isVisible(section) && load(round));
  const isVisible = watchVisible(sections, loadVisible, signal);

  const now = repeat(
    async (running) => {
      const at = span(state.range);
      const { choices, problems } = await variables.load(at, running, sources);
      if (problems.length > 0) renew(problem, notice(problems[0]));
      else fill(problem);
      round = { span: at, choices, sources, traceOf, queued, panels: all };
      await Promise.all(loadVisible());
      const found = panels.map((one) => one.measured());
      empty.hidden = !found.includes(false) || found.includes(true);
    },
    () => milliseconds(state.refresh),
    signal,
  );

  /** Updates the URL and reloads. `entry` adds a history entry. */
  function changed({ entry = true } = {}) {
    note(new URLSearchParams([...Object.entries({ ...state.range, refresh: state.refresh }), ...variables.params()]), {
      entry,
    });
    head.drawLinks();
    now();
  }

  /** @param {number} start @param {number} end */
  function zoom(start, end) {
    setRange(between(start, end));
    head.drawRange();
  }

  /** @param {Range} range */
  function setRange(range) {
    state.range = range;
    changed();
  }

  /** @param {string} refresh */
  function setRefresh(refresh) {
    state.refresh = refresh;
    changed({ entry: false });
  }

  const head = boardHead(dashboard, listed, variables.elements, state, { setRange, setRefresh, now });
  const problem = h("div");
  const empty = emptyBanner();
  const nothing = elements.length === 0 && h("p", { class: "quiet" }, "This dashboard has no panels.");
  fill(main, head.elements, problem, empty, elements, nothing);
  now();
}

/** Says that no panel has a value of Prometheus, and what to do. */
function emptyBanner() {
  const sending = h("a", { class: "button", href: "/traffic" }, "Send traffic");
  return h("p", { class: "row board-empty", hidden: true }, "There are no metrics in this time range.", sending);
}
