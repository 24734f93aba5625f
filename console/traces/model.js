// @ts-check
// The trace model of the views, read from Tempo's response (OTLP JSON).

import { colorsOf } from "../colors.js";

/** @import { Attributes, Span, Trace } from "./types" */

/** Span kinds by their OTLP number. */
const KINDS = ["", "internal", "server", "client", "producer", "consumer"];

/** The id of a trace with its leading zeros, which Tempo leaves out in the results of a search. @param {string} id */
export const wholeId = (id) => id.toLowerCase().padStart(32, "0");

/** @param {any} answer of `/api/traces/{id}` or its v2 @param {string} id @returns {Trace | undefined} */
export function readTrace(answer, id) {
  const { batches, resourceSpans } = answer.trace ?? answer;
  const read = [];
  for (const batch of list(batches ?? resourceSpans)) {
    const resource = attributes(batch.resource?.attributes);
    for (const { spans } of list(batch.scopeSpans)) for (const raw of list(spans)) read.push({ raw, resource });
  }
  // OTLP JSON omits a time of 0, which means "not set". Such a span is drawn at the start of the trace.
  const known = read.map(({ raw }) => nanos(raw.startTimeUnixNano)).filter((start) => start > 0n);
  const first = known.reduce((a, b) => (a < b ? a : b), known[0] ?? 0n);
  /** @param {unknown} time */
  const after = (time) => Number(nanos(time) - first) / 1e6;
  const spans = inOrder(
    read.map(({ raw, resource }) => {
      const untimed = nanos(raw.startTimeUnixNano) === 0n;
      const start = untimed ? 0 : after(raw.startTimeUnixNano);
      return {
        id: hexadecimal(raw.spanId),
        parentId: hexadecimal(raw.parentSpanId),
        name: raw.name ?? "",
        service: resource.get("service.name") || "unknown",
        kind:
          KINDS[raw.kind] ??
          String(raw.kind ?? "")
            .replace(/^SPAN_KIND_(UNSPECIFIED)?/, "")
            .toLowerCase(),
        error: raw.status?.code === "STATUS_CODE_ERROR" || raw.status?.code === 2,
        message: raw.status?.message ?? "",
        start,
        end: Math.max(start, after(raw.endTimeUnixNano)),
        untimed,
        attributes: attributes(raw.attributes),
        resource,
        events: list(raw.events).map((event) => ({
          name: event.name ?? "",
          after: event.timeUnixNano ? after(event.timeUnixNano) - start : 0,
          attributes: attributes(event.attributes),
        })),
        links: list(raw.links).map((link) => {
          return { traceId: hexadecimal(link.traceId), spanId: hexadecimal(link.spanId) };
        }),
        parent: undefined,
        children: [],
        orphan: false,
        circular: false,
        depth: 0,
      };
    }),
  );
  if (spans.length === 0) return undefined;
  const roots = spans.filter((span) => !span.parent);
  const root = roots.find((span) => !span.orphan) ?? roots[0];
  const colors = colorsOf(spans.map((span) => span.service));
  const duration = spans.reduce((most, { end }) => Math.max(most, end), 0);
  return { id, start: Number(first / 1000n) / 1000, duration, spans, roots, root, colors };
}

/** The span with the earliest start. @param {Trace} trace */
export function earliest({ spans }) {
  const timed = spans.filter(({ untimed }) => !untimed);
  return (timed.length > 0 ? timed : spans).reduce((first, one) => (one.start < first.start ? one : first));
}

/** Links parents and children, and sorts spans in tree order, siblings by start. @param {Span[]} all */
function inOrder(all) {
  all.sort((a, b) => a.start - b.start);
  const byId = new Map(all.map((span) => [span.id, span]));
  for (const span of all) {
    span.parent = span.parentId ? byId.get(span.parentId) : undefined;
    span.orphan = span.parentId !== "" && !span.parent;
  }
  breakCircles(all);
  for (const span of all) span.parent?.children.push(span);
  // No recursion: a trace may be as deep as its number of spans.
  const waiting = all.filter((span) => !span.parent).reverse();
  const spans = [];
  for (let span = waiting.pop(); span; span = waiting.pop()) {
    if (span.parent) span.depth = span.parent.depth + 1;
    spans.push(span);
    waiting.push(...span.children.toReversed());
  }
  return spans;
}

/** Breaks cycles of parents: the earliest span of a cycle becomes a root. @param {Span[]} all by their start */
function breakCircles(all) {
  const place = new Map(all.map((span, index) => [span, index]));
  /** @type {Set<Span>} */
  const done = new Set();
  for (const from of all) {
    /** @type {Set<Span>} */
    const way = new Set();
    let span = /** @type {Span | undefined} */ (from);
    for (; span && !done.has(span) && !way.has(span); span = span.parent) way.add(span);
    if (span && way.has(span)) {
      let first = span;
      for (let one = span.parent; one && one !== span; one = one.parent) {
        if ((place.get(one) ?? 0) < (place.get(first) ?? 0)) first = one;
      }
      Object.assign(first, { parent: undefined, orphan: true, circular: true });
    }
    for (const one of way) done.add(one);
  }
}

/** @param {unknown} time nanoseconds, as text or a number; 0 if it is neither */
function nanos(time) {
  try {
    return BigInt(/** @type {string} */ (time ?? 0));
  } catch {
    return 0n;
  }
}

/** @param {any} items @returns {any[]} */
function list(items) {
  return items ?? [];
}

/** Attributes as text; lists and maps as their OTLP JSON. @param {any} pairs @returns {Attributes} */
function attributes(pairs) {
  return new Map(
    list(pairs).map(({ key, value }) => {
      const [inner = ""] = Object.values(value ?? {});
      return [key ?? "", typeof inner === "object" ? JSON.stringify(inner) : String(inner)];
    }),
  );
}

/** An id in hexadecimal, from base64 or hexadecimal; empty for no id, unchanged if it is neither. */
export function hexadecimal(id = "") {
  if (/^([0-9a-f]{16}){1,2}$/i.test(id)) return id.toLowerCase();
  try {
    const bytes = Array.from(atob(id), (byte) => byte.charCodeAt(0).toString(16).padStart(2, "0")).join("");
    return /^0*$/.test(bytes) ? "" : bytes;
  } catch {
    return id;
  }
}
