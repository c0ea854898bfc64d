#!/bin/sh
# An example deployment: a file with the version stands for the running service. Yours would call kubectl, ansible, scp…
# The command comes in the environment (DEPLOYDB_SERVICE, DEPLOYDB_ENVIRONMENT, DEPLOYDB_VERSION …) and, whole, as JSON
# on standard input. Exit 0: success. Any other exit: failure, with the last lines of the output as its reason.
set -eu
where="${DEPLOYDB_DATA:-deploydb-data}/example/$DEPLOYDB_ENVIRONMENT"
mkdir -p "$where"
printf '%s\n' "$DEPLOYDB_VERSION" > "$where/$DEPLOYDB_SERVICE.next"
mv "$where/$DEPLOYDB_SERVICE.next" "$where/$DEPLOYDB_SERVICE"
echo "$DEPLOYDB_SERVICE $DEPLOYDB_VERSION runs in $DEPLOYDB_ENVIRONMENT"
