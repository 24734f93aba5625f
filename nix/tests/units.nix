# The units that the modules make, held against nix/tests/golden/units: what a change to a module does to
# systemd is seen before it runs anywhere. Made anew with
#   rm -r nix/tests/golden/units
#   nix eval .#checks.x86_64-linux.units.golden --write-to nix/tests/golden/units
{
  pkgs,
  promtail,
  alloy,
}:
let
  inherit (pkgs) lib;

  # These are the lab's own, line by line.
  own = {
    inherit (promtail.systemd.units)
      "promtail.service"
      "salvo-app@app-a.service"
      "salvo-lab-secrets.service"
      ;
  };
  # Of these NixOS writes a part, which changes with its releases; the lab's part is kept.
  shared = {
    inherit (promtail.systemd.units)
      "grafana.service"
      "loki.service"
      "prometheus.service"
      "tempo.service"
      ;
    inherit (alloy.systemd.units) "alloy.service";
  };
  labs = lib.attrNames (import ../modules/hardening.nix { inherit lib; }).service ++ [
    "ExecStart"
    "IPAddressAllow"
    "IPAddressDeny"
    "LogExtraFields"
    "MemoryMax"
    "ReadWritePaths"
    "Requires"
    "Restart"
    "RestartSec"
    "StartLimitIntervalSec"
    "StateDirectory"
    "SupplementaryGroups"
    "TasksMax"
    "TimeoutStopSec"
    "User"
    "DynamicUser"
  ];
  isOfLab =
    line:
    lib.hasPrefix "[" line
    || lib.hasPrefix "Environment=\"LAB_" line
    || lib.elem (lib.head (lib.splitString "=" line)) labs;

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
    keep: unit:
    let
      # One line for each setting; Prometheus' flags take several.
      text = lib.replaceStrings [ " \\\n  " " \n" ] [ " " "\n" ] (
        builtins.unsafeDiscardStringContext unit.text
      );
      lines = lib.filter (line: line == "" || keep line) (lib.splitString "\n" text);
    in
    withoutVersions (lib.concatStringsSep "\n" lines);

  golden =
    lib.mapAttrs (_: render (line: !isOfAll line)) own // lib.mapAttrs (_: render isOfLab) shared;

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
