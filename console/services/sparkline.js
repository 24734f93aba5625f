// @ts-check
// A small chart of a rate over time, without axes.

import { svg } from "../dom.js";
import { formatValue } from "../format.js";

const [WIDTH, HEIGHT] = [120, 24];

/** @param {readonly [number, number][]} points @param {import("../types").Times} range */
export function sparkline(points, { start, end }) {
  const most = Math.max(...points.map(([, value]) => value), 0);
  const seconds = Math.max(1, (end - start) / 1000);
  const places = points.map(([time, value]) => {
    const x = ((time - start / 1000) / seconds) * WIDTH;
    return `${x.toFixed(1)} ${(HEIGHT - 2 - (value / (most || 1)) * (HEIGHT - 4)).toFixed(1)}`;
  });
  const last = points.at(-1)?.[1];
  const said = `Rate over time: at most ${formatValue(most)}, last ${formatValue(last)} per second`;
  // A single point is a short line, so that it can be seen.
  const line = places.length > 1 ? `M${places.join("L")}` : places.map((place) => `M${place}h3`).join("");
  return svg(
    "svg",
    {
      class: "sparkline",
      role: "img",
      "aria-label": said,
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      width: WIDTH,
      height: HEIGHT,
    },
    svg("title", {}, said),
    svg("path", { d: line }),
  );
}
