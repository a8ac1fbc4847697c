//! `policies/catalog.json` and the native documents beside it, and bare documents without an entry.
//!
//! A whole-string `"$name"` is filled from `incident.json`'s `parameters`; one that is not filled stays and is named
//! in the part, so that a verdict which turns on it says so. `$$` escapes `$`.

use crate::model::{Apply, Control, Family, InputError, Missing, Origin, Part, PimScope, Timestamp, from_json, json};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The catalogue compiled into the binary: file name → text.
pub const SHIPPED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/policies.rs"));

#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    pub schema: String,
    pub controls: Vec<Entry>,
}

#[derive(Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ApplyEntry {
    #[serde(rename = "type")]
    pub resource_type: Option<String>,
    pub scopes: Vec<String>,
    #[serde(rename = "where")]
    pub filter: Option<Filter>,
    pub roles: Vec<String>,
    pub principals: Vec<String>,
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    pub pointer: String,
    pub equals: Value,
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PartEntry {
    pub family: Family,
    pub documents: Vec<String>,
    #[serde(default)]
    pub apply: ApplyEntry,
}

#[derive(Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Requires {
    pub licence: Vec<String>,
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub id: String,
    #[serde(default)]
    pub short: Option<String>,
    pub title: String,
    #[serde(default)]
    pub family: Option<Family>,
    #[serde(default)]
    pub documents: Vec<String>,
    #[serde(default)]
    pub apply: Option<ApplyEntry>,
    #[serde(default)]
    pub parts: Vec<PartEntry>,
    #[serde(default)]
    pub effort: Option<u32>,
    #[serde(default)]
    pub requires: Requires,
    #[serde(default)]
    pub recommendations: Vec<String>,
    #[serde(default)]
    pub mitigations: Vec<String>,
    #[serde(default)]
    pub benchmarks: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
}

const SCHEMA: &str = "cutset/catalogue/1";

/// The effort of a control whose entry states none, and of a bare document: the middle of the scale from 1 to 5 that
/// the shipped catalogue uses.
const EFFORT: u32 = 3;

/// Reads a catalogue folder. `label` is how errors name the folder; `files` are its JSON files by name.
pub fn load(
    label: &str,
    files: &BTreeMap<String, String>,
    parameters: &BTreeMap<String, Value>,
    origin: Origin,
) -> Result<Vec<Control>, InputError> {
    let mut controls = Vec::new();
    let mut taken: Vec<&str> = vec!["catalog.json"];
    let catalogue: Option<Catalogue> = match files.get("catalog.json") {
        Some(text) => Some(from_json(&format!("{label}/catalog.json"), text)?),
        None => None,
    };
    let file = format!("{label}/catalog.json");
    for entry in catalogue.iter().flat_map(|c| &c.controls) {
        for name in entry.documents.iter().chain(entry.parts.iter().flat_map(|p| &p.documents)) {
            taken.push(name);
        }
        let control = of_entry(label, &file, entry, files, parameters, origin)?;
        if controls.iter().any(|c: &Control| c.id == control.id) {
            return Err(InputError::new(
                &file,
                format!("two controls have the id `{}`", control.id),
                "give each control its own id",
            ));
        }
        if let Some(short) = &control.short
            && controls.iter().any(|c: &Control| c.short.as_ref() == Some(short))
        {
            return Err(InputError::new(
                &file,
                format!("two controls have the short name `{short}`"),
                "a `short` heads one column: make it unique",
            ));
        }
        controls.push(control);
    }
    if let Some(catalogue) = &catalogue
        && catalogue.schema != SCHEMA
    {
        return Err(InputError::new(
            &file,
            format!("`schema` is `{}`", catalogue.schema),
            format!("write \"schema\": \"{SCHEMA}\""),
        ));
    }
    for (name, text) in files {
        if taken.contains(&name.as_str()) || !name.ends_with(".json") {
            continue;
        }
        let path = format!("{label}/{name}");
        let body: Value = from_json(&path, text.strip_prefix('\u{feff}').unwrap_or(text))?;
        controls.extend(bare(name, &body, parameters, origin));
    }
    controls.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(controls)
}

