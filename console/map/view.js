// @ts-check
// The service map: which service calls which, with rate, errors and duration, as they are now.

import { link, note } from "../address.js";
import { announce } from "../announce.js";
import { quoted } from "../correlation.js";
import { fill, h, redraw, renew, section } from "../dom.js";
import { formatDuration } from "../format.js";
import { notice, repeat } from "../notice.js";
import { table } from "../table.js";
import { milliseconds, rangeOf, REFRESHES, span } from "../time.js";
import { refreshPicker, timePicker } from "../time_picker.js";
import { drawing, kindOf, perSecond, quantile, share, shownName } from "./drawing.js";
import { graphOf } from "./graph.js";

/** @import { Context, Range } from "../types" */
/** @import { Edge, Graph, Place } from "./types" */

export const title = "Service map";

/** The most edges that are drawn. */
const MOST = 100;
const RETRY_MS = 5000;

/** @param {Context} context */
export async function show({ main, params, signal }) {
  if (signal.aborted) return;
  const given = params.get("refresh") ?? "5s";
  const state = { range: rangeOf(params), every: REFRESHES.includes(given) ? given : "" };
  let failed = false;
  const [picker, problem, tables] = [h("div"), h("div"), h("div")];
  const map = h("div", { class: "graph", tabIndex: 0, role: "group", "aria-label": "Services and their calls" });
  const load = repeat(
    async (stopped) => {
      try {
        const graph = await graphOf(span(state.range), stopped);
        failed = false;
        fill(problem);
        redraw(map, () => fill(map, ...drawn(graph, state.range)));
        redraw(tables, () => renew(tables, told(graph, state.range)));
      } catch (error) {
        if (stopped.aborted) return;
        failed = true;
        renew(problem, notice(error));
        if (!map.querySelector("svg")) fill(map);
      }
    },
    () => milliseconds(state.every) || (failed ? RETRY_MS : 0),
    signal,
  );
  function changed() {
    note({ ...state.range, refresh: state.every || "off" }, { entry: true });
    load();
  }
  /** @param {Range} range */
  function setRange(range) {
    state.range = range;
    fill(picker, timePicker(range, setRange));
    changed();
  }
  const refresh = refreshPicker(
    state.every,
    (every) => {
      state.every = every;
      changed();
    },
    load,
  );
  fill(picker, timePicker(state.range, setRange));
  fill(map, h("p", { class: "quiet" }, "Loading…"));
  fill(
    main,
    h("div", { class: "toolbar" }, h("h1", {}, title), picker, refresh),
    problem,
    h("section", { class: "surface part", "aria-label": title }, map),
    tables,
  );
  load();
}

/** @param {Graph} graph @param {Range} range */
function drawn({ places, edges }, range) {
  announce(`${places.length} services`);
  if (places.length === 0) return [nothing()];
  const often = [...edges].sort((one, other) => other.rate - one.rate).slice(0, MOST);
  const names = new Set(often.flatMap(({ from, to }) => [from, to]));
  const shown = places.filter(({ name }) => places.length <= MOST || names.has(name));
  const many =
    edges.length > MOST && h("p", { class: "quiet" }, `The ${MOST} calls with the highest rate of ${edges.length}.`);
  return [many, drawing({ places: shown, edges: edges.filter((edge) => often.includes(edge)) }, range)];
}

/** @param {Graph} graph @param {Range} range */
function told({ places, edges }, range) {
  if (places.length === 0) return h("div");
  const services = places.map((place) => placeRow(place, range));
  const calls = edges.map((edge) => edgeRow(edge, range));
  const numbers = ["Rate", "Errors", "Mean", "p95"];
  return h(
    "div",
    {},
    section("Services", table("Services", ["Service", "Rate", "Errors", "p95", "Go to"], services, numbers)),
    section("Calls", table("Calls", ["From", "To", "Kind", ...numbers, "Go to"], calls, numbers)),
  );
}

/** @param {Place} place @param {Range} range */
function placeRow(place, range) {
  const { name, kind, rate, p95 } = place;
  const asked = rate > 0;
  /** @param {string} text @param {string} href */
  const to = (text, href) => h("a", { href, "aria-label": `${text} of ${shownName(name)}` }, text);
  return [
    shownName(name),
    asked ? perSecond(rate) : "–",
    asked ? failures(place) : "–",
    p95 === undefined || Number.isNaN(p95) ? "–" : formatDuration(p95),
    kind === ""
      ? [
          to("Numbers", link("/services", { service: name, ...range })),
          " ",
          to("Traces", link("/traces", { service: name, ...range })),
        ]
      : h("span", { class: "quiet" }, kind),
  ];
}

/** @param {Edge} edge @param {Range} range */
function edgeRow(edge, range) {
  const { from, to, rate, mean, p95 } = edge;
  const kind = kindOf(edge);
  /** @param {string} name */
  const of = (name) => `{ resource.service.name = ${quoted(name)} }`;
  const q = kind === "direct" || kind === "queue" ? `${of(from)} > ${of(to)}` : of(from === "user" ? to : from);
  return [
    shownName(from),
    shownName(to),
    kind,
    perSecond(rate),
    failures(edge),
    Number.isNaN(mean) ? "–" : formatDuration(mean),
    quantile(p95),
    h(
      "a",
      { href: link("/traces", { q, ...range }), "aria-label": `Traces of ${shownName(from)} calling ${shownName(to)}` },
      "Traces",
    ),
  ];
}

/** @param {{ rate: number, errors: number }} of */
function failures(of) {
  return h("span", { class: of.errors > 0 && "bad" }, share(of));
}

function nothing() {
  return h(
    "p",
    { class: "quiet" },
    "No service was called in this time range. ",
    h("a", { href: "/traffic" }, "Send traffic"),
    ", or traces over OTLP: they are here a second later.",
  );
}
