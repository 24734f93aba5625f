// @ts-check
// A real `lab up` for a test, on ports of its own, with its instances' addresses read from what it says.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

/**
 * @typedef {object} Lab
 * @property {string} console
 * @property {string} prometheus
 * @property {string} loki
 * @property {string} tempo
 * @property {string} otlp_grpc
 * @property {string} otlp_http
 * @property {Record<string, string>} apps
 * @property {() => Promise<void>} stop as Ctrl-C does
 * @property {() => Promise<void>} kill as a crash does
 */

/** The binary: LAB_BINARY, else what cargo has built. */
function binary() {
  const places = [process.env.LAB_BINARY, `${ROOT}target/release/lab`, `${ROOT}target/debug/lab`];
  const found = places.find((place) => place && existsSync(place));
  if (!found) throw new Error("no lab to test: run `cargo build` first, or set LAB_BINARY");
  return found;
}

/** Free ports for everything that is not given. @type {Record<string, string>} */
const ANYWHERE = {
  // While working on the console: files from a folder instead of those in the binary.
  ...(process.env.LAB_CONSOLE_DIR && { "--console-dir": process.env.LAB_CONSOLE_DIR }),
  "--app-port": "0",
  "--console-port": "0",
  "--prometheus-port": "0",
  "--loki-port": "0",
  "--tempo-port": "0",
  "--otlp-grpc-port": "0",
  "--otlp-http-port": "0",
};

/**
 * Starts a lab and waits until it is ready.
 *
 * @param {Record<string, string | true>} [flags]
 * @param {string} [state] folder of the state of incidents; without it one that is removed with the lab
 * @returns {Promise<Lab>}
 */
export async function up(flags = {}, state = undefined) {
  const all = Object.entries({ ...ANYWHERE, ...flags }).flatMap(([name, value]) =>
    value === true ? [name] : [name, value],
  );
  const folder = state ?? mkdtempSync(join(tmpdir(), "lab-state-"));
  const child = spawn(binary(), ["up", "--json", ...all], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, LAB_STATE: folder },
  });
  const ended = new Promise((resolve) => child.once("close", resolve));
  let complaint = "";
  child.stderr.on("data", (text) => (complaint += text));
  const ready = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const said = JSON.parse(line);
      if (said.event === "ready") resolve(said);
    });
    child.once("close", (code) => reject(new Error(`lab up ended with ${code}: ${complaint}`)));
    child.once("error", reject);
  });
  const end = async (/** @type {NodeJS.Signals} */ signal) => {
    child.kill(signal);
    await ended;
    if (!state) rmSync(folder, { recursive: true, force: true });
  };
  return { ...ready, stop: () => end("SIGINT"), kill: () => end("SIGKILL") };
}

/**
 * Asks again and again until `attempt` gives something that counts.
 *
 * @template T
 * @param {string} what for the error
 * @param {() => Promise<T | null | undefined | false>} attempt
 * @param {number} [patience] in milliseconds
 * @returns {Promise<T>}
 */
export async function eventually(what, attempt, patience = 30_000) {
  const deadline = Date.now() + patience;
  let last;
  for (;;) {
    try {
      const found = await attempt();
      if (found) return found;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline)
      throw new Error(`${what} did not happen within ${patience} ms${last ? `: ${last}` : ""}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
