//! The Azure Policy gate: *would this ARM request have been blocked if these definitions and assignments had been in
//! force?*
//!
//! | file | idea |
//! |---|---|
//! | `engine`, `mutation` | all members over one request: changes first, then deny, audit and the rest; combining |
//! | `judge` | one member: the gates before the rule, the rule, its effect |
//! | `trigger`, `scope`, `capability`, `applicability` | which request, which resource, which type |
//! | `assignment`, `definition`, `parameters`, `effect`, `effective` | the documents, compiled; which effect is in force |
//! | `condition`, `field`, `template`, `expression`, `function` | the language, compiled |
//! | `rule`, `evaluate`, `compare`, `date`, `limit`, `outcome` | the language, evaluated |
//! | `alias`, `path`, `subject` | from a field name to a value, known or not |
//! | `change`, `existence` | what modify and append write; what IfNotExists looks for |
//! | `decision`, `says`, `answer`, `file` | what comes out |
//!
//! Sources, read 2026-04: the pages under *Azure Policy* › *Concepts* (definition, assignment, exemption and initiative
//! structure, effects, scope, applicability), *Author policies for array properties on Azure resources*, and the ARM
//! template function reference. Every file cites the page it implements. What a page leaves open is unknown, named.

mod alias;
mod answer;
mod applicability;
mod assignment;
mod capability;
mod change;
mod compare;
mod condition;
mod date;
mod decision;
mod definition;
mod effect;
mod effective;
mod engine;
mod evaluate;
mod existence;
mod expression;
mod field;
mod file;
mod function;
mod judge;
mod limit;
mod mutation;
mod outcome;
mod parameters;
mod path;
mod rule;
mod says;
mod scope;
mod subject;
mod template;
mod trigger;

use super::Gate;
use serde_json::Value;

pub use alias::{AliasTable, Providers};
pub use decision::{Cause, Change, Decision, MemberDecision, Ruling, State};
pub use engine::PolicyEngine;

pub const GATE: Gate = Gate { id: "azure-policy", decide_file: file::decide_file };

/// The documents of a snapshot, as ARM writes them. `None`: that list was not collected.
#[derive(Clone, Debug, Default)]
pub struct PolicyInput<'a> {
    pub definitions: Vec<&'a Value>,
    pub set_definitions: Vec<&'a Value>,
    pub assignments: Option<Vec<&'a Value>>,
    pub exemptions: Option<Vec<&'a Value>>,
    pub aliases: AliasTable,
}

/// Something in a definition that is not supported. The definition still compiles, and what turns on it is unknown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Complaint {
    /// Id of the definition, or its name.
    pub definition: String,
    /// JSON pointer into it.
    pub pointer: String,
    pub construct: String,
}

impl std::fmt::Display for Complaint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} in policy definition `{}` at `{}` is not supported",
            self.construct, self.definition, self.pointer
        )
    }
}

/// Compiles one definition or initiative and names precisely what of it is not supported.
pub fn compile_definition(definition: &Value) -> Vec<Complaint> {
    assignment::check(definition)
}

/// Names of the template functions a rule may call.
pub fn functions() -> Vec<&'static str> {
    function::names()
}
