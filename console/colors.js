// @ts-check
// Colours of services and series: a name has the same colour everywhere, and all are readable in both themes.

import { h } from "./dom.js";

const PALETTE = [
  ...["#4c7ef3", "#e0752d", "#2f9e5f", "#b061d6", "#d64570", "#1c9db3"],
  ...["#a8841a", "#7a6ff0", "#c4559b", "#5f8f2f", "#d0563f", "#3c8fd6"],
];

/** Grafana's names of colours, as dashboards use them. */
const NAMED = /** @type {Record<string, string>} */ ({
  green: "#2f9e5f",
  yellow: "#b8901a",
  orange: "#e0752d",
  red: "#d9363e",
  blue: "#4c7ef3",
  purple: "#b061d6",
  text: "var(--text)",
});

/** Names that differ in their last letter only (app-a, app-b) differ in colour. @param {string} name */
export function colorOf(name) {
  let sum = 0;
  for (const character of name) sum = (sum * 13 + (character.codePointAt(0) ?? 0)) % 0x7fffffff;
  return PALETTE[sum % PALETTE.length];
}

/**
 * Colours of names that are shown together: where two would have the same, the later one takes the next that is free.
 * @param {Iterable<string>} names @returns {Map<string, string>}
 */
export function colorsOf(names) {
  const all = new Map();
  for (const name of new Set(names)) {
    const taken = [...all.values()];
    const at = PALETTE.indexOf(colorOf(name));
    all.set(name, [...PALETTE.slice(at), ...PALETTE].find((one) => !taken.includes(one)) ?? PALETTE[at]);
  }
  return all;
}

/** A colour of a dashboard file: a name, whose shade is left out, or hexadecimal. @param {string | undefined} name */
export function namedColor(name = "green") {
  if (/^#[0-9a-fA-F]{3,8}$/.test(name)) return name;
  return NAMED[name.replace(/^(super-light|light|semi-dark|dark)-/, "")] ?? NAMED.blue;
}

/** A small field of a colour, in front of what is drawn in it. @param {string} color */
export function swatch(color) {
  const mark = h("span", { class: "swatch" });
  mark.style.background = color;
  return mark;
}
