# The packages of the lab, added to a nixpkgs of the user's own.
inputs: final: _prev: {
  inherit
    (import ./package.nix {
      pkgs = final;
      craneLib = inputs.crane.mkLib final;
    })
    lab
    salvo-app
    ;
  promtail = import ./promtail.nix {
    inherit inputs;
    inherit (final.stdenv.hostPlatform) system;
  };
}
