// @ts-check
// The trace view: summary, spans over time, service graph, and details of a span.

import { current, link, note } from "../address.js";
import { ApiError, ask } from "../api.js";
import { fill, h, renew } from "../dom.js";
import { formatDuration, formatTime } from "../format.js";
import { notice, repeat } from "../notice.js";
import { criticalPath } from "./critical_path.js";
import { readTrace, wholeId } from "./model.js";
import { errors, pairs, ROOTLESS, serviceName } from "./parts.js";
import { serviceGraph } from "./service_graph.js";
import { logsLink, spanDetails } from "./span_details.js";
import { waterfall } from "./waterfall.js";

/** @import { Context, Trace } from "./types" */

export const title = "Trace";

/** Spans arrive some seconds after a request: for so long a new or missing trace is requested again. */
const ARRIVING = 12_000;

/** @param {Context} context @param {string} asked the id in the address */
export async function show({ main, signal }, asked) {
  const id = wholeId(asked);
  const heading = h("div", { class: "toolbar" }, h("h1", {}, `Trace ${id}`));
  const said = h("div", {}, h("p", { class: "quiet" }, "Loading…"));
  const body = h("div");
  const deadline = Date.now() + ARRIVING;
  let shown = 0;
  let pause = 0;
  const panel = { closed: false };

  const follow = repeat(
    async (stopped) => {
      try {
        const trace = readTrace(await ask("tempo", `api/traces/${id}`, {}, stopped), id);
        if (!trace) throw new ApiError("missing", "tempo", "The trace has no spans.");
        if (trace.spans.length !== shown) draw(trace);
        fill(said);
        pause = Date.now() < Math.min(deadline, trace.start + trace.duration + ARRIVING) ? 1_500 : 0;
      } catch (error) {
        if (stopped.aborted) return;
        const kind = error instanceof ApiError && error.kind;
        const early = kind === "missing" && Date.now() < deadline;
        pause = kind === "down" ? 5_000 : early ? 1_500 : 0;
        renew(said, early ? h("p", {}, "Tempo does not have this trace yet. Trying again…") : notice(error));
      }
    },
    () => pause,
    signal,
  );

  /** @param {Trace} trace */
  function draw(trace) {
    const { start, duration, spans, colors } = trace;
    const { name, service, orphan } = trace.root;
    shown = spans.length;
    document.title = `${service} ${name} · salvo-observability`;
    fill(
      heading,
      h("h1", {}, h("span", { class: "quiet" }, service), " ", name, orphan && h("em", { class: "quiet" }, ROOTLESS)),
      logsLink(trace, spans, "Logs of this trace"),
      h("a", { class: "button", href: link("/traces/compare", { a: id }) }, "Compare"),
      h("button", { onclick: follow }, "Refresh"),
    );
    const facts = pairs("trace-facts", [
      ["Start", formatTime(start)],
      ["Duration", formatDuration(duration / 1000)],
      ["Spans", spans.length],
      ["Errors", errors(spans.filter(({ error }) => error).length)],
      ["Services", [...colors].map(([name, color]) => serviceName(name, color))],
      ["Trace id", h("code", {}, id)],
    ]);
    fill(body, facts, h("div", { class: "trace-parts" }, spanParts(trace, panel), serviceGraph(trace)));
  }

  fill(main, heading, said, body);
  follow();
}

/**
 * The waterfall, with the details of one span beside it: the span in the URL, else the one that failed.
 * @param {Trace} trace @param {{ closed: boolean }} panel stays closed once the user has closed it
 */
function spanParts(trace, panel) {
  const wanted = current().params.get("span");
  const place = h("div", { class: "span-place" });
  let opening = false;
  const tree = waterfall(trace, criticalPath(trace), (span) => {
    fill(place, spanDetails(trace, span, close));
    if (opening) return;
    note({ span: span.id });
    // On a narrow screen the details are below the tree.
    if (place.offsetTop > tree.element.offsetTop + 50) place.scrollIntoView({ block: "nearest" });
  });
  function close() {
    panel.closed = true;
    fill(place);
    note({});
    tree.select(undefined);
    tree.element.focus();
  }
  const first = wanted ? trace.spans.find(({ id }) => id === wanted) : panel.closed ? undefined : failedSpan(trace);
  requestAnimationFrame(() => {
    opening = true;
    tree.select(first);
    opening = false;
  });
  const head = h("div", { class: "line" }, h("h2", {}, "Spans"), h("span", { class: "critical" }, "critical path"));
  return [h("section", { class: "surface part" }, head, tree.element), place];
}

/** The span to open in a trace with errors: the first with an exception, else the first that failed. @param {Trace} trace */
export function failedSpan({ spans }) {
  const failed = spans.filter(({ error }) => error);
  return failed.find(({ events }) => events.some(({ name }) => name === "exception")) ?? failed[0];
}
