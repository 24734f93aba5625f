// @ts-check
// Resolves the data source of a panel, a query or a variable: by uid, by name (older files), through a variable, or by
// type alone. src/lab/verify/dashboard/source.rs does the same.

import { variableName } from "./template.js";

/** @import { DataSource } from "../types" */
/** @import { Choice, Panel, SourceRef, Target } from "./types" */

/** @param {SourceRef | undefined} reference @returns {{ uid: string, type: string } | undefined} undefined without a reference */
export function referenceOf(reference) {
  if (typeof reference === "string") return { uid: reference, type: "" };
  return reference ? { uid: reference.uid ?? "", type: reference.type ?? "" } : undefined;
}

/**
 * Finds the data source of a reference by Grafana's rules.
 * @param {SourceRef | undefined} reference @param {readonly DataSource[]} sources @param {readonly Choice[]} choices
 */
export function sourceOf(reference, sources, choices) {
  const { uid, type } = referenceOf(reference) ?? { uid: "", type: "" };
  if (isExpression({ uid, type })) throw new Error("The console does not compute server-side expressions of Grafana.");
  const variable = variableName(uid);
  const name = variable ? choices.find((one) => one.name === variable)?.values[0] : uid;
  if (name === undefined) throw new Error(`The data source is ${uid}, and the dashboard has no variable of this name.`);
  /** @param {DataSource} one */
  const fits = (one) => !type || one.type === type;
  const found =
    name === "" || name === "default"
      ? (sources.find((one) => one.isDefault && fits(one)) ?? sources.find(fits))
      : (sources.find((one) => one.uid === name) ?? sources.find((one) => one.name === name));
  if (!found)
    throw new Error(`There is no data source ${name || `of type ${type}`}${name && type ? ` (${type})` : ""}.`);
  return found;
}

/**
 * The reference for a target: that of its panel, unless the panel is mixed or has none. Grafana, too, runs a query on the
 * panel's data source even if the target names another one.
 * @param {Panel} panel @param {Target} target
 */
export function referenceIn({ datasource, targets = [] }, target) {
  const own = referenceOf(target.datasource);
  const whole = referenceOf(datasource);
  if (own && isExpression(own)) return own;
  if (whole?.uid === "-- Mixed --") return own ?? { uid: "", type: "" };
  return whole ?? own ?? targets.map((one) => referenceOf(one.datasource)).find(Boolean) ?? { uid: "", type: "" };
}

/** @param {{ uid: string, type: string }} reference */
function isExpression({ uid, type }) {
  return uid === "__expr__" || type === "__expr__";
}
