//! The chosen set as drafts to deploy: each native document, and the commands that put it in force.
//!
//! Drafts are careful by default: conditional access in report-only state, Azure Policy assignments that do not
//! enforce yet. Commands are for a POSIX shell; every word that is not ours stands in single quotes.

use super::picture::{Names, recommended};
use super::text::plain;
use super::{Artifact, Output, RenderError, Request, slug};
use crate::analysis::{Analysis, Control, ControlDocument};
use serde_json::{Value, json};
use std::fmt::Write;

pub(super) const OUTPUT: Output = Output { id: "take-away", views: &["set"], extension: "json", render };

const ARM: &str = "https://management.azure.com";
const GRAPH: &str = "https://graph.microsoft.com/v1.0";

fn render(analysis: &Analysis, request: &Request) -> Result<Vec<Artifact>, RenderError> {
    let with = if request.with.is_empty() { recommended(analysis) } else { request.with.clone() };
    let names = Names::of(analysis);
    let mut files = Vec::new();
    let mut script = String::from(
        "#!/bin/sh\n# Drafts: read each before you run it. Conditional access is created in report-only state, policy\n\
         # assignments do not enforce yet; both are switched on by hand once their effect was watched.\nset -eu\n\
         cd -- \"$(dirname -- \"$0\")\"\n",
    );
    for id in &with {
        let Some(control) = analysis.control(id) else { continue };
        let folder = slug(&control.id);
        let _ = write!(script, "\n# {}\n", comment(&names.title(id)));
        for (number, document) in control.documents.iter().enumerate() {
            let name = format!("{folder}/{}-{}.json", number + 1, slug(&document.family));
            let body = draft(document);
            let mut text =
                serde_json::to_string_pretty(&body).map_err(|error| RenderError::Failed(error.to_string()))?;
            text.push('\n');
            for unfilled in &document.unfilled {
                let _ = writeln!(script, "# fill the parameter {} in {name} first", comment(unfilled));
            }
            script.push_str(&commands(analysis, control, document, &body, &name));
            files.push(Artifact { name, bytes: text.into_bytes() });
        }
    }
    files.push(Artifact { name: "deploy.sh".to_owned(), bytes: script.into_bytes() });
    Ok(files)
}

/// One line behind `#`.
fn comment(text: &str) -> String {
    plain(text)
}

/// One word of a POSIX shell.
fn word(text: &str) -> String {
    format!("'{}'", plain(text).replace('\'', "'\\''"))
}

/// The document in the state a draft has.
fn draft(document: &ControlDocument) -> Value {
    let mut body = document.body.clone();
    match (document.family.as_str(), &mut body) {
        ("conditional-access", Value::Object(policy)) if policy.contains_key("conditions") => {
            policy.insert("state".to_owned(), json!("enabledForReportingButNotEnforced"));
            for read_only in ["id", "createdDateTime", "modifiedDateTime", "templateId"] {
                policy.remove(read_only);
            }
        }
        ("azure-policy", Value::Object(object)) => {
            if let Some(Value::Object(properties)) = object.get_mut("properties")
                && properties.contains_key("policyDefinitionId")
            {
                properties.insert("enforcementMode".to_owned(), json!("DoNotEnforce"));
            }
        }
        (_, _) => {}
    }
    body
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str)
}

fn az(method: &str, url: &str, file: Option<&str>) -> String {
    let body = file.map(|file| format!(" --body {}", word(&format!("@{file}")))).unwrap_or_default();
    format!("az rest --method {method} --url {}{body}\n", word(url))
}

/// Resources or scopes a document is put in force on: those named, else those of the attack that fit.
fn scopes(analysis: &Analysis, document: &ControlDocument) -> Vec<String> {
    let named: Vec<String> = document.scopes.iter().filter(|scope| scope.starts_with('/')).cloned().collect();
    if !named.is_empty() {
        return named;
    }
    let storage = |id: &str| {
        let lower = id.to_lowercase();
        let at = lower.find("/providers/microsoft.storage/storageaccounts/")?;
        let rest = id.get(at + "/providers/microsoft.storage/storageaccounts/".len()..)?;
        let end = id.len() - rest.len() + rest.find('/').unwrap_or(rest.len());
        id.get(..end).map(str::to_owned)
    };
    let mut found: Vec<String> = match document.family.as_str() {
        "resource-patch" | "lock" => analysis
            .steps
            .iter()
            .flat_map(|step| [Some(step.target.as_str()), step.target_id.as_deref()])
            .flatten()
            .filter_map(storage)
            .collect(),
        _ => analysis.steps.iter().filter_map(|step| subscription(&step.target)).collect(),
    };
    found.sort();
    found.dedup_by(|a, b| a.eq_ignore_ascii_case(b));
    found
}

