// @ts-check
// What Prometheus knows: metrics with their types, labels and their values. Fetched when asked for, kept for a while.

import { ask } from "../api.js";
import { quoted } from "../correlation.js";
import { AGGREGATIONS, DURATIONS, FUNCTIONS, KEYWORDS, labelOf, selectorOf } from "./words.js";

/** @import { About, Option, Place } from "./types" */

const FRESH_MS = 15_000;
/** The most names or values that are asked for. */
const MOST = 10_000;
/** The most options of the list. */
const MOST_OPTIONS = 50;

/** @param {AbortSignal} signal */
export function knowledge(signal) {
  /** @type {Map<string, { at: number, data: Promise<any> }>} */
  const kept = new Map();

  /** @param {string} path @param {import("../types").Params} [params] */
  function get(path, params = {}) {
    const key = `${path} ${JSON.stringify(params)}`;
    const one = kept.get(key);
    if (one && Date.now() - one.at < FRESH_MS) return one.data;
    const data = ask("prometheus", `api/v1/${path}`, params, signal).then((answer) => answer.data);
    data.catch(() => kept.delete(key));
    kept.set(key, { at: Date.now(), data });
    return data;
  }

  /** @returns {Promise<string[]>} */
  const names = () => get("label/__name__/values", { limit: MOST });
  /** @type {() => Promise<Record<string, About[]>>} */
  const metadata = () => get("metadata").catch(() => ({}));

  /** All metrics, sorted by name, each with what is known about it. A histogram of buckets is one metric. */
  async function metrics() {
    const [all, about] = await Promise.all([names(), metadata()]);
    const known = new Set(all);
    /** @param {string} name */
    const base = (name) => name.replace(/_(bucket|count|sum)$/, "");
    const whole = all.map((name) => (known.has(`${base(name)}_bucket`) ? base(name) : name));
    return [...new Set(whole)].sort().map((name) => {
      const [said] = about[name] ?? [];
      const buckets = known.has(`${name}_bucket`);
      const guess = buckets ? "histogram" : name.endsWith("_total") ? "counter" : "";
      const { type = guess, help = "" } = said ?? {};
      return { name, type: type === "unknown" ? guess : type, help, buckets };
    });
  }

  /** The options for a place, best first. @param {Place} place @param {string} text the whole expression */
  async function options({ kind, written, metric, label = "", grouped }, text) {
    const selector = metric ? { "match[]": `{__name__=${quoted(metric)}}` } : {};
    if (kind === "duration") return ranked(written, plain(DURATIONS, "range"));
    if (kind === "value") {
      /** @type {string[]} */
      const values = await get(`label/${encodeURIComponent(label)}/values`, { ...selector, limit: MOST });
      return ranked(
        written,
        plain(values, "").map((one) => ({ ...one, text: quoted(one.name).slice(1, -1) })),
      );
    }
    if (kind === "label") {
      const used = grouped ? (await names()).filter((name) => text.includes(name)) : [];
      const matched = used.length > 0 ? { "match[]": used.map((name) => `{__name__=${quoted(name)}}`) } : selector;
      /** @type {string[]} */
      const labels = await get("labels", { ...matched, limit: MOST });
      const own = plain(
        labels.filter((one) => one !== "__name__"),
        "label",
      );
      const end = grouped ? "" : '="';
      return ranked(
        written,
        own.map((one) => ({ ...one, text: labelOf(one.name) + end })),
      );
    }
    const [all, about] = await Promise.all([names(), metadata()]);
    /** @param {string} name */
    const base = (name) => about[name] ?? about[name.replace(/_(bucket|count|sum)$/, "")];
    return ranked(written, [
      ...all.map((name) => {
        const { type = "metric", help = "" } = base(name)?.[0] ?? {};
        return { name, text: selectorOf(name), about: [type, help].filter(Boolean).join(": ") };
      }),
      ...[...AGGREGATIONS, ...FUNCTIONS].map((name) => ({ name, text: `${name}(`, about: "function" })),
      ...plain(KEYWORDS, "keyword"),
    ]);
  }

  return { metrics, options };
}

/** @param {readonly string[]} names @param {string} about @returns {Option[]} */
function plain(names, about) {
  return names.map((name) => ({ name, about, text: name }));
}

/**
 * Options that contain what was written: those that begin with it first, then by length. An option that is written
 * already is none.
 * @param {string} written @param {Option[]} all
 */
export function ranked(written, all) {
  const wanted = written.toLowerCase();
  const fitting = all.flatMap((one) => {
    const at = one.name.toLowerCase().indexOf(wanted);
    return at < 0 || one.text === written ? [] : [{ one, first: at === 0 ? 0 : 1 }];
  });
  if (wanted) fitting.sort((a, b) => a.first - b.first || a.one.name.length - b.one.name.length);
  const options = fitting.slice(0, MOST_OPTIONS).map(({ one }) => one);
  return { options, more: fitting.length - options.length };
}
