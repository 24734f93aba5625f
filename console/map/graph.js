// @ts-check
// The service graph of a time range, from the metrics that Tempo's metrics generator writes.

import { ask } from "../api.js";
import { redQueries } from "../services/red.js";

/** @import { Times } from "../types" */
/** @import { Edge, Graph, Place } from "./types" */

const REQUESTS = "traces_service_graph_request";
const BY = "client, server, connection_type";
/** The shortest window in seconds, in which the generator writes several times. */
const LEAST = 60;

/** The queries for edges; `window` is in seconds. @param {number} window */
export function edgeQueries(window) {
  /** @param {string} metric */
  const rate = (metric, by = BY) => `sum by (${by}) (rate(${REQUESTS}_${metric}[${window}s])) > 0`;
  // A sum starts with its first requests, not with 0, and rate() would not see them.
  /** @param {string} metric */
  const grown = (metric) => {
    const now = `sum by (${BY}) (${REQUESTS}_${metric})`;
    return `(${now} - (sum by (${BY}) (${REQUESTS}_${metric} offset ${window}s) or 0 * ${now}))`;
  };
  /** @param {string} side */
  const mean = (side) => `(${grown(`${side}_seconds_sum`)} / ${grown(`${side}_seconds_count`)} > 0)`;
  /** @param {string} side */
  const p95 = (side) => `histogram_quantile(0.95, ${rate(`${side}_seconds_bucket`, `${BY}, le`)})`;
  return {
    rate: rate("total"),
    errors: rate("failed_total"),
    // What sends no spans has no time of its own: then the other side's counts.
    mean: `${mean("server")} or ${mean("client")}`,
    p95: `(${p95("server")} and ${mean("server")}) or ${p95("client")}`,
  };
}

/** @param {Times} range @param {AbortSignal} signal @returns {Promise<Graph>} */
export async function graphOf({ start, end }, signal) {
  const window = Math.max(LEAST, Math.round((end - start) / 1000));
  /** @param {string} query */
  const get = async (query) =>
    (await ask("prometheus", "api/v1/query", { query, time: end / 1000 }, signal)).data.result;
  const { rate, errors, p95 } = redQueries(window);
  const [edges, places] = await Promise.all(
    [edgeQueries(window), { rate, errors, p95 }].map(async (queries) => {
      const found = Object.entries(queries).map(async ([name, query]) => ({ name, all: await get(query) }));
      return Promise.all(found);
    }),
  );
  return assembled(edges, places);
}

/**
 * @typedef {{ metric: Record<string, string>, value: [number, string] }} Sample
 * @param {{ name: string, all: Sample[] }[]} edgeFigures @param {{ name: string, all: Sample[] }[]} placeFigures
 * @returns {Graph}
 */
export function assembled(edgeFigures, placeFigures) {
  /** @type {Map<string, Edge>} */
  const edges = new Map();
  for (const { name, all } of edgeFigures) {
    for (const { metric, value } of all) {
      const { client: from = "", server: to = "", connection_type: connection = "" } = metric;
      const key = JSON.stringify([from, to, connection]);
      const known = edges.get(key) ?? { from, to, connection, rate: 0, errors: 0, mean: NaN, p95: NaN };
      edges.set(key, Object.assign(known, { [name]: Number(value[1]) }));
    }
  }
  const asked = [...edges].filter(([, { rate }]) => rate > 0).sort(([one], [other]) => (one < other ? -1 : 1));
  const drawn = asked.map(([, edge]) => edge);
  /** @type {Map<string, Place>} */
  const places = new Map();
  for (const { name, all } of placeFigures) {
    for (const { metric, value } of all) {
      const service = metric.service ?? "";
      const known = places.get(service) ?? { name: service, kind: "", rate: 0, errors: 0, p95: undefined };
      places.set(service, Object.assign(known, { [name]: Number(value[1]) }));
    }
  }
  for (const [service, { rate }] of places) {
    if (!(rate > 0)) places.delete(service);
  }
  const services = new Set(places.keys());
  for (const { from, to, connection, rate, errors } of drawn) {
    for (const name of [from, to]) {
      if (services.has(name)) continue;
      const kind = connection === "database" && name === to ? "database" : "outside";
      const known = places.get(name) ?? { name, kind, rate: 0, errors: 0, p95: undefined };
      places.set(name, known);
      if (name !== to) continue;
      known.rate += rate;
      known.errors += errors;
    }
  }
  return { places: [...places.values()].sort((one, other) => (one.name < other.name ? -1 : 1)), edges: drawn };
}
