#!/bin/sh
# A deployment to look at: "running" is a file with the version in it. Yours would call kubectl, ansible, scp…
# What to do comes in the environment (DEPLOYDB_SERVICE, DEPLOYDB_ENVIRONMENT, DEPLOYDB_VERSION …) and, whole, as JSON
# on standard input. Exit 0: it runs. Anything else: it failed, and the last lines printed here say why.
set -eu
where="${DEPLOYDB_DATA:-deploydb-data}/example/$DEPLOYDB_ENVIRONMENT"
mkdir -p "$where"
printf '%s\n' "$DEPLOYDB_VERSION" > "$where/$DEPLOYDB_SERVICE.next"
mv "$where/$DEPLOYDB_SERVICE.next" "$where/$DEPLOYDB_SERVICE"
echo "$DEPLOYDB_SERVICE $DEPLOYDB_VERSION runs in $DEPLOYDB_ENVIRONMENT"
