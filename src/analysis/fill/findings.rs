//! What is assumed, unexplained, not known; what was already owned; which recommendations stood unhealthy.

use super::super::contract::{Analysis, Assumption, Gap, Owned, PostureGap, Recommendation, Unexplained};
use super::commands::quoted;
use super::{Filling, date, done, names};
use crate::model::{Detail, Evidence, Fact, Kind, Level, Origin, ResourceId, Timestamp, Word, json};
use std::collections::{BTreeMap, BTreeSet};

pub fn fill(filling: &Filling<'_>, analysis: &mut Analysis) {
    assumptions(filling, analysis);
    unexplained(filling, analysis);
    gaps(filling, analysis);
    owned(filling, analysis);
    posture(filling, analysis);
}

fn assumptions(filling: &Filling<'_>, analysis: &mut Analysis) {
    let mut found: Vec<Assumption> = Vec::new();
    let portal_sign_ins: Vec<String> = done(filling)
        .filter(|(_, _, event)| matches!(&event.detail, Detail::SignIn(d) if d.mfa == Fact::Known(false)))
        .map(|(_, step, _)| step.id.clone())
        .collect();
    match &filling.incident.tenant.mandatory_mfa {
        Fact::Known(stated) => {
            let why = stated.why.as_ref().map(|w| format!(" ({w})")).unwrap_or_default();
            let not = if stated.portals { "" } else { " not" };
            found.push(Assumption {
                text: format!("portal MFA{not} enforced{why}"),
                from: "incident.json".to_owned(),
                evidence: vec![said_at("/tenant/mandatoryMfa")],
                used_by: portal_sign_ins,
            });
        }
        Fact::Unknown | Fact::Absent if !portal_sign_ins.is_empty() => found.push(Assumption {
            text: format!(
                "portal MFA was not enforced: the recorded single-factor success at {} shows it",
                portal_sign_ins[0]
            ),
            from: "evidence".to_owned(),
            evidence: Vec::new(),
            used_by: portal_sign_ins,
        }),
        Fact::Unknown | Fact::Absent => {}
    }
    let said = |words: &[crate::model::HeldWord]| words.iter().map(|w| in_words(w.what)).collect::<Vec<_>>().join(", ");
    let attacker = &filling.incident.attacker;
    let turned_on: Vec<String> = analysis
        .steps
        .iter()
        .filter(|s| s.verdicts.iter().any(|v| v.verdict <= Level::Challenged))
        .map(|s| s.id.clone())
        .collect();
    if !attacker.holds.is_empty() {
        found.push(Assumption {
            text: format!("attacker holds {}", said(&attacker.holds)),
            from: "incident.json".to_owned(),
            evidence: vec![said_at("/attacker/holds")],
            used_by: Vec::new(),
        });
    }
    if !attacker.lacks.is_empty() {
        found.push(Assumption {
            text: format!("attacker lacks {}", said(&attacker.lacks)),
            from: "incident.json".to_owned(),
            evidence: vec![said_at("/attacker/lacks")],
            used_by: turned_on,
        });
    }
    let mut links: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for step in &analysis.steps {
        for assumed in step.verdicts.iter().flat_map(|v| &v.assumes) {
            links.entry(assumed.clone()).or_default().insert(step.id.clone());
        }
    }
    let order = |id: &String| id.trim_start_matches('s').parse::<u64>().unwrap_or(u64::MAX);
    for (text, steps) in links {
        let mut used_by: Vec<String> = steps.into_iter().collect();
        used_by.sort_by_key(order);
        found.push(Assumption { text, from: "evidence".to_owned(), used_by, evidence: Vec::new() });
    }
    found.append(&mut analysis.assumptions);
    analysis.assumptions = found;
}

fn said_at(pointer: &str) -> Evidence {
    Evidence::new("incident.json", 1, pointer)
}

fn in_words(word: Word) -> &'static str {
    match word {
        Word::Password => "the password",
        Word::SecondFactor => "second factor",
        Word::SessionCookie => "session cookie",
        Word::MfaClaim => "MFA claim",
        Word::RefreshToken => "refresh token",
        Word::DeviceCode => "device code",
        Word::VictimCooperation => "the victim's cooperation",
        Word::ManagedDevice => "managed device",
        Word::DeviceKey => "device key",
        Word::CodeExecutionOnCompliantDevice => "code on a compliant device",
        Word::AllowedEgressAddress => "allowed address",
        Word::Fido2 => "security key",
        Word::TicketSystem => "ticket system",
        Word::PrivilegedRoleAdministrator => "Privileged Role Administrator",
        Word::ClientSecret => "client secret",
        Word::ManagedIdentityToken => "managed identity token",
        Word::StorageAccountKey => "storage account key",
        Word::Sas => "SAS",
        Word::Approver => "approver",
    }
}

