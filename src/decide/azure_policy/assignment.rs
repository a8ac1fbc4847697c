//! Assignments and initiatives, compiled: one member for each definition that an assignment puts in force.
//!
//! Source: *Azure Policy assignment structure*, *Azure Policy initiative definition structure*.

use super::Complaint;
use super::compare::{fold, same_text};
use super::definition::{Definition, identity, properties};
use super::effect::Effect;
use super::parameters::Declared;
use super::scope::{Exemption, Range, Selector};
use super::template::{Reader, Template, escape};
use crate::model::{ResourceId, json};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Assignment {
    pub id: ResourceId,
    pub name: String,
    pub range: Range,
    /// None: not collected.
    pub parameters: Option<BTreeMap<String, Value>>,
    pub enforcement: Enforcement,
    pub overrides: Vec<Override>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Enforcement {
    Default,
    DoNotEnforce,
    /// A word we do not know, or not collected; the fact.
    Unknown(String),
}

/// `kind: policyEffect`; a `policyVersion` only picks the version of the definition.
#[derive(Debug)]
pub(super) struct Override {
    pub effect: Result<Effect, String>,
    pub selector: Selector,
}

/// One definition in force through one assignment.
#[derive(Debug)]
pub(super) struct Member {
    /// The assignment's name, or `assignment/policyDefinitionReferenceId`.
    pub key: String,
    pub assignment: Arc<Assignment>,
    /// The fact that is missing where the definition is not in the snapshot.
    pub definition: Result<Arc<Definition>, String>,
    pub definition_id: String,
    pub part: Option<Part>,
    /// What `policy()` returns.
    pub policy: Value,
}

/// The place of a member in its initiative.
#[derive(Debug)]
pub(super) struct Part {
    pub reference: String,
    pub parameters: BTreeMap<String, Template>,
    pub declared: Arc<Declared>,
}

/// An initiative, compiled.
#[derive(Debug)]
struct SetDefinition {
    id: String,
    declared: Arc<Declared>,
    members: Vec<SetMember>,
}

#[derive(Debug)]
struct SetMember {
    definition_id: String,
    reference: String,
    parameters: Vec<(String, Value, String)>,
}

impl SetDefinition {
    fn compile(document: &Value) -> (SetDefinition, Vec<Complaint>) {
        let id = identity(document);
        let mut reader = Reader { definition: &id, complaints: Vec::new() };
        let (body, at) = properties(document);
        let declared = reader.declared(json::get(body, "parameters"), &format!("{at}/parameters"));
        let mut members = Vec::new();
        match json::get(body, "policyDefinitions") {
            Some(Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    let at = format!("{at}/policyDefinitions/{index}");
                    let Some(definition_id) = json::text(item, "policyDefinitionId") else {
                        reader.complain(&at, "a member without `policyDefinitionId`");
                        continue;
                    };
                    let last = || definition_id.rsplit('/').next().unwrap_or(definition_id).to_owned();
                    let reference = json::text(item, "policyDefinitionReferenceId").map_or_else(last, str::to_owned);
                    let mut parameters = Vec::new();
                    for (name, body) in json::get(item, "parameters").and_then(Value::as_object).into_iter().flatten() {
                        let at = format!("{at}/parameters/{}/value", escape(name));
                        let Some(value) = json::get(body, "value") else {
                            reader.complain(&at, format!("parameter `{name}` without a value"));
                            continue;
                        };
                        // Compiled for its complaints; compiled again for each assignment.
                        reader.template(value, &at);
                        parameters.push((fold(name).into_owned(), value.clone(), at));
                    }
                    members.push(SetMember { definition_id: definition_id.to_owned(), reference, parameters });
                }
            }
            _ => {
                reader.complain(&format!("{at}/policyDefinitions"), "an initiative without a list of definitions");
            }
        }
        let complaints = std::mem::take(&mut reader.complaints);
        (SetDefinition { declared: Arc::new(declared), members, id }, complaints)
    }
}

/// The definitions and initiatives of a snapshot, by folded id and, for documents without one, by name.
#[derive(Default)]
pub(super) struct Library {
    definitions: BTreeMap<String, Arc<Definition>>,
    sets: BTreeMap<String, Arc<SetDefinition>>,
    pub complaints: Vec<Complaint>,
}

/// The folded id without a version, and the folded name.
fn keys(id: &str) -> [String; 2] {
    let folded = id.trim_end_matches('/').to_lowercase();
    let base = folded.split("/versions/").next().unwrap_or(&folded).to_owned();
    let name = base.rsplit('/').next().unwrap_or(&base).to_owned();
    [base, name]
}

impl Library {
    pub fn add(&mut self, document: &Value) {
        let (body, _) = properties(document);
        if json::get(body, "policyDefinitions").is_some() {
            let (set, complaints) = SetDefinition::compile(document);
            self.complaints.extend(complaints);
            self.sets.insert(keys(&set.id)[0].clone(), Arc::new(set));
        } else {
            let (definition, complaints) = Definition::compile(document);
            self.complaints.extend(complaints);
            self.definitions.insert(keys(&definition.id)[0].clone(), Arc::new(definition));
        }
    }

    fn definition(&self, id: &str) -> Result<Arc<Definition>, String> {
        let [base, name] = keys(id);
        let found = self.definitions.get(&base).or_else(|| self.definitions.get(&name));
        found.cloned().ok_or_else(|| format!("policy definition `{id}`"))
    }

