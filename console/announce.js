// @ts-check

/** Announces a change to screen readers through a live region. @param {string} text */
export function announce(text) {
  const region = document.getElementById("announcement");
  if (region && region.textContent !== text) region.textContent = text;
}
