# Where everything of the lab listens, on loopback unless a machine opens it. The variable that moves a port of the
# stack is LAB_<NAME>_PORT, say LAB_TEMPO_GRPC_PORT. prometheus.yml has these same ports.
{
  app-a = 8000;
  app-b = 8001;
  app-c = 8002;
  grafana = 3000;
  prometheus = 9090;
  loki = 3100;
  loki-grpc = 9096;
  tempo = 3200;
  tempo-grpc = 9095;
  otlp-grpc = 4317;
  otlp-http = 4318;
  # Where Tempo takes spans when Alloy has the two before.
  tempo-otlp-grpc = 14317;
  tempo-otlp-http = 14318;
  promtail = 9080;
  alloy = 12345;
  zero-code = 12346;
}
