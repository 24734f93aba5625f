// @ts-check

/** Tells screen readers what has changed, in a short sentence. @param {string} text */
export function announce(text) {
  const region = document.getElementById("announcement");
  if (region && region.textContent !== text) region.textContent = text;
}
