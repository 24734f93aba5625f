// @ts-check
// Format options of variables, such as `${name:csv}`. src/lab/verify/template/format.rs does the same.

/** @import { Choice } from "./types" */

/** @param {string} value @param {RegExp} what */
const escaped = (value, what) => value.replace(what, "\\$&");
/** @param {string} value */
const regex = (value) => escaped(value, /[\\^$*+?.()|[\]{}/]/g);
/** @param {string} text */
const encoded = (text) => text.replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
/** @param {string} value */
const component = (value) => encoded(encodeURIComponent(value));
/** @param {string} value */
const lucene = (value) => (Number.isNaN(Number(value)) ? escaped(value, /[!*+\-=<>\s&|()[\]{}^~?:\\/"]/g) : value);

/** The value of a variable in a format; undefined when the format is unknown. @param {Choice} choice @param {string} format */
export function formatted({ name, values, literal, list, all }, format) {
  const [kind, ...given] = format.split(":");
  const joined = values.join(",");
  const single = values.length === 1;
  const braced = list ? `{${joined}}` : joined;
  /** @type {Record<string, () => string>} */
  const plain = {
    raw: () => joined,
    csv: () => joined,
    pipe: () => values.join("|"),
    join: () => values.join(given.join(":") || ","),
    regex: () => (single ? regex(values[0]) : `(${values.map(regex).join("|")})`),
    glob: () => (single ? joined : `{${joined}}`),
    json: () => (list ? JSON.stringify(values) : joined),
    singlequote: () => values.map((one) => `'${one.replaceAll("'", "\\'")}'`).join(","),
    doublequote: () => values.map((one) => `"${one.replaceAll('"', '\\"')}"`).join(","),
    sqlstring: () => values.map((one) => `'${one.replaceAll("'", "''").replaceAll('"', '\\"')}'`).join(","),
    distributed: () => values.join(`,${name}=`),
    lucene: () => (list ? `(${values.map((one) => `"${lucene(one)}"`).join(" OR ")})` : values.map(lucene).join("")),
    percentencode: () => component(braced),
    uriencode: () => encoded(encodeURI(braced)),
  };
  if (Object.hasOwn(plain, kind)) return literal ? joined : plain[kind]();
  if (kind === "text") return all ? "All" : values.join(" + ");
  if (kind === "queryparam")
    return all ? `var-${name}=$__all` : values.map((one) => `var-${name}=${component(one)}`).join("&");
  return undefined;
}
