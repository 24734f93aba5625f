// @ts-check
// Colours of services and series. A name has the same colour in every view; each colour is readable in both themes.

import { h } from "./dom.js";

const PALETTE = [
  ...["#4c7ef3", "#e0752d", "#2f9e5f", "#b061d6", "#d64570", "#1c9db3"],
  ...["#a8841a", "#7a6ff0", "#c4559b", "#5f8f2f", "#d0563f", "#3c8fd6"],
];

/** Grafana's colour names, used by dashboard files. @type {Record<string, string>} */
const NAMED = {
  green: "#2f9e5f",
  yellow: "#b8901a",
  orange: "#e0752d",
  red: "#d9363e",
  blue: "#4c7ef3",
  purple: "#b061d6",
  text: "var(--text)",
};

/** Names that differ in their last letter only (app-a, app-b) differ in colour. @param {string} name */
export function colorOf(name) {
  let sum = 0;
  for (const character of name) sum = (sum * 13 + (character.codePointAt(0) ?? 0)) % 0x7fffffff;
  return PALETTE[sum % PALETTE.length];
}

/**
 * Colours of names that are shown together. When two would share a colour, the later one takes the next free colour.
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

/** The CSS colour for a colour of a dashboard file: hexadecimal, or a name whose shade is ignored. @param {string | undefined} name */
export function namedColor(name = "green") {
  if (/^#[0-9a-fA-F]{3,8}$/.test(name)) return name;
  return NAMED[name.replace(/^(super-light|light|semi-dark|dark)-/, "")] ?? NAMED.blue;
}

/** A small colour sample, shown before a name. @param {string} color */
export function swatch(color) {
  const mark = h("span", { class: "swatch" });
  mark.style.background = color;
  return mark;
}
