# Shell text that the lab's commands begin with: the usual ports, and what follows from them.
{ lib, ports }:
''
  LAB_PORTS=(${lib.concatStringsSep " " (lib.mapAttrsToList (name: port: "${name}=${toString port}") ports)})
  ${builtins.readFile ./stack/addresses.sh}
''