fn unexplained(filling: &Filling<'_>, analysis: &mut Analysis) {
    analysis.unexplained = filling
        .engine
        .factual
        .unexplained
        .iter()
        .map(|w| Unexplained {
            step: filling.engine.step_id(w.step).to_owned(),
            need: w.need.clone(),
            why: w.why.clone(),
        })
        .collect();
}

/// Facts and words that cells turn on, the most settling first.
fn gaps(filling: &Filling<'_>, analysis: &mut Analysis) {
    #[derive(Default)]
    struct Cells {
        count: u64,
        steps: BTreeSet<usize>,
        controls: BTreeSet<String>,
    }
    let mut facts: BTreeMap<String, Cells> = BTreeMap::new();
    for (n, step) in analysis.steps.iter().enumerate() {
        for verdict in &step.verdicts {
            let names: Vec<String> = match verdict.verdict {
                Level::Unknown => verdict.missing.clone(),
                Level::Challenged => verdict.words.iter().map(|w| format!("attacker.{w}")).collect(),
                Level::Cut | Level::NotCut => Vec::new(),
            };
            for name in names {
                let cells = facts.entry(name).or_default();
                cells.count += 1;
                cells.steps.insert(n);
                cells.controls.insert(verdict.control.clone());
            }
        }
    }
    for missing in filling.engine.factual.settled.values().flatten() {
        facts.entry(missing.to_string()).or_default();
    }
    let entry = filling.engine.case.entries.first().map(|id| names::principal(filling, id));
    let mut gaps: Vec<Gap> = facts
        .into_iter()
        .map(|(fact, cells)| Gap {
            question: question(&fact, entry.as_deref()),
            gather: gather(&fact),
            settles: cells.count,
            steps: cells.steps.iter().map(|n| analysis.steps[*n].id.clone()).collect(),
            controls: cells.controls.into_iter().collect(),
            fact,
        })
        .collect();
    gaps.extend(not_understood(filling, analysis));
    gaps.sort_by(|a, b| b.settles.cmp(&a.settles).then_with(|| a.fact.cmp(&b.fact)));
    analysis.gaps = gaps;
}

/// Directory operations of the window of which no table says what they change: replay takes them to change nothing.
fn not_understood(filling: &Filling<'_>, analysis: &Analysis) -> Vec<Gap> {
    let engine = filling.engine;
    let mut met: BTreeMap<&str, (u64, BTreeSet<usize>)> = BTreeMap::new();
    for (at, event) in engine.case.correlated.window_events.iter().enumerate() {
        let succeeded = event.outcome == crate::model::Outcome::Success;
        if succeeded && !crate::effect::is_understood(&engine.case.environment, event) {
            let (count, steps) = met.entry(event.action.trim()).or_default();
            *count += event.count;
            steps.extend(engine.step_of_event(at));
        }
    }
    met.into_iter()
        .map(|(operation, (count, steps))| Gap {
            fact: format!("effect of `{operation}`"),
            settles: 0,
            gather: None,
            question: Some(format!(
                "what did `{operation}` change ({})? no rule here knows, and it is taken to have changed nothing",
                if count == 1 { "1 record".to_owned() } else { format!("{count} records") }
            )),
            steps: steps.iter().filter_map(|n| Some(analysis.steps.get(*n)?.id.clone())).collect(),
            controls: Vec::new(),
        })
        .collect()
}

fn question(fact: &str, entry: Option<&str>) -> Option<String> {
    let asked = match fact {
        "signIn.signInRiskLevel" => {
            Some("how risky did Entra ID Protection hold the sign-in at that moment? (`riskLevelDuringSignIn`)")
        }
        "signIn.userRiskLevel" => {
            Some("how risky did Entra ID Protection hold the user at that moment? (`riskLevelAggregated`)")
        }
        "properties" => Some("what did the body of the request say? (the record carries none)"),
        "signIn.claims.passwordChanged" => Some("had the user set a new password when the sign-in was made?"),
        "signIn.identity.directoryRoleTemplateIds" => Some("which directory roles did the user hold?"),
        "signIn.identity.isMfaRegistered" => Some("had the user registered a second factor?"),
        "namedLocations" => Some("which named locations are there, and which of them are trusted?"),
        "locks" => Some("which locks stood?"),
        "roleAssignments" => Some("which role assignments stood?"),
        "denyAssignments" => Some("which deny assignments stood?"),
        _ => None,
    };
    if let Some(asked) = asked {
        return Some(asked.to_owned());
    }
    if let Some(id) = fact.strip_prefix("resources:") {
        return Some(format!("did `{}` stand, and how was it set up?", ResourceId::new(id).name()));
    }
    if let Some(name) = fact.strip_prefix("resource:") {
        return Some(format!("how is `{name}` set up? (it is in no export)"));
    }
    let word = Word::parse(fact.strip_prefix("attacker.")?)?;
    let whose = entry.map(|name| format!("{}@'s", name.split('@').next().unwrap_or(name)));
    Some(match word {
        Word::SecondFactor => {
            format!("could the attacker use {} second factor?", whose.unwrap_or_else(|| "the victim's".to_owned()))
        }
        Word::Approver => "could the attacker have had the activation approved?".to_owned(),
        Word::ManagedDevice => "did the attacker have a managed device?".to_owned(),
        Word::AllowedEgressAddress => "could the attacker have come from an allowed address?".to_owned(),
        Word::Fido2 => "did the attacker have a security key?".to_owned(),
        other => format!("did the attacker hold {}?", in_words(other)),
    })
}

