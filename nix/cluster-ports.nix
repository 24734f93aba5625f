# Where the machines of a cluster listen, beside the ports of ./ports.nix, which Tempo, Loki and the gateway have there
# too. etc/cluster/cluster.env has these same ports.
{
  mimir = 9009;
  mimir-grpc = 9097;
  mimir-gossip = 7948;
  loki-gossip = 7947;
  tempo-gossip = 7946;
  # The Prometheus that scrapes: 9090 is where the gateway answers as Prometheus does.
  scraper = 9091;
  garage-s3 = 3900;
  garage-rpc = 3901;
  garage-admin = 3903;
}
