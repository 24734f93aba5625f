// @ts-check
// The traffic view: sends requests to the instances, and lists responses and services.

import { announce } from "../announce.js";
import { lab } from "../api.js";
import { colorOf, swatch } from "../colors.js";
import { logsAddress, logsQuery, traceAddress } from "../correlation.js";
import { fill, h, renew, section } from "../dom.js";
import { formatClock, formatDuration } from "../format.js";
import { notice, repeat } from "../notice.js";

/** @import { Sent, Status, Steady, Traffic } from "./types" */

export const title = "Send traffic";

const REFRESH_MS = 2000;
/** The most responses that are kept. */
const MOST = 100;

/** Kept while the page is open, so that they are still listed after a visit to a trace. @type {Sent[]} */
const sent = [];
const rows = h("tbody");

/** @param {import("../types").Context} context */
export async function show({ main, signal }) {
  if (signal.aborted) return;
  const [problem, requests, runs] = [h("div"), h("div"), h("div")];
  const steady = steadyLoad();
  const heads = ["Time", "Instance", "Path", "Status", "Duration", "Response", "Trace", "Logs"];
  const head = h(
    "thead",
    {},
    h(
      "tr",
      {},
      heads.map((name) => h("th", { scope: "col" }, name)),
    ),
  );
  const follow = [
    ["Metrics: send traffic, then open the ", "/", "dashboard", ". Each dot on the latency chart is one request."],
    ["Traces: click a dot to open its trace. The ", "/traces", "search", " finds other traces."],
    ["Logs: choose “Logs of this trace”. The trace id in each ", "/logs", "log line", " links back to the trace."],
  ].map(([before, href, name, behind]) => h("li", {}, before, h("a", { href }, name), behind));
  fill(
    main,
    h("div", { class: "toolbar" }, h("h1", {}, "Send traffic")),
    h(
      "div",
      { class: "traffic" },
      section("One request", problem, requests),
      section("Steady load", steady.form),
      section("Follow a request", h("ol", {}, follow)),
    ),
    section("Responses", h("table", { class: "mono", "aria-label": "Responses, newest first" }, head, rows)),
    section("Services", runs),
  );
  draw();
  /** @param {AbortSignal} now */
  const refresh = async (now) => {
    try {
      const traffic = await lab("/api/traffic", { signal: now });
      renew(requests, sender(traffic));
      steady.tell(traffic.steady);
      renew(runs, running(await lab("/api/status", { signal: now })));
      fill(problem);
    } catch (error) {
      if (!now.aborted) renew(problem, notice(error));
    }
  };
  repeat(refresh, () => REFRESH_MS, signal)();
}

/** @param {Traffic} traffic */
function sender({ apps, paths }) {
  const instance = h(
    "select",
    {},
    apps.map((app) => h("option", {}, app)),
  );
  const id = h("input", { value: "7", required: true, maxLength: 64, size: 8 });
  const buttons = paths.map((path) => {
    const onclick = () => send(instance.value, path, apps);
    return h("button", { type: "button", class: "mono", "aria-label": `Send ${path}`, onclick }, path);
  });
  /** @param {Event} event */
  const item = (event) => {
    event.preventDefault();
    send(instance.value, `/items/${encodeURIComponent(id.value.trim())}`, apps);
  };
  return h(
    "form",
    { onsubmit: item },
    h("label", { class: "row" }, "Instance", instance),
    h("div", { class: "row" }, buttons),
    h("div", { class: "row" }, h("label", { class: "row" }, "Item id", id), h("button", {}, "Send item")),
  );
}

/** @type {(app: string, path: string, apps: string[]) => Promise<void>} */
async function send(app, path, apps) {
  /** @type {Sent} */
  const one = { app, path, at: Date.now() };
  sent.unshift(one);
  sent.splice(MOST);
  draw();
  try {
    const answer = (one.answer = await lab("/api/traffic/requests", { method: "POST", body: { app, path } }));
    if (answer.trace_id) {
      // Any of the instances may have spans in the trace.
      const span = { spanId: "", start: one.at, end: Date.now(), attributes: new Map() };
      const spans = apps.map((name) => ({ ...span, resource: new Map([["service.name", name]]) }));
      one.logs = await logsQuery(answer.trace_id, spans);
    }
  } catch (error) {
    one.error = String(error instanceof Error ? error.message : error);
  }
  announce(`${path} of ${app}: ${one.error ?? one.answer?.status}`);
  draw();
}

function draw() {
  fill(rows, sent.map(row));
}

/** @param {Sent} sent */
function row({ app, path, at, answer, logs, error }) {
  const came = answer
    ? [
        h("span", { class: answer.status < 400 ? "good" : "bad" }, answer.status),
        formatDuration(answer.duration_ms / 1000),
        answer.body.slice(0, 160),
        answer.trace_id
          ? h("a", { href: traceAddress(answer.trace_id) }, answer.trace_id)
          : h("span", { class: "quiet" }, "No trace id in the response"),
        logs && h("a", { href: logsAddress(logs), "aria-label": `Logs of ${answer.trace_id}` }, "Logs"),
      ]
    : ["", "", h("span", { class: error ? "bad" : "quiet" }, error ?? "Waiting for the response…")];
  return h(
    "tr",
    {},
    [formatClock(at), app, path, ...came].map((content) => h("td", {}, content)),
  );
}

function steadyLoad() {
  let on = false;
  const rate = h("input", { type: "number", min: "0.1", max: "50", step: "any", value: "5", required: true });
  const button = h("button");
  const said = h("div", { class: "quiet" });
  /** @param {Steady} steady */
  const tell = (steady) => {
    on = rate.disabled = steady.on;
    if (on) rate.value = String(steady.rate);
    button.textContent = on ? "Stop" : "Start";
    button.className = on ? "" : "primary";
    const counts = `${steady.sent.toLocaleString("en")} sent, ${steady.failed.toLocaleString("en")} without a response.`;
    said.textContent = steady.sent > 0 ? counts : "Sends requests to all instances and routes in turn.";
  };
  /** @param {Event} event */
  const onsubmit = async (event) => {
    event.preventDefault();
    try {
      const body = { on: !on, rate: Number(rate.value) };
      tell((await lab("/api/traffic/steady", { method: "PUT", body })).steady);
    } catch (error) {
      fill(said, notice(error));
    }
  };
  const label = h("label", { class: "row" }, rate, "requests per second");
  const form = h("form", { onsubmit }, h("div", { class: "row" }, label, button), said);
  return { form, tell };
}

/** @param {Status} status */
function running({ instances, servers }) {
  const apps = instances.map(({ name, url, running, restarts }) => {
    const state = (running ? "running" : "not running") + (restarts > 0 ? `, restarts: ${restarts}` : "");
    const docs = h("a", { href: `${url}/docs`, target: "_blank" }, url);
    const said = h("span", { class: running ? "good" : "bad" }, state);
    return h("li", {}, swatch(colorOf(name)), h("strong", {}, name), " ", docs, " ", said);
  });
  const others = Object.entries(servers).map(([name, url]) => h("li", {}, h("strong", {}, name), ` ${url}`));
  return h("ul", { class: "row" }, apps, others);
}
