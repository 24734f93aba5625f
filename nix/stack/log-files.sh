# shellcheck shell=bash
# log-files SERVICE COMMAND…: runs the command and keeps what it writes, each stream in a file of its own, while
# process-compose still shows both. Notes the process in LAB_STATE/run
# too, so that it is found when process-compose was killed.

service=$1
shift

# Outlives the signal that ends the command, so that its last lines are kept too.
keep() {
  trap '' HUP INT TERM
  LOG_FILE=$LAB_LOGS_PATH/$service.$1.log
  touch "$LOG_FILE"
  export LOG_FILE
  LC_ALL=C exec gawk -v size="$(wc -c <"$LOG_FILE")" -v full="$((${LAB_LOG_MIB:-64} * 1048576))" -f "$LOG_FILES_AWK"
}

printf '%s %s\n' "$$" "$(began "$$")" >"$LAB_STATE/run/$service"
exec "$@" > >(keep stdout) 2> >(keep stderr >&2)
