#!/bin/sh
# Writes the snapshots anew after a change to infra/bicep or infra/access.yaml: read their diff as what the change deploys.
# `make check` finds a snapshot that is out of date. The compiler comes with `az bicep install`.
set -eu
cd "$(dirname "$0")"
for parameters in *.bicepparam; do
  bicep snapshot "$parameters" --mode overwrite --location westeurope \
    --subscription-id 00000000-0000-0000-0000-000000000001 --tenant-id 00000000-0000-0000-0000-000000000002
  snapshot="${parameters%.bicepparam}.snapshot.json"
  # The compiler writes properties in an order that differs from run to run.
  python3 -m json.tool --sort-keys --indent 2 "$snapshot" "$snapshot.sorted"
  mv "$snapshot.sorted" "$snapshot"
done
