//! What is known of each identity the attack signed in as: how its sign-ins differ from those before, what it had to
//! show, and what it held without asking anybody.

use super::super::contract::{Analysis, IdentityFinding, Statement};
use super::{Filling, done, names};
use crate::model::{Collected, Detail, Event, Evidence, Fact, Kind, ObjectId, ResourceId, SignInDetail, json};
use std::collections::{BTreeMap, BTreeSet};

pub fn fill(filling: &Filling<'_>, analysis: &mut Analysis) {
    let mut by: BTreeMap<ObjectId, Vec<(String, &Event)>> = BTreeMap::new();
    let mut order: Vec<ObjectId> = Vec::new();
    let env = &filling.engine.world.env;
    for (_, step, event) in done(filling) {
        if let (Detail::SignIn(_), Some(principal)) = (&event.detail, crate::effect::principal_of(env, &event.actor)) {
            if !by.contains_key(&principal) {
                order.push(principal.clone());
            }
            by.entry(principal).or_default().push((step.id.clone(), event));
        }
    }
    analysis.identities = order
        .iter()
        .filter_map(|principal| Some((principal, by.get(principal)?)))
        .map(|(principal, sign_ins)| finding(filling, principal, sign_ins))
        .collect();
}

fn finding(filling: &Filling<'_>, principal: &ObjectId, sign_ins: &[(String, &Event)]) -> IdentityFinding {
    let mut says = vec![addresses(filling, principal, sign_ins)];
    says.extend(shown(sign_ins));
    says.extend(standing(filling, principal));
    says.extend(method(filling, principal));
    IdentityFinding {
        principal: names::principal(filling, principal),
        id: principal.to_string(),
        entry: filling.engine.case.entries.contains(principal),
        steps: sign_ins.iter().map(|(step, _)| step.clone()).collect(),
        says: says.into_iter().filter(|s| !s.text.is_empty()).collect(),
    }
}

fn list(words: impl IntoIterator<Item = String>) -> String {
    let words: BTreeSet<String> = words.into_iter().collect();
    words.into_iter().collect::<Vec<_>>().join(", ")
}

/// Where it came from, against where it came from before.
fn addresses(filling: &Filling<'_>, principal: &ObjectId, sign_ins: &[(String, &Event)]) -> Statement {
    let baseline = &filling.engine.case.correlated.baseline;
    let classes = || baseline.of(principal.as_str()).filter(|class| matches!(class.event.detail, Detail::SignIn(_)));
    let from = |event: &Event| event.source_ip.known().map(|ip| ip.to_string());
    let country = |event: &Event| event.country.known().cloned();
    let known: BTreeSet<String> = classes().filter_map(|class| from(&class.event)).collect();
    let now = list(sign_ins.iter().filter_map(|(_, event)| from(event)));
    let new = sign_ins.iter().filter_map(|(_, event)| from(event)).all(|ip| !known.contains(&ip));
    let count: u64 = classes().map(|class| class.count).sum();
    let mut evidence: Vec<Evidence> = sign_ins.iter().map(|(_, event)| event.evidence.clone()).collect();
    evidence.extend(classes().filter_map(|class| class.examples.first().cloned()).take(2));
    let countries = list(sign_ins.iter().filter_map(|(_, event)| country(event)));
    let before = list(classes().filter_map(|class| country(&class.event)));
    let in_country = if countries.is_empty() { String::new() } else { format!(" ({countries})") };
    let text = match (count, new) {
        (0, _) => format!("It signed in from {now}{in_country}; the logs hold no sign-in of it before the window."),
        (n, true) => format!(
            "It signed in from {now}{in_country}, an address none of its {n} sign-ins before the window came from{}.",
            if before.is_empty() { String::new() } else { format!(" (they came from {before})") }
        ),
        (n, false) => format!("It signed in from {now}{in_country}, as in some of its {n} sign-ins before the window."),
    };
    Statement { text, evidence }
}

