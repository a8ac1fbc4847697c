//! The exported detections as Microsoft Sentinel scheduled rules, a YAML file each (Azure-Sentinel repository, *Query
//! Style Guide*: fields of an analytics rule template).
//!
//! Every scalar that is not ours is a double-quoted YAML string with JSON's escapes (YAML 1.2, 7.3.1), the query a
//! literal block of visible characters: nothing in it can end the block.

use super::text::plain;
use super::{Artifact, Output, RenderError, Request};
use crate::analysis::{Analysis, Detection};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write;

pub(super) const OUTPUT: Output = Output { id: "sentinel", views: &["rules"], extension: "yaml", render };

fn render(analysis: &Analysis, _request: &Request) -> Result<Vec<Artifact>, RenderError> {
    let rules = analysis.detections.iter().filter(|rule| rule.exported && !rule.query.trim().is_empty());
    let file = |rule: &Detection| Artifact {
        name: format!("{}.yaml", super::slug(&rule.id)),
        bytes: yaml(analysis, rule).into_bytes(),
    };
    Ok(rules.map(file).collect())
}

fn yaml(analysis: &Analysis, rule: &Detection) -> String {
    let mut out = String::new();
    if let Some(marking) = &analysis.incident.marking {
        let _ = writeln!(out, "# {}", plain(marking));
    }
    let _ = writeln!(out, "id: {}", guid(&format!("{}/{}", analysis.incident.id, rule.id)));
    let _ = writeln!(out, "name: {}", quoted(&rule.title));
    let _ = writeln!(out, "description: {}", quoted(&rule.description));
    let _ = writeln!(out, "severity: {}", severity(&rule.severity));
    out.push_str("status: Available\nrequiredDataConnectors:\n");
    let mut connectors: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for table in &rule.tables {
        connectors.entry(connector(table)).or_default().push(table);
    }
    for (id, tables) in connectors {
        let _ = writeln!(out, "  - connectorId: {id}\n    dataTypes:");
        for table in tables {
            let _ = writeln!(out, "      - {}", quoted(table));
        }
    }
    let _ = writeln!(out, "queryFrequency: {}", span(&rule.query_frequency, "1h"));
    let _ = writeln!(out, "queryPeriod: {}", span(&rule.query_period, "1d"));
    out.push_str("triggerOperator: gt\ntriggerThreshold: 0\n");
    words(&mut out, "tactics", rule.tactics.iter().map(|tactic| word(tactic)));
    // Rule templates name techniques without their sub-technique.
    words(&mut out, "relevantTechniques", rule.techniques.iter().map(|t| word(t.split('.').next().unwrap_or(t))));
    out.push_str("query: |\n");
    for line in query(&rule.query) {
        let _ = writeln!(out, "  {line}");
    }
    if !rule.entities.is_empty() {
        out.push_str("entityMappings:\n");
        for entity in &rule.entities {
            let _ = writeln!(out, "  - entityType: {}\n    fieldMappings:", word(&entity.entity));
            for field in &entity.fields {
                let (identifier, column) = (word(&field.identifier), word(&field.column));
                let _ = writeln!(out, "      - identifier: {identifier}\n        columnName: {column}");
            }
        }
    }
    out.push_str("version: 1.0.0\nkind: Scheduled\n");
    out
}

fn words(out: &mut String, name: &str, all: impl Iterator<Item = String>) {
    let mut seen: Vec<String> = Vec::new();
    for word in all.filter(|word| !word.is_empty()) {
        if !seen.contains(&word) {
            seen.push(word);
        }
    }
    if !seen.is_empty() {
        let _ = writeln!(out, "{name}:");
        for word in seen {
            let _ = writeln!(out, "  - {word}");
        }
    }
}

/// Letters, digits and `_` of a name that must be one.
fn word(text: &str) -> String {
    text.chars().filter(|character| character.is_ascii_alphanumeric() || *character == '_').take(80).collect()
}

fn severity(text: &str) -> &'static str {
    match text.to_ascii_lowercase().as_str() {
        "high" => "High",
        "low" => "Low",
        "informational" => "Informational",
        _ => "Medium",
    }
}

/// The connector that brings a table (Azure-Sentinel repository, data connector ids).
fn connector(table: &str) -> &'static str {
    match table {
        "AzureActivity" => "AzureActivity",
        "StorageBlobLogs" | "StorageFileLogs" | "StorageQueueLogs" | "StorageTableLogs" => "AzureStorageAccount",
        "SecurityAlert" => "AzureSecurityCenter",
        "AzureDiagnostics" | "AZKVAuditLogs" => "AzureKeyVault",
        "OfficeActivity" => "Office365",
        "MicrosoftGraphActivityLogs" => "AzureActiveDirectory",
        _ => "AzureActiveDirectory",
    }
}

/// `PT5M` as rules spell it: `5m`.
fn span(iso: &str, otherwise: &str) -> String {
    let (date, clock) =
        iso.strip_prefix('P').unwrap_or(iso).split_once('T').unwrap_or((iso.trim_start_matches('P'), ""));
    let of = |text: &str, unit: char| -> Option<String> {
        let number = text.strip_suffix(unit)?;
        let digits = !number.is_empty() && number.len() < 6 && number.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| format!("{number}{}", unit.to_ascii_lowercase()))
    };
    of(date, 'D').or_else(|| of(clock, 'H')).or_else(|| of(clock, 'M')).unwrap_or_else(|| otherwise.to_owned())
}

/// JSON's string syntax is YAML's double-quoted one.
fn quoted(text: &str) -> String {
    serde_json::Value::String(plain(text)).to_string()
}

/// Lines of visible characters; the first does not begin with a blank, which would set the block's indent.
fn query(text: &str) -> Vec<String> {
    let line = |line: &str| {
        let blanks = line.len() - line.trim_start_matches(' ').len();
        format!("{}{}", " ".repeat(blanks), plain(line)).trim_end().to_owned()
    };
    let mut lines: Vec<String> = text.trim().lines().map(line).collect();
    if let Some(first) = lines.first_mut() {
        *first = first.trim_start().to_owned();
    }
    lines
}

/// The same rule of the same incident has the same id everywhere (RFC 9562, version 8: a hash of our own).
fn guid(name: &str) -> String {
    let hash = Sha256::digest(format!("cutset/rule/{name}"));
    let mut hex: Vec<char> =
        hash.iter().take(16).flat_map(|byte| format!("{byte:02x}").chars().collect::<Vec<_>>()).collect();
    if let Some(version) = hex.get_mut(12) {
        *version = '8';
    }
    if let Some(variant) = hex.get_mut(16) {
        *variant = 'a';
    }
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default().iter().collect::<String>();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}