fn subscription(id: &str) -> Option<String> {
    let mut parts = id.split('/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(""), Some(first), Some(name)) if first.eq_ignore_ascii_case("subscriptions") && !name.is_empty() => {
            Some(format!("/subscriptions/{name}"))
        }
        (_, _, _) => None,
    }
}

fn commands(analysis: &Analysis, control: &Control, document: &ControlDocument, body: &Value, file: &str) -> String {
    let mut out = String::new();
    let scopes = scopes(analysis, document);
    match document.family.as_str() {
        "conditional-access" => {
            let (method, url) = match (text(&document.body, "/id"), body.get("conditions")) {
                // The tenant's own policy is changed where it stands.
                (Some(id), Some(_)) if control.origin == crate::model::Origin::Snapshot => {
                    ("patch", format!("{GRAPH}/identity/conditionalAccess/policies/{id}"))
                }
                (_, Some(_)) => ("post", format!("{GRAPH}/identity/conditionalAccess/policies")),
                (_, None) => ("post", format!("{GRAPH}/identity/conditionalAccess/namedLocations")),
            };
            out.push_str(&az(method, &url, Some(file)));
        }
        "azure-policy" => {
            let assignment = body.pointer("/properties/policyDefinitionId").is_some();
            let set = body.pointer("/properties/policyDefinitions").is_some();
            let name = text(body, "/name").unwrap_or(&control.id);
            let name = slug(name);
            let kind = match (assignment, set) {
                (true, _) => "policyAssignments",
                (false, true) => "policySetDefinitions",
                (false, false) => "policyDefinitions",
            };
            let own = text(&document.body, "/id").filter(|id| id.starts_with("/subscriptions/"));
            match own {
                Some(id) => out.push_str(&az("put", &format!("{ARM}{id}?api-version=2023-04-01"), Some(file))),
                None => {
                    for scope in &scopes {
                        let url = format!(
                            "{ARM}{scope}/providers/Microsoft.Authorization/{kind}/{name}?api-version=2023-04-01"
                        );
                        out.push_str(&az("put", &url, Some(file)));
                    }
                }
            }
        }
        "resource-patch" => {
            for scope in &scopes {
                out.push_str(&az("patch", &format!("{ARM}{scope}?api-version=2023-05-01"), Some(file)));
            }
        }
        "lock" => {
            let name = slug(text(body, "/name").unwrap_or(&control.id));
            for scope in &scopes {
                let url = format!("{ARM}{scope}/providers/Microsoft.Authorization/locks/{name}?api-version=2020-05-01");
                out.push_str(&az("put", &url, Some(file)));
            }
        }
        "pim" => {
            out.push_str(
                "# each rule of the file goes to the management policy of its role; list these policies first\n",
            );
            for scope in &scopes {
                let url = format!(
                    "{ARM}{scope}/providers/Microsoft.Authorization/roleManagementPolicies?api-version=2020-10-01"
                );
                out.push_str(&az("get", &url, None));
            }
        }
        "rbac" => {
            for removed in body.get("remove").and_then(Value::as_array).into_iter().flatten() {
                if let Some(id) = text(removed, "/id") {
                    let _ = writeln!(out, "az role assignment delete --ids {}", word(id));
                }
            }
            for added in body.get("add").and_then(Value::as_array).into_iter().flatten() {
                if let (Some(principal), Some(role), Some(scope)) =
                    (text(added, "/principal"), text(added, "/role"), text(added, "/scope"))
                {
                    let _ = writeln!(
                        out,
                        "az role assignment create --assignee {} --role {} --scope {}",
                        word(principal),
                        word(role),
                        word(scope)
                    );
                }
            }
        }
        _ => {
            let _ = writeln!(out, "# {file} is put in force by hand");
        }
    }
    if out.is_empty() {
        let _ = writeln!(out, "# no scope of the incident fits {file}: say where it applies");
    }
    out
}