/// What the sign-ins had to show, by their records.
fn shown(sign_ins: &[(String, &Event)]) -> Vec<Statement> {
    let mut found: Vec<Statement> = Vec::new();
    let mut say =
        |wanted: &dyn Fn(&SignInDetail) -> Option<String>| {
            let mut by: BTreeMap<String, (Vec<String>, Vec<Evidence>)> = BTreeMap::new();
            for (step, event) in sign_ins {
                let Detail::SignIn(detail) = &event.detail else { continue };
                if let Some(text) = wanted(detail) {
                    let row = by.entry(text).or_default();
                    row.0.push(step.clone());
                    row.1.push(event.evidence.clone());
                }
            }
            found.extend(by.into_iter().map(|(text, (steps, evidence))| Statement {
                text: format!("{text} ({}).", steps.join(", ")),
                evidence,
            }));
        };
    say(&|d| match (d.requirement.known().map(|r| r.as_ref()), d.mfa.known()) {
        (Some("singleFactorAuthentication"), _) | (None, Some(false)) => {
            let methods = d.methods.known().map(|m| list(m.iter().map(|m| m.to_string()))).unwrap_or_default();
            let by = if methods.is_empty() { String::new() } else { format!(": {methods}") };
            Some(format!("One factor was enough{by}"))
        }
        (Some("multiFactorAuthentication"), _) | (None, Some(true)) => {
            Some("More than one factor was asked for".to_owned())
        }
        (_, _) => None,
    });
    say(&|d| {
        let device = match &d.device {
            Fact::Known(device) => device,
            Fact::Absent => return Some("The device is not registered with the tenant".to_owned()),
            Fact::Unknown => return None,
        };
        let flag = |name: &str| json::get(device, name).and_then(serde_json::Value::as_bool);
        match (flag("isCompliant"), flag("isManaged")) {
            (Some(true), _) => Some("The device is compliant".to_owned()),
            (Some(false), Some(true)) => Some("The device is managed and not compliant".to_owned()),
            (Some(false), _) => Some("The device is neither managed nor compliant".to_owned()),
            (None, _) => None,
        }
    });
    say(&|d| {
        let risk = d.sign_in_risk.known().filter(|risk| !matches!(risk.as_ref(), "none" | "hidden"))?;
        Some(format!("Entra ID Protection holds its risk to be {risk}"))
    });
    say(&|d| {
        let reported: Vec<String> = d
            .applied_policies
            .known()?
            .iter()
            .filter(|policy| matches!(policy.result.as_ref(), "reportOnlyFailure" | "reportOnlyInterrupted"))
            .map(|policy| format!("\u{201c}{}\u{201d} was report-only and would have refused or asked", policy.name))
            .collect();
        (!reported.is_empty()).then(|| list(reported))
    });
    found
}

/// Azure roles held before the attack, standing.
fn standing(filling: &Filling<'_>, principal: &ObjectId) -> Option<Statement> {
    let env = &filling.engine.world.env;
    let mut holders: BTreeSet<ObjectId> = BTreeSet::from([principal.clone()]);
    if let Fact::Known(groups) = env.transitive_groups(principal) {
        holders.extend(groups);
    }
    let mut roles: Vec<String> = Vec::new();
    let mut evidence = Vec::new();
    for (key, document) in env.of(Kind::RoleAssignments) {
        let body = &document.body;
        let who = json::text(body, "properties.principalId").map(ObjectId::new);
        let Some(who) = who.filter(|who| holders.contains(who)) else { continue };
        let role = json::text(body, "properties.roleDefinitionId").map(|role| names::azure_role(env, role));
        let id = ResourceId::new(json::text(body, "id").unwrap_or(key));
        let scope = json::text(body, "properties.scope").map(ResourceId::new);
        let scope = scope.or_else(|| crate::control::extension_scope_of(&id));
        let by = if who == *principal { String::new() } else { format!(" by {}", names::principal(filling, &who)) };
        let at = scope.map(|scope| names::scope(env, &scope)).unwrap_or_default();
        roles.push(format!("{} at {at}{by}", role.unwrap_or_default()));
        evidence.push(document.evidence.clone());
    }
    let text = match (roles.is_empty(), env.collected(Kind::RoleAssignments)) {
        (false, _) => format!("Before the attack it held, standing: {}.", list(roles)),
        (true, Collected::Whole) => return None,
        (true, Collected::No | Collected::Partial) => return None,
    };
    Some(Statement { text, evidence })
}

/// Whether it had a second factor to ask for.
fn method(filling: &Filling<'_>, principal: &ObjectId) -> Option<Statement> {
    let env = &filling.engine.world.env;
    let document = env.get(Kind::RegistrationDetails, principal.as_str())?;
    let registered = json::get(&document.body, "isMfaRegistered").and_then(serde_json::Value::as_bool)?;
    let text = match registered {
        true => "It has a second factor registered.",
        false => "It has no second factor registered.",
    };
    Some(Statement { text: text.to_owned(), evidence: vec![document.evidence.at("/isMfaRegistered")] })
}
