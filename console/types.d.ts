// Types that several modules share. For the editor and tsc; not served.

export type Child = Node | string | number | null | undefined | false;
export type Value = string | number | boolean | readonly string[] | null | undefined;

export type Server = "prometheus" | "loki" | "tempo";
export type Params = Record<string, string | number | readonly string[] | undefined>;

/** As Grafana writes it: `now-15m` to `now`, or milliseconds since the epoch. */
export type Range = { from: string; to: string };
/** Milliseconds since the epoch. */
export type Times = { start: number; end: number };

/** Input of a view: it draws into `main`, and stops all work when `signal` aborts because the user has left it. */
export type Context = { main: HTMLElement; params: URLSearchParams; signal: AbortSignal };
export type View = { title: string; show: (context: Context, ...captured: string[]) => Promise<void> };

type Tag = { key: string; value?: string };
export type Shifts = { tags?: Tag[]; spanStartTimeShift?: string; spanEndTimeShift?: string };
type ToLogs = Shifts & { filterByTraceID?: boolean; filterBySpanID?: boolean; customQuery?: boolean; query?: string };
export type DerivedField = {
  name: string;
  matcherRegex: string;
  matcherType?: string;
  urlDisplayLabel?: string;
  datasourceUid?: string;
};
/** A data source of etc/grafana/datasources.yaml. */
export type DataSource = {
  uid: string;
  type: string;
  name: string;
  isDefault?: boolean;
  jsonData: {
    timeInterval?: string;
    exemplarTraceIdDestinations?: { name: string }[];
    derivedFields?: DerivedField[];
    tracesToLogsV2?: ToLogs;
    /** The form of older files. */
    tracesToLogs?: Omit<ToLogs, "tags"> & { tags?: string[]; mappedTags?: Tag[]; mapTagNamesEnabled?: boolean };
    tracesToMetrics?: Shifts & { queries?: { name?: string; query?: string }[] };
  };
};
/** The parts of a span that the mappings use; times in milliseconds since the epoch. */
export type Span = {
  spanId: string;
  name?: string;
  start: number;
  end: number;
  attributes: ReadonlyMap<string, unknown>;
  resource: ReadonlyMap<string, unknown>;
};
export type LogsQuery = { query: string; from: string; to: string };
/** A link in a line: its position and its URL, null for none. */
export type FieldLink = { name: string; value: string; label: string; href: string | null; start: number; end: number };