/// The command that would record the fact, where one does.
fn gather(fact: &str) -> Option<String> {
    let rest = |url: &str| Some(format!("az rest --method get --url \"https://graph.microsoft.com/v1.0/{url}\""));
    let lower = fact.to_lowercase();
    if let Some(id) = fact.strip_prefix("resources:") {
        return Some(format!("az resource show --ids {}", quoted(id)));
    }
    if let Some(name) = fact.strip_prefix("resource:") {
        return Some(format!("az resource list --name {}", quoted(name)));
    }
    if lower.contains("ismfaregistered") {
        return rest("reports/authenticationMethods/userRegistrationDetails");
    }
    if lower.contains("namedlocation") {
        return rest("identity/conditionalAccess/namedLocations");
    }
    if lower.contains("directoryrole") {
        return rest("roleManagement/directory/roleAssignments");
    }
    if lower.contains("transitivegroup") || lower.contains("groups") {
        return rest("groups?$expand=members");
    }
    if let Some((name, _)) = fact.strip_prefix("resource:").and_then(|rest| rest.split_once("/properties")) {
        // What a property was before is kept for fourteen days (*Get resource changes*).
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        let query = format!("resourcechanges | where properties.targetResourceId endswith '/{name}'");
        return plain.then(|| format!("az graph query -q \"{query}\""));
    }
    // `pimEligibilities:<of whom>`
    match lower.split(':').next().unwrap_or_default() {
        "pimeligibilities" => Some(
            "az rest --method get --url \"https://management.azure.com/subscriptions/<id>/providers/\
             Microsoft.Authorization/roleEligibilityScheduleInstances?api-version=2020-10-01\""
                .to_owned(),
        ),
        "owners" => rest("groups?$expand=owners"),
        "approleassignments" => rest("servicePrincipals?$expand=appRoleAssignments"),
        "groupmembers" => rest("groups?$expand=members"),
        "signin.signinrisklevel" | "signin.userrisklevel" => rest("identityProtection/riskDetections"),
        "properties" => Some("az monitor activity-log list --correlation-id <of the record> --output json".to_owned()),
        "locks" => Some("az lock list --output json".to_owned()),
        "roleassignments" => Some("az role assignment list --all --output json".to_owned()),
        "denyassignments" => Some(
            "az rest --method get --url \"https://management.azure.com/subscriptions/<id>/providers/\
             Microsoft.Authorization/denyAssignments?api-version=2022-04-01\""
                .to_owned(),
        ),
        _ => None,
    }
}

fn owned(filling: &Filling<'_>, analysis: &mut Analysis) {
    let env = &filling.engine.world.env;
    let mut found = Vec::new();
    for judged in &filling.judged {
        if judged.control.origin != Origin::Snapshot {
            continue;
        }
        let steps: Vec<String> = judged
            .verdicts
            .iter()
            .enumerate()
            .filter(|(_, v)| v.level <= Level::Challenged)
            .map(|(n, _)| filling.engine.step_id(n).to_owned())
            .collect();
        if steps.is_empty() {
            continue;
        }
        let body = judged.control.parts.first().and_then(|p| p.documents.first());
        let id = body.and_then(|b| json::text(b, "id"));
        let document = id.and_then(|id| {
            [Kind::ConditionalAccess, Kind::PolicyAssignments].iter().find_map(|kind| env.get(*kind, id))
        });
        let since = document.and_then(|d| {
            ["modifiedDateTime", "createdDateTime", "properties.metadata.updatedOn", "properties.metadata.createdOn"]
                .iter()
                .find_map(|path| json::text(&d.body, path).and_then(|t| t.parse::<Timestamp>().ok()))
        });
        let mut why = judged.control.why_it_did_not_stop.join("; ");
        if let Some(since) = since {
            why = format!("{why} (since {})", date(since));
        }
        let pointer = if why.contains("report-only") || why.contains("disabled") { "/state" } else { "" };
        found.push(Owned {
            control: judged.control.id.clone(),
            why_it_did_not_stop: why,
            steps,
            since,
            evidence: document.map(|d| d.evidence.at(pointer)).into_iter().collect(),
        });
    }
    found.sort_by(|a, b| b.steps.len().cmp(&a.steps.len()).then_with(|| a.control.cmp(&b.control)));
    analysis.owned_already = found;
}

