// @ts-check
// Draws one log line, for the logs view and for dashboards.

import { colorOf, swatch } from "../colors.js";
import { fill, h } from "../dom.js";
import { formatTime } from "../format.js";
import { counted, read, SERVICE } from "./loki.js";

/** Characters that are shown before the line is expanded. */
const SHOWN = 600;

/** An item of a list with class `log-lines`. @type {import("./types").LogLine} */
export function logLine(entry, links, filter) {
  const { level, message, code } = read(entry);
  const service = entry.labels[SERVICE] ?? entry.labels.compose_service ?? "";
  const title = formatTime(Number(entry.ts.slice(0, -6)));
  const time = title.slice(11);
  const details = h("div", { class: "log-details", hidden: true });
  const name = `Details of the line at ${time}`;
  const open = opener(time, { class: "log-time", title, "aria-label": name }, details, () => {
    const { fields = [] } = entry;
    const rows = Object.entries(entry.labels).map((row) => labelRow(row, fields.includes(row[0]), links, filter));
    fill(details, h("pre", {}, entry.line), h("table", {}, rows));
  });
  return h(
    "li",
    { class: "log-line", "data-level": level || "other" },
    filter ? open : h("span", { class: "log-time", title }, time),
    h("span", { class: "log-service", title: service }, swatch(colorOf(service)), service),
    h("span", { class: "log-level" }, level || "–"),
    h(
      "span",
      { class: "log-text" },
      folded(message || entry.line),
      h("span", { class: "quiet" }, code),
      links(entry.line, entry.labels).map(
        ({ href, label, value }) => href && h("a", { class: "log-trace", href, title: label }, value),
      ),
    ),
    filter && details,
  );
}

/**
 * A label of a line with its value, the trace it leads to, and buttons that keep or drop the lines with this value.
 * @param {[string, string]} label @param {boolean} own it is of the line, not of its stream
 * @param {import("./types").Links} links @param {import("./types").Filter} [filter]
 */
function labelRow([name, value], own, links, filter) {
  const href = links("", { [name]: value })[0]?.href;
  return h(
    "tr",
    { class: own && "log-field" },
    h("th", { scope: "row" }, name),
    h("td", {}, href ? h("a", { href }, value) : value, filter && filterButtons(name, value, filter)),
  );
}

/** @param {string} name @param {string} value @param {import("./types").Filter} filter @param {string} [parser] */
export function filterButtons(name, value, filter, parser) {
  return [false, true].map((without) => {
    const said = `${without ? "Without" : "Only"} ${name} ${value}`.slice(0, 200);
    const onclick = () => filter(name, value, without, parser);
    return h("button", { type: "button", "aria-label": said, title: said, onclick }, without ? "≠" : "=");
  });
}

/** The first line of a text and a button that shows the rest. @param {string} text */
function folded(text) {
  const first = text.slice(0, SHOWN).split("\n", 1)[0];
  const rest = text.slice(first.length).replace(/^\n/, "").trimEnd();
  if (!rest) return `${first}  `;
  const name = `+${counted(rest.split("\n").length)}`;
  const place = h("span", { class: "log-rest", hidden: true }, rest);
  const button = opener(
    name,
    { class: "log-more" },
    place,
    () => (button.textContent = place.hidden ? name : "Show less"),
  );
  return [`${first}  `, place, button];
}

/** @type {(text: string, properties: object, place: HTMLElement, changed: () => void) => HTMLElement} */
function opener(text, properties, place, changed) {
  const button = h("button", { type: "button", "aria-expanded": "false", ...properties }, text);
  button.addEventListener("click", () => {
    place.hidden = !place.hidden;
    button.ariaExpanded = String(!place.hidden);
    changed();
  });
  return button;
}
