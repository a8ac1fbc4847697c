#!/bin/sh
# TLP:AMBER
# Drafts: read each before you run it. Conditional access is created in report-only state, policy
# assignments do not enforce yet. Lines behind `now` change at once what people may do: they run with ENFORCE=yes.
set -eu
cd -- "$(dirname -- "$0")"
now() { if [ "${ENFORCE-no}" = yes ]; then "$@"; else echo "left out without ENFORCE=yes: $*"; fi; }

# Storage without account keys
# nothing in this environment fits storage-disable-shared-key/1-resource-patch.json: say where it applies

# Read-only lock on storage accounts
# nothing in this environment fits storage-read-only-lock/1-lock.json: say where it applies
