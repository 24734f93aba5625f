// @ts-check
// Which data source a panel, a query or a variable means: by its uid, by its name as in older files, through a
// variable, or by its type alone. src/lab/verify/dashboard/source.rs does the same.

import { variableName } from "./template.js";

/** @import { DataSource } from "../types" */
/** @import { Choice, Panel, SourceRef, Target } from "./types" */

/** @param {SourceRef | undefined} reference @returns {{ uid: string, type: string } | undefined} nothing is said */
export function referenceOf(reference) {
  if (typeof reference === "string") return { uid: reference, type: "" };
  return reference ? { uid: reference.uid ?? "", type: reference.type ?? "" } : undefined;
}

/**
 * The data source that is meant, as Grafana finds it.
 * @param {SourceRef | undefined} reference @param {readonly DataSource[]} sources @param {readonly Choice[]} choices
 */
export function sourceOf(reference, sources, choices) {
  const { uid, type } = referenceOf(reference) ?? { uid: "", type: "" };
  if (isExpression({ uid, type })) throw new Error("An expression of Grafana's own server is not computed here.");
  const variable = variableName(uid);
  const name = variable ? choices.find((one) => one.name === variable)?.values[0] : uid;
  if (name === undefined) throw new Error(`The data source is ${uid}, and the dashboard has no variable of this name.`);
  const fits = (/** @type {DataSource} */ one) => !type || one.type === type;
  const found =
    name === "" || name === "default"
      ? (sources.find((one) => one.isDefault && fits(one)) ?? sources.find(fits))
      : (sources.find((one) => one.uid === name) ?? sources.find((one) => one.name === name));
  if (!found) throw new Error(`There is no data source ${name || `of type ${type}`}${name && type ? ` (${type})` : ""}.`);
  return found;
}

/**
 * That of a target is that of its panel, unless it is mixed or says nothing. Grafana runs a query on its panel's data
 * source even where the target has kept another one.
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
