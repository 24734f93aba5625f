# The two programs and their checks. Dependencies are compiled once; everything here starts from them.
{ pkgs, craneLib }:
let
  inherit (pkgs) lib;

  # What cargo reads, and what is compiled into `lab`: a change of anything else builds nothing anew.
  src = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.unions [
      ../Cargo.toml
      ../Cargo.lock
      ../build.rs
      ../deny.toml
      ../src
      ../tests
      ../benches
      ../console
      ../dashboards
      ../etc
    ];
  };

  service = "--locked --no-default-features --bin salvo-app";

  commonArgs = {
    inherit src;
    strictDeps = true;
    # The tests talk to servers of their own on loopback.
    __darwinAllowLocalNetworking = true;
  }
  // lib.optionalAttrs pkgs.stdenv.hostPlatform.isDarwin {
    buildInputs = [ pkgs.libiconv ];
  };

  cargoArtifacts = craneLib.buildDepsOnly (
    commonArgs
    // {
      # The service alone asks for fewer features of the same crates.
      postBuild = ''
        cargoWithProfile build ${service}
      '';
    }
  );

  fromArtifacts = commonArgs // {
    inherit cargoArtifacts;
  };

  # Nobody builds on the artifacts of a check.
  check = fromArtifacts // {
    doInstallCargoArtifacts = false;
  };

  meta = {
    license = lib.licenses.mit;
    platforms = lib.platforms.unix;
  };
in
{
  lab = craneLib.buildPackage (
    fromArtifacts
    // {
      pname = "lab";
      cargoExtraArgs = "--locked --bin lab";
      # Tested by the check nextest.
      doCheck = false;
      meta = meta // {
        description = "The laboratory: run it, check it, send it traffic";
        mainProgram = "lab";
      };
    }
  );

  salvo-app = craneLib.buildPackage (
    fromArtifacts
    // {
      pname = "salvo-app";
      cargoExtraArgs = service;
      doCheck = false;
      meta = meta // {
        description = "An HTTP service that can be observed in traces, metrics and logs";
        mainProgram = "salvo-app";
      };
    }
  );

  checks = {
    clippy = craneLib.cargoClippy (
      check
      // {
        cargoClippyExtraArgs = "--all-targets -- --deny warnings";
        postBuild = ''
          cargoWithProfile clippy ${service} -- --deny warnings
        '';
      }
    );

    fmt = craneLib.cargoFmt { inherit src; };

    doc = craneLib.cargoDoc (
      check
      // {
        cargoDocExtraArgs = "--no-deps --document-private-items";
        env.RUSTDOCFLAGS = "--deny warnings";
      }
    );

    # Without the advisories, which come from the network.
    deny = craneLib.cargoDeny (
      commonArgs
      // {
        cargoDenyChecks = "bans licenses sources";
      }
    );

    nextest = craneLib.cargoNextest (
      check
      // {
        cargoExtraArgs = "--locked";
        # Time zones of the log, and the programs that tests compare answers with.
        env.TZDIR = "${pkgs.tzdata}/share/zoneinfo";
        nativeBuildInputs = [
          pkgs.prometheus
          pkgs.prometheus.cli
        ];
      }
    );
  };
}
