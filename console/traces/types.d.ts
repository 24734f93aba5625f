// Types of the traces views; for the editor and for tsc, not served.

export type { Child, Context, Params } from "../types";

export type Attributes = Map<string, string>;
/** `after` is milliseconds after the start of the span. */
export type SpanEvent = { name: string; after: number; attributes: Attributes };
export type SpanLink = { traceId: string; spanId: string };

/** Times are milliseconds after the start of the trace. */
export type Piece = { start: number; end: number };

export type Span = Piece & {
  id: string;
  parentId: string;
  name: string;
  service: string;
  /** `server`, `client`, … or nothing. */
  kind: string;
  error: boolean;
  message: string;
  attributes: Attributes;
  resource: Attributes;
  events: SpanEvent[];
  links: SpanLink[];
  parent: Span | undefined;
  children: Span[];
  /** Its start is not set. */
  untimed: boolean;
  /** Its parent is not in the trace, or was removed to break a cycle. */
  orphan: boolean;
  circular: boolean;
  depth: number;
};

export type Trace = {
  id: string;
  /** Milliseconds since the epoch. */
  start: number;
  duration: number;
  /** In the order of the tree. */
  spans: Span[];
  /** Orphans among them. */
  roots: Span[];
  /** The first root that is no orphan, if there is one. */
  root: Span;
  /** Of its services. */
  colors: Map<string, string>;
};

/** The pieces of each span on the critical path. */
export type Path = Map<Span, Piece[]>;

/** A span of each of two traces, or of one of them. `change` is how much longer that of `b` took, in milliseconds. */
export type Pair = { a?: Span; b?: Span; depth: number; change: number; differs: boolean };

/** Calls of one service by another; `time` is the sum of the called side's. */
export type Call = { from: string; to: string; count: number; errors: number; time: number };

/** A trace in a search response of Tempo. */
export type Found = {
  traceID: string;
  rootServiceName: string;
  rootTraceName?: string;
  startTimeUnixNano?: string;
  durationMs?: number;
  serviceStats?: Record<string, { spanCount?: number; errorCount?: number }>;
  spanSets?: { spans?: { attributes?: { key: string; value: Record<string, unknown> }[] }[] }[];
};
