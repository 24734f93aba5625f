# One address for traces, logs and metrics over OTLP: Alloy takes them and hands them on. It is the Alloy that ships the
# log too, since it is there.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  hardening = import ../hardening.nix { inherit lib; };
  ports = import ../../ports.nix;
  cfg = config.services.salvo-lab;
  inherit (cfg) otlp;
in
{
  options.services.salvo-lab.otlp = {
    enable =
      lib.mkEnableOption ''
        one address for traces, logs and metrics over OTLP, which Alloy takes and hands on to Tempo, Loki and Prometheus.
        Without it Tempo alone takes spans there. It needs `logs.shipper = "alloy"`
      ''
      // {
        default = cfg.enable && cfg.logs.enable && cfg.logs.shipper == "alloy";
        defaultText = lib.literalExpression ''enable && logs.enable && logs.shipper == "alloy"'';
      };
    grpcPort = mkOption {
      type = types.port;
      default = ports.otlp-grpc;
      description = "Port at which Alloy takes OTLP over gRPC.";
    };
    httpPort = mkOption {
      type = types.port;
      default = ports.otlp-http;
      description = "Port at which Alloy takes OTLP over HTTP.";
    };
    url = mkOption {
      type = types.str;
      default = "http://${hardening.authority (hardening.reachable cfg.host) otlp.httpPort}";
      defaultText = lib.literalExpression ''"http://''${host}:''${otlp.httpPort}"'';
      readOnly = true;
      internal = true;
      description = "Where OTLP over HTTP is taken.";
    };
  };

  config = lib.mkIf otlp.enable {
    systemd.services.alloy.environment = {
      LAB_HOST = cfg.host;
      LAB_OTLP_GRPC_PORT = toString otlp.grpcPort;
      LAB_OTLP_HTTP_PORT = toString otlp.httpPort;
      LAB_TEMPO_OTLP_URL = cfg.tempo.otlpUrl;
      LAB_PROMETHEUS_URL = cfg.prometheus.url;
    };

    services.salvo-lab = {
      listeners = {
        "OTLP over gRPC" = {
          inherit (cfg) host;
          port = otlp.grpcPort;
        };
        "OTLP over HTTP" = {
          inherit (cfg) host;
          port = otlp.httpPort;
        };
      };
      peers = [
        cfg.tempo.otlpUrl
        cfg.prometheus.url
      ];
    };

    assertions = [
      {
        assertion = cfg.logs.enable && cfg.logs.shipper == "alloy";
        message = "services.salvo-lab.otlp.enable needs Alloy, which is not run here. Set logs.enable to true and logs.shipper to \"alloy\".";
      }
    ];
  };
}
