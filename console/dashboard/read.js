// @ts-check
// Reads a dashboard file of any age: converts rows of older files into panels on the grid, fills in the inputs of an
// export, and resolves library panels from the export. Unsupported content is reported by name.

/** @import { Dashboard, Panel } from "./types" */

/** Height in pixels of a grid cell with its gap, and the default height of a row in older files. */
const [CELL, ROW_HEIGHT] = [38, 250];

/** Current types of older panel types. @type {Record<string, string>} */
const RENAMED = { graph: "timeseries", singlestat: "stat", gauge: "stat", "table-old": "table" };

/** @param {any} file @returns {Dashboard} */
export function readDashboard(file) {
  // The response of Grafana's API, or a Kubernetes-style resource, wraps the dashboard.
  const inner = [file.dashboard, file.spec].find((one) => one && typeof one === "object") ?? file;
  if (inner.elements)
    throw new Error("The dashboard has schema version 2 (elements and layout), which the console does not support.");
  if (!Array.isArray(inner.panels) && !Array.isArray(inner.rows)) {
    throw new Error("The file has neither panels nor rows, so it is not a Grafana dashboard.");
  }
  const dashboard = answered(inner, inner.__inputs ?? []);
  const panels = [...(dashboard.panels ?? []), ...fromRows(dashboard.rows ?? [])];
  return { ...dashboard, panels: panels.map((panel) => readPanel(panel, dashboard)) };
}

/** @param {any} panel @param {any} dashboard @returns {Panel} */
function readPanel(panel, dashboard) {
  const library = panel.libraryPanel;
  /** @type {any[]} */
  const elements = Object.values(dashboard.__elements ?? {});
  const known = library && !panel.targets && elements.find((one) => one.uid === library.uid);
  const model = known ? { ...known.model, id: panel.id, gridPos: panel.gridPos } : panel;
  const missing = library && !known && !panel.targets;
  const unit = model.format ?? model.yaxes?.[0]?.format;
  return {
    ...model,
    type: missing ? `library panel ${library.name ?? library.uid}` : (RENAMED[model.type] ?? model.type ?? "no type"),
    fieldConfig: model.fieldConfig ?? (unit ? { defaults: { unit } } : undefined),
    title: model.title ?? "",
    targets: model.targets ?? [],
    panels: model.panels?.map((/** @type {any} */ one) => readPanel(one, dashboard)),
  };
}

/** Until Grafana 4 a dashboard had rows, and the width of a panel was its span in twelfths of a row. @param {any[]} rows */
function fromRows(rows) {
  let y = 0;
  return rows.flatMap((row) => {
    const named = row.showTitle || row.collapse || row.title;
    const head = named
      ? [
          {
            id: -1 - y,
            type: "row",
            title: row.title || "Row",
            collapsed: Boolean(row.collapse),
            gridPos: { x: 0, y, w: 24, h: 1 },
          },
        ]
      : [];
    if (named) y += 1;
    let [x, highest] = [0, 0];
    const panels = (row.panels ?? []).map((/** @type {any} */ panel) => {
      const w = Math.min(24, Math.max(2, Math.floor((panel.span ?? 4) * 2)));
      const h = Math.max(3, Math.ceil((parseFloat(panel.height ?? row.height) || ROW_HEIGHT) / CELL));
      if (x + w > 24) [x, y, highest] = [0, y + highest, 0];
      const placed = { ...panel, gridPos: { x, y, w, h } };
      x += w;
      highest = Math.max(highest, h);
      return placed;
    });
    y += highest;
    // In current files a collapsed row contains its panels.
    return row.collapse && head[0] ? [{ ...head[0], panels }] : [...head, ...panels];
  });
}

/** Fills the inputs of an export into a value: `${DS_…}` data sources and texts. @param {any} value @param {any[]} inputs @returns {any} */
function answered(value, inputs) {
  if (typeof value === "string") {
    const texts = inputs.filter((one) => one.type !== "datasource");
    return texts.reduce((text, { name, value: given = "" }) => text.replaceAll(`\${${name}}`, String(given)), value);
  }
  if (Array.isArray(value)) return value.map((one) => answered(one, inputs));
  if (!value || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const place = name === "datasource" && (typeof inner === "string" ? inner : inner?.uid);
      const asked = place && inputs.find((one) => one.type === "datasource" && place === `\${${one.name}}`);
      return [name, asked ? { type: asked.pluginId } : answered(inner, inputs)];
    }),
  );
}
