// @ts-check
// A view keeps its state in the URL, so that it can be bookmarked and shared.

/** @typedef {Record<string, import("./types").Value> | URLSearchParams} State */

/** Event on `window`: the URL has changed and the view for it must be shown. */
export const CHANGED = "addresschange";

export function current() {
  return { path: location.pathname, params: new URLSearchParams(location.search) };
}

/**
 * A URL of the console. Empty values are left out; a list becomes a repeated parameter.
 * @param {string} path @param {State} [state]
 */
export function link(path, state = {}) {
  const text = (state instanceof URLSearchParams ? state : search(state)).toString();
  return text ? `${path}?${text}` : path;
}

/** Navigates to another URL and shows its view. @param {string} path @param {State} [state] */
export function go(path, state = {}) {
  history.pushState(null, "", link(path, state));
  window.dispatchEvent(new Event(CHANGED));
}

/**
 * Writes the state of the current view into the URL without showing the view again. `entry` adds a history entry, so
 * that the Back button returns to the state before.
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
