// @ts-check
// Two traces side by side: each span beside the same span of the other trace, with the difference of their durations.

import { link, note } from "../address.js";
import { announce } from "../announce.js";
import { ApiError, ask } from "../api.js";
import { colorsOf, swatch } from "../colors.js";
import { fill, h } from "../dom.js";
import { formatDuration, formatTime } from "../format.js";
import { notice } from "../notice.js";
import { table } from "../table.js";
import { differing, pairsOf } from "./compare.js";
import { readTrace, wholeId } from "./model.js";
import { errors, ROOTLESS } from "./parts.js";

/** @import { Context, Pair, Span, Trace } from "./types" */

export const title = "Compare traces";

/** The most rows that are drawn. */
const MOST = 1000;
const HEADS = ["Span", "A", "B", "Difference"];

/** @param {Context} context */
export async function show({ main, params, signal }) {
  const ids = { a: params.get("a") ?? "", b: params.get("b") ?? "" };
  let only = params.has("diff");
  const body = h("div");
  const fields = [...compareFields(ids)];
  /** @param {Event} event */
  const submit = (event) => {
    event.preventDefault();
    [ids.a, ids.b] = fields.map(({ value }) => value.trim());
    noted();
    load();
  };
  const swap = () => {
    [ids.a, ids.b] = [ids.b, ids.a];
    [fields[0].value, fields[1].value] = [ids.a, ids.b];
    noted();
    load();
  };
  const choice = h("input", {
    type: "checkbox",
    checked: only,
    onchange: () => {
      only = choice.checked;
      noted();
      draw();
    },
  });
  const noted = () => note({ ...ids, diff: only && 1 }, { entry: true });
  const form = h(
    "form",
    { class: "surface part row", "aria-label": "Traces", onsubmit: submit },
    h("label", { class: "row" }, "A", fields[0]),
    h("label", { class: "row" }, "B", fields[1]),
    h("button", { class: "primary" }, "Compare"),
    h("button", { type: "button", onclick: swap }, "Swap"),
    h("label", { class: "row" }, choice, "Only differences"),
  );
  /** @type {Trace[]} */
  let traces = [];
  let loads = 0;

  async function load() {
    loads += 1;
    const mine = loads;
    traces = [];
    if (!ids.a || !ids.b) {
      fill(
        body,
        h("p", {}, "Choose two traces in the ", h("a", { href: "/traces" }, "search"), ", or write their ids."),
      );
      return;
    }
    fill(body, h("p", { class: "quiet" }, "Loading…"));
    try {
      const found = await Promise.all([ids.a, ids.b].map((id) => fetched(id, signal)));
      if (mine !== loads) return;
      traces = found;
      draw();
    } catch (error) {
      if (!signal.aborted && mine === loads) fill(body, notice(error));
    }
  }

  function draw() {
    if (traces.length < 2) return;
    const [a, b] = traces;
    const all = pairsOf(a, b);
    const wanted = only ? differing(all) : all;
    const shown = wanted.slice(0, MOST);
    const scale = Math.max(a.duration, b.duration);
    const colors = colorsOf([...a.colors.keys(), ...b.colors.keys()]);
    const counts = [
      `${all.filter((pair) => pair.a && pair.b).length} spans in both`,
      `${all.filter(({ b }) => !b).length} only in A`,
      `${all.filter(({ a }) => !a).length} only in B`,
      shown.length < wanted.length && `the first ${shown.length} of ${wanted.length} are drawn`,
    ];
    const said = counts.filter(Boolean).join(", ");
    const rows = shown.map((pair) => row(pair, { a, b, scale, color: colors.get((pair.a ?? pair.b)?.service ?? "") }));
    announce(said);
    fill(
      body,
      h("div", { class: "sides" }, side("A", a), side("B", b)),
      h("p", { class: "quiet" }, said),
      shown.length > 0
        ? table("Spans of both traces", HEADS, rows, ["Difference"])
        : h("p", {}, "The traces do not differ."),
    );
    body.querySelector("table")?.classList.add("surface", "compare");
  }

  fill(main, h("div", { class: "toolbar" }, h("h1", {}, title)), form, body);
  await load();
}

