// A shop in Express. Nothing in it knows of OpenTelemetry:
// node --require @opentelemetry/auto-instrumentations-node/register shop.js
const express = require("express");
const log = require("pino")({ name: "shop" });

const app = express();

app.get("/orders/:number", (request, response) => {
  log.info(`order ${request.params.number} is paid`);
  response.json({ order: Number(request.params.number) });
});

const server = app.listen(Number(process.env.PORT ?? 8080), "127.0.0.1");

// When nothing is left to do Node ends, and what instruments it sends the last telemetry.
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    server.close();
    server.closeIdleConnections();
  });
}
