// @ts-check
// Draws one log line, for the logs view and for dashboards.

import { colorOf, swatch } from "../colors.js";
import { fill, h } from "../dom.js";
import { formatTime } from "../format.js";
import { counted, read, SERVICE } from "./loki.js";

/** Characters that are shown before the line is expanded. */
const SHOWN = 600;

/** An item of a list with class `log-lines`. @type {import("./types").LogLine} */
export function logLine(entry, links, { openable = false } = {}) {
  const { level, message, code } = read(entry);
  const service = entry.labels[SERVICE] ?? "";
  const title = formatTime(Number(entry.ts.slice(0, -6)));
  const time = title.slice(11);
  const details = h("div", { class: "log-details", hidden: true });
  const name = `Details of the line at ${time}`;
  const open = opener(time, { class: "log-time", title, "aria-label": name }, details, () => {
    const rows = Object.entries(entry.labels).map((row) =>
      h("tr", {}, h("th", { scope: "row" }, row[0]), h("td", {}, row[1])),
    );
    fill(details, h("pre", {}, entry.line), h("table", {}, rows));
  });
  return h(
    "li",
    { class: "log-line", "data-level": level || "other" },
    openable ? open : h("span", { class: "log-time", title }, time),
    h("span", { class: "log-service", title: service }, swatch(colorOf(service)), service),
    h("span", { class: "log-level" }, level || "–"),
    h(
      "span",
      { class: "log-text" },
      folded(message || entry.line),
      h("span", { class: "quiet" }, code),
      links(entry.line).map(
        ({ href, label, value }) => href && h("a", { class: "log-trace", href, title: label }, value),
      ),
    ),
    openable && details,
  );
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
