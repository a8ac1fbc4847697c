//! The chosen set as drafts to deploy: each native document as the service takes it, `deploy.sh` with the exact command
//! for each, `revert.sh` with the one that takes it back, last in first out.
//!
//! Nothing that changes what anybody may do runs unasked: conditional access is created in report-only state, Azure
//! Policy assignments do not enforce, and every other line runs only with `ENFORCE=yes`. What stands already under a
//! name is left alone, a second run goes on where the first one ended, and only what was done is taken back. Commands
//! are for a POSIX shell; every word that is not ours stands in single quotes.
//!
//! Sources: Microsoft Graph v1.0 *Create conditionalAccessPolicy*, *Update conditionalaccesspolicy*, *Create
//! namedLocation*, *Update unifiedRoleManagementPolicyRule*, *Create roleEligibilityScheduleRequests*; ARM *Role
//! Management Policies - Update*, *Role Eligibility Schedule Requests - Create*, *Role Assignments - Create*, *Policy
//! Assignments - Create*, *Management Locks - Create Or Update By Scope*; the versions of the interface are the newest
//! stable ones of each provider's published specification (read November 2026).

mod azure;
mod entra;
mod pim;
mod script;

use super::picture::{Names, recommended};
use super::text::plain;
use super::{Artifact, Output, RenderError, Request, slug};
use crate::analysis::{Analysis, Control, ControlDocument};
use script::Script;
use serde_json::Value;

pub(super) const OUTPUT: Output = Output { id: "take-away", views: &["set"], extension: "json", render };

const ARM: &str = "https://management.azure.com";
const GRAPH: &str = "https://graph.microsoft.com/v1.0";

fn render(analysis: &Analysis, request: &Request) -> Result<Vec<Artifact>, RenderError> {
    let with = if request.with.is_empty() { recommended(analysis) } else { request.with.clone() };
    let names = Names::of(analysis);
    let mut kit = Kit { files: Vec::new(), script: Script::default() };
    for id in &with {
        let Some(control) = analysis.control(id) else { continue };
        kit.script.heading(&names.title(id));
        for (number, document) in control.documents.iter().enumerate() {
            let draft = Draft {
                control,
                document,
                stem: format!("{}/{}-{}", slug(&control.id), number + 1, slug(&document.family)),
            };
            for unfilled in &document.unfilled {
                kit.script.say(
                    Phase::Prepare,
                    &format!("fill the parameter {} in {}.json first", plain(unfilled), draft.stem),
                );
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
                    kit.script.say(Phase::Prepare, &format!("{}.json is put in force by hand", draft.stem));
                }
            }
        }
    }
    let marking = analysis.incident.marking.as_deref();
    kit.files.push(Artifact { name: "deploy.sh".to_owned(), bytes: kit.script.deploy(marking).into_bytes() });
    kit.files.push(Artifact { name: "revert.sh".to_owned(), bytes: kit.script.revert(marking).into_bytes() });
    Ok(kit.files)
}

/// What goes before what, whatever the order of the controls: what is named before what names it, what people get
/// before what is taken from them, locks when nothing is left to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// Named locations, policy definitions, rules of roles.
    Prepare,
    /// Policies that report and do not enforce.
    Report,
    /// Roles for those who would be left without.
    Give,
    Enforce,
    Lock,
}

/// What the families write to.
struct Kit {
    files: Vec<Artifact>,
    script: Script,
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
        let text = format!("nothing in this environment fits {}.json: say where it applies", self.stem);
        kit.script.say(Phase::Prepare, &text);
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
