// @ts-check
// One incident: the page that woke somebody, the clock, links to its telemetry, answers, hints and how to end it.

import { announce } from "../announce.js";
import { fill, h, renew, section } from "../dom.js";
import { questions } from "./questions.js";

/** @import { Act, Incident, Part } from "./types" */

/** What became of an incident that is not to be solved any more. @type {Record<string, string>} */
const ENDS = { solved: "Solved", given_up: "Given up", stopped: "Stopped", over: "Its time is over" };

/** @param {Incident} first @param {boolean} here @param {Act} act @param {AbortSignal} signal @returns {Part} */
export function incidentPart(first, here, act, signal) {
  let now = first;
  let polled = 0;
  let walked = false;
  let ended = false;
  const clock = h("p", { role: "timer" });
  const [state, ways, hints, walk] = [h("div"), h("div"), h("ol"), h("div")];
  const form = questions(first, act);
  const hint = h("button", { type: "button", onclick: takeHint });
  const help = section("Hints", hints, hint);
  const breaking = h("button", { type: "button", class: "primary", onclick: breakIt }, "Now break it");
  const stop = confirmed("Stop", "It heals the lab.", () => act("stop"));
  const giveUp = confirmed("Give up", "It shows the solution and ends with no points.", () => solve(true));
  const about = section(
    first.title,
    h("blockquote", {}, first.page),
    state,
    clock,
    h("nav", { "aria-label": "Look at" }, ways),
    h("div", { class: "row" }, breaking, stop, giveUp),
  );
  /** @type {any} */
  const heading = about.firstChild;
  heading.id = "incident";
  heading.tabIndex = -1;
  const element = h("div", {}, about, form.element, help, walk);

  async function takeHint() {
    const told = await act("hint");
    announce(told?.hint ?? "");
    // The button goes with the last one.
    if (hint.hidden) heading.focus();
  }

  async function breakIt() {
    const { name, seed } = now;
    if (await act("stop")) await act("start", { name, seed });
  }

  /** Shows the solution. @param {boolean} give_up */
  async function solve(give_up) {
    walked = true;
    const told = await act("solution", { give_up });
    const { solutionWalk } = await import("./walk.js");
    if (told && !signal.aborted)
      fill(
        walk,
        solutionWalk(told.incident, here, () => solve(false), signal),
      );
  }

  function tick() {
    const { score, stage, until_ms, healthy } = now;
    const open = stage === "open";
    const seconds = score.seconds + (open ? (performance.now() - polled) / 1000 : 0);
    const late = seconds >= score.free_seconds;
    const from = late ? "Each" : `From ${minutes(score.free_seconds)} on each`;
    const end = new Date(until_ms).toLocaleTimeString("en-GB");
    const said = [`${minutes(seconds)} min`, open && !healthy && `${from} minute costs a point`];
    clock.textContent = [...said, open && `It ends by itself at ${end}`].filter(Boolean).join(". ");
    clock.className = open && late ? "warn" : "";
  }

  /** @param {Incident} incident */
  function update(incident) {
    const { stage, healthy, active, runner, score } = incident;
    [now, polled] = [incident, performance.now()];
    const focused = element.contains(document.activeElement);
    const open = stage === "open";
    const playing = open && !healthy;
    const points = `${score.points} of ${score.of} points (hints: ${score.hints}, wrong answers: ${score.wrong})`;
    const lines = [
      h("p", { class: "quiet" }, `${incident.name}, seed ${incident.seed}, difficulty ${incident.difficulty} of 5`),
      !here && told("It runs in another lab: ", incident.links[0]?.url),
      healthy && told("Nothing is broken: see how the lab looks when all is well."),
      open && !runner && told("Its traffic has ended, because its process is gone. Stop it."),
      !(healthy && open) && h("p", {}, h("strong", {}, ENDS[stage] && `${ENDS[stage]}: `), points),
    ];
    renew(state, h("div", {}, lines));
    tick();
    // The first is this page.
    const [, ...links] = incident.links;
    const all = links.map(({ name, url }) => h("a", { class: "button", href: local(url, incident) }, name));
    renew(ways, h("div", { class: "row" }, here && all));
    form.element.hidden = !playing;
    form.update(incident);
    help.hidden = !playing;
    if (hints.childElementCount !== incident.hints.length)
      fill(
        hints,
        incident.hints.map((one) => h("li", {}, one)),
      );
    hint.hidden = incident.hints_left === 0;
    hint.textContent = `Take a hint: ${score.hint_costs} points, ${incident.hints_left} left`;
    breaking.hidden = !(healthy && open);
    stop.hidden = !active;
    giveUp.hidden = healthy || stage === "starting" || "solved given_up".includes(stage);
    const over = "solved given_up".includes(stage);
    // What had the focus is gone.
    if (over && !ended && focused) heading.focus();
    ended = over;
    if (over && !walked) solve(false);
  }

  const timer = setInterval(tick, 1000);
  signal.addEventListener("abort", () => clearInterval(timer));
  return { element, update };
}

/** A URL of the console as one of this page, which may be open at another of its addresses. @param {string} url @param {Incident} incident */
export function local(url, { servers }) {
  return url.replace(servers.console, "");
}

/** @type {(text: string, href?: string | false) => HTMLElement} */
function told(text, href) {
  return h("p", { class: "notice" }, text, href && h("a", { href }, href));
}

/** As 3:05. @param {number} seconds */
function minutes(seconds) {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}

/** A button that asks before it acts. @param {string} name @param {string} about @param {() => unknown} act */
function confirmed(name, about, act) {
  const place = h("span", { class: "row" });
  /** @type {(text: string, onclick: () => void) => HTMLButtonElement} */
  const button = (text, onclick) => h("button", { type: "button", onclick }, text);
  const ask = () => {
    fill(place, about, sure, back);
    back.focus();
  };
  const sure = button(`${name} now`, () => {
    rest();
    act();
  });
  const back = button("Cancel", rest);
  const first = button(`${name}…`, ask);
  function rest() {
    fill(place, first);
    first.focus();
  }
  fill(place, first);
  return place;
}
