// @ts-check
// The live tail: receives lines over a WebSocket, keeps the newest, and reconnects after an interruption.

import { announce } from "../announce.js";
import { ApiError, ask, proxied } from "../api.js";
import { fill, h, renew } from "../dom.js";
import { notice } from "../notice.js";
import { counted, entries } from "./loki.js";

const KEPT = 2000;
const DRAW_MS = 250;
const LONGEST_PAUSE = 16;

/** @type {import("./types").Show} */
export async function live(query, row, { list, status, foot, problem }, signal) {
  /** @type {import("./types").Entry[]} */
  const waiting = [];
  /** @type {WebSocket} */
  let socket;
  let [state, newest, paused] = ["", "", false];
  let [gone, pause, drawing, again] = [0, 1, 0, 0];
  const said = h("span", { class: "log-said" });
  const button = h("button", { type: "button", onclick: () => draw(!paused) });
  fill(status, said, button);
  fill(list);

  const draw = (wanted = paused) => {
    paused = wanted;
    drawing = 0;
    if (!paused) list.prepend(...waiting.splice(0).map(row));
    for (; list.childElementCount > KEPT; gone += 1) list.lastElementChild?.remove();
    const now = (said.dataset.state = paused ? "paused" : state);
    said.textContent =
      {
        paused: `Paused · ${counted(waiting.length)} waiting`,
        open: `Live · ${counted(list.childElementCount)}`,
        connecting: "Connecting…",
        broken: again ? `Interrupted, reconnecting in ${pause} s` : "Interrupted",
      }[now] ?? "";
    button.textContent = paused ? "Resume" : "Pause";
    foot.textContent = gone > 0 ? `Shows the newest ${counted(KEPT)}; ${counted(gone)} dropped.` : "";
  };
  const connect = () => {
    state = "connecting";
    draw();
    const from = newest ? { start: `${BigInt(newest) + 1n}`, limit: KEPT } : { limit: 100 };
    socket = new WebSocket(proxied("loki", "loki/api/v1/tail", { query, ...from }));
    socket.onopen = () => {
      [state, pause] = ["open", 1];
      fill(problem);
      announce("Live");
      draw();
    };
    socket.onmessage = ({ data }) => {
      const { streams, dropped_entries: lost } = JSON.parse(data);
      waiting.unshift(...entries(streams ?? []));
      newest = waiting[0]?.ts ?? newest;
      gone += waiting.splice(KEPT).length + (lost?.length ?? 0);
      drawing ||= setTimeout(draw, DRAW_MS);
    };
    socket.onclose = broken;
  };
  // A WebSocket gives no reason for a failure; the same query over HTTP does.
  const broken = async () => {
    /** @type {unknown} */
    let error = new ApiError("down", "loki", "The connection for the live tail was lost.");
    await ask("loki", "loki/api/v1/query_range", { query, limit: 1 }, signal).catch((reason) => (error = reason));
    if (signal.aborted) return;
    renew(problem, notice(error));
    again = error instanceof ApiError && error.kind === "refused" ? 0 : setTimeout(connect, pause * 1000);
    state = "broken";
    draw();
    pause = Math.min(pause * 2, LONGEST_PAUSE);
  };
  signal.addEventListener("abort", () => {
    clearTimeout(drawing);
    clearTimeout(again);
    socket.close();
  });
  connect();
}
