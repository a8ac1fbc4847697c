//! Policy definitions, compiled once.
//!
//! Source: *Azure Policy definition structure basics* (mode), *... policy rule*, the pages of the effects. Keys are
//! read in any letter case; a document may have its content under `properties` or flat, as the command line exports it.

use super::Complaint;
use super::condition::{Condition, FieldName, Left, Test};
use super::expression::Expression;
use super::field::Field;
use super::function::{Call, Special};
use super::parameters::Declared;
use super::template::{Reader, Template};
use crate::model::json;
use serde_json::Value;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    All,
    Indexed,
    /// Evaluated by a resource provider, not by Resource Manager.
    Provider,
}

#[derive(Debug)]
pub(super) struct Definition {
    pub id: String,
    /// Display name, else id.
    pub title: String,
    pub mode: Mode,
    pub parameters: Declared,
    pub rule: Condition,
    pub effect: Template,
    pub details: Details,
    pub looks_at_tags: TagUse,
    pub leaves: Leaves,
}

/// Whether a condition inspects a tag field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TagUse {
    No,
    Yes,
    /// A field name is computed from parameters.
    Computed,
}

/// Which kinds of conditions the rule consists of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Leaves {
    pub types: bool,
    pub names: bool,
    pub kinds: bool,
    pub others: bool,
}

/// `then.details`, as far as an effect reads it.
#[derive(Debug, Default)]
pub(super) struct Details {
    pub operations: Vec<Operation>,
    pub conflict: Option<Template>,
    pub additions: Vec<Operation>,
    pub existence: Option<Existence>,
    pub action_names: Option<Template>,
    pub cascade: Option<Template>,
    /// The fact that something in the details we do not read makes missing.
    pub unsupported: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Add,
    AddOrReplace,
    Remove,
    Append,
}

/// One operation of `modify`, or one field/value pair of `append`.
#[derive(Debug)]
pub(super) struct Operation {
    pub verb: Verb,
    pub field: FieldName,
    pub value: Option<Template>,
    pub condition: Option<Template>,
}

/// Details of the IfNotExists effects.
#[derive(Debug)]
pub(super) struct Existence {
    pub resource_type: Template,
    pub name: Option<Template>,
    pub resource_group: Option<Template>,
    pub scope: Option<Template>,
    pub condition: Option<Condition>,
}

/// The part of a document under `properties`, or the document itself, and its pointer.
pub(super) fn properties(document: &Value) -> (&Value, &'static str) {
    match json::get(document, "properties").filter(|properties| properties.is_object()) {
        Some(properties) => (properties, "/properties"),
        None => (document, ""),
    }
}

/// Id of a definition, or its name where the document has no id.
pub(super) fn identity(document: &Value) -> String {
    json::text(document, "id").or_else(|| json::text(document, "name")).unwrap_or("(unnamed)").to_owned()
}

