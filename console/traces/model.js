// @ts-check
// A trace as the views need it, made from Tempo's answer: OTLP as JSON.

import { colorsOf } from "../colors.js";

/** @import { Attributes, Span, Trace } from "./types" */

/** @param {any} answer of `/api/traces/{id}` or its v2 @param {string} id @returns {Trace | undefined} */
export function readTrace(answer, id) {
  const { batches, resourceSpans } = answer.trace ?? answer;
  const read = [];
  for (const batch of list(batches ?? resourceSpans)) {
    const resource = attributes(batch.resource?.attributes);
    for (const { spans } of list(batch.scopeSpans)) for (const raw of list(spans)) read.push({ raw, resource });
  }
  const first = read.map(({ raw }) => BigInt(raw.startTimeUnixNano)).reduce((a, b) => (a < b ? a : b), 2n ** 64n);
  const after = (/** @type {string} */ time) => Number(BigInt(time) - first) / 1e6;
  const spans = inOrder(
    read.map(({ raw, resource }) => ({
      id: hexadecimal(raw.spanId),
      parentId: hexadecimal(raw.parentSpanId),
      name: raw.name ?? "",
      service: resource.get("service.name") || "unknown",
      kind: (raw.kind ?? "").replace(/^SPAN_KIND_(UNSPECIFIED)?/, "").toLowerCase(),
      error: raw.status?.code === "STATUS_CODE_ERROR",
      message: raw.status?.message ?? "",
      start: after(raw.startTimeUnixNano),
      end: after(raw.endTimeUnixNano),
      attributes: attributes(raw.attributes),
      resource,
      events: list(raw.events).map((event) => ({
        name: event.name,
        after: after(event.timeUnixNano) - after(raw.startTimeUnixNano),
        attributes: attributes(event.attributes),
      })),
      links: list(raw.links).map((link) => {
        return { traceId: hexadecimal(link.traceId), spanId: hexadecimal(link.spanId) };
      }),
      parent: undefined,
      children: [],
      orphan: false,
      depth: 0,
    })),
  );
  if (spans.length === 0) return undefined;
  const roots = spans.filter((span) => !span.parent);
  const root = roots.find((span) => !span.orphan) ?? roots[0];
  const colors = colorsOf(spans.map((span) => span.service));
  const duration = spans.reduce((most, { end }) => Math.max(most, end), 0);
  return { id, start: Number(first) / 1e6, duration, spans, roots, root, colors };
}

/** The order of the tree, siblings by their start; what no root leads to is left out. @param {Span[]} all */
function inOrder(all) {
  all.sort((a, b) => a.start - b.start);
  const byId = new Map(all.map((span) => [span.id, span]));
  for (const span of all) {
    span.parent = byId.get(span.parentId);
    span.parent?.children.push(span);
    span.orphan = span.parentId !== "" && !span.parent;
  }
  // Without recursion: a trace may be as deep as it has spans.
  const waiting = all.filter((span) => !span.parent).reverse();
  const spans = [];
  for (let span = waiting.pop(); span; span = waiting.pop()) {
    if (span.parent) span.depth = span.parent.depth + 1;
    spans.push(span);
    waiting.push(...span.children.toReversed());
  }
  return spans;
}

/** @param {any} items @returns {any[]} */
function list(items) {
  return items ?? [];
}

/** Lists and maps stay as OTLP writes them. @param {any} pairs @returns {Attributes} */
function attributes(pairs) {
  return new Map(
    list(pairs).map(({ key, value }) => {
      const [inner = ""] = Object.values(value ?? {});
      return [key ?? "", typeof inner === "object" ? JSON.stringify(inner) : String(inner)];
    }),
  );
}

/** An id in base64 or in hexadecimal digits; empty for none. */
export function hexadecimal(id = "") {
  if (/^([0-9a-f]{16}){1,2}$/i.test(id)) return id.toLowerCase();
  const bytes = Array.from(atob(id), (byte) => byte.charCodeAt(0).toString(16).padStart(2, "0")).join("");
  return /^0*$/.test(bytes) ? "" : bytes;
}
