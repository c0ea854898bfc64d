#!/bin/sh
# An example smoke test: does the expected version run?
# Usage: smoke.sh SERVICE ENVIRONMENT VERSION
set -eu
running=$(cat "${DEPLOYDB_DATA:-deploydb-data}/example/$2/$1")
[ "$running" = "$3" ] || { echo "expected $1 $3 in $2, found $running"; exit 1; }
