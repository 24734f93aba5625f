# Four machines, by name: three that keep everything, each thing three times, and an edge with the instances, Grafana and
# the gateway. One of the three may be away. Each machine takes its own, say (import ./cluster.nix).backend1, beside
# nixosModules.lab.
let
  backends = {
    backend1 = "192.168.1.1";
    backend2 = "192.168.1.2";
    backend3 = "192.168.1.3";
  };
  edge = "192.168.1.4";

  common = {
    allowedAddresses = [
      "localhost"
      edge
    ]
    ++ builtins.attrValues backends;
    cluster = {
      enable = true;
      peers = builtins.attrValues backends;
      replicationFactor = 3;
    };
  };

  # Objects are kept on the backends' own disks: three copies on three machines, and no machine more that could be away.
  backend = host: {
    services.salvo-lab = common // {
      inherit host;
      openFirewall = true;
      cluster = common.cluster // {
        roles = [
          "storage"
          "backend"
        ];
      };
    };
  };
in
builtins.mapAttrs (_: backend) backends
// {
  edge = {
    services.salvo-lab = common // {
      enable = true;
      cluster = common.cluster // {
        roles = [ "edge" ];
      };
    };
  };
}
