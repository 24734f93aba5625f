// @ts-check

/**
 * Renders a list that changes. Elements of unchanged items are reused in place, so that they keep focus and hover.
 * @template Item @template {HTMLElement} Kind
 * @param {Element} parent @param {(item: Item) => string} keyOf @param {(item: Item) => Kind} make
 * @returns {(items: readonly Item[]) => Map<string, Kind>}
 */
export function updating(parent, keyOf, make) {
  /** @type {Map<string, Kind>} */
  let shown = new Map();
  return (items) => {
    const before = shown;
    shown = new Map(items.map((item) => [keyOf(item), before.get(keyOf(item)) ?? make(item)]));
    for (const [key, element] of before) if (!shown.has(key)) element.remove();
    [...shown.values()].forEach((element, index) => {
      if (parent.children[index] !== element) parent.insertBefore(element, parent.children[index] ?? null);
    });
    return shown;
  };
}
