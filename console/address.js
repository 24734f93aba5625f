// @ts-check
// The state of a view is its address: what is shown can be bookmarked and sent to somebody.

/** @typedef {Record<string, import("./types").Value> | URLSearchParams} State */

/** Fired on `window` when another address is to be shown. */
export const CHANGED = "addresschange";

export function current() {
  return { path: location.pathname, params: new URLSearchParams(location.search) };
}

/**
 * An address of this console; empty values are left out, a list repeats its parameter.
 * @param {string} path @param {State} [state]
 */
export function link(path, state = {}) {
  const text = (state instanceof URLSearchParams ? state : search(state)).toString();
  return text ? `${path}?${text}` : path;
}

/** Goes to another address, whose view is shown anew. @param {string} path @param {State} [state] */
export function go(path, state = {}) {
  history.pushState(null, "", link(path, state));
  window.dispatchEvent(new Event(CHANGED));
}

/**
 * Writes all of the state of the view that is shown into the address; nothing is shown anew. With `entry` the Back
 * button leads to the state before.
 * @param {State} state
 */
export function note(state, { entry = false } = {}) {
  const address = link(location.pathname, state);
  if (address === location.pathname + location.search) return;
  if (entry) history.pushState(null, "", address);
  else history.replaceState(null, "", address);
}

/** @param {Record<string, import("./types").Value>} values */
function search(values) {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== "" && one !== false) params.append(name, String(one));
    }
  }
  return params;
}