/// The shipped catalogue.
pub fn shipped(parameters: &BTreeMap<String, Value>) -> Result<Vec<Control>, InputError> {
    let files = SHIPPED.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    load("policies", &files, parameters, Origin::Catalogue)
}

fn of_entry(
    label: &str,
    file: &str,
    entry: &Entry,
    files: &BTreeMap<String, String>,
    parameters: &BTreeMap<String, Value>,
    origin: Origin,
) -> Result<Control, InputError> {
    let complain =
        |message: String, help: &str| InputError::new(file, message, help).at(format!("control `{}`", entry.id));
    if entry.id.is_empty() || entry.id.contains(char::is_whitespace) || entry.id.contains(':') {
        return Err(complain("the id is empty or holds a blank or a colon".to_owned(), "use letters, digits and `-`"));
    }
    if entry.short.as_ref().is_some_and(|short| short.is_empty() || short.chars().count() > 4) {
        return Err(complain("`short` is not one to four letters".to_owned(), "shorten it or leave it out"));
    }
    let mut parts = Vec::new();
    let mut file_names = Vec::new();
    let mut add = |family: Family, documents: &[String], apply: &ApplyEntry| -> Result<(), InputError> {
        let mut bodies = Vec::new();
        let mut unfilled = Missing::new();
        for name in documents {
            if name.split(['/', '\\']).any(|segment| segment == "..") || name.starts_with('/') || name.contains(':') {
                return Err(complain(
                    format!("the document `{name}` lies outside the catalogue's folder"),
                    "keep documents beside catalog.json",
                ));
            }
            let text = files.get(name).ok_or_else(|| {
                complain(format!("the document `{name}` is not in `{label}`"), "add the file or mend its name")
            })?;
            let body: Value = from_json(&format!("{label}/{name}"), text.strip_prefix('\u{feff}').unwrap_or(text))?;
            bodies.extend(documents_of(family, fill(&body, parameters, &mut unfilled)));
            file_names.push(name.clone());
        }
        if bodies.is_empty() {
            return Err(complain("no document".to_owned(), "name at least one file in `documents`"));
        }
        let apply = apply_of(apply, parameters, &mut unfilled);
        let needs_type = matches!(family, Family::ResourcePatch | Family::Lock);
        if needs_type && apply.resource_type.is_none() {
            return Err(complain(
                format!("family `{}` needs `apply.type`", family.word()),
                "name the resource type it is put on",
            ));
        }
        if family == Family::Pim && apply.pim.roles.is_empty() {
            return Err(complain("family `pim` needs `apply.roles`".to_owned(), "name the roles it governs"));
        }
        parts.push(Part { family, documents: bodies, apply, unfilled });
        Ok(())
    };
    let nothing = ApplyEntry::default();
    match (entry.family, entry.parts.as_slice()) {
        (Some(family), []) => add(family, &entry.documents, entry.apply.as_ref().unwrap_or(&nothing))?,
        (None, several) if !several.is_empty() => {
            for part in several {
                add(part.family, &part.documents, &part.apply)?;
            }
        }
        _ => {
            return Err(complain(
                "it has neither one `family` with `documents` nor `parts`".to_owned(),
                "give it one of the two",
            ));
        }
    }
    Ok(Control {
        id: entry.id.clone(),
        short: entry.short.clone(),
        title: entry.title.clone(),
        origin,
        parts,
        effort: entry.effort.unwrap_or(EFFORT),
        licence: entry.requires.licence.clone(),
        recommendations: entry.recommendations.clone(),
        mitigations: entry.mitigations.clone(),
        benchmarks: entry.benchmarks.iter().map(|(k, v)| (k.clone(), v.clone())).collect(),
        since: entry.since,
        why_it_did_not_stop: Vec::new(),
        files: file_names,
    })
}

