# A file of etc/cluster/ for a server that reads no environment, with its variables filled in: nothing secret is among
# them, so that it is done when the machine is built.
{ pkgs }:
name: file: variables:
pkgs.runCommand name (variables // { nativeBuildInputs = [ pkgs.gawk ]; }) ''
  sh ${../../../etc/cluster/render.sh} ${file} > $out
''
