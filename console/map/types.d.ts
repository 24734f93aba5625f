// Types of the service map; for the editor and for tsc, not served.

/** Requests from a client to a server. Rates are per second, times in seconds. */
export type Edge = {
  from: string;
  to: string;
  /** `database`, `messaging_system`, `virtual_node`, or nothing between two services. */
  connection: string;
  rate: number;
  errors: number;
  mean: number;
  p95: number;
};

/** A service, or what services call or are called by and sends no spans itself. */
export type Place = {
  name: string;
  /** Nothing for a service that sends spans. */
  kind: "" | "database" | "outside";
  /** What it was asked. */
  rate: number;
  errors: number;
  p95: number | undefined;
};

export type Graph = { places: Place[]; edges: Edge[] };

export type Point = { x: number; y: number };
export type Box = Point & { width: number; height: number };
export type Curve = [Point, Point, Point, Point];
