#!/bin/sh
# secrets.sh FOLDER: makes the cluster's keys, each once, as files that only their owner can read. Every machine gets the
# same three; cluster.env says where they are.

set -eu
folder=$1
umask 077
mkdir -p "$folder"

hex() { od -An -N "$1" -tx1 /dev/urandom | tr -d ' \n'; }
make() {
  file=$folder/$1
  [ -s "$file" ] || {
    cat >"$file.new"
    mv "$file.new" "$file"
  }
}

make garage-rpc-secret <<TEXT
$(hex 32)
TEXT
make garage-admin-token <<TEXT
$(hex 32)
TEXT
# Garage wants keys of this form.
make s3-credentials <<TEXT
[default]
aws_access_key_id = GK$(hex 12)
aws_secret_access_key = $(hex 32)
TEXT
