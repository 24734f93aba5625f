# What is wrong with a Grafana that has no data sources for Prometheus, Loki and Tempo; null when it has them.
{ lib, version }:
if lib.versionAtLeast version "13.2" then
  "Grafana ${version} has no data sources of its own for Prometheus, Loki and Tempo: from 13.2 on they are plugins, and the lab lets Grafana download none."
else
  null
