//! The chosen set as drafts to deploy: each native document as the service takes it, `deploy.sh` with the exact command
//! for each, `revert.sh` with the one that takes it back.
//!
//! Nothing that changes what anybody may do runs unasked: conditional access is created in report-only state, Azure
//! Policy assignments do not enforce, and every other line runs only with `ENFORCE=yes`. Commands are for a POSIX shell;
//! every word that is not ours stands in single quotes. Sources: Microsoft Graph *Create conditionalAccessPolicy*,
//! *Update unifiedRoleManagementPolicyRule*; ARM *Role Management Policies - Update*, *Role Eligibility Schedule
//! Requests - Create*, *Policy Assignments - Create*, *Management Locks - Create Or Update At Scope Level*.

mod azure;
mod entra;
mod pim;

use super::picture::{Names, recommended};
use super::text::plain;
use super::{Artifact, Output, RenderError, Request, slug};
use crate::analysis::{Analysis, Control, ControlDocument};
use serde_json::Value;
use std::fmt::Write;

pub(super) const OUTPUT: Output = Output { id: "take-away", views: &["set"], extension: "json", render };

const ARM: &str = "https://management.azure.com";
const GRAPH: &str = "https://graph.microsoft.com/v1.0";

/// What stands in the two scripts before anything else.
const NOW: &str =
    "now() { if [ \"${ENFORCE-no}\" = yes ]; then \"$@\"; else echo \"left out without ENFORCE=yes: $*\"; fi; }\n";

fn render(analysis: &Analysis, request: &Request) -> Result<Vec<Artifact>, RenderError> {
    let with = if request.with.is_empty() { recommended(analysis) } else { request.with.clone() };
    let names = Names::of(analysis);
    let mut kit = Kit { files: Vec::new(), deploy: head(analysis, DEPLOY), revert: head(analysis, REVERT) };
    kit.deploy.push_str(NOW);
    for id in &with {
        let Some(control) = analysis.control(id) else { continue };
        let _ = write!(kit.deploy, "\n# {}\n", plain(&names.title(id)));
        let _ = write!(kit.revert, "\n# {}\n", plain(&names.title(id)));
        for (number, document) in control.documents.iter().enumerate() {
            let draft = Draft {
                control,
                document,
                stem: format!("{}/{}-{}", slug(&control.id), number + 1, slug(&document.family)),
            };
            for unfilled in &document.unfilled {
                let _ = writeln!(kit.deploy, "# fill the parameter {} in {}.json first", plain(unfilled), draft.stem);
            }
            match document.family.as_str() {
                "conditional-access" => entra::conditional_access(&mut kit, &draft)?,
                "azure-policy" => azure::policy(&mut kit, &draft)?,
                "resource-patch" => azure::patch(&mut kit, &draft)?,
                "lock" => azure::lock(&mut kit, &draft)?,
                "rbac" => azure::roles(&mut kit, &draft)?,
                "pim" => pim::rules(&mut kit, &draft)?,
                _ => {
                    kit.file(&format!("{}.json", draft.stem), &document.body)?;
                    let _ = writeln!(kit.deploy, "# {}.json is put in force by hand", draft.stem);
                }
            }
        }
    }
    kit.files.push(Artifact { name: "deploy.sh".to_owned(), bytes: kit.deploy.into_bytes() });
    kit.files.push(Artifact { name: "revert.sh".to_owned(), bytes: kit.revert.into_bytes() });
    Ok(kit.files)
}

const DEPLOY: &str = "# Drafts: read each before you run it. Conditional access is created in report-only state, policy\n\
     # assignments do not enforce yet. Lines behind `now` change at once what people may do: they run with ENFORCE=yes.\n";
const REVERT: &str =
    "# Takes back what deploy.sh did. Run it in the same folder: deploy.sh leaves the ids of what it made there.\n";

fn head(analysis: &Analysis, says: &str) -> String {
    let marking = analysis.incident.marking.as_deref().map(|m| format!("# {}\n", plain(m))).unwrap_or_default();
    format!("#!/bin/sh\n{marking}{says}set -eu\ncd -- \"$(dirname -- \"$0\")\"\n")
}

/// What the families write to.
struct Kit {
    files: Vec<Artifact>,
    deploy: String,
    revert: String,
}

impl Kit {
    fn file(&mut self, name: &str, body: &Value) -> Result<(), RenderError> {
        let mut text = serde_json::to_string_pretty(body).map_err(|error| RenderError::Failed(error.to_string()))?;
        text.push('\n');
        if !self.files.iter().any(|file| file.name == name) {
            self.files.push(Artifact { name: name.to_owned(), bytes: text.into_bytes() });
        }
        Ok(())
    }

    fn deploy(&mut self, line: &str) {
        let _ = writeln!(self.deploy, "{line}");
    }

    fn revert(&mut self, line: &str) {
        let _ = writeln!(self.revert, "{line}");
    }
}

/// One document of one control, and the start of its files' names.
struct Draft<'a> {
    control: &'a Control,
    document: &'a ControlDocument,
    stem: String,
}

impl Draft<'_> {
    /// Objects of the environment that the document changes: what the engine found, else what the catalogue names.
    fn scopes(&self) -> Vec<String> {
        let found: Vec<String> = self.document.targets.iter().map(|target| target.id.clone()).collect();
        match found.is_empty() {
            true => self.document.scopes.iter().filter(|scope| scope.starts_with('/')).cloned().collect(),
            false => found,
        }
    }

    fn nowhere(&self, kit: &mut Kit) {
        kit.deploy(&format!("# nothing in this environment fits {}.json: say where it applies", self.stem));
    }
}

/// One word of a POSIX shell.
fn word(text: &str) -> String {
    format!("'{}'", plain(text).replace('\'', "'\\''"))
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str)
}

fn az(method: &str, url: &str, file: Option<&str>) -> String {
    let body = file.map(|file| format!(" --body {}", word(&format!("@{file}")))).unwrap_or_default();
    format!("az rest --method {method} --url {}{body}", word(url))
}
