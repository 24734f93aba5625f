// @ts-check
// All details of one span.

import { link } from "../address.js";
import { ask } from "../api.js";
import { dashboardAddress, logsAddress, logsQuery, metricLinks } from "../correlation.js";
import { fill, h } from "../dom.js";
import { formatClock, formatDuration } from "../format.js";
import { pairs, serviceName } from "./parts.js";

/** @import { Child, Span, SpanEvent, Trace } from "./types" */

/** Milliseconds after a span, by which the metrics that are made of it are written. */
const LATEST = 60_000;

/** @param {Trace} trace @param {Span} span @param {() => void} close */
export function spanDetails(trace, span, close) {
  const { name, service, kind, error, message, attributes, resource, events, links } = span;
  return h(
    "section",
    { class: "surface part span-details" },
    h("button", { "aria-label": "Close span details", onclick: close }, "✕"),
    h("h2", {}, name),
    h("p", {}, h("a", { href: link("/services", { service }) }, serviceName(service, trace.colors.get(service))), kind),
    h(
      "p",
      { class: "line" },
      logsLink(trace, [span], "Logs of this span"),
      // The dashboard is that of the lab's own services.
      resource.has("compose_service") &&
        arriving("Metrics of this span's time", dashboardAddress("salvo-observability", timed(trace, span))),
    ),
    metricsOf(trace, span),
    events.map(happened),
    pairs("facts", [
      ["Duration", formatDuration((span.end - span.start) / 1000)],
      [
        "Start",
        span.untimed ? "not set" : `+${formatDuration(span.start / 1000)}, ${formatClock(trace.start + span.start)}`,
      ],
      ["Status", h("span", { class: error && "bad" }, error ? "error" : "no error", message && `: ${message}`)],
      ["Span id", h("code", {}, span.id)],
      ["Parent id", h("code", {}, span.parentId || "none")],
    ]),
    part("Attributes", attributes.size, [pairs("facts mono", attributes)]),
    part("Resource", resource.size, [pairs("facts mono", resource)]),
    part(
      "Links",
      links.length,
      links.map(({ traceId, spanId }) => {
        return h("p", {}, h("a", { href: `/traces/${traceId}?span=${spanId}` }, `Span ${spanId} of trace ${traceId}`));
      }),
    ),
  );
}

/** @param {Trace} trace @param {Span[]} spans @param {string} text */
export function logsLink(trace, spans, text) {
  const logs = logsQuery(
    trace.id,
    spans.map((span) => timed(trace, span)),
    { ofSpan: spans !== trace.spans },
  );
  return arriving(
    text,
    logs.then((found) => found && logsAddress(found)),
  );
}

/** The queries that lead from a span to metrics; one without a result is told. @param {Trace} trace @param {Span} span */
function metricsOf(trace, span) {
  const one = timed(trace, span);
  const place = h("div");
  const time = Math.min(Date.now(), one.end + LATEST) / 1000;
  const item = ({ name = "", query = "", ...range }) => {
    const said = h("span", { class: "quiet" });
    /** @param {any} one */
    const empty = ({ data }) => data.result.length === 0 && fill(said, " (no data)");
    // The explorer reports an error.
    ask("prometheus", "api/v1/query", { query, time }).then(empty, String);
    return h("li", {}, h("a", { href: link("/explore", { expr: query, ...range }) }, name), said);
  };
  metricLinks(trace.id, one).then((all) => {
    if (all.length > 0) fill(place, h("strong", {}, "Metrics"), h("ul", { "aria-label": "Metrics" }, all.map(item)));
  }, String);
  return place;
}

/** A link whose URL arrives later; it is removed if there is none. @param {string} text @param {Promise<string | null>} address */
function arriving(text, address) {
  const made = h("a", { class: "button" }, text);
  address.catch(() => null).then((href) => (href ? (made.href = href) : made.remove()));
  return made;
}

/** A span with absolute times, for correlation.js. @param {Trace} trace @param {Span} span */
function timed({ start }, span) {
  return { ...span, spanId: span.id, start: start + span.start, end: start + span.end };
}

/** @param {SpanEvent} event */
function happened({ name, after, attributes }) {
  const exception = name === "exception";
  const { "exception.type": type = name, "exception.message": message, ...others } = Object.fromEntries(attributes);
  const { "exception.stacktrace": trace, ...rest } = others;
  return h(
    "div",
    { class: exception && "notice notice-down", role: "group", "aria-label": exception ? "Exception" : "Event" },
    h("strong", {}, type),
    ` after ${formatDuration(after / 1000)}`,
    message && h("p", {}, message),
    trace && h("pre", { tabIndex: 0, "aria-label": "Stack trace" }, trace),
    pairs("facts mono", Object.entries(rest)),
  );
}

/** @param {string} name @param {number} count @param {Child[]} children */
function part(name, count, children) {
  return count > 0 && h("details", { open: true }, h("summary", {}, `${name} (${count})`), children);
}
