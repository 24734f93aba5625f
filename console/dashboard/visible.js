// @ts-check
// Panels in or near the viewport: only these are loaded.

/**
 * Calls `changed` when panels come into view or leave it. The returned function tells if a panel is in view.
 * @param {readonly Element[]} sections @param {() => void} changed @param {AbortSignal} signal
 * @returns {(section: Element) => boolean}
 */
export function watchVisible(sections, changed, signal) {
  /** @type {Set<Element>} */
  const visible = new Set();
  const watcher = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) visible.add(target);
        else visible.delete(target);
      }
      changed();
    },
    { rootMargin: "200px" },
  );
  for (const section of sections) watcher.observe(section);
  signal.addEventListener("abort", () => watcher.disconnect());
  return (section) => visible.has(section);
}
