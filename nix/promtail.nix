# Promtail, which reached its end of life in March 2026 and left nixpkgs with 26.05: from the release before.
{ inputs, system }:
let
  inherit (inputs.nixpkgs) lib;
  pkgs = import inputs.nixpkgs-promtail {
    inherit system;
    # A program without further releases may be marked insecure in its last nixpkgs. That holds for it alone.
    config.allowInsecurePredicate = package: lib.getName package == "promtail";
  };
in
pkgs.promtail
