// @ts-check
// The list of incidents, each with the button that starts it.

import { fill, h, renew } from "../dom.js";
import { table } from "../table.js";

/** @import { Act, Listed, State } from "./types" */

/** @param {Act} act */
export function offers(act) {
  const seed = h("input", { type: "number", min: 0, max: Number.MAX_SAFE_INTEGER, placeholder: "any" });
  const healthy = h("input", { type: "checkbox" });
  const [why, rows] = [h("div"), h("div")];
  const fields = h(
    "form",
    { class: "row", "aria-label": "How to start", onsubmit: start },
    h("label", { class: "row" }, "Seed", seed),
    h("label", { class: "row" }, healthy, "Look at it healthy first"),
    h("button", {}, "Start any"),
  );
  const about =
    "An incident breaks this lab on purpose. Find out what happened from metrics, logs and traces. The same seed " +
    "breaks the same. Healthy sends the same traffic and breaks nothing.";
  const element = h(
    "section",
    { class: "surface part", "aria-label": "All incidents", hidden: true },
    h("h2", {}, "All incidents"),
    h("p", { class: "quiet" }, about),
    why,
    fields,
    rows,
  );
  let drawn = "";

  /** Starts the incident of the button; that of the form lets the seed choose. @param {Event} event */
  async function start(event) {
    event.preventDefault();
    const { name } = /** @type {HTMLButtonElement} */ (event.currentTarget);
    if (element.inert || !seed.reportValidity()) return;
    element.inert = true;
    const told = await act("start", {
      ...(name && { name }),
      ...(seed.value && { seed: Number(seed.value) }),
      healthy: healthy.checked,
    });
    element.inert = false;
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
  function update({ incidents, incident, problem }) {
    element.hidden = incident?.stage === "starting" || incident?.stage === "open";
    fields.hidden = problem !== null;
    renew(why, h("p", { class: problem && "notice" }, problem));
    const key = JSON.stringify([incidents, problem]);
    if (key === drawn) return;
    drawn = key;
    const heads = ["Incident", "Difficulty", "Minutes", "Questions", ""];
    fill(rows, table("Incidents", heads, incidents.map(row), ["Minutes", "Questions"]));
  }
  return { element, update };
}
