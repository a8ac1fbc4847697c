//! Controls the tenant already owned: documents of the snapshot that did not refuse, each with every reason that kept
//! it from refusing lifted. "You already owned the control that would have stopped this."
//!
//! Report-only and disabled conditional access policies, exclusions that held the victim, policy assignments with
//! `DoNotEnforce`, an audit effect, or an exemption, and roles held standing although PIM governs them.

use crate::model::{
    Apply, Control, Environment, Family, Kind, Missing, ObjectId, Origin, Part, PimScope, Timestamp, json,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// One per object. `victims` are the principals of the attack with their groups, in whose favour an exclusion counts.
pub fn candidates(env: &Environment, victims: &BTreeSet<ObjectId>, at: Timestamp) -> Vec<Control> {
    let mut found: Vec<(Family, String, String, Control)> = Vec::new();
    let mut push = |family: Family, id: &str, name: &str, part: Vec<Part>, why: Vec<String>| {
        if why.is_empty() {
            return;
        }
        let control = Control {
            id: format!("snapshot:{}:{}", family.word(), slug(name)),
            short: None,
            title: name.to_owned(),
            origin: Origin::Snapshot,
            parts: part,
            effort: 1,
            licence: Vec::new(),
            recommendations: Vec::new(),
            mitigations: Vec::new(),
            benchmarks: Vec::new(),
            since: None,
            why_it_did_not_stop: why,
            files: Vec::new(),
        };
        found.push((family, id.to_owned(), name.to_owned(), control));
    };
    for (key, document) in env.of(Kind::ConditionalAccess) {
        let (body, why) = lift_conditional_access(&document.body, victims);
        let name = json::text(&body, "displayName").unwrap_or(key).to_owned();
        push(Family::ConditionalAccess, key, &name, vec![part(Family::ConditionalAccess, vec![body])], why);
    }
    for (key, document) in env.of(Kind::PolicyAssignments) {
        let (documents, why) = lift_assignment(env, key, &document.body, at);
        let name = json::text(&document.body, "properties.displayName")
            .or_else(|| json::text(&document.body, "name"))
            .unwrap_or(key)
            .to_owned();
        push(Family::AzurePolicy, key, &name, vec![part(Family::AzurePolicy, documents)], why);
    }
    for (role, scope, name, part) in standing_beside_eligible(env) {
        let why = vec![format!("`{name}` is held standing at `{scope}` although it can be held eligible there")];
        push(Family::Pim, &role, &format!("{name} at {scope}"), vec![part], why);
    }
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for (_, _, _, control) in &found {
        *count.entry(control.id.clone()).or_default() += 1;
    }
    let mut controls: Vec<Control> = found
        .into_iter()
        .map(|(_, id, _, mut control)| {
            if count.get(&control.id).copied().unwrap_or_default() > 1 {
                let tail: String = id.chars().filter(char::is_ascii_alphanumeric).collect();
                let from = tail.len().saturating_sub(8);
                control.id = format!("{}-{}", control.id, &tail[from..]);
            }
            control
        })
        .collect();
    controls.sort_by(|a, b| a.id.cmp(&b.id));
    controls
}

fn part(family: Family, documents: Vec<Value>) -> Part {
    Part { family, documents, apply: Apply::default(), unfilled: Missing::new() }
}

/// Lower case, every other run of characters one `-`.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.to_lowercase().chars() {
        if c.is_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}

fn lift_conditional_access(body: &Value, victims: &BTreeSet<ObjectId>) -> (Value, Vec<String>) {
    let mut lifted = body.clone();
    let mut why = Vec::new();
    match json::text(body, "state") {
        Some(state) if state.eq_ignore_ascii_case("enabledForReportingButNotEnforced") => {
            why.push("it was report-only".to_owned());
        }
        Some(state) if state.eq_ignore_ascii_case("disabled") => why.push("it was disabled".to_owned()),
        Some(_) | None => {}
    }
    lifted["state"] = json!("enabled");
    for field in ["excludeUsers", "excludeGroups", "excludeRoles"] {
        let pointer = format!("/conditions/users/{field}");
        let Some(list) = lifted.pointer_mut(&pointer).and_then(Value::as_array_mut) else { continue };
        let before = list.len();
        list.retain(|id| !id.as_str().is_some_and(|id| victims.contains(&ObjectId::new(id))));
        if list.len() < before {
            why.push(format!("the attacked principal was excluded from it (`{field}`)"));
        }
    }
    (lifted, why)
}

