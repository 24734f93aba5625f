// @ts-check
// Requests to the backends, through the lab's proxy, and to the lab itself. Each returns JSON or throws an ApiError.

import { link } from "./address.js";

/** @typedef {import("./types").Server} Server */
/** @typedef {import("./types").Params} Params */

const NAMES = { prometheus: "Prometheus", loki: "Loki", tempo: "Tempo", lab: "The lab" };
const SAYINGS = {
  down: "does not answer",
  refused: "refused the query",
  missing: "has no such data",
  failed: "failed",
};

/** A failed request. The message is the server's own error text. */
export class ApiError extends Error {
  /** @param {keyof SAYINGS} kind @param {Server | "lab"} server @param {string} message */
  constructor(kind, server, message) {
    super(message);
    this.kind = kind;
    this.server = server;
  }

  get title() {
    return `${NAMES[this.server]} ${SAYINGS[this.kind]}`;
  }
}

/**
 * Sends a GET request to a backend. `path` is a path of the backend's own API, without the leading slash.
 * @param {Server} server @param {string} path @param {Params} [params] @param {AbortSignal} [signal]
 * @param {Record<string, string>} [headers] @returns {Promise<any>}
 */
export async function ask(server, path, params = {}, signal = undefined, headers = {}) {
  return answer(server, proxied(server, path, params), { signal, headers: { accept: "application/json", ...headers } });
}

/**
 * Sends a request to the lab itself.
 * @param {string} path @param {{ method?: string, body?: unknown, signal?: AbortSignal }} [request]
 * @returns {Promise<any>}
 */
export async function lab(path, { method = "GET", body, signal } = {}) {
  const headers = { "content-type": "application/json" };
  return answer("lab", path, { method, signal, headers, body: JSON.stringify(body) });
}

/**
 * The address of a backend's path behind the proxy. The servers take no value for the same as an empty one.
 * @param {Server} server @param {string} path @param {Params} [params]
 */
export function proxied(server, path, params = {}) {
  return link(`/api/datasources/proxy/uid/${server}/${path}`, params);
}

/** @param {Server | "lab"} server @param {string} url @param {RequestInit} init */
async function answer(server, url, init) {
  let response;
  let text;
  try {
    response = await fetch(url, init);
    text = await response.text();
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new ApiError("down", "lab", "The connection failed. Check that `lab up` is still running.");
  }
  const { ok, status } = response;
  if (!ok) throw new ApiError(kindOf(status), server, reason(text) || `HTTP ${status}`);
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError("failed", server, `The response with status ${status} is not JSON.`);
  }
}

/** @param {number} status */
function kindOf(status) {
  if (status >= 502 && status <= 504) return "down";
  if (status === 404) return "missing";
  return status < 500 ? "refused" : "failed";
}

/** The error text of a response body, which is JSON or plain text. @param {string} text */
function reason(text) {
  try {
    const body = JSON.parse(text);
    const said = body?.error ?? body?.message;
    if (typeof said === "string") return said;
  } catch {
    // Plain text: used as it is.
  }
  return text.trim().slice(0, 600);
}