fn posture(filling: &Filling<'_>, analysis: &mut Analysis) {
    let mut bearing: BTreeSet<String> = BTreeSet::new();
    let mut gaps = Vec::new();
    for judged in &filling.judged {
        let steps: Vec<String> = judged
            .verdicts
            .iter()
            .enumerate()
            .filter(|(_, v)| v.level <= Level::Challenged)
            .map(|(n, _)| filling.engine.step_id(n).to_owned())
            .collect();
        if steps.is_empty() {
            continue;
        }
        bearing.extend(judged.control.recommendations.iter().map(|r| r.to_lowercase()));
        gaps.push(PostureGap {
            control: judged.control.id.clone(),
            steps,
            recommendations: judged
                .control
                .recommendations
                .iter()
                .map(|key| recommendation(filling, &key.to_lowercase()))
                .collect(),
            benchmarks: judged
                .control
                .benchmarks
                .iter()
                .flat_map(|(name, ids)| ids.iter().map(move |id| format!("{name} {id}")))
                .collect(),
            mitigations: judged.control.mitigations.clone(),
        });
    }
    analysis.posture_gaps = gaps;
    let mut keys: BTreeSet<String> = BTreeSet::new();
    for body in filling.engine.world.env.bodies(Kind::Assessments) {
        if json::text(body, "properties.status.code").is_some_and(|c| c.eq_ignore_ascii_case("Unhealthy"))
            && let Some(key) = key_of(body)
        {
            keys.insert(key);
        }
    }
    analysis.other_recommendations =
        keys.iter().filter(|k| !bearing.contains(*k)).map(|key| recommendation(filling, key)).collect();
}

fn key_of(assessment: &serde_json::Value) -> Option<String> {
    let name =
        json::text(assessment, "name").or_else(|| json::text(assessment, "id").and_then(|id| id.rsplit('/').next()))?;
    Some(name.to_lowercase())
}

/// The state of a recommendation over all its assessments: unhealthy wins; since when, the earliest change.
fn recommendation(filling: &Filling<'_>, key: &str) -> Recommendation {
    let env = &filling.engine.world.env;
    let mut found = Recommendation { id: key.to_owned(), ..Recommendation::default() };
    let mut states: BTreeSet<String> = BTreeSet::new();
    for (_, document) in env.of(Kind::Assessments) {
        let body = &document.body;
        if key_of(body).as_deref() != Some(key) {
            continue;
        }
        if let Some(title) = json::text(body, "properties.displayName") {
            found.title = title.to_owned();
        }
        if let Some(severity) = json::text(body, "properties.metadata.severity") {
            found.severity = severity.to_owned();
        }
        let state = json::text(body, "properties.status.code").unwrap_or_default().to_owned();
        let unhealthy = state.eq_ignore_ascii_case("Unhealthy");
        states.insert(state);
        if unhealthy {
            let since = ["properties.status.statusChangeDate", "properties.status.firstEvaluationDate"]
                .iter()
                .find_map(|path| json::text(body, path).and_then(|t| t.parse::<Timestamp>().ok()));
            found.unhealthy_since = match (found.unhealthy_since, since) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
            let resource = ["properties.resourceDetails.Id", "properties.resourceDetails.id"]
                .iter()
                .find_map(|path| json::text(body, path));
            found.resources.extend(resource.map(str::to_owned));
            found.evidence.push(document.evidence.at("/properties/status"));
        }
    }
    if found.title.is_empty() || found.severity.is_empty() {
        let metadata = env.bodies(Kind::AssessmentMetadata).find(|m| key_of(m).as_deref() == Some(key));
        if let Some(metadata) = metadata {
            if found.title.is_empty() {
                found.title = json::text(metadata, "properties.displayName").unwrap_or_default().to_owned();
            }
            if found.severity.is_empty() {
                found.severity = json::text(metadata, "properties.severity").unwrap_or_default().to_owned();
            }
        }
    }
    found.state = ["Unhealthy", "Healthy", "NotApplicable"]
        .iter()
        .find(|s| states.iter().any(|have| have.eq_ignore_ascii_case(s)))
        .map(|s| (*s).to_owned());
    found.resources.sort();
    found.evidence.sort();
    found
}