impl Definition {
    pub fn compile(document: &Value) -> (Definition, Vec<Complaint>) {
        let id = identity(document);
        let mut reader = Reader { definition: &id, complaints: Vec::new() };
        let (body, at) = properties(document);
        let parameters = reader.declared(json::get(body, "parameters"), &format!("{at}/parameters"));
        let mode = match json::get(body, "mode") {
            // A missing or null mode means Indexed by REST and by the command line.
            None | Some(Value::Null) => Mode::Indexed,
            Some(Value::String(mode)) if mode.eq_ignore_ascii_case("all") => Mode::All,
            Some(Value::String(mode)) if mode.eq_ignore_ascii_case("indexed") => Mode::Indexed,
            Some(Value::String(_)) => Mode::Provider,
            Some(_) => {
                reader.complain(&format!("{at}/mode"), "a `mode` that is not a string");
                Mode::Indexed
            }
        };
        let at_rule = format!("{at}/policyRule");
        let rule = json::get(body, "policyRule").unwrap_or(&Value::Null);
        let condition = match json::get(rule, "if") {
            // Resource provider modes have a language of their own, and are not evaluated here.
            _ if mode == Mode::Provider => Condition { pointer: format!("{at_rule}/if"), test: Test::Any(Vec::new()) },
            Some(condition) => reader.condition(condition, &format!("{at_rule}/if")),
            None => {
                let fact = reader.complain(&at_rule, "a definition without `policyRule.if`");
                Condition { pointer: at_rule.clone(), test: Test::Unsupported(fact) }
            }
        };
        let then = json::get(rule, "then").unwrap_or(&Value::Null);
        let effect = match json::get(then, "effect") {
            _ if mode == Mode::Provider => Template::Literal(Value::Null),
            Some(effect) => reader.template(effect, &format!("{at_rule}/then/effect")),
            None => Template::Unsupported(reader.complain(&at_rule, "a definition without `then.effect`")),
        };
        if let Template::Literal(Value::String(word)) = &effect
            && super::effect::Effect::read(word).is_none()
        {
            reader.complain(&format!("{at_rule}/then/effect"), format!("effect `{word}`"));
        }
        let details = match json::get(then, "details") {
            Some(details) if mode != Mode::Provider => reader.details(details, &format!("{at_rule}/then/details")),
            _ => Details::default(),
        };
        let title = json::text(body, "displayName").unwrap_or(&id).to_owned();
        let complaints = std::mem::take(&mut reader.complaints);
        let looks_at_tags = tag_use(&condition);
        let leaves = leaves(&condition);
        (
            Definition { title, mode, parameters, rule: condition, effect, details, looks_at_tags, leaves, id },
            complaints,
        )
    }
}

impl Reader<'_> {
    fn details(&mut self, details: &Value, at: &str) -> Details {
        let mut read = Details::default();
        match details {
            Value::Null => {}
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.addition(&mut read, item, &format!("{at}/{index}"));
                }
            }
            Value::Object(_) if json::get(details, "field").is_some() && json::get(details, "value").is_some() => {
                self.addition(&mut read, details, at);
            }
            Value::Object(_) => self.detail_object(&mut read, details, at),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                read.unsupported = Some(self.complain(at, "`details` that are neither an object nor a list"));
            }
        }
        read
    }

    fn addition(&mut self, read: &mut Details, item: &Value, at: &str) {
        match self.operation(item, at, Some(Verb::Append)) {
            Ok(operation) => read.additions.push(operation),
            Err(fact) => read.unsupported = Some(fact),
        }
    }

    fn detail_object(&mut self, read: &mut Details, details: &Value, at: &str) {
        let optional = |reader: &mut Self, key: &str| {
            json::get(details, key).filter(|v| !v.is_null()).map(|v| reader.template(v, &format!("{at}/{key}")))
        };
        read.conflict = optional(self, "conflictEffect");
        read.action_names = optional(self, "actionNames");
        read.cascade = json::path(details, "cascadeBehaviors.resourceGroup")
            .map(|value| self.template(value, &format!("{at}/cascadeBehaviors/resourceGroup")));
        match json::get(details, "operations") {
            None | Some(Value::Null) => {}
            Some(Value::Array(operations)) => {
                for (index, operation) in operations.iter().enumerate() {
                    match self.operation(operation, &format!("{at}/operations/{index}"), None) {
                        Ok(operation) => read.operations.push(operation),
                        Err(fact) => read.unsupported = Some(fact),
                    }
                }
            }
            Some(_) => {
                read.unsupported = Some(self.complain(&format!("{at}/operations"), "`operations` that are no list"))
            }
        }
        if let Some(resource_type) = optional(self, "type") {
            read.existence = Some(Existence {
                resource_type,
                name: optional(self, "name"),
                resource_group: optional(self, "resourceGroupName"),
                scope: optional(self, "existenceScope"),
                condition: json::get(details, "existenceCondition")
                    .filter(|condition| !condition.is_null())
                    .map(|condition| self.condition(condition, &format!("{at}/existenceCondition"))),
            });
        }
    }

    fn operation(&mut self, item: &Value, at: &str, verb: Option<Verb>) -> Result<Operation, String> {
        let verb = match (verb, json::text(item, "operation")) {
            (Some(verb), _) => verb,
            (None, Some(word)) if word.eq_ignore_ascii_case("add") => Verb::Add,
            (None, Some(word)) if word.eq_ignore_ascii_case("addOrReplace") => Verb::AddOrReplace,
            (None, Some(word)) if word.eq_ignore_ascii_case("remove") => Verb::Remove,
            (None, Some(word)) => return Err(self.complain(&format!("{at}/operation"), format!("operation `{word}`"))),
            (None, None) => return Err(self.complain(at, "an operation without `operation`")),
        };
        let Some(field) = json::get(item, "field") else {
            return Err(self.complain(at, "an operation without `field`"));
        };
        let field = self.field_name(field, &format!("{at}/field"))?;
        let value = json::get(item, "value").map(|value| self.template(value, &format!("{at}/value")));
        if value.is_none() && verb != Verb::Remove {
            return Err(self.complain(at, "an operation without `value`"));
        }
        let condition = json::get(item, "condition").filter(|condition| !condition.is_null());
        let condition = condition.map(|condition| self.template(condition, &format!("{at}/condition")));
        Ok(Operation { verb, field, value, condition })
    }
}

