// @ts-check
// The alerts view: what fires, and the state of each rule, as Prometheus tells them.

import { link } from "../address.js";
import { ask, lab } from "../api.js";
import { fill, h, redraw, renew, section } from "../dom.js";
import { formatTime, formatValue } from "../format.js";
import { notice, repeat } from "../notice.js";
import { table } from "../table.js";

/** @import { Alert, Group, Rule } from "./types" */

export const title = "Alerts";

const REFRESH_MS = 5000;
/** The most rows of a table. */
const MOST = 500;
const NOTABLE = ["firing", "pending"];

/** @param {import("../types").Context} context */
export async function show({ main, signal }) {
  if (signal.aborted) return;
  const [problem, active, rules] = [h("div"), h("div"), h("div")];
  fill(main, h("div", { class: "toolbar" }, h("h1", {}, title)), problem, active, rules);
  fill(active, h("p", { class: "quiet" }, "Loading…"));
  /** @param {AbortSignal} now */
  const refresh = async (now) => {
    try {
      // Without it no alert is marked.
      const running = lab("/api/incidents", { signal: now }).catch(() => ({}));
      /** @type {Group[]} */
      const groups = (await ask("prometheus", "api/v1/rules", {}, now)).data.groups;
      const { incident, here } = await running;
      const began = here && incident?.active ? incident.started_ms : 0;
      redraw(active, () => renew(active, section("Pending and firing", alerts(groups, began))));
      redraw(rules, () => renew(rules, section("Rules", rulesOf(groups))));
      fill(problem);
    } catch (error) {
      if (now.aborted) return;
      renew(problem, notice(error));
      // What was known before stays, below the error.
      if (!rules.firstChild) fill(active);
    }
  };
  repeat(refresh, () => REFRESH_MS, signal)();
}

/** @param {string} state */
function shown(state) {
  const kind = { firing: "bad", err: "bad", pending: "warn", ok: "good", inactive: "good" }[state] ?? "quiet";
  return h("span", { class: `state ${kind}` }, state);
}

/** @param {Group[]} groups @param {number} began when the incident that runs began, else 0 */
function alerts(groups, began) {
  const all = groups.flatMap(({ rules }) => rules.flatMap(({ alerts }) => alerts ?? []));
  if (all.length === 0) return h("p", { class: "quiet" }, "No alert is pending or firing.");
  all.sort((one, other) => NOTABLE.indexOf(one.state) - NOTABLE.indexOf(other.state));
  return [
    table(
      "Alerts",
      ["State", "Alert", "What", "Value", "Since"],
      all.slice(0, MOST).map((one) => alert(one, began)),
    ),
    more(all.length),
  ];
}

/** @param {number} count */
function more(count) {
  return count > MOST && h("p", { class: "quiet" }, `The first ${MOST} of ${count} are shown.`);
}

/** @param {Alert} alert @param {number} began */
function alert({ state, labels, annotations, activeAt, value }, began) {
  const { alertname, ...others } = labels;
  const { summary, description } = annotations;
  const named = Object.entries(others).map(([name, text]) => `${name}="${text}"`);
  const since = Date.parse(activeAt);
  return [
    shown(state),
    [h("strong", {}, alertname), h("div", { class: "quiet mono" }, named.join(" "))],
    [h("div", {}, summary), h("div", { class: "quiet" }, description)],
    formatValue(Number(value)),
    [Number.isNaN(since) ? "–" : formatTime(since), since < began && h("div", {}, "before this incident")],
  ];
}

/** @param {Group[]} groups */
function rulesOf(groups) {
  if (groups.length === 0) return h("p", { class: "quiet" }, "Prometheus has no rules.");
  const rows = groups.flatMap(({ name, rules }) => rules.map((one) => rule(name, one)));
  return [table("Rules", ["State", "Rule", "Group", "Query"], rows.slice(0, MOST)), more(rows.length)];
}

/** @param {string} group @param {Rule} rule */
function rule(group, { name, state, health, lastError, query }) {
  const told = lastError && h("div", { class: "bad" }, lastError);
  const ask = h(
    "a",
    { href: link("/explore", { expr: query }), "aria-label": `Query of ${name}` },
    h("code", {}, query),
  );
  return [[shown(health === "ok" && state ? state : health), told], name, group, ask];
}
