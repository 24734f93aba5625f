# The units that are the lab's own, held against nix/tests/golden/units: what a change to a module does to systemd is
# seen before it runs anywhere. The other units are NixOS', which changes them with its releases. Made anew with
#   rm -r nix/tests/golden/units
#   nix eval .#checks.x86_64-linux.units.golden --write-to nix/tests/golden/units
{
  pkgs,
  machine,
  backend1,
  edge,
}:
let
  inherit (pkgs) lib;

  own = {
    inherit (machine.systemd.units)
      "promtail.service"
      "salvo-app@app-a.service"
      "salvo-lab-secrets.service"
      ;
    inherit (backend1.systemd.units)
      "garage.service"
      "salvo-lab-scraper.service"
      "salvo-lab-storage.service"
      ;
    inherit (edge.systemd.units) "salvo-lab-gateway.service";
  };

  # NixOS gives these to every unit.
  isOfAll = line: builtins.match "Environment=\"(LOCALE_ARCHIVE|PATH|TZDIR)=.*" line != null;

  # Store paths without what changes with every version: /nix/store/HASH-tempo-2.10.3/bin/tempo is
  # /nix/store/tempo/bin/tempo.
  withoutVersions =
    text:
    lib.concatMapStrings (
      part: if lib.isList part then "/nix/store/${lib.getName (lib.head part)}" else part
    ) (builtins.split "/nix/store/[a-z0-9]{32}-([A-Za-z0-9+._?=-]+)" text);

  render =
    unit:
    let
      lines = lib.splitString "\n" (builtins.unsafeDiscardStringContext unit.text);
    in
    withoutVersions (lib.concatStringsSep "\n" (lib.filter (line: !isOfAll line) lines));

  golden = lib.mapAttrs (_: render) own;

  folder = ./golden/units;
  kept = lib.mapAttrs (name: _: builtins.readFile (folder + "/${name}")) (
    lib.optionalAttrs (builtins.pathExists folder) (builtins.readDir folder)
  );
  differing = lib.filter (name: golden.${name} or null != kept.${name} or null) (
    lib.attrNames (golden // kept)
  );
in
# Not an assert around it all: golden must be had when it differs.
lib.extendDerivation (lib.assertMsg (differing == [ ]) ''
  these units differ from nix/tests/golden/units: ${lib.concatStringsSep ", " differing}
  If that is meant, make the files anew and read the difference:
    rm -r nix/tests/golden/units
    nix eval .#checks.x86_64-linux.units.golden --write-to nix/tests/golden/units
    git diff nix/tests/golden/units
'') { inherit golden; } (pkgs.runCommand "units" { } "touch $out")
