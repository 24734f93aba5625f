// Types of the logs view; read by the type checker only.

import type { FieldLink, Range, Times } from "../types";

/**
 * A log line of Loki; `ts` in nanoseconds since the epoch. The labels are those of its stream and of the line; `fields`
 * names those of the line, its structured metadata and what a parser found.
 */
export type Entry = { ts: string; line: string; labels: Readonly<Record<string, string>>; fields?: string[] };
type Fields = Partial<Record<"structuredMetadata" | "parsed", Record<string, string>>>;
export type Stream = { stream: Record<string, string>; values: [string, string, Fields?][] };

/** The parsed content of a line; `message` is empty for an unknown format. */
export type Reading = { level: string; message: string; code?: string };
export type Read = (entry: Pick<Entry, "line" | "labels">) => Reading;
export type LogLine = (
  entry: Entry,
  links: Links,
  /** Its time is a button that shows its labels, each with buttons that `filter` by it. */
  filter?: Filter,
) => HTMLLIElement;
export type Links = (line: string, labels?: Readonly<Record<string, string>>) => FieldLink[];
/** Keeps the lines with a value, or those without it. */
export type Filter = (name: string, value: string, without: boolean, parser?: string) => void;
/** A field that Loki found in lines; its parsers find it in a query. */
export type Detected = { label: string; type: string; cardinality: number; parsers: string[] | null };

/**
 * State of the view. `own` is a query that the user wrote or a link contained; it replaces the filters. `fields` are
 * conditions that follow either.
 */
export type State = {
  services: string[];
  levels: string[];
  text: string;
  fields: string[];
  own: string;
  range: Range;
  live: boolean;
};
export type Filters = Pick<State, "services" | "levels" | "text"> & { fields?: string[] };

/** Loads the newest lines of a range, or the lines older than those already loaded. `numbers`: the query has none. */
export type Older = (
  query: string,
  range: Times,
  known: Entry[],
  signal: AbortSignal,
) => Promise<{ found: Entry[]; more: boolean; numbers?: boolean }>;
export type Volume = (
  query: string,
  range: Times,
  zoom: (range: Range) => void,
  signal: AbortSignal,
) => Promise<Element[]>;
export type Places = Record<"list" | "status" | "foot" | "problem", HTMLElement>;
/** Shows lines in the places, each drawn by `row`. */
export type Show = (
  query: string,
  row: (entry: Entry) => Element,
  places: Places,
  signal: AbortSignal,
) => Promise<void>;
