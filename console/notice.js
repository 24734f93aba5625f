// @ts-check
// Error messages in place of data, and repeated requests.

import { ApiError } from "./api.js";
import { h } from "./dom.js";

/** The error message that is shown in place of data. @param {unknown} error */
export function notice(error) {
  const [title, kind] =
    error instanceof ApiError ? [error.title, error.kind] : ["The data could not be shown", "failed"];
  const text = error instanceof Error ? error.message : String(error);
  return h("div", { class: `notice notice-${kind}`, role: "alert" }, h("strong", {}, title), h("p", {}, text));
}

/**
 * Runs `work` repeatedly until `signal` aborts: one run at a time, and none while the page is hidden. `pause` returns
 * the milliseconds until the next run, 0 for none. The returned function starts a run now.
 * @param {(signal: AbortSignal) => Promise<void>} work @param {() => number} pause @param {AbortSignal} signal
 */
export function repeat(work, pause, signal) {
  let timer = 0;
  let running = new AbortController();
  let owed = false;
  const next = () => {
    clearTimeout(timer);
    if (pause() > 0 && !signal.aborted) timer = window.setTimeout(now, pause());
  };
  const now = async () => {
    clearTimeout(timer);
    if (signal.aborted) return;
    owed = document.hidden;
    if (owed) return;
    running.abort();
    const mine = new AbortController();
    running = mine;
    try {
      await work(AbortSignal.any([mine.signal, signal]));
    } catch (error) {
      if (!mine.signal.aborted && !signal.aborted) throw error;
    } finally {
      if (running === mine) next();
    }
  };
  signal.addEventListener("abort", () => clearTimeout(timer));
  document.addEventListener("visibilitychange", () => !document.hidden && owed && now(), { signal });
  return now;
}
