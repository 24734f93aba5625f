// @ts-check
// The TraceQL query that the fields of the search form stand for.

import { quoted } from "../correlation.js";

const CODE = "span.http.response.status_code";

/** Of a trace with such a span; the durations are the trace's. @param {Record<string, string>} fields */
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
