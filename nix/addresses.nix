# Where the lab's commands find each other: its folder, the variables of the ports, and the shell text that sets them.
{ lib }:
rec {
  variable = name: "LAB_${lib.toUpper (lib.replaceStrings [ "-" ] [ "_" ] name)}_PORT";

  # Sets LAB_STATE, the lab's folder.
  state = builtins.readFile ./stack/state.sh;

  # `ports` are the usual ones, by name.
  shell = ports: ''
    ${state}
    LAB_PORTS=(${toString (lib.mapAttrsToList (name: port: "${name}=${toString port}") ports)})
    ${builtins.readFile ./stack/addresses.sh}
  '';

  # All on other ports, from `first` on.
  moved =
    ports: first:
    lib.listToAttrs (
      lib.imap0 (number: name: lib.nameValuePair (variable name) (toString (first + number))) (
        lib.attrNames ports
      )
    );
}
