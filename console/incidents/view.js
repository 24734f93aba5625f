// @ts-check
// The incidents view: the list, the incident that runs, and its solution. It shows the state that `lab incident` has.

import { announce } from "../announce.js";
import { lab } from "../api.js";
import { fill, h, renew } from "../dom.js";
import { notice, repeat } from "../notice.js";
import { incidentPart } from "./incident.js";
import { offers } from "./offers.js";

/** @import { Context } from "../types" */
/** @import { Act, Incident, Part, State } from "./types" */

export const title = "Incidents";

const REFRESH_MS = 2000;

/** @param {Context} context */
export async function show({ main, signal }) {
  if (signal.aborted) return;
  const [problem, refused, place] = [h("div"), h("div"), h("div")];
  let shown = "";
  /** @type {Part | undefined} */
  let part;
  let ending = new AbortController();

  /** @type {Act} */
  const act = async (order, body = {}) => {
    try {
      const told = await lab(`/api/incidents/${order}`, { method: "POST", body });
      fill(refused);
      draw(told.incident, true);
      return told;
    } catch (error) {
      fill(refused, notice(error));
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
