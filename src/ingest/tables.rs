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
    ("AADSignInEventsBeta", &["defender-xdr"]),
    ("AADSpnSignInEventsBeta", &["defender-xdr"]),
    ("AZKVAuditLogs", &["key-vault-audit"]),
    ("AlertEvidence", &["ignored"]),
    ("AlertInfo", &["security-alert"]),
    ("AuditLogs", &["entra-audit"]),
    ("AzureActivity", &["azure-activity"]),
    ("AzureDiagnostics", &["ignored", "key-vault-audit"]),
    ("EntraIdSignInEvents", &["defender-xdr"]),
    ("EntraIdSpnSignInEvents", &["defender-xdr"]),
    ("GraphApiAuditEvents", &["graph-activity"]),
    ("MicrosoftGraphActivityLogs", &["graph-activity"]),
    ("MicrosoftServicePrincipalSignInLogs", &["entra-sign-in"]),
    ("SecurityAlert", &["security-alert"]),
    ("SigninLogs", &["entra-sign-in"]),
    ("StorageBlobLogs", &["storage-log"]),
    ("StorageFileLogs", &["storage-log"]),
    ("StorageQueueLogs", &["storage-log"]),
    ("StorageTableLogs", &["storage-log"]),
];

/// The log that a table without rows is an export of, by the reader of its columns.
pub fn log_of(reader: &str, table: Option<&str>) -> Option<&'static str> {
    let of_reader = |(_, readers): &&(&str, &[&str])| readers.contains(&reader);
    let named = TABLES.iter().filter(of_reader).find(|(name, _)| table.is_some_and(|t| t.eq_ignore_ascii_case(name)));
    let usual = ["SigninLogs", "AuditLogs", "AzureActivity", "AzureDiagnostics", "SecurityAlert", "StorageBlobLogs"];
    let usual = || TABLES.iter().filter(of_reader).find(|(name, _)| usual.contains(name));
    named.or_else(usual).map(|(name, _)| *name).filter(|_| reader != "ignored")
}

/// The log that an empty collection of Graph's is an export of, by its `@odata.context`.
pub fn log_of_collection(context: &str) -> Option<(&'static str, &'static str)> {
    const COLLECTIONS: &[(&str, &str, &str)] = &[
        ("auditlogs/signins", "entra-sign-in", "SigninLogs"),
        ("auditlogs/directoryaudits", "entra-audit", "AuditLogs"),
        ("security/alerts", "security-alert", "SecurityAlert"),
        ("identityprotection/riskdetections", "risk-detection", "AADUserRiskEvents"),
    ];
    let context = context.to_ascii_lowercase();
    let found = COLLECTIONS.iter().find(|(path, ..)| context.contains(path));
    found.map(|(_, reader, log)| (*reader, *log))
}

/// The formats that may read this row, where it names its table.
pub fn readers(record: &Record<'_>) -> Option<&'static [&'static str]> {
    let named = record.first_text(&["Type", "$table"]);
    let table = named.as_deref().or(record.context.table.as_deref())?;
    TABLES.iter().find(|(name, _)| name.eq_ignore_ascii_case(table)).map(|(_, readers)| *readers)
}
