# The two programs and their checks. Dependencies are compiled in three steps, each on top of the one before: those of
# the service, those of the laboratory, and at last those of tests and benchmarks. So whoever only runs something waits
# for what runs, and nothing is compiled twice.
{ pkgs, craneLib }:
let
  inherit (pkgs) lib;

  # What cargo reads, and what is compiled into `lab`: a change of anything else builds nothing anew.
  compiled = lib.fileset.unions [
    ../Cargo.toml
    ../Cargo.lock
    ../build.rs
    ../deny.toml
    ../crates
    ../src
    ../tests
    # Of benches/ without what other frameworks need, which nothing here builds.
    (lib.fileset.difference ../benches ../benches/peers)
    ../console
    ../dashboards
    ../etc
    # `cargo test` runs the fuzz targets' functions.
    ../fuzz/src
  ];
  src = lib.fileset.toSource {
    root = ../.;
    fileset = compiled;
  };

  service = "--locked --package salvo-observability --no-default-features --bin salvo-app";
  faults = "${service} --features faults";
  lab = "--locked --package salvo-observability --bin lab";
  all = "--locked --workspace";

  commonArgs = {
    inherit src;
    strictDeps = true;
    # The tests talk to servers of their own on loopback.
    __darwinAllowLocalNetworking = true;
  }
  // lib.optionalAttrs pkgs.stdenv.hostPlatform.isDarwin {
    buildInputs = [ pkgs.libiconv ];
  };

  # Compiled dependencies, on top of those of the step before. crane's buildDepsOnly knows no step before.
  artifacts =
    below: commands:
    craneLib.mkCargoDerivation (
      commonArgs
      // {
        src = craneLib.mkDummySrc commonArgs;
        inherit (craneLib.crateNameFromCargoToml { inherit src; }) pname version;
        pnameSuffix = "-deps";
        cargoArtifacts = below;
        cargoVendorDir = craneLib.vendorCargoDeps { inherit src; };
        env.CRANE_BUILD_DEPS_ONLY = 1;
        buildPhaseCargoCommand = lib.concatMapStringsSep "\n" (it: "cargoWithProfile ${it}") commands;
        doCheck = false;
        doInstallCargoArtifacts = true;
      }
    );
  serviceArtifacts = artifacts null [ "build ${service}" ];
  labArtifacts = artifacts serviceArtifacts [ "build ${lab}" ];
  testArtifacts = artifacts labArtifacts [
    "check ${all} --all-targets"
    "test ${all} --no-run"
  ];

  # Nobody builds on the artifacts of a check.
  check = commonArgs // {
    cargoArtifacts = testArtifacts;
    cargoExtraArgs = all;
    doInstallCargoArtifacts = false;
  };

  meta = {
    license = lib.licenses.mit;
    platforms = lib.platforms.unix;
  };
in
{
  lab = craneLib.buildPackage (
    commonArgs
    // {
      pname = "lab";
      cargoArtifacts = labArtifacts;
      cargoExtraArgs = lab;
      # Tested by the check nextest.
      doCheck = false;
      meta = meta // {
        description = "The laboratory: run it, check it, send it traffic";
        mainProgram = "lab";
      };
    }
  );

  salvo-app = craneLib.buildPackage (
    commonArgs
    // {
      pname = "salvo-app";
      cargoArtifacts = serviceArtifacts;
      cargoExtraArgs = service;
      doCheck = false;
      meta = meta // {
        description = "An HTTP service that can be observed in traces, metrics and logs";
        mainProgram = "salvo-app";
      };
    }
  );

  # The service with faults that can be set: for a lab in which people learn to find them.
  salvo-app-faults = craneLib.buildPackage (
    commonArgs
    // {
      pname = "salvo-app-faults";
      cargoArtifacts = serviceArtifacts;
      cargoExtraArgs = faults;
      doCheck = false;
      # The module lets no instance have a control port whose package does not know it.
      passthru.hasFaults = true;
      meta = meta // {
        description = "The service of the lab, with faults that can be set over a control port";
        mainProgram = "salvo-app";
      };
    }
  );

  # What each program is made of: its crates with their versions, checksums and licences, as CycloneDX.
  sbom = craneLib.mkCargoDerivation (
    commonArgs
    // {
      pname = "sbom";
      inherit (craneLib.crateNameFromCargoToml { inherit src; }) version;
      cargoArtifacts = null;
      doInstallCargoArtifacts = false;
      nativeBuildInputs = [ pkgs.cargo-cyclonedx ];
      buildPhaseCargoCommand = ''
        describe() { cargo cyclonedx --format json --spec-version 1.5 --describe binaries "$@"; }
        mkdir sbom
        # cargo joins the features that all members want, and the benchmarks want those of the lab.
        substituteInPlace Cargo.toml --replace-fail '"crates/*", "benches"' '"crates/*"'
        describe --no-default-features
        mv salvo-app_bin.cdx.json sbom
        describe
        mv lab_bin.cdx.json sbom
      '';
      installPhaseCommand = "mv sbom $out";
      meta = meta // {
        description = "What salvo-app and lab are made of, as CycloneDX";
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
          cargoWithProfile clippy ${faults} -- --deny warnings
        '';
      }
    );

    fmt = craneLib.cargoFmt {
      inherit src;
      cargoExtraArgs = "--all";
    };

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
        # A test looks for everything that the documents name.
        src = lib.fileset.toSource {
          root = ../.;
          fileset = lib.fileset.unions [
            compiled
            ../benches/peers
            ../README.md
            ../CONTRIBUTING.md
            ../CHANGELOG.md
            ../LICENSE
            ../docs
            ../fuzz
            ../load
            ../nix
            ../.ci
            ../.github
          ];
        };
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
