// @ts-check
// The questions of an incident as a form. Its fields are made once for a run: a refresh never touches what is typed.

import { announce } from "../announce.js";
import { h, renew } from "../dom.js";

/** @import { Act, Asked, Incident } from "./types" */

/** What was typed by run and question, kept over visits to other views. @type {Map<string, string>} */
const drafts = new Map();

/** @param {Incident} first @param {Act} act */
export function questions(first, act) {
  const all = first.asked.map((asked) => {
    const draft = `${first.started_ms} ${asked.key}`;
    const control = field(asked, first, drafts.get(draft) ?? "");
    control.addEventListener("input", () => drafts.set(draft, control.value));
    const [right, wrong] = [h("div", { class: "good" }), h("div", { class: "bad" })];
    const zone = asked.kind === "time" && Intl.DateTimeFormat().resolvedOptions().timeZone;
    const label = h("label", {}, h("div", {}, asked.text), control, " ", zone || asked.unit);
    return { asked, control, label, right, wrong };
  });
  const button = h("button", { class: "primary" }, "Answer");
  const price = h("span", { class: "quiet" });
  const rows = all.map(({ label, right, wrong }) => h("div", { class: "answer" }, label, right, wrong));
  const attributes = { class: "surface part", "aria-label": "Answers", onsubmit: answer };
  const element = h("form", attributes, h("h2", {}, "Answers"), rows, h("div", { class: "row" }, button, price));

  /** @param {Event} event */
  async function answer(event) {
    event.preventDefault();
    const given = all.filter(({ asked, control }) => asked.answer === null && control.value.trim());
    const answers = given.map(({ asked, control }) => [asked.key, valueOf(asked, control.value.trim(), first)]);
    const told = await act("answer", { answers: Object.fromEntries(answers) });
    announce(
      Object.entries(told?.right ?? {})
        .map(([key, right]) => `${key}: ${right ? "right" : "wrong"}`)
        .join(", "),
    );
  }

  /** @param {Incident} incident */
  function update({ asked: now, score }) {
    price.textContent = `A wrong answer costs ${score.wrong_costs} points`;
    all.forEach((one, at) => {
      const { control, right, wrong } = one;
      const { answer, wrong: others } = (one.asked = now[at]);
      if (answer !== null && document.activeElement === control) button.focus();
      control.disabled = answer !== null;
      right.textContent = answer === null ? "" : `✓ ${shown(one.asked, answer)}`;
      // What somebody typed turns nothing else around.
      renew(
        wrong,
        h(
          "div",
          {},
          others.flatMap((value, at) => [at ? ", " : "Not ", h("bdi", {}, shown(one.asked, value))]),
        ),
      );
    });
  }
  return { element, update };
}

/** A time in the time zone of the browser, as the views show it. @param {Asked} asked @param {string} value */
function shown({ kind }, value) {
  const at = kind === "time" ? Date.parse(value) : NaN;
  return at ? new Date(at).toLocaleTimeString("en-GB") : value;
}

/** @param {Asked} asked @param {Incident} incident @param {string} draft */
function field({ kind, choices = {} }, { services, routes }, draft) {
  const values = { service: services, route: routes, cause: Object.keys(choices) }[String(kind)];
  if (values) {
    const options = ["", ...values].map((value) =>
      h("option", { value, selected: value === draft }, choices[value] || value || "Choose…"),
    );
    return h("select", {}, options);
  }
  const type = kind === "attribute" ? "text" : kind;
  return h("input", { type, step: kind === "time" ? 1 : "any", maxLength: 200, value: draft });
}

/** The answer as the lab reads it: of a time of day, the one that is closest to the start. @param {Asked} asked @param {string} value @param {Incident} incident */
function valueOf({ kind }, value, { started_ms }) {
  if (kind !== "time") return value;
  const day = new Date(started_ms).toLocaleDateString("en-CA");
  const at = Date.parse(`${day}T${value}`);
  return new Date(at - Math.round((at - started_ms) / 86_400_000) * 86_400_000).toISOString();
}
