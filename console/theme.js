// @ts-check
// Theme: light, dark, or that of the system. Stored in the browser, not in the URL: it is a preference of the person.

const KEY = "salvo-theme";
const CHOICES = ["system", "light", "dark"];
const system = matchMedia("(prefers-color-scheme: dark)");

/** Event on `window` after the theme has changed: canvases must be redrawn. */
export const THEME_CHANGED = "themechange";

function chosen() {
  return CHOICES.find((choice) => choice === localStorage.getItem(KEY)) ?? "system";
}

/** Applies the theme and lets `button` switch it. @param {HTMLButtonElement} button */
export function startTheme(button) {
  const apply = () => {
    const dark = chosen() === "dark" || (chosen() === "system" && system.matches);
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    button.textContent = `Theme: ${chosen()}`;
    window.dispatchEvent(new Event(THEME_CHANGED));
  };
  button.addEventListener("click", () => {
    localStorage.setItem(KEY, CHOICES[(CHOICES.indexOf(chosen()) + 1) % CHOICES.length]);
    apply();
  });
  system.addEventListener("change", apply);
  apply();
}

/** The value of a custom property of style.css, such as `--text`, in the current theme. @param {string} name */
export function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
