// Types of the incidents view; read by the type checker only.

export type Listed = { name: string; title: string; difficulty: number; minutes: number; questions: number };
export type Stage = "starting" | "open" | "solved" | "given_up" | "stopped" | "over";
export type Asked = {
  key: string;
  text: string;
  kind: "service" | "route" | "attribute" | "cause" | "number" | "time";
  unit?: string;
  choices?: Record<string, string>;
  answer: string | null;
  wrong: string[];
};
export type Score = {
  points: number;
  of: number;
  seconds: number;
  hints: number;
  wrong: number;
  free_seconds: number;
  hint_costs: number;
  wrong_costs: number;
};
/** A step of the solution: its query as it was asked, and what a program read from the result. */
export type Step = {
  signal: "metrics" | "exemplars" | "logs" | "traces" | "trace";
  query: string;
  over_time: boolean;
  see: string;
  rows: number;
  derived: Record<string, string>;
  problem: string | null;
  link: string | null;
};
export type Solution = { answers: Record<string, string>; steps: Step[]; learn: string };
/** The incident that there is. */
export type Incident = Listed & {
  stage: Stage;
  active: boolean;
  runner: boolean;
  healthy: boolean;
  page: string;
  seed: number;
  started_ms: number;
  to_ms: number;
  until_ms: number;
  services: string[];
  routes: string[];
  asked: Asked[];
  hints: string[];
  hints_left: number;
  score: Score;
  servers: Record<string, string>;
  links: { name: string; url: string }[];
  solution?: Solution;
};
/** `here`: the incident runs in this lab. `problem`: why none can be started or is listed, and what to do. */
export type State = {
  incidents: Listed[];
  incident: Incident | null;
  here: boolean;
  problem: string | null;
  can_start: boolean;
};

/** What came of an order. */
export type Told = { incident: Incident; hint?: string; right?: Record<string, boolean> };
/** Gives an order; undefined when it was not carried out, which is shown. */
export type Act = (order: string, body?: object) => Promise<Told | undefined>;
/** A part of the page that follows the incident. */
export type Part = { element: HTMLElement; update: (incident: Incident) => void };
