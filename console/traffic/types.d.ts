// Types of the traffic view; read by the type checker only.

export type Answer = {
  app: string;
  path: string;
  trace_id: string | null;
  status: number;
  duration_ms: number;
  body: string;
};

/** A request and its outcome. */
export type Sent = {
  app: string;
  path: string;
  at: number;
  answer?: Answer;
  logs?: import("../types").LogsQuery | null;
  error?: string;
};
export type Steady = { on: boolean; rate: number; sent: number; failed: number };
export type Traffic = { apps: string[]; paths: string[]; steady: Steady };
export type Status = {
  instances: { name: string; url: string; running: boolean; restarts: number }[];
  servers: Record<string, string>;
};
