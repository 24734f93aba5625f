# Garage 2, whose admin API the cluster's setup speaks. A nixpkgs that is given in place of the pinned one may lack it; then
# that of the machine is run, which says itself when it is not there.
{ pkgs }:
pkgs.garage_2 or (pkgs.writeShellScriptBin "garage" ''
  export PATH=$PATH:/usr/local/bin:/usr/bin
  exec garage "$@"
'')