/// One file may hold one document or an array of them; a PIM rule set stays one document.
fn documents_of(family: Family, body: Value) -> Vec<Value> {
    match (family, body) {
        (Family::Pim, body) => vec![body],
        (_, Value::Array(several)) => several,
        (_, body) => match json::get(&body, "value") {
            Some(Value::Array(several)) => several.clone(),
            _ => vec![body],
        },
    }
}

fn apply_of(entry: &ApplyEntry, parameters: &BTreeMap<String, Value>, unfilled: &mut Missing) -> Apply {
    let mut list = |names: &[String]| -> Vec<String> {
        let filled = fill(&Value::from(names.to_vec()), parameters, unfilled);
        let flat = filled.as_array().into_iter().flatten().flat_map(|v| match v {
            Value::Array(inner) => inner.clone(),
            other => vec![other.clone()],
        });
        flat.filter_map(|v| v.as_str().map(str::to_owned)).collect()
    };
    let scopes = list(&entry.scopes);
    Apply {
        resource_type: entry.resource_type.clone(),
        pim: PimScope { roles: list(&entry.roles), principals: list(&entry.principals), scopes: scopes.clone() },
        scopes,
        filter: entry.filter.as_ref().map(|f| (f.pointer.clone(), f.equals.clone())),
    }
}

/// Fills whole-string `"$name"`s; `"$all"` is the catalogue's own word and stays.
fn fill(body: &Value, parameters: &BTreeMap<String, Value>, unfilled: &mut Missing) -> Value {
    match body {
        Value::String(text) if text.starts_with("$$") => Value::String(text[1..].to_owned()),
        Value::String(text) if text.len() > 1 && text.starts_with('$') && text != "$all" => {
            match parameters.get(&text[1..]) {
                Some(value) => value.clone(),
                None => {
                    unfilled.insert(format!("parameter `{}`", &text[1..]).into());
                    body.clone()
                }
            }
        }
        Value::Array(items) => Value::Array(items.iter().map(|item| fill(item, parameters, unfilled)).collect()),
        Value::Object(members) => Value::Object(
            members
                .iter()
                // `$schema` and the like are keys, never filled; only values are.
                .map(|(key, value)| (key.clone(), fill(value, parameters, unfilled)))
                .collect(),
        ),
        other => other.clone(),
    }
}

/// A bare conditional-access policy, policy assignment or lock export: id = file stem.
fn bare(name: &str, body: &Value, parameters: &BTreeMap<String, Value>, origin: Origin) -> Option<Control> {
    let family = if json::get(body, "conditions").is_some() {
        Family::ConditionalAccess
    } else if json::path(body, "properties.policyDefinitionId").is_some() {
        Family::AzurePolicy
    } else if json::path(body, "properties.level").is_some() {
        Family::Lock
    } else {
        return None;
    };
    let mut unfilled = Missing::new();
    let body = fill(body, parameters, &mut unfilled);
    let stem = name.trim_end_matches(".json").rsplit('/').next().unwrap_or(name).to_owned();
    let mut apply = Apply::default();
    if family == Family::Lock {
        let scope = super::extension_scope(&body, "Microsoft.Authorization/locks")?;
        apply.resource_type = scope.resource_type();
        apply.scopes = vec![scope.spelled().to_owned()];
    }
    let title = json::text(&body, "displayName").or_else(|| json::text(&body, "properties.displayName"));
    Some(Control {
        title: title.unwrap_or(&stem).to_owned(),
        id: stem,
        short: None,
        origin,
        parts: vec![Part { family, documents: vec![body], apply, unfilled }],
        effort: EFFORT,
        licence: Vec::new(),
        recommendations: Vec::new(),
        mitigations: Vec::new(),
        benchmarks: Vec::new(),
        since: None,
        why_it_did_not_stop: Vec::new(),
        files: vec![name.to_owned()],
    })
}
