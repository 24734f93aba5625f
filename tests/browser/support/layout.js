// @ts-check
// Looks for text that lies upon other text, is cut off, or makes the page wider than the window.

/**
 * Runs inside of the page.
 *
 * @returns {string[]} one sentence for each fault
 */
export function faults() {
  /** @type {string[]} */
  const found = [];
  /** @param {Element} element */
  const shown = (element) =>
    element.checkVisibility({ opacityProperty: true, visibilityProperty: true, contentVisibilityAuto: true });

  /**
   * The part of a rectangle that can be seen through all the boxes around it that cut.
   *
   * @param {DOMRect} rect
   * @param {Element} element
   */
  const visible = (rect, element) => {
    let { left, top, right, bottom } = rect;
    for (
      let box = /** @type {Element | null} */ (element);
      box && box !== document.documentElement;
      box = box.parentElement
    ) {
      const style = getComputedStyle(box);
      if (style.overflowX === "visible" && style.overflowY === "visible" && style.clipPath === "none") continue;
      const around = box.getBoundingClientRect();
      left = Math.max(left, around.left);
      top = Math.max(top, around.top);
      right = Math.min(right, around.right);
      bottom = Math.min(bottom, around.bottom);
    }
    return { left, top, right, bottom, width: right - left, height: bottom - top };
  };

  const texts = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const parent = node.parentElement;
    const text = node.textContent?.trim();
    if (!parent || !text || !shown(parent) || parent.closest(".unseen, option, [popover]")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const rect of range.getClientRects()) {
      const part = visible(rect, parent);
      if (part.width > 1 && part.height > 1) texts.push({ ...part, parent, text: text.slice(0, 40) });
    }
  }

  texts.sort((one, other) => one.top - other.top);
  for (const [index, one] of texts.entries()) {
    for (const other of texts.slice(index + 1)) {
      if (other.top >= one.bottom) break;
      if (one.parent === other.parent) continue;
      const across = Math.min(one.right, other.right) - Math.max(one.left, other.left);
      const down = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
      // The boxes of two lines touch by the space between lines; letters do not.
      if (across <= 1 || down <= 4) continue;
      // What is scrolled under a bar that sticks to the window is not upon it: the bar has a ground of its own.
      const sticks = (/** @type {Element} */ element) => element.closest(".shell, [data-sticky]");
      if (sticks(one.parent) !== sticks(other.parent)) continue;
      found.push(
        `"${one.text}" and "${other.text}" lie upon each other by ${Math.round(across)}×${Math.round(down)} px`,
      );
    }
  }

  for (const element of document.querySelectorAll("button, a, h1, h2, h3, label, th, select")) {
    if (!shown(element) || element.closest(".unseen")) continue;
    const style = getComputedStyle(element);
    const cut = style.overflowX !== "visible" && element.scrollWidth > element.clientWidth + 1;
    if (cut && style.textOverflow !== "ellipsis")
      found.push(`"${element.textContent?.trim().slice(0, 40)}" is cut off`);
  }

  const wide = document.documentElement.scrollWidth - window.innerWidth;
  if (wide > 0) found.push(`the page is ${wide} px wider than the window`);
  return found;
}

/**
 * Runs inside of the page: text that can hardly be told from its ground, by the contrast that WCAG 2 asks for.
 *
 * @returns {string[]}
 */
export function contrasts() {
  /** @param {string} color @returns {number[]} red, green, blue, 0 to 255, and alpha */
  const parts = (color) => {
    const found = color.match(/[\d.]+/g)?.map(Number) ?? [0, 0, 0];
    return color.startsWith("color(srgb")
      ? [...found.slice(0, 3).map((one) => one * 255), found[3] ?? 1]
      : [...found, 1].slice(0, 4);
  };
  /** @param {number[]} color */
  const luminance = (color) => {
    const [r, g, b] = color.slice(0, 3).map((one) => {
      const part = one / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = new Set();
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const parent = node.parentElement;
    const text = node.textContent?.trim();
    if (!parent || !text || parent.closest(".unseen, option, svg, :disabled") || !parent.checkVisibility()) continue;
    const style = getComputedStyle(parent);
    let ground = [255, 255, 255];
    for (let box = /** @type {Element | null} */ (parent); box; box = box.parentElement) {
      const [r, g, b, alpha] = parts(getComputedStyle(box).backgroundColor);
      if (alpha > 0.9) {
        ground = [r, g, b];
        break;
      }
    }
    const [light, dark] = [luminance(parts(style.color)), luminance(ground)].sort((one, other) => other - one);
    const ratio = (light + 0.05) / (dark + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) found.add(`"${text.slice(0, 30)}" has a contrast of ${ratio.toFixed(1)}`);
  }
  return [...found];
}
