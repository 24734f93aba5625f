// @ts-check
// Options of dashboard variables.

import { ask } from "../api.js";
import { milliseconds } from "../time.js";
import { sourceOf } from "./source.js";
import { filled } from "./template.js";

/** @import { DataSource } from "../types" */
/** @import { Choice, Language, State, Variable } from "./types" */
/** @typedef {{ sources: readonly DataSource[], choices: readonly Choice[] }} Known */

const MOST = 1000;
const { compare } = new Intl.Collator("en", { numeric: true });

/** The query of a variable as text. @param {Variable} variable */
export function textOf({ query = "" }) {
  return typeof query === "object" ? (query?.query ?? "") : String(query);
}

/** Options of a custom variable: `a,b,c` or `name : value` pairs. `\\,` is a comma in a value. @param {string} text */
function custom(text) {
  const parts = (text.match(/(?:\\,|[^,])+/g) ?? []).map((one) => one.replaceAll("\\,", ",").trim()).filter(Boolean);
  return parts.map((one) => /^.+? : (.+)$/.exec(one)?.[1].trim() ?? one);
}

/**
 * Loads the options of a variable. The types are those of src/lab/verify/promises/variables.rs.
 * @param {State} state is changed: its options, and its choice when that is missing or no longer offered
 * @param {{ start: number, end: number }} span @param {AbortSignal} signal
 * @param {Known} known
 */
export async function loadOptions(state, span, signal, known) {
  const { definition, chosen } = state;
  const { type, name, filters = [] } = definition;
  if (type === "textbox" || type === "constant") return;
  if ((type === "adhoc" || type === "groupby") && filters.length === 0) return;
  if (type === "custom") state.options = custom(textOf(definition));
  else if (type === "interval") intervals(state, span);
  else if (type === "datasource") offer(state, known.sources);
  else if (type === "query") state.options = await optionsOf(definition, span, signal, known);
  else
    throw new Error(
      `The variable ${name} is of type ${type}${filters.length > 0 ? " with filters" : ""}, which the console does not support.`,
    );
  if (chosen.length === 0 && state.options.length > 0) state.chosen = [state.options[0]];
}

/** Options of an interval variable; `auto` is computed from the time range. @param {State} state @param {{ start: number, end: number }} span */
function intervals(state, { start, end }) {
  const { auto_count: count = 30, auto_min: least = "10s", ...definition } = state.definition;
  state.options = custom(textOf(definition));
  if (!/^(auto|\$__auto_interval)/.test(state.chosen[0] ?? "")) return;
  const fitting = Math.max(Math.ceil((end - start) / 1000 / count), milliseconds(least) / 1000);
  state.options.unshift(`${fitting}s`);
  state.chosen = [`${fitting}s`];
}

/** Options of a data source variable: the uids of all data sources of its type. @param {State} state @param {readonly DataSource[]} sources */
function offer(state, sources) {
  const {
    definition,
    chosen: [wanted = ""],
  } = state;
  const kind = textOf(definition);
  const filter = expression(definition.regex);
  const offered = sources.filter((one) => one.type === kind && (!filter || filter.test(one.name)));
  if (offered.length === 0)
    throw new Error(`The variable ${definition.name} has no data source of type ${kind} to offer.`);
  const opening = wanted === "" || wanted === "default";
  const found = offered.find((one) => (opening ? one.isDefault : one.uid === wanted || one.name === wanted));
  state.options = offered.map((one) => one.uid);
  state.chosen = [(found ?? offered[0]).uid];
}

/**
 * Options of a query variable, fetched from its data source.
 * @param {Variable} variable @param {{ start: number, end: number }} span @param {AbortSignal} signal
 * @param {Known} known
 */
