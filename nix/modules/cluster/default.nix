# A cluster in the place of the one machine: Tempo, Loki and Mimir run on several machines, keep every span, line and
# sample more than once and their blocks in an S3, and a gateway beside the instances hides that from all who ask.
# What they read is etc/cluster/, with the variables of its cluster.env.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  inherit (import ../hardening.nix { inherit lib; }) authority;
  cfg = config.services.salvo-lab;
  inherit (cfg) cluster;
  inherit (cluster) is;

  address = types.strMatching "[0-9]+\\.[0-9]+\\.[0-9]+\\.[0-9]+";
  listed = lib.concatStringsSep ", ";
  repeated = those: lib.filter (it: lib.count (other: other == it) those > 1) (lib.unique those);
in
{
  imports = [
    ./storage.nix
    ./mimir.nix
    ./scraper.nix
    ./gateway.nix
  ];

  options.services.salvo-lab.cluster = {
    enable = lib.mkEnableOption ''
      this machine's part of a cluster. `services.salvo-lab.host` is its address among the machines of `peers`
    '';
    roles = mkOption {
      type = types.listOf (
        types.enum [
          "storage"
          "backend"
          "edge"
        ]
      );
      default = [ ];
      example = [
        "storage"
        "backend"
      ];
      description = ''
        What this machine does. `"storage"` is Garage, which keeps the blocks over the protocol of S3. `"backend"` is
        Tempo, Loki and Mimir. Both bring a shipper of their log and a Prometheus that scrapes them. `"edge"` is the
        gateway, beside what `services.salvo-lab.enable` brings: the instances, Prometheus, Grafana, a shipper.
      '';
    };
    instance = mkOption {
      type = types.strMatching "[A-Za-z0-9_.-]+";
      default = config.networking.hostName;
      defaultText = lib.literalExpression "config.networking.hostName";
      example = "backend1";
      description = "Name of this machine in the cluster; no two have the same, and it keeps it.";
    };
    peers = mkOption {
      type = types.listOf address;
      default = [ ];
      example = [
        "192.168.1.1"
        "192.168.1.2"
        "192.168.1.3"
      ];
      description = "IPv4 addresses of all backends, the same list on every machine.";
    };
    replicationFactor = mkOption {
      type = types.ints.positive;
      default = 3;
      example = 5;
      description = ''
        How many backends keep each span, line and sample. It is taken when more than half of them have it: with 3 one
        backend may be away, with 5 two, with 1 or 2 none.
      '';
    };
    s3 = {
      endpoint = mkOption {
        type = types.nullOr types.str;
        default = if is.storage then authority cluster.storage.s3Host cluster.storage.s3Port else null;
        defaultText = lib.literalMD "Garage of this machine with the role `storage`, else null";
        example = "s3.eu-central-1.amazonaws.com";
        description = "Where the backends keep their blocks: `host` or `host:port` of an S3.";
      };
      insecure = mkOption {
        type = types.bool;
        default = is.storage;
        defaultText = lib.literalMD "true with the role `storage`";
        description = "Whether the endpoint is spoken to without TLS, as Garage is.";
      };
      region = mkOption {
        type = types.str;
        default = "garage";
        example = "eu-central-1";
        description = "Region of the buckets.";
      };
      buckets = lib.genAttrs [ "tempo" "loki" "mimir" ] (
        name:
        mkOption {
          type = types.strMatching "[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]";
          default = "lab-${name}";
          example = "example-${name}";
          description = "Bucket of ${lib.toSentenceCase name}. Garage's are made at first start.";
        }
      );
      credentialsFile = mkOption {
        type = types.externalPath;
        default = "/etc/salvo-lab/secrets/s3-credentials";
        example = "/run/secrets/s3-credentials";
        description = ''
          File with the key to the buckets, in the form of AWS (`[default]`, `aws_access_key_id = …`,
          `aws_secret_access_key = …`), the same on every machine. `etc/cluster/secrets.sh` makes one.
        '';
      };
    };
    is = mkOption {
      type = types.attrsOf types.bool;
      default = lib.genAttrs [ "storage" "backend" "edge" ] (
        role: cluster.enable && lib.elem role cluster.roles
      );
      readOnly = true;
      internal = true;
      description = "The roles of this machine.";
    };
    keeps = mkOption {
      type = types.bool;
      default = is.storage || is.backend;
      readOnly = true;
      internal = true;
      description = "Whether this machine has servers of the cluster, whose log and metrics have to go somewhere.";
    };
    nearest = mkOption {
      type = types.str;
      default =
        if cluster.enable && !is.backend && !is.edge && cluster.peers != [ ] then
          lib.head cluster.peers
        else
          cfg.host;
      readOnly = true;
      internal = true;
      description = "Where this machine finds Tempo, Loki and Mimir: its own, those behind its own gateway, or the first.";
    };
    environment = mkOption {
      type = types.attrsOf types.str;
      default = { };
      internal = true;
      visible = false;
      description = "What Tempo, Loki and Mimir alike have to know of the cluster.";
    };
    credentials = mkOption {
      type = types.attrsOf types.anything;
      default = { };
      internal = true;
      visible = false;
      description = "Settings of a unit that uses the S3.";
    };
  };

  config = lib.mkIf cluster.enable {
    services.salvo-lab = {
      cluster = {
        environment = {
          LAB_CLUSTER_INSTANCE = cluster.instance;
          LAB_CLUSTER_ADDRESS = cfg.host;
          LAB_CLUSTER_REPLICATION = toString cluster.replicationFactor;
          LAB_S3_ENDPOINT = lib.defaultTo "" cluster.s3.endpoint;
          LAB_S3_REGION = cluster.s3.region;
          LAB_S3_INSECURE = lib.boolToString cluster.s3.insecure;
          AWS_SHARED_CREDENTIALS_FILE = "%d/s3-credentials";
        }
        // lib.mapAttrs' (name: lib.nameValuePair "LAB_${lib.toUpper name}_BUCKET") cluster.s3.buckets;
        credentials.LoadCredential = [ "s3-credentials:${cluster.s3.credentialsFile}" ];
      };
      peers = cluster.peers;
    };

    assertions = [
      {
        assertion = cluster.roles != [ ];
        message = "services.salvo-lab.cluster.roles is empty, so that this machine would do nothing. Name \"storage\", \"backend\" or \"edge\".";
      }
      {
        assertion = cluster.peers != [ ];
        message = "services.salvo-lab.cluster.peers is empty. List the addresses of all backends, the same on every machine.";
      }
      {
        assertion = repeated cluster.peers == [ ];
        message = "services.salvo-lab.cluster.peers has ${listed (repeated cluster.peers)} more than once. Each backend has an address of its own.";
      }
      {
        assertion = cluster.replicationFactor <= lib.length (lib.unique cluster.peers);
        message = "services.salvo-lab.cluster.replicationFactor is ${toString cluster.replicationFactor}, but there are ${toString (lib.length (lib.unique cluster.peers))} backends in peers. Add backends, or keep things less often.";
      }
      {
        assertion = is.backend -> lib.elem cfg.host cluster.peers;
        message = "services.salvo-lab.host is ${cfg.host}, which is none of cluster.peers (${listed cluster.peers}), so that no other backend would find this one. Set host to this machine's address among them.";
      }
      {
        assertion = is.backend -> cluster.s3.endpoint != null;
        message = "services.salvo-lab.cluster: this backend has no storage. Add the role \"storage\", or name an S3 in s3.endpoint.";
      }
      {
        assertion = !(is.backend && is.edge);
        message = "services.salvo-lab.cluster.roles has \"backend\" and \"edge\" for one machine, whose gateway would need the ports of its Tempo and Loki. Give the edge a machine of its own.";
      }
      {
        assertion = cfg.enable -> is.edge;
        message = "services.salvo-lab.enable brings the instances' side of the lab, which has its place on a cluster's edge. Set it to false here, or add the role \"edge\".";
      }
      {
        assertion = is.edge -> !(cfg.tempo.enable || cfg.loki.enable);
        message = "services.salvo-lab: an edge runs no Tempo and no Loki of its own; its gateway has their ports. Leave tempo.enable and loki.enable at false.";
      }
    ];
  };
}
