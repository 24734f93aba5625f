// @ts-check
// The incidents view: the list, the incident that runs, and its solution. It shows the state that `lab incident` has.

import { announce } from "../announce.js";
import { lab } from "../api.js";
import { fill, h, renew, section } from "../dom.js";
import { notice, repeat } from "../notice.js";
import { table } from "../table.js";
import { incidentPart } from "./incident.js";

/** @import { Context } from "../types" */
/** @import { Act, Incident, Listed, Part, State } from "./types" */

export const title = "Incidents";

const REFRESH_MS = 2000;

/** @param {Context} context */
export async function show({ main, signal }) {
  if (signal.aborted) return;
  const [problem, refused, place] = [h("div"), h("div"), h("div")];
  let shown = "";
  /** @type {Set<string>} */
  const busy = new Set();
  /** @type {Part | undefined} */
  let part;
  let ending = new AbortController();

  /** @type {Act} */
  const act = async (order, body = {}) => {
    // A second click must not take a second hint.
    if (busy.has(order)) return;
    busy.add(order);
    try {
      const told = await lab(`/api/incidents/${order}`, { method: "POST", body }).finally(() => busy.delete(order));
      fill(refused);
      draw(told.incident, true);
      return told;
    } catch (error) {
      renew(refused, notice(error));
    } finally {
      refresh();
    }
  };
  const list = offers(act);

  /** @type {(incident: Incident | null, here: boolean) => void} */
  function draw(incident, here) {
    if (signal.aborted) return;
    const run = incident ? `${incident.name} ${incident.started_ms}` : "none";
    if (run !== shown) {
      // Another run is drawn from the beginning. Within a run nothing that somebody types is touched.
      ending.abort();
      ending = new AbortController();
      part = incident ? incidentPart(incident, here, act, AbortSignal.any([signal, ending.signal])) : undefined;
      fill(place, part?.element);
      if (shown && incident) announce(`${incident.title}. ${incident.page}`);
      shown = run;
    }
    if (incident) part?.update(incident);
  }

  const refresh = repeat(
    async (now) => {
      try {
        /** @type {State} */
        const state = await lab("/api/incidents", { signal: now });
        draw(state.incident, state.here);
        list.update(state);
        // What failed because the lab was away is told no more.
        if (problem.firstChild) fill(refused);
        fill(problem);
      } catch (error) {
        // What was known before stays, below the error.
        if (!now.aborted) renew(problem, notice(error));
      }
    },
    () => REFRESH_MS,
    signal,
  );
  fill(main, h("div", { class: "toolbar" }, h("h1", {}, title)), problem, refused, place, list.element);
  refresh();
}

/** The list of incidents, each with the button that starts it. @param {Act} act */
function offers(act) {
  const seed = h("input", { type: "number", min: 0, max: Number.MAX_SAFE_INTEGER, placeholder: "any" });
  const healthy = h("input", { type: "checkbox" });
  // Its rows stack on a narrow screen, as those of the services do.
  const [why, rows] = [h("div"), h("div", { class: "view-services" })];
  const fields = h(
    "form",
    { class: "row", "aria-label": "How to start", onsubmit: start },
    h("label", { class: "row" }, "Seed", seed),
    h("label", { class: "row" }, healthy, "Look at it healthy first"),
    h("button", {}, "Start any"),
  );
  const about =
    "An incident breaks this lab on purpose. Find out what happened from metrics, logs and traces. The same seed " +
    "breaks the same; healthy, the same traffic is sent and nothing breaks. Within the minutes the score loses nothing.";
  const element = section("All incidents", h("p", { class: "quiet" }, about), why, fields, rows);
  element.hidden = true;
  let drawn = "";

  /** Starts the incident of the button; that of the form lets the seed choose. @param {Event} event */
  async function start(event) {
    event.preventDefault();
    /** @type {any} */
    const { name } = event.currentTarget;
    if (!seed.reportValidity()) return;
    const told = await act("start", {
      ...(name && { name }),
      ...(seed.value && { seed: Number(seed.value) }),
      healthy: healthy.checked,
    });
    if (told) document.getElementById("incident")?.focus();
  }

  /** @param {Listed} one */
  const row = ({ name, title, difficulty, minutes, questions }) => [
    [h("strong", {}, title), h("div", { class: "quiet mono" }, name)],
    `${difficulty} of 5`,
    minutes,
    questions,
    h(
      "button",
      { type: "button", name, "aria-label": `Start ${title}`, onclick: start, hidden: fields.hidden },
      "Start",
    ),
  ];

  /** @param {State} state */
  function update({ incidents, incident, problem, can_start }) {
    element.hidden = incident?.stage === "starting" || incident?.stage === "open";
    fields.hidden = !can_start;
    renew(why, h("p", { class: problem && "notice" }, problem));
    const key = JSON.stringify([incidents, problem]);
    if (key === drawn) return;
    drawn = key;
    const heads = ["Incident", "Difficulty", "Minutes", "Questions", ""];
    fill(rows, table("Incidents", heads, incidents.map(row), ["Minutes", "Questions"]));
  }
  return { element, update };
}
