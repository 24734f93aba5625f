# Where everything of stack-cluster listens, by name: what a person uses is where it always is, now the gateway's, and
# behind it are three of each server. The servers of backend 2 have the ports 15200 and following.
{ lib }:
let
  usual = import ../ports.nix;
  # In the order of their ports.
  ofBackend = [
    "tempo"
    "tempo-grpc"
    "tempo-gossip"
    "tempo-otlp-grpc"
    "tempo-otlp-http"
    "loki"
    "loki-grpc"
    "loki-gossip"
    "mimir"
    "mimir-grpc"
    "mimir-gossip"
  ];
  # tempo-grpc of backend 2 is tempo-2-grpc.
  nameOf =
    backend: port:
    let
      words = lib.splitString "-" port;
    in
    lib.concatStringsSep "-" ([ (lib.head words) ] ++ [ (toString backend) ] ++ lib.tail words);
  backends = [
    1
    2
    3
  ];
in
{
  inherit backends nameOf ofBackend;

  ports =
    lib.getAttrs [
      "app-a"
      "app-b"
      "app-c"
      "grafana"
      "prometheus"
      "loki"
      "tempo"
      "otlp-grpc"
      "otlp-http"
      "promtail"
    ] usual
    // {
      # The Prometheus that scrapes; 9090 is the gateway's.
      scraper = 9091;
      garage-s3 = 3900;
      garage-rpc = 3901;
      garage-admin = 3903;
    }
    // lib.listToAttrs (
      lib.concatMap (
        backend:
        lib.imap0 (
          number: port: lib.nameValuePair (nameOf backend port) (15000 + 100 * backend + number)
        ) ofBackend
      ) backends
    );
}
