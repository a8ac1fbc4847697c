#!/bin/sh
# Drafts: read each before you run it. Conditional access is created in report-only state, policy
# assignments do not enforce yet; both are switched on by hand once their effect was watched.
set -eu
cd -- "$(dirname -- "$0")"

# Storage without account keys
az rest --method patch --url 'https://management.azure.com/subscriptions/5b6f0000-0000-4000-8000-000000000001/resourceGroups/rg-production/providers/Microsoft.Storage/storageAccounts/proddata?api-version=2023-05-01' --body '@storage-disable-shared-key/1-resource-patch.json'

# Read-only lock on storage accounts
az rest --method put --url 'https://management.azure.com/subscriptions/5b6f0000-0000-4000-8000-000000000001/resourceGroups/rg-production/providers/Microsoft.Storage/storageAccounts/proddata/providers/Microsoft.Authorization/locks/storage-read-only-lock?api-version=2020-05-01' --body '@storage-read-only-lock/1-lock.json'
