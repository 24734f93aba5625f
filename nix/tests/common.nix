# A virtual machine with room for the servers of the lab.
{
  virtualisation = {
    cores = 2;
    memorySize = 3072;
    diskSize = 4096;
  };
  system.stateVersion = "26.05";
}
