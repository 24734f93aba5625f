import { start, watched, DESKTOP, PHONE } from "/work/wt/incpage/tests/browser/support/browser.js";
import { settled } from "/work/wt/incpage/tests/browser/support/views.js";
import { faults, contrasts } from "/work/wt/incpage/tests/browser/support/layout.js";
const base = "http://127.0.0.1:21020";
const name = process.argv[2];
const full = process.argv[3] !== "view";
const b = await start();
for (const size of [DESKTOP, PHONE])
  for (const theme of ["light", "dark"]) {
    const { page, innocent } = await watched(b.context, base, { size, theme });
    await page.goto(base + "/incidents");
    await settled(page);
    await page.waitForTimeout(1500);
    await page.screenshot({ path: `/tmp/shots/${name}-${size.width}-${theme}.png`, fullPage: full });
    const f = await page.evaluate(faults),
      c = await page.evaluate(contrasts);
    if (f.length || c.length) console.log(size.width, theme, f, c);
    try {
      innocent();
    } catch (e) {
      console.log(e.message.slice(0, 800));
    }
    await page.close();
  }
await b.stop();