/** @param {{ a: string, b: string }} ids */
function compareFields(ids) {
  return Object.entries(ids).map(([name, value]) => {
    const field = h("input", {
      value,
      required: true,
      class: "mono",
      "aria-label": `Trace id ${name.toUpperCase()}`,
      size: 34,
    });
    field.pattern = "\\s*[0-9a-fA-F]{1,32}\\s*";
    return field;
  });
}

/** @param {string} asked @param {AbortSignal} signal */
async function fetched(asked, signal) {
  const id = wholeId(asked);
  if (!/^[0-9a-f]{32}$/.test(id)) throw new ApiError("refused", "tempo", `${asked} is no trace id.`);
  const trace = readTrace(await ask("tempo", `api/traces/${id}`, {}, signal), id);
  if (!trace) throw new ApiError("missing", "tempo", `The trace ${id} has no spans.`);
  return trace;
}

/** What a side is. @param {string} name @param {Trace} trace */
function side(name, { id, start, duration, spans, root }) {
  const about = `${root.service} ${root.name}${root.orphan ? ROOTLESS : ""}`;
  return h(
    "section",
    { class: "surface part", "aria-label": `Trace ${name}` },
    h("h2", {}, `${name}: `, h("a", { href: `/traces/${id}` }, about)),
    `${formatTime(start)}, ${formatDuration(duration / 1000)}, ${spans.length} spans, errors: `,
    errors(spans.filter(({ error }) => error).length),
  );
}

/** @param {Pair} pair @param {{ a: Trace, b: Trace, scale: number, color: string | undefined }} about */
function row({ a, b, depth, change, differs }, { a: one, b: other, scale, color }) {
  const { service, name } = /** @type {Span} */ (a ?? b);
  const label = h(
    "div",
    { class: "wf-name", style: `--level: ${depth}; --service: ${color}` },
    h("span", { class: "unseen" }, `level ${depth + 1}: `),
    swatch("var(--service)"),
    h("span", { class: "quiet" }, service),
    h("span", {}, name),
  );
  const told = a && b ? (change > 0 ? "+" : change < 0 ? "−" : "") + formatDuration(Math.abs(change) / 1000) : "";
  const part =
    a && b && a.end > a.start
      ? ` (${change < 0 ? "−" : "+"}${Math.round((100 * Math.abs(change)) / (a.end - a.start))}%)`
      : "";
  const failing = a && b && a.error !== b.error && h("div", { class: "bad" }, `failed in ${b.error ? "B" : "A"} only`);
  return [
    label,
    a ? bar(a, one, scale, color) : h("em", { class: "warn" }, "missing"),
    b ? bar(b, other, scale, color) : h("em", { class: "warn" }, "missing"),
    [
      a && b
        ? h("span", { class: !differs ? "quiet" : change > 0 ? "bad" : "good" }, told, part)
        : h("strong", { class: "warn" }, `only in ${a ? "A" : "B"}`),
      failing,
    ],
  ];
}

/** @param {Span} span @param {Trace} trace @param {number} scale milliseconds that are the whole width @param {string | undefined} color */
function bar({ id, start, end, error }, trace, scale, color) {
  const percent = 100 / (scale || 1);
  return h(
    "div",
    { class: "side" },
    h("a", { href: link(`/traces/${trace.id}`, { span: id }) }, formatDuration((end - start) / 1000)),
    error && h("strong", { class: "bad" }, " error"),
    h(
      "div",
      { class: "side-time", "aria-hidden": "true" },
      h("div", {
        class: error ? "wf-bar wf-failed" : "wf-bar",
        style: `--service: ${color}; left: min(${start * percent}%, 100% - 2px); width: ${(end - start) * percent}%`,
      }),
    ),
  );
}
