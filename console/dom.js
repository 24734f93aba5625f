// @ts-check
// Builds elements with DOM methods only, so that text from a backend can never become markup.

/** @typedef {import("./types").Child} Child */

/**
 * Creates an HTML element. Properties named `on…` are listeners; `class` and names with a dash are attributes; others
 * are set as properties if the element has them. String children become text nodes.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag @param {Record<string, unknown>} [properties] @param {...(Child | Child[])} children
 */
export function h(tag, properties = {}, ...children) {
  return made(document.createElement(tag), properties, children);
}

/**
 * Creates an SVG element. Every property except a listener is an attribute.
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag @param {Record<string, unknown>} [properties] @param {...(Child | Child[])} children
 */
export function svg(tag, properties = {}, ...children) {
  return made(document.createElementNS("http://www.w3.org/2000/svg", tag), properties, children);
}

/** A part of a page with its heading. @param {string} name @param {...(Child | Child[])} content */
export function section(name, ...content) {
  return h("section", { class: "surface part", "aria-label": name }, h("h2", {}, name), ...content);
}

/**
 * Replaces the children of `parent`.
 * @param {Element} parent @param {...(Child | Child[])} children
 */
export function fill(parent, ...children) {
  parent.replaceChildren(...nodes(children));
}

/**
 * Replaces the only child of `parent` if the new one differs. An equal child stays: it keeps the focus, and screen
 * readers do not repeat an alert.
 * @param {Element} parent @param {Element} child
 */
export function renew(parent, child) {
  if (parent.childElementCount !== 1 || !parent.firstElementChild?.isEqualNode(child)) parent.replaceChildren(child);
}

/**
 * Draws the content of `place` anew. The focus stays on the element that has the same URL and name as the one before.
 * @param {Element} place @param {() => void} draw
 */
export function redraw(place, draw) {
  /** @param {Element} one */
  const keyOf = (one) => ["href", "aria-label", "value"].map((name) => one.getAttribute(name)).join();
  const focused = place.contains(document.activeElement) ? document.activeElement : null;
  draw();
  if (!focused || place.contains(focused)) return;
  const all = place.querySelectorAll(/** @type {"a"} */ (focused.localName));
  [...all].find((one) => keyOf(one) === keyOf(focused))?.focus({ preventScroll: true });
}

/**
 * @template {Element} Kind
 * @param {Kind} element @param {Record<string, unknown>} properties @param {(Child | Child[])[]} children
 */
function made(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on") && typeof value === "function") {
      element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    } else if (element instanceof SVGElement || name === "class" || name.includes("-") || !(name in element)) {
      element.setAttribute(name, value === true ? "" : String(value));
    } else {
      Reflect.set(element, name, value);
    }
  }
  element.append(...nodes(children));
  return element;
}

/** @param {(Child | Child[])[]} children */
function nodes(children) {
  return children
    .flat()
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : String(child)));
}