async function optionsOf(variable, { start, end }, signal, { sources, choices }) {
  const { type } = sourceOf(variable.datasource, sources, choices);
  const range = (end - start) / 1000;
  const question = questionOf(variable, type);
  if (!question) {
    const text = textOf(variable) || JSON.stringify(variable.query);
    throw new Error(
      `The variable ${variable.name} of a data source of type ${type} is ${text}; supported are label_values(series, label), label_names(), metrics(), query_result().`,
    );
  }
  const language = /** @type {Language} */ (type);
  /** @param {string} text */
  const fill = (text) => filled(text, language, { range, end, step: 1, rateInterval: 1 }, choices);
  const [path, given] = question;
  const params = Object.fromEntries(Object.entries(given).map(([name, text]) => [name, text && fill(text)]));
  const times = path === "query" ? { time: end / 1000 } : { start: start / 1000, end: end / 1000 };
  const address = `${type === "loki" ? "loki/" : ""}api/v1/${fill(path)}`;
  const { data } = await ask(language, address, { ...params, ...times }, signal);
  const texts = textsOf(data).filter((one) => one !== "__name__");
  return taken(expression(variable.regex), texts).sort(compare).slice(0, MOST);
}

/** Path and parameters of the request for a query variable; undefined for an unsupported query. @param {Variable} variable @param {string} type */
function questionOf({ query }, type) {
  const loki = type === "loki";
  if (!loki && type !== "prometheus") return undefined;
  const matching = loki ? "query" : "match[]";
  const text = textOf({ query, name: "", type: "" }).trim();
  const { label = "", stream = "", metric = "", type: kind } = typeof query === "object" && query ? query : {};
  const [, name, inner = ""] = /^(label_values|label_names|metrics|query_result)\((.*)\)$/s.exec(text) ?? [];
  /** @type {[string, Record<string, string | undefined>] | undefined} */
  let question;
  if (name === "label_values" || (text === "" && label)) {
    const [, selector = stream || metric, of = label] = /^(?:(.*),)?\s*([^,(){}"\s]+)\s*$/s.exec(inner) ?? [];
    const wanted = /^\s*(\{\s*\})?\s*$/.test(selector) ? undefined : selector.trim();
    if (of) question = [`label/${of}/values`, { [matching]: wanted }];
  } else if (name === "label_names" || (loki && text === "" && kind === 0)) {
    question = ["labels", inner && !loki ? { "match[]": `{__name__=~".*${inner}.*"}` } : {}];
  } else if (loki) return undefined;
  else if (name === "metrics") question = ["label/__name__/values", { "match[]": `{__name__=~"${inner}"}` }];
  else if (name === "query_result") question = ["query", { query: inner }];
  else if (/^[A-Za-z_:{][^(]*$/.test(text)) question = ["series", { "match[]": text }];
  return question;
}

/** The texts of a response to which the regex of the variable is applied. @param {any} data @returns {string[]} */
function textsOf(data) {
  /** @param {Record<string, string>} one */
  const series = ({ __name__: name = "", ...labels }) =>
    `${name}{${Object.entries(labels)
      .map(([label, value]) => `${label}="${value}"`)
      .join(",")}}`;
  if (data?.resultType === "scalar") return [data.result[1]];
  if (data?.resultType) {
    /** @type {any[]} */
    const all = data.result;
    return all.map(({ metric, value: [time, value] }) => `${series(metric)} ${value} ${time * 1000}`);
  }
  return (data ?? []).map((/** @type {any} */ one) => (typeof one === "object" ? series(one) : String(one)));
}

/** A regex as Grafana writes it: `/…/` with flags, or a text that must match as a whole. @param {string} [text] */
function expression(text) {
  if (!text) return undefined;
  const [, inner, flags = ""] = /^\/(.*?)\/([gimsy]*)$/s.exec(text) ?? [];
  return inner === undefined ? new RegExp(`^${text}$`) : new RegExp(inner, flags.replace(/[gy]/g, ""));
}

/** Applies a regex: takes the group `value` or `text`, else the first group, else the whole text. @param {RegExp | undefined} regex @param {string[]} texts */
function taken(regex, texts) {
  if (!regex) return texts;
  const found = texts.flatMap((text) => {
    const match = regex.exec(text);
    return match ? [match.groups?.value ?? match.groups?.text ?? match[1] ?? text] : [];
  });
  return [...new Set(found)];
}
