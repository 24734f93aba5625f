# docs/nixos.md shows the example configurations as they are, which the VM tests run, and lists every option.
{ pkgs, options }:
let
  inherit (pkgs) lib;
  page = builtins.readFile ../../docs/nixos.md;
  # Not lib.hasInfix, whose regular expression is too deep for a whole file.
  shows = text: lib.replaceStrings [ text ] [ "" ] page != page;

  examples = lib.filter (
    name: !shows "```nix\n${builtins.readFile (../examples + "/${name}")}```\n"
  ) (lib.attrNames (builtins.readDir ../examples));

  documented = lib.filter (option: option.visible && !option.internal) (
    lib.optionAttrSetToDocList {
      inherit (options.services) salvo-app salvo-lab;
    }
  );
  row =
    option: lib.removePrefix "services.salvo-lab." (lib.removePrefix "services.salvo-app." option.name);
  unlisted = lib.filter (name: !shows "\n| `${name}` |") (map row documented);
in
assert lib.assertMsg (examples == [ ])
  "docs/nixos.md does not show these files of nix/examples as they are: ${lib.concatStringsSep ", " examples}";
assert lib.assertMsg (
  unlisted == [ ]
) "docs/nixos.md has no row for these options: ${lib.concatStringsSep ", " unlisted}";
pkgs.runCommand "docs-nixos" { } "touch $out"
