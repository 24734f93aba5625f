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
  };
  serverTasks = 512;

  # Settings of a unit of the lab's own. A person's value wins without more; entries of a list are added.
  own = lib.mapAttrs (_: value: if lib.isList value then value else lib.mkDefault value);

  # Settings of a unit that NixOS makes and sets otherwise: they stand before NixOS' (100) and behind a person's
  # mkForce (50). `unused` tells of a person's value without mkForce.
  onto = lib.mapAttrs (_: lib.mkOverride 90);

  # What somebody sets without mkForce in the place of what `onto` has set: a sentence for each. `definitions` are those
  # of systemd.services, `modulesPath` is where NixOS has its own modules.
  unused =
    {
      definitions,
      modulesPath,
      unit,
      settings,
    }:
    let
      # What a definition sets without a priority of its own; parts of it may be conditional.
      plain =
        value:
        {
          "if" = lib.optionals value.condition (plain value.content);
          merge = lib.concatMap plain value.contents;
          override = [ ];
        }
        .${value._type or ""} or [ value ];
      below = name: lib.concatMap (value: lib.optionals (value ? ${name}) (plain value.${name}));
      others = lib.filter (it: !lib.hasPrefix (toString modulesPath) (toString it.file)) definitions;
      sets = key: it: below key (below "serviceConfig" (below unit (plain it.value))) != [ ];
    in
    lib.concatMap (
      key:
      map (
        it:
        "systemd.services.${unit}.serviceConfig.${key} in ${it.file} is not used: the lab's value stands before NixOS' own. Write lib.mkForce before yours."
      ) (lib.filter (sets key) others)
    ) (lib.attrNames settings);

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

  # The same port of several hosts, as the servers of a cluster take it.
  authorities = hosts: port: lib.concatMapStringsSep "," (host: authority host port) hosts;
}
