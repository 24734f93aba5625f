// Types of the services view; read by the type checker only.

/** Rate, errors and duration of a service or an operation. Rates are per second, durations in seconds. */
export type Figures = {
  name: string;
  /** Of the spans of an operation, such as `server`. */
  kind: string;
  /** Undefined for a service of which there are only spans so far. */
  rate?: number;
  errors: number;
  p50?: number;
  p95?: number;
  p99?: number;
  /** The rate over time: seconds since the epoch and value. */
  line: [number, number][];
};
