//! Log tables by their names: a row that names its table (`Type`, `$table`, the table of a query's answer) is read by
//! that table's format, whatever its other columns are. The answer to a `union` has the columns of all its tables in
//! every row. Source: the table reference of Azure Monitor Logs, "Advanced hunting schema".

use super::Record;

/// Tables by the formats that may read their rows; where there is more than one, the rows tell.
const TABLES: &[(&str, &[&str])] = &[
    ("AADManagedIdentitySignInLogs", &["entra-sign-in"]),
    ("AADNonInteractiveUserSignInLogs", &["entra-sign-in"]),
    ("AADRiskyServicePrincipals", &["ignored"]),
    ("AADRiskyUsers", &["ignored"]),
    ("AADServicePrincipalRiskEvents", &["risk-detection"]),
    ("AADServicePrincipalSignInLogs", &["entra-sign-in"]),
    ("AADUserRiskEvents", &["risk-detection"]),
    ("ADFSSignInLogs", &["entra-sign-in"]),
    ("AZKVAuditLogs", &["key-vault-audit"]),
    ("AuditLogs", &["entra-audit"]),
    ("AzureActivity", &["azure-activity"]),
    ("AzureDiagnostics", &["ignored", "key-vault-audit"]),
    ("MicrosoftGraphActivityLogs", &["graph-activity"]),
    ("MicrosoftServicePrincipalSignInLogs", &["entra-sign-in"]),
    ("SecurityAlert", &["security-alert"]),
    ("SigninLogs", &["entra-sign-in"]),
    ("StorageBlobLogs", &["storage-log"]),
    ("StorageFileLogs", &["storage-log"]),
    ("StorageQueueLogs", &["storage-log"]),
    ("StorageTableLogs", &["storage-log"]),
];

/// The formats that may read this row, where it names its table.
pub fn readers(record: &Record<'_>) -> Option<&'static [&'static str]> {
    let named = record.first_text(&["Type", "$table"]);
    let table = named.as_deref().or(record.context.table.as_deref())?;
    TABLES.iter().find(|(name, _)| name.eq_ignore_ascii_case(table)).map(|(_, readers)| *readers)
}
