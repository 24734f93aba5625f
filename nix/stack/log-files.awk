# Copies each line to the file and to standard output. A full file becomes FILE.1 and a new one begins: a stream takes
# twice the limit on the disk at most, and who follows the file by its name misses nothing.
BEGIN {
  # A full disk costs lines, not the server.
  PROCINFO["NONFATAL"] = 1
  file = ENVIRON["LOG_FILE"]
}
{
  print >> file
  fflush(file)
  print
  fflush("/dev/stdout")
  size += length($0) + 1
  if (size >= full) {
    close(file)
    system("mv -f -- \"$LOG_FILE\" \"$LOG_FILE.1\"")
    size = 0
  }
}
