// @ts-check
// Controls for the time range and the refresh interval.

import { h } from "./dom.js";
import { RANGES, REFRESHES, span } from "./time.js";

/** @typedef {import("./types").Range} Range */

/**
 * Chooses a range on offer, or a custom start and end.
 * @param {Range} range @param {(range: Range) => void} chosen
 */
export function timePicker(range, chosen) {
  const offered = range.to === "now" && RANGES.some((one) => one.from === range.from);
  const choice = h(
    "select",
    { "aria-label": "Time range", id: "time-range" },
    RANGES.map((one) => h("option", { value: one.from, selected: offered && one.from === range.from }, one.label)),
    h("option", { value: "custom", selected: !offered }, "Custom…"),
  );
  const at = span(range);
  const from = h("input", { type: "datetime-local", step: 1, "aria-label": "From", value: local(at.start) });
  const to = h("input", { type: "datetime-local", step: 1, "aria-label": "To", value: local(at.end) });
  const apply = h("button", { type: "submit" }, "Apply");
  const custom = h("form", { class: "custom-range", hidden: offered }, from, "–", to, apply);
  choice.addEventListener("change", () => {
    custom.hidden = choice.value !== "custom";
    if (custom.hidden) chosen({ from: choice.value, to: "now" });
    else from.focus();
  });
  custom.addEventListener("submit", (event) => {
    event.preventDefault();
    const start = new Date(from.value).getTime();
    const end = new Date(to.value).getTime();
    to.setCustomValidity(end > start ? "" : "The end must be after the start");
    if (custom.reportValidity()) chosen({ from: String(start), to: String(end) });
  });
  custom.addEventListener("input", () => to.setCustomValidity(""));
  return h("div", { class: "time-picker" }, choice, custom);
}

/**
 * Chooses the refresh interval, such as `5s` (empty is off), and has a button that refreshes now.
 * @param {string} every @param {(every: string) => void} chosen @param {() => void} now
 */
export function refreshPicker(every, chosen, now) {
  const options = REFRESHES.map((one) => h("option", { value: one, selected: one === every }, one || "Off"));
  const choice = h("select", { "aria-label": "Refresh every", id: "refresh" }, options);
  choice.addEventListener("change", () => chosen(choice.value));
  return h("div", { class: "refresh-picker" }, h("button", { type: "button", onclick: now }, "Refresh"), choice);
}

/** The value of a datetime-local input, in the browser's time zone. @param {number} ms */
function local(ms) {
  return new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