    fn set(&self, id: &str) -> Option<&Arc<SetDefinition>> {
        let [base, name] = keys(id);
        self.sets.get(&base).or_else(|| self.sets.get(&name))
    }

    /// The members an assignment puts in force.
    pub fn members(&mut self, document: &Value) -> Vec<Member> {
        let assignment = Arc::new(self.assignment(document));
        let (body, _) = properties(document);
        let Some(id) = json::text(body, "policyDefinitionId") else {
            return vec![Member {
                key: assignment.name.clone(),
                definition: Err(format!("policyDefinitionId of policy assignment `{}`", assignment.name)),
                definition_id: String::new(),
                part: None,
                policy: policy(&assignment, "", None, None),
                assignment,
            }];
        };
        let is_set = id.to_lowercase().contains("/policysetdefinitions/");
        let Some(set) = self.set(id).filter(|_| is_set || self.definition(id).is_err()).cloned() else {
            let definition = if is_set { Err(format!("policy set definition `{id}`")) } else { self.definition(id) };
            return vec![Member {
                key: assignment.name.clone(),
                definition,
                definition_id: id.to_owned(),
                part: None,
                policy: policy(&assignment, id, None, None),
                assignment,
            }];
        };
        let mut members = Vec::new();
        for member in &set.members {
            let mut reader = Reader { definition: &set.id, complaints: Vec::new() };
            let parameters =
                member.parameters.iter().map(|(name, value, at)| (name.clone(), reader.template(value, at))).collect();
            members.push(Member {
                key: format!("{}/{}", assignment.name, member.reference),
                assignment: assignment.clone(),
                definition: self.definition(&member.definition_id),
                definition_id: member.definition_id.clone(),
                policy: policy(&assignment, &member.definition_id, Some(&set.id), Some(&member.reference)),
                part: Some(Part { reference: member.reference.clone(), parameters, declared: set.declared.clone() }),
            });
        }
        members
    }

    fn assignment(&mut self, document: &Value) -> Assignment {
        let id = json::text(document, "id").unwrap_or("");
        let (body, _) = properties(document);
        let name = json::text(document, "name").unwrap_or_else(|| id.rsplit('/').next().unwrap_or(id)).to_owned();
        let scope = match json::text(body, "scope").or_else(|| json::text(document, "scope")) {
            Some(scope) => Some(scope.to_owned()),
            None => scope_of(id, "policyassignments"),
        };
        let enforcement = match json::get(body, "enforcementMode") {
            // "If enforcementMode isn't specified in a policy or initiative definition, the value Default is used."
            None | Some(Value::Null) => Enforcement::Default,
            Some(Value::String(word)) if same_text(word, "Default") => Enforcement::Default,
            Some(Value::String(word)) if same_text(word, "DoNotEnforce") => Enforcement::DoNotEnforce,
            Some(other) => {
                Enforcement::Unknown(format!("meaning of enforcementMode {other} of policy assignment `{name}`"))
            }
        };
        let parameters = match json::get(body, "parameters") {
            None => Some(BTreeMap::new()),
            Some(Value::Object(members)) => Some(
                members
                    .iter()
                    .filter_map(|(key, value)| Some((fold(key).into_owned(), json::get(value, "value")?.clone())))
                    .collect(),
            ),
            Some(_) => None,
        };
        let overrides = json::get(body, "overrides").and_then(Value::as_array).into_iter().flatten();
        let overrides = overrides
            .filter(|item| !json::text(item, "kind").is_some_and(|kind| same_text(kind, "policyVersion")))
            .map(|item| {
                let kind = json::text(item, "kind").unwrap_or("");
                let word = json::text(item, "value").unwrap_or("");
                let effect = if same_text(kind, "policyEffect") { Effect::read(word) } else { None };
                Override {
                    effect: effect
                        .ok_or_else(|| format!("meaning of override `{kind}` `{word}` of policy assignment `{name}`")),
                    selector: Selector::read(item),
                }
            })
            .collect();
        let range = Range::read(scope, body, &format!("policy assignment `{name}`"));
        let spelled = if id.is_empty() { name.as_str() } else { id };
        Assignment { id: ResourceId::new(spelled), range, parameters, enforcement, overrides, name }
    }
}

/// The part of an extension resource's id before its provider: its scope.
pub(super) fn scope_of(id: &str, kind: &str) -> Option<String> {
    let marker = format!("/providers/microsoft.authorization/{kind}/");
    let at = id.to_lowercase().rfind(&marker)?;
    Some(match id.get(..at)? {
        "" => "/".to_owned(),
        scope => scope.to_owned(),
    })
}

fn policy(assignment: &Assignment, definition: &str, set: Option<&str>, reference: Option<&str>) -> Value {
    serde_json::json!({
        "assignmentId": assignment.id.spelled(),
        "definitionId": definition,
        "setDefinitionId": set,
        "definitionReferenceId": reference,
    })
}

impl Exemption {
    /// Whether it is about this member.
    pub fn covers(&self, member: &Member) -> bool {
        self.assignment.as_ref() == Some(&member.assignment.id)
            && (self.references.is_empty()
                || member
                    .part
                    .as_ref()
                    .is_some_and(|part| self.references.iter().any(|r| same_text(r, &part.reference))))
    }
}

/// Compiles one definition or initiative for its complaints.
pub(super) fn check(document: &Value) -> Vec<Complaint> {
    let mut library = Library::default();
    library.add(document);
    library.complaints
}
