# shellcheck shell=bash
# When a process began, as its system counts; nothing when it has ended. The number and the time together name one
# process for good, whoever gets the number later.
began() {
  local line fields
  if [[ -r /proc/self/stat ]]; then
    { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 0
    # What follows the name, which may have blanks and brackets in it: the state, …, the time as the twentieth.
    read -ra fields <<<"${line##*) }"
    [[ ${fields[0]} == Z ]] || printf '%s' "${fields[19]}"
  else
    LC_ALL=C ps -o lstart= -p "$1" 2>/dev/null || true
  fi
}
