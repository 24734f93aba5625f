// @ts-check
// Writes the TraceQL query for the fields of the search form.

import { quoted } from "../correlation.js";

const CODE = "span.http.response.status_code";

/** Conditions on a span of the trace; the durations are those of the trace. @param {Record<string, string>} fields */
export function traceql({ service, route, status, min, max }) {
  const conditions = [
    service && `resource.service.name = ${quoted(service)}`,
    route && `span.http.route = ${quoted(route)}`,
    status === "error" && "status = error",
    status === "ok" && "status != error",
    /^\dxx$/.test(status) && `${CODE} >= ${status[0]}00 && ${CODE} <= ${status[0]}99`,
    min && `traceDuration >= ${min}`,
    max && `traceDuration <= ${max}`,
  ];
  return `{ ${conditions.filter(Boolean).join(" && ")} }`.replace("  ", " ");
}
