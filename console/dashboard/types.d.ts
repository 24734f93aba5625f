// Types of the Dashboards view; for the editor and for tsc, not served.

import type { DataSource, Times as Span } from "../types";
import type { Entry, Links } from "../logs/types";

/** The parts of a Grafana dashboard file that the console draws. */
export type Dashboard = {
  uid: string;
  title: string;
  description?: string;
  refresh?: string | false;
  time?: { from: string; to: string };
  templating?: { list?: Variable[] };
  panels?: Panel[];
  links?: DashboardLink[];
};
export type Listed = { uid: string; title: string };
export type DashboardLink = { title?: string; url?: string; keepTime?: boolean };
/** Older files have a name or a variable in place of the object. */
export type SourceRef = { type?: string; uid?: string } | string | null;
export type Panel = {
  id: number;
  type: string;
  title?: string;
  description?: string;
  gridPos?: { x: number; y: number; w: number; h: number };
  datasource?: SourceRef;
  targets?: Target[];
  fieldConfig?: { defaults?: FieldConfig };
  options?: Record<string, any>;
  interval?: string;
  maxDataPoints?: number | string;
  /** A variable: Grafana draws one panel for each of its values. */
  repeat?: string | null;
  transformations?: { id: string; options?: { sort?: { field?: string; desc?: boolean }[] } }[];
  /** Text of a text panel in older files. */
  content?: string;
  collapsed?: boolean;
  panels?: Panel[];
};
export type Target = {
  datasource?: SourceRef;
  expr?: string;
  hide?: boolean;
  instant?: boolean;
  range?: boolean;
  exemplar?: boolean;
  queryType?: string;
  legendFormat?: string;
  /** `table`: labels are columns, and each series is a row. */
  format?: string;
  interval?: string;
  /** The interval of Loki queries. */
  step?: string;
  intervalFactor?: number;
  resolution?: number;
  /** With the data source `-- Dashboard --`: the panel whose data is shown. */
  panelId?: number;
};
export type FieldConfig = {
  unit?: string;
  decimals?: number;
  min?: number;
  max?: number;
  noValue?: string;
  thresholds?: { steps?: { color?: string; value: number | null }[] };
  mappings?: { type: string; options: Record<string, { text?: string; color?: string }> }[];
  custom?: { fillOpacity?: number };
};
export type Variable = {
  name: string;
  label?: string;
  type: string;
  datasource?: SourceRef;
  query?: Record<string, any> | string | null;
  regex?: string;
  hide?: number;
  filters?: unknown[];
  auto_count?: number;
  auto_min?: string;
  multi?: boolean;
  includeAll?: boolean;
  allValue?: string | null;
  current?: { value?: string | string[] };
};

/** A row and its panels; the row is undefined for panels before the first row. */
export type Group = { row?: Panel; panels: Panel[] };

/** A variable with its options and choice; it changes while the dashboard is shown. */
export type State = { definition: Variable; options: string[]; chosen: string[] };
/**
 * The chosen values of a variable, as queries use them. `pattern`: they are part of a regular expression; `literal`:
 * they are inserted unescaped.
 */
export type Choice = {
  name: string;
  values: readonly string[];
  pattern: boolean;
  literal: boolean;
  /** Several values can be chosen, even if only one is. */
  list?: boolean;
  all?: boolean;
};

/** Named by the kind of server that reads it. */
export type Language = "prometheus" | "loki";
/** Smallest intervals as the query, the panel and the data source set them, how many points can be seen, and by how
 * much the step is longer than it has to be. */
export type Limits = { own?: string; panel?: string; scrape?: string; points: number; factor?: number };
/** All in seconds but the end, which is in milliseconds since the epoch. */
export type Times = { range: number; step: number; rateInterval: number; end?: number };

/** A target with its server and its text, all filled in. */
export type Question = { target: Target; type: Language; uid: string; times: Times; query: string };

/** A value for each time of the result, null where there is none, undefined where the query does not ask for one; a
 * single one of an instant query. */
export type Series = { name: string; labels: Record<string, string>; values: (number | null | undefined)[] };
/** Time in milliseconds; `name` is that of its series. */
export type Exemplar = {
  time: number;
  value: number;
  name: string;
  labels: Record<string, string>;
  traceId: string | null;
};
/** `times` in seconds, those of all series. */
export type Result = Span & {
  times: number[];
  series: Series[];
  exemplars: Exemplar[];
  lines: Entry[];
  notes: string;
  /** Whether a Prometheus query returned a value; undefined without such a query. */
  measured?: boolean;
};
/** Settings of the lab. `traceOf` finds the trace id in an exemplar's labels; `links` finds the links in a line. */
export type Known = {
  listed: readonly Listed[];
  sources: readonly DataSource[];
  traceOf: (labels: Record<string, string>) => string | null;
  links: Links;
};
/** One refresh of the dashboard: everything a query depends on besides its panel. */
export type Round = Pick<Known, "sources" | "traceOf"> & {
  span: Span;
  choices: readonly Choice[];
  queued: <T>(work: () => Promise<T>, signal: AbortSignal) => Promise<T>;
  /** All panels of the dashboard, whose data another one may show. */
  panels?: readonly Panel[];
};

/** What all panels share. `signal` aborts when the dashboard is left; `zoom` goes to a time range in milliseconds. */
export type Board = Pick<Known, "links"> & { signal: AbortSignal; zoom: (start: number, end: number) => void };
export type Place = Board & { panel: Panel; title: string; body: HTMLElement };
/** Draws a result; false when it has nothing to show. */
export type Draw = (result: Result) => boolean;

/** An exemplar on a chart, with its place in CSS pixels and its value in words. */
export type Dot = { x: number; y: number; exemplar: Exemplar; color: string; value: string };
/** A line of the tooltip. */
export type Row = [name: string, value: string, color?: string];
/** A series as it is drawn. */
export type Named = { name: string; color: string; values: Series["values"]; hidden: boolean };
