# The two programs: dependencies are compiled once, and what follows shares them.
{ pkgs, craneLib }:
let
  inherit (pkgs) lib;

  src = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.unions [
      ../Cargo.toml
      ../Cargo.lock
      ../deny.toml
      ../src
      ../tests
      ../benches
      # Compiled into lab.
      ../dashboards
      ../etc
      (lib.fileset.maybeMissing ../console)
    ];
  };

  commonArgs = {
    inherit src;
    strictDeps = true;
  };
  cargoArtifacts = craneLib.buildDepsOnly commonArgs;
in
{
  lab = craneLib.buildPackage (commonArgs // { inherit cargoArtifacts; doCheck = false; });
  salvo-app = craneLib.buildPackage (
    commonArgs
    // {
      pname = "salvo-app";
      cargoArtifacts = craneLib.buildDepsOnly (commonArgs // { pname = "salvo-app"; cargoExtraArgs = "--locked --no-default-features --bin salvo-app"; });
      cargoExtraArgs = "--locked --no-default-features --bin salvo-app";
      doCheck = false;
    }
  );
}
