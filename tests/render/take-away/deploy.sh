#!/bin/sh
# TLP:AMBER
# Drafts: read each before you run it. Conditional access is created in report-only state, policy
# assignments do not enforce yet. Lines behind `now` change at once what people may do: they run with ENFORCE=yes.
# Run it once to try, read what was reported, run it again with ENFORCE=yes: it goes on where it ended.
set -eu
cd -- "$(dirname -- "$0")"
# A line that waits until it is asked for.
now() { if [ "${ENFORCE-no}" = yes ]; then "$@"; else echo "left out without ENFORCE=yes: $*"; fi; }
# once MARK COMMAND...: what was done is not done again.
once() {
  if [ ! -e "$1" ]; then
    mark=$1
    shift
    "$@"
    : > "$mark"
  fi
}
# post URL FILE ID: makes an object and keeps its id.
post() {
  if [ ! -s "$3" ]; then
    az rest --method post --url "$1" --body "@$2" --query id --output tsv > "$3.part"
    mv -- "$3.part" "$3"
  fi
}
# put URL FILE MARK: makes an object of this name; one that somebody else made is left alone.
put() {
  if [ ! -e "$3" ] && az rest --method get --url "$1" --output none 2> /dev/null; then
    echo "stopped: $1 stands already and is not this kit's" >&2
    exit 1
  fi
  : > "$3"
  az rest --method put --url "$1" --body "@$2" --output none
}
# rule ROLE RULE FILE: sets one rule of a directory role; without its policy nothing goes on.
rule() {
  policy=$(az rest --method get --url "https://graph.microsoft.com/v1.0/policies/roleManagementPolicyAssignments?\$filter=scopeId eq '/' and scopeType eq 'DirectoryRole' and roleDefinitionId eq '$1'" --query 'value[0].policyId' --output tsv)
  if [ -z "$policy" ]; then
    echo "stopped: no role management policy of directory role $1" >&2
    exit 1
  fi
  az rest --method patch --url "https://graph.microsoft.com/v1.0/policies/roleManagementPolicies/$policy/rules/$2" --body "@$3" --output none
}
# grant PRINCIPAL ROLE SCOPE ID: assigns a role that is not assigned yet, and keeps the assignment's id.
grant() {
  if [ ! -s "$4" ] && [ -z "$(az role assignment list --assignee "$1" --role "$2" --scope "$3" --query '[].id' --output tsv)" ]; then
    az role assignment create --assignee "$1" --role "$2" --scope "$3" --query id --output tsv > "$4.part"
    mv -- "$4.part" "$4"
  fi
}

# Storage without account keys
# nothing in this environment fits storage-disable-shared-key/1-resource-patch.json: say where it applies

# Read-only lock on storage accounts
# nothing in this environment fits storage-read-only-lock/1-lock.json: say where it applies
