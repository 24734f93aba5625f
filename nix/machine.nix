# A machine that runs the whole lab, to be started as a VM.
{ modulesPath, ... }:
{
  imports = [ (modulesPath + "/virtualisation/qemu-vm.nix") ];
  nixpkgs.hostPlatform = "x86_64-linux";
  networking.hostName = "lab";
  system.stateVersion = "26.05";
}
