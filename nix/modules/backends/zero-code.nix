# Programs of one's own watched by eBPF: an Alloy of its own, since it needs rights that no other unit of the lab has.
{
  config,
  lib,
  pkgs,
  utils,
  ...
}:
let
  inherit (lib) mkOption types;
  hardening = import ../hardening.nix { inherit lib; };
  ports = import ../../ports.nix;
  cfg = config.services.salvo-lab;
  inherit (cfg) zeroCode;

  # What Beyla names for application observability
  # (https://grafana.com/docs/beyla/latest/requirements-and-security/security/).
  capabilities = [
    "CAP_BPF"
    "CAP_CHECKPOINT_RESTORE"
    "CAP_DAC_READ_SEARCH"
    "CAP_NET_RAW"
    "CAP_PERFMON"
    "CAP_SYS_PTRACE"
  ];
in
{
  options.services.salvo-lab.zeroCode = {
    enable = lib.mkEnableOption ''
      traces and durations of programs that know nothing of OpenTelemetry. Alloy watches them from the kernel by eBPF
      (`beyla.ebpf`), which takes Linux 5.8 or newer with BTF, and rights with which it could read every program's memory
    '';
    ports = mkOption {
      type = types.listOf (types.either types.port (types.strMatching "[0-9]+-[0-9]+"));
      default = [ ];
      example = [
        8080
        "9000-9010"
      ];
      description = "Which programs are watched: those that listen on these ports.";
    };
    package = lib.mkPackageOption pkgs "grafana-alloy" { };
    port = mkOption {
      type = types.port;
      default = ports.zero-code;
      description = "Port of its own metrics, always on loopback.";
    };
    url = mkOption {
      type = types.str;
      default =
        if cfg.otlp.enable then
          cfg.otlp.url
        else
          "http://${hardening.authority (hardening.reachable cfg.host) cfg.tempo.otlpHttpPort}";
      defaultText = lib.literalMD "where this machine takes OTLP over HTTP";
      example = "http://192.168.1.2:4318";
      description = "Where the spans go, over OTLP HTTP.";
    };
    memoryMax = mkOption {
      type = types.str;
      default = "1G";
      example = "512M";
      description = "Most memory that it may take (`MemoryMax=`).";
    };
  };

  config = lib.mkIf zeroCode.enable {
    systemd.services.salvo-lab-zero-code = {
      description = "Alloy, which watches programs by eBPF";
      wantedBy = [ "multi-user.target" ];
      after = [ "network.target" ];
      startLimitIntervalSec = lib.mkDefault 0;
      environment = {
        LAB_ZERO_CODE_PORTS = lib.concatMapStringsSep "," toString zeroCode.ports;
        LAB_OTLP_URL = zeroCode.url;
        LAB_PROMETHEUS_URL = cfg.prometheus.url;
      };
      serviceConfig = hardening.own (
        hardening.server
        // hardening.network cfg.allowedAddresses
        // {
          Type = "exec";
          ExecStart = utils.escapeSystemdExecArgs [
            (lib.getExe' zeroCode.package "alloy")
            "run"
            "--disable-reporting"
            "--server.http.listen-addr=127.0.0.1:${toString zeroCode.port}"
            "--storage.path=/var/lib/salvo-lab-zero-code"
            "${../../../etc/alloy/zero-code.alloy}"
          ];
          DynamicUser = true;
          StateDirectory = "salvo-lab-zero-code";
          StateDirectoryMode = "0700";
          WorkingDirectory = "/var/lib/salvo-lab-zero-code";
          Restart = "always";
          RestartSec = 2;
          TimeoutStopSec = 30;
          MemoryMax = zeroCode.memoryMax;
          TasksMax = hardening.serverTasks;
          LogExtraFields = hardening.journalFields "stderr" "zero-code";

          # What takes it beyond the other units: it reads other processes, loads programs into the kernel, and those need
          # locked memory, the kernel's own files and a packet socket.
          AmbientCapabilities = capabilities;
          CapabilityBoundingSet = capabilities;
          LimitMEMLOCK = "infinity";
          ProtectKernelTunables = false;
          ProtectProc = "default";
          RestrictAddressFamilies = hardening.server.RestrictAddressFamilies ++ [ "AF_PACKET" ];
          SystemCallFilter = [
            "@system-service"
            "~@privileged"
            "bpf"
            "perf_event_open"
          ];
        }
      );
    };

    services.salvo-lab = {
      listeners."zero-code" = {
        host = "127.0.0.1";
        inherit (zeroCode) port;
      };
      peers = [
        zeroCode.url
        cfg.prometheus.url
      ];
    };

    warnings = lib.optional (lib.versionAtLeast (lib.getVersion zeroCode.package) "1.19") ''
      services.salvo-lab.zeroCode: from 1.19 on Alloy runs Beyla as a program of its own, which has to be downloaded when
      Alloy is built. If the package was built without it, the log of salvo-lab-zero-code.service says so; name one that
      has it in zeroCode.package.
    '';

    assertions = [
      {
        assertion = zeroCode.ports != [ ];
        message = "services.salvo-lab.zeroCode.ports is empty, so that nothing would be watched. Name the ports of your programs.";
      }
    ];
  };
}
