// Types of the metrics explorer; read by the type checker only.

/** What can be written at the cursor: `written` is there already and begins at `start`. */
export type Place = {
  kind: "name" | "label" | "value" | "duration";
  written: string;
  start: number;
  /** The metric of the selector, if it names one. */
  metric: string;
  /** The label whose value is written. */
  label?: string;
  /** In the list of a `by (…)` or its like. */
  grouped?: boolean;
};

/** An option of the list: what is shown, what it is, and the text that takes the place of what was written. */
export type Option = { name: string; about: string; text: string };

/** What Prometheus says about a metric. */
export type About = { type: string; help: string; unit: string };

/** A native histogram in a response. The rule of a bucket says which of its bounds are part of it. */
export type Histogram = {
  count: string;
  sum: string;
  buckets?: [rule: number, from: string, to: string, count: string][];
};
export type Sample = {
  metric: Record<string, string>;
  value?: [number, string];
  values?: [number, string][];
  histogram?: [number, Histogram];
  histograms?: [number, Histogram][];
};
