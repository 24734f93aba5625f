#!/bin/sh
# render.sh FILE: writes FILE with the environment's values in the place of its variables, ${NAME}, for servers that read
# no environment themselves. A line with ${NAME[]} is written once for each part of that list. A variable that is not set
# is an error, since nothing in its place would be a wrong configuration.

set -eu
exec awk '
function value(name) {
    if (!(name in ENVIRON)) {
        print FILENAME ": " name " is not set; etc/cluster/cluster.env says what it is" > "/dev/stderr"
        failed = 1
        exit 1
    }
    return ENVIRON[name]
}
function filled(line,   whole, name) {
    whole = ""
    while (match(line, /\$\{[A-Za-z_][A-Za-z0-9_]*\}/)) {
        name = substr(line, RSTART + 2, RLENGTH - 3)
        whole = whole substr(line, 1, RSTART - 1) value(name)
        line = substr(line, RSTART + RLENGTH)
    }
    return whole line
}
# What the file says of itself is not filled in.
/^#/ { print; next }
match($0, /\$\{[A-Za-z_][A-Za-z0-9_]*\[\]\}/) {
    before = substr($0, 1, RSTART - 1)
    after = substr($0, RSTART + RLENGTH)
    number = split(value(substr($0, RSTART + 2, RLENGTH - 5)), parts, ",")
    for (i = 1; i <= number; i++) print filled(before parts[i] after)
    next
}
{ print filled($0) }
END { if (failed) exit 1 }
' "$1"