fn tag_use(rule: &Condition) -> TagUse {
    let mut tags = TagUse::No;
    let mut note = |found: TagUse| {
        if tags == TagUse::No || found == TagUse::Yes {
            tags = found;
        }
    };
    rule.walk(&mut |condition| {
        let Test::Compare { left, right, .. } = &condition.test else { return };
        let mut templates = vec![right];
        match left {
            Left::Field(FieldName::Fixed(field, _)) if field.looks_at_tags() => note(TagUse::Yes),
            Left::Field(FieldName::Fixed(..)) => {}
            Left::Field(FieldName::Computed(template)) => {
                note(computed_tag(template));
                templates.push(template);
            }
            Left::Value(template) => templates.push(template),
            Left::Count(count) => match &count.over {
                super::condition::Over::Value { list, .. } => templates.push(list),
                super::condition::Over::Field(_) => {}
            },
        }
        for template in templates {
            template.walk(&mut |expression| {
                let Expression::Call { call: Call::Special(Special::Field), arguments } = expression else { return };
                match arguments.first() {
                    Some(Expression::Text(name)) if Field::parse(name).is_ok_and(|field| field.looks_at_tags()) => {
                        note(TagUse::Yes);
                    }
                    Some(Expression::Text(_)) | None => {}
                    Some(argument) => note(computed_expression(argument)),
                }
            });
        }
    });
    tags
}

fn computed_tag(template: &Template) -> TagUse {
    match template {
        Template::Expression(expression) => computed_expression(expression),
        Template::Literal(_) | Template::List(_) | Template::Object(_) | Template::Unsupported(_) => TagUse::Computed,
    }
}

/// `concat('tags[', ...)` names a tag whatever follows; a name that starts with other text does not.
fn computed_expression(expression: &Expression) -> TagUse {
    let mut first = expression;
    while let Expression::Call { call: Call::Pure(entry), arguments } = first {
        match arguments.first() {
            Some(argument) if matches!(entry.name, "concat" | "format") => first = argument,
            _ => return TagUse::Computed,
        }
    }
    match first {
        Expression::Text(text) if text.to_ascii_lowercase().starts_with("tags") => TagUse::Yes,
        Expression::Text(text) if text.contains('/') => TagUse::No,
        Expression::Text(_) | Expression::Number(_) | Expression::Call { .. } | Expression::Member { .. } => {
            TagUse::Computed
        }
    }
}

fn leaves(rule: &Condition) -> Leaves {
    let mut leaves = Leaves::default();
    outer(rule, &mut |condition| match condition.plain_field() {
        Some(Field::Type) => leaves.types = true,
        Some(Field::Name) => leaves.names = true,
        Some(Field::Kind) => leaves.kinds = true,
        Some(_) | None => leaves.others = true,
    });
    leaves
}

/// Visits the leaves of a rule, not those of `count.where`.
fn outer<'c>(condition: &'c Condition, visit: &mut dyn FnMut(&'c Condition)) {
    match &condition.test {
        Test::All(items) | Test::Any(items) => items.iter().for_each(|item| outer(item, visit)),
        Test::Not(inner) => outer(inner, visit),
        Test::Compare { .. } | Test::Unsupported(_) => visit(condition),
    }
}