fn lift_assignment(env: &Environment, key: &str, body: &Value, at: Timestamp) -> (Vec<Value>, Vec<String>) {
    let mut lifted = body.clone();
    let mut why = Vec::new();
    if json::text(body, "properties.enforcementMode").is_some_and(|m| m.eq_ignore_ascii_case("DoNotEnforce")) {
        why.push("its enforcement mode was DoNotEnforce".to_owned());
        lifted["properties"]["enforcementMode"] = json!("Default");
    }
    if let Some(parameter) = audit_parameter(env, body) {
        why.push("its effect was audit".to_owned());
        lifted["properties"]["parameters"][parameter] = json!({ "value": "Deny" });
    }
    let exempt = env.bodies(Kind::Exemptions).any(|exemption| {
        json::text(exemption, "properties.policyAssignmentId").is_some_and(|id| id.eq_ignore_ascii_case(key))
            && json::text(exemption, "properties.expiresOn")
                .and_then(|t| t.parse::<Timestamp>().ok())
                .is_none_or(|end| end > at)
    });
    if exempt {
        why.push("an exemption took scopes out of it".to_owned());
        // A new assignment id is what no exemption names.
        lifted["name"] = json!(format!("{}-unexempted", json::text(body, "name").unwrap_or(key)));
    }
    (vec![lifted], why)
}

/// The parameter through which the definition sets its effect, where that effect is audit and deny is allowed.
fn audit_parameter(env: &Environment, assignment: &Value) -> Option<String> {
    let id = json::text(assignment, "properties.policyDefinitionId")?;
    let definition = env.get(Kind::PolicyDefinitions, id)?;
    let effect = json::text(&definition.body, "properties.policyRule.then.effect")?;
    let name = effect.strip_prefix("[parameters('")?.strip_suffix("')]")?;
    let declared = json::path(&definition.body, "properties.parameters").and_then(|p| json::get(p, name))?;
    let denies = json::get(declared, "allowedValues")
        .and_then(Value::as_array)
        .is_some_and(|values| values.iter().any(|v| v.as_str().is_some_and(|v| v.eq_ignore_ascii_case("deny"))));
    let set = json::path(assignment, "properties.parameters").and_then(|p| json::get(p, name));
    let value = set.and_then(|v| json::text(v, "value")).or_else(|| json::text(declared, "defaultValue"))?;
    (denies && value.eq_ignore_ascii_case("audit")).then(|| name.to_owned())
}

/// Azure roles held standing at a scope where somebody is eligible for the same role: (role, scope, name, part).
fn standing_beside_eligible(env: &Environment) -> Vec<(String, String, String, Part)> {
    let activations = super::pim::Activations::of(env);
    let mut found = BTreeMap::new();
    for body in env.bodies(Kind::PimEligibilities) {
        let (Some(role), Some(scope)) =
            (json::text(body, "properties.roleDefinitionId"), json::text(body, "properties.scope"))
        else {
            continue;
        };
        let guid = role.rsplit('/').next().unwrap_or(role).to_lowercase();
        let standing = env.of(Kind::RoleAssignments).any(|(key, document)| {
            let assignment = document.body.as_ref();
            !activations.hold(key, assignment)
                && json::text(assignment, "properties.roleDefinitionId")
                    .and_then(|r| r.rsplit('/').next())
                    .is_some_and(|r| r.eq_ignore_ascii_case(&guid))
                && super::extension_scope(assignment, "Microsoft.Authorization/roleAssignments")
                    .is_some_and(|s| s.spelled().eq_ignore_ascii_case(scope))
                && !json::text(assignment, "properties.principalType")
                    .is_some_and(|t| t.eq_ignore_ascii_case("ServicePrincipal"))
        });
        if standing {
            let definition = env.bodies(Kind::RoleDefinitions).find(|d| {
                json::text(d, "name")
                    .or_else(|| json::text(d, "id"))
                    .is_some_and(|id| id.rsplit('/').next().is_some_and(|last| last.eq_ignore_ascii_case(&guid)))
            });
            let name = definition.and_then(|d| json::text(d, "properties.roleName")).unwrap_or(&guid).to_owned();
            let mut part = part(Family::Pim, vec![Value::Array(Vec::new())]);
            part.apply.pim = PimScope {
                roles: vec![guid.clone()],
                principals: vec!["$all".to_owned()],
                scopes: vec![scope.to_owned()],
            };
            found.insert((guid.clone(), scope.to_lowercase()), (guid, scope.to_owned(), name, part));
        }
    }
    found.into_values().collect()
}
