// Types of the alerts view; read by the type checker only.

export type State = "unknown" | "inactive" | "pending" | "firing";
export type Alert = {
  state: State;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  activeAt: string;
  value: string;
};
export type Rule = {
  type: "alerting" | "recording";
  name: string;
  query: string;
  health: string;
  lastError?: string;
  state?: State;
  alerts?: Alert[] | null;
};
export type Group = { name: string; interval: number; rules: Rule[] };
