# What every unit of the lab may not do; written for programs that only speak to the network and
# keep a state directory.
{ lib }:
rec {
  service = {
    CapabilityBoundingSet = "";
    DevicePolicy = "closed";
    LockPersonality = true;
    MemoryDenyWriteExecute = true;
    NoNewPrivileges = true;
    PrivateDevices = true;
    PrivateTmp = true;
    PrivateUsers = true;
    ProtectClock = true;
    ProtectControlGroups = true;
    ProtectHome = true;
    ProtectHostname = true;
    ProtectKernelLogs = true;
    ProtectKernelModules = true;
    ProtectKernelTunables = true;
    # Not ProcSubset=pid: the time of a start, as process_start_time_seconds has it, needs /proc/stat.
    ProtectProc = "invisible";
    ProtectSystem = "strict";
    RemoveIPC = true;
    RestrictAddressFamilies = [
      "AF_INET"
      "AF_INET6"
    ];
    RestrictNamespaces = true;
    RestrictRealtime = true;
    RestrictSUIDSGID = true;
    SystemCallArchitectures = "native";
    # What is not allowed fails with EPERM instead of ending the program.
    SystemCallErrorNumber = "EPERM";
    SystemCallFilter = [
      "@system-service"
      "~@privileged @resources"
    ];
    UMask = "0077";
  };

  # The same for a server written in Go that keeps a state directory: its libraries list the network
  # interfaces. Files of a dynamic user and a user namespace of one's own do not go together everywhere.
  server = service // {
    PrivateUsers = false;
    RestrictAddressFamilies = [
      "AF_INET"
      "AF_INET6"
      "AF_NETLINK"
      "AF_UNIX"
    ];
    TasksMax = 512;
  };

  # Talks to these addresses and to no others.
  network = addresses: {
    IPAddressAllow = addresses;
    IPAddressDeny = "any";
  };

  # The labels of a unit's log lines: journald keeps these fields with every line, and the shipper
  # makes labels of them. The source is what the program logs to, which journald cannot tell.
  journalFields = source: name: [
    "COMPOSE_PROJECT=salvo-observability"
    "COMPOSE_SERVICE=${name}"
    "CONTAINER_NAME=salvo-observability-${name}-1"
    "SOURCE=${source}"
  ];

  # Whether an address (host, host:port or URL) is of this machine alone.
  isLoopback =
    address:
    builtins.match "([a-z]+://)?(127\\.[0-9.]+|localhost|::1|\\[::1])(:[0-9]+)?(/.*)?" address != null;

  # Where a server that listens on this address is reached from its own machine.
  reachable =
    host:
    {
      "0.0.0.0" = "127.0.0.1";
      "::" = "::1";
    }
    .${host} or host;

  # A host and a port as they stand in a URL.
  authority = host: port: "${if lib.hasInfix ":" host then "[${host}]" else host}:${toString port}";
}
