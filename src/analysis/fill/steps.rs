//! `steps`: what happened, what each step needed and yielded, and every verdict.

use super::super::contract::{
    Alert, Analysis, Basis, EventCounts, LostBefore, Mode, Need, Plane, Step, Support, Undo, Verdict, Yield,
};
use super::{Filling, Judged, names};
use crate::causal::{Support as Link, SupportFrom};
use crate::correlate::{PinnedAlert, Step as Observed};
use crate::effect::{Capability, yields};
use crate::model::{Detail, Evidence, Family, Kind, Level, Outcome, Part, json};
use std::collections::BTreeSet;

/// Records shown as evidence of a step: the first ones, and the last.
const SHOWN: usize = 3;

pub fn fill(filling: &Filling<'_>, analysis: &mut Analysis) {
    let correlated = &filling.engine.case.correlated;
    analysis.steps = correlated.steps.iter().enumerate().map(|(n, step)| of_step(filling, n, step)).collect();
    analysis.alerts = correlated.alerts.iter().filter(|a| a.steps.is_empty()).map(alert).collect();
}

fn of_step(filling: &Filling<'_>, n: usize, step: &Observed) -> Step {
    let correlated = &filling.engine.case.correlated;
    let event = filling.engine.event(n);
    let (phase, technique) = event.map_or(("", Vec::new()), |e| names::technique(step, e));
    Step {
        id: step.id.clone(),
        key: step.key.clone(),
        time: step.time,
        end: step.end,
        phase: phase.to_owned(),
        technique: technique.into_iter().map(str::to_owned).collect(),
        action: step.action.to_string(),
        actor: step.actor.name.to_string(),
        source_ip: step.source_ip.known().map(|ip| ip.to_string()),
        target: step.target.to_string(),
        count: step.count,
        bytes: step.bytes,
        outcome: match &step.outcome {
            Outcome::Success => "success".to_owned(),
            Outcome::Failure(code) => format!("failure:{code}"),
            Outcome::Interrupted(code) => format!("interrupted:{code}"),
            Outcome::Unknown => "unknown".to_owned(),
        },
        needs: needs(filling, n),
        yields: event.filter(|_| !step.failed()).map_or_else(Vec::new, |event| {
            yields(&filling.engine.world.env, event)
                .into_iter()
                .map(|y| Yield { capability: capability(filling, &y.capability), from: Some(y.from), until: y.until })
                .collect()
        }),
        verdicts: filling.judged.iter().map(|judged| verdict(filling, judged, n)).collect(),
        cut_by: Vec::new(),
        alerts: step.alerts.iter().filter_map(|at| correlated.alerts.get(*at)).map(alert).collect(),
        why_in: step.why_in.clone(),
        evidence: evidence(filling, step),
        plane: match event.map(|e| &e.detail) {
            Some(Detail::SignIn(_) | Detail::Directory(_)) => Plane::Identity,
            Some(Detail::Arm(_)) => Plane::Management,
            Some(Detail::Data(_)) => Plane::Data,
            Some(Detail::Alert(_) | Detail::Context(_)) | None => Plane::Other,
        },
        target_id: step.target_id.as_deref().map(str::to_owned),
        country: event.and_then(|e| e.country.known().cloned()),
        user_agent: event.and_then(|e| e.user_agent.known().map(|u| u.to_string())),
        short: event.map_or_else(|| step.action.to_string(), |event| names::short(filling, step, event)),
        conditions: Vec::new(),
    }
}

fn evidence(filling: &Filling<'_>, step: &Observed) -> Vec<Evidence> {
    let events = &filling.engine.case.correlated.window_events;
    let mut shown: Vec<Evidence> =
        step.events.iter().take(SHOWN).filter_map(|at| events.get(*at)).map(|e| e.evidence.clone()).collect();
    if step.events.len() > SHOWN {
        shown.extend(step.events.last().and_then(|at| events.get(*at)).map(|e| e.evidence.clone()));
    }
    shown
}

fn alert(pinned: &PinnedAlert) -> Alert {
    let (product, title, severity, tactics, techniques, description, id) = match &pinned.event.detail {
        Detail::Alert(a) => (
            a.product.to_string(),
            a.title.to_string(),
            a.severity.to_string(),
            a.tactics.iter().map(|t| t.to_string()).collect(),
            a.techniques.iter().map(|t| t.to_string()).collect(),
            a.description.to_string(),
            a.alert_id.as_deref().map(str::to_owned),
        ),
        _ => Default::default(),
    };
    Alert {
        id,
        time: pinned.event.time,
        product,
        title,
        severity,
        tactics,
        techniques,
        description,
        evidence: vec![pinned.event.evidence.clone()],
    }
}

/// A capability in words.
fn capability(filling: &Filling<'_>, capability: &Capability) -> String {
    let env = &filling.engine.world.env;
    match capability {
        Capability::Session { principal, audience } => {
            format!("session of {} for {}", names::principal(filling, principal), audience.name())
        }
        Capability::AzureRole { principal, role, scope } => format!(
            "{} at {} for {}",
            names::azure_role(env, role),
            names::scope(env, scope),
            names::principal(filling, principal)
        ),
        Capability::Credential { principal } => format!("credential of {}", names::principal(filling, principal)),
        Capability::DelegationKey { principal, account } => {
            format!("delegation key of {} on {}", names::principal(filling, principal), account.name())
        }
        other @ (Capability::StorageKey { .. }
        | Capability::Sas { .. }
        | Capability::Execution { .. }
        | Capability::Secret { .. }) => other.to_string(),
    }
}

fn support(filling: &Filling<'_>, link: &Link) -> Support {
    let (from, evidence) = match &link.from {
        SupportFrom::Environment => ("environment".to_owned(), Vec::new()),
        SupportFrom::Held(_) => ("held".to_owned(), Vec::new()),
        SupportFrom::Step(n) => (
            filling.engine.step_id(*n).to_owned(),
            filling.engine.event(*n).map(|e| e.evidence.clone()).into_iter().collect(),
        ),
    };
    let basis = match link.basis {
        "exact" => Basis::Exact,
        "session" => Basis::Session,
        "environment" => Basis::Environment,
        "held" => Basis::Held,
        _ => Basis::Assumed,
    };
    Support { from, by: link.by.clone(), basis, evidence }
}

fn needs(filling: &Filling<'_>, n: usize) -> Vec<Need> {
    let engine = filling.engine;
    let env = &engine.world.env;
    let links = engine.links(n);
    let mut needs = Vec::new();
    let mut push = |capability: String, supports: Vec<Support>| needs.push(Need { capability, supports });
    let unexplained = |by: &str| Support {
        from: "unexplained".to_owned(),
        by: by.to_owned(),
        basis: Basis::Unexplained,
        evidence: Vec::new(),
    };
    if !links.credential.is_empty() {
        push("credential".to_owned(), links.credential.iter().map(|c| support(filling, c)).collect());
    }
    if let Some(session) = &links.session {
        push("that very session".to_owned(), vec![support(filling, session)]);
    }
    if let Some(token) = &links.token {
        let mut supports: Vec<Support> = token.supports.iter().map(|s| support(filling, s)).collect();
        if supports.is_empty() {
            supports.push(match engine.waiver(n, "token") {
                Some(need) => unexplained(need),
                None => Support {
                    from: "held".to_owned(),
                    by: "a sign-in the attacker could make".to_owned(),
                    basis: Basis::Assumed,
                    evidence: Vec::new(),
                },
            });
        }
        push(format!("token for {}", token.audience.name()), supports);
    }
    if let Some(key) = &links.key {
        let mut supports: Vec<Support> = key.supports.iter().map(|s| support(filling, s)).collect();
        if supports.is_empty() {
            supports.push(unexplained("nothing on record gave the key"));
        } else if engine.waiver(n, "key").is_some() {
            supports = vec![unexplained("every key on record was made anew before")];
        }
        push(format!("key of {}", key.account.name()), supports);
    }
    let grants = engine.factual_grants(n);
    if !grants.is_empty() || matches!(engine.event(n).map(|e| &e.detail), Some(Detail::Arm(_))) {
        let mut supports: Vec<Support> = grants
            .iter()
            .map(|(id, maker)| {
                let document = env.get(Kind::RoleAssignments, id);
                let role = document
                    .and_then(|d| crate::model::json::text(&d.body, "properties.roleDefinitionId"))
                    .map(|role| names::azure_role(env, role));
                match maker {
                    Some(step) => Support {
                        from: engine.step_id(*step).to_owned(),
                        by: format!("role assignment made at {}", engine.step_id(*step)),
                        basis: Basis::Exact,
                        evidence: engine.event(*step).map(|e| e.evidence.clone()).into_iter().collect(),
                    },
                    None => Support {
                        from: "environment".to_owned(),
                        by: role.unwrap_or_else(|| id.clone()),
                        basis: Basis::Environment,
                        evidence: document.map(|d| d.evidence.clone()).into_iter().collect(),
                    },
                }
            })
            .collect();
        if supports.is_empty()
            && let Some(need) = engine.waiver(n, "azure-rbac").or(engine.waiver(n, "privilege"))
        {
            supports.push(unexplained(need));
        }
        if !supports.is_empty() {
            push("a role that allows it".to_owned(), supports);
        }
    }
    for id in &links.exists {
        let document = env.resource(id);
        let supports = match (document, engine.maker_of(id)) {
            (Some(document), _) => vec![Support {
                from: "environment".to_owned(),
                by: id.name().to_owned(),
                basis: Basis::Environment,
                evidence: vec![document.evidence.clone()],
            }],
            (None, Some(maker)) => vec![Support {
                from: engine.step_id(maker).to_owned(),
                by: format!("made at {}", engine.step_id(maker)),
                basis: Basis::Exact,
                evidence: Vec::new(),
            }],
            (None, None) => vec![unexplained("in no snapshot, and no record creates it")],
        };
        push(format!("{} exists", id.name()), supports);
    }
    needs
}

/// A verdict in the contract's form.
pub fn verdict(filling: &Filling<'_>, judged: &Judged<'_>, n: usize) -> Verdict {
    let engine = filling.engine;
    let Some(found) = judged.verdicts.get(n) else { return Verdict::new(&judged.control.id, Level::NotCut) };
    let mut verdict = Verdict::new(&judged.control.id, found.level);
    verdict.mode = if found.direct { Mode::Direct } else { Mode::Upstream };
    verdict.via = found.via.map(|via| engine.step_id(via).to_owned());
    verdict.reason.clone_from(&found.reason);
    verdict.missing = found.missing.iter().map(|m| m.to_string()).collect();
    verdict.words = found.words.iter().map(|w| w.as_str().to_owned()).collect();
    verdict.assumes = found.assumes.iter().cloned().collect();
    verdict.caveat.clone_from(&found.caveat);
    verdict.undo = found.undo.as_ref().map(|u| Undo { capability: u.capability.clone(), steps: u.steps.clone() });
    verdict.detected.clone_from(&found.detected);
    verdict.at = found.at;
    verdict.lost_before = LostBefore { bytes: found.lost_bytes, steps: found.lost_steps };
    verdict.events = EventCounts {
        cut: found.counts.cut,
        challenged: found.counts.challenged,
        unknown: found.counts.unknown,
        not_cut: found.counts.not_cut,
    };
    verdict.clauses.clone_from(&found.clauses);
    verdict.clauses.sort();
    verdict.clauses.dedup();
    verdict.doc = verdict.clauses.first().map(|c| c.source.clone()).filter(|s| !s.is_empty());
    let mut evidence: Vec<Evidence> = Vec::new();
    if let Some(event) = engine.event(n) {
        evidence.push(event.evidence.clone());
    }
    evidence.extend(verdict.clauses.iter().filter_map(|c| document_evidence(filling, judged, &c.document, &c.pointer)));
    let mut seen = BTreeSet::new();
    evidence.retain(|e| seen.insert(e.clone()));
    verdict.evidence = evidence;
    verdict
}

/// Where a deciding clause was read: in the control's own files where the value is the control's, in the snapshot else.
fn document_evidence(filling: &Filling<'_>, judged: &Judged<'_>, id: &str, pointer: &str) -> Option<Evidence> {
    let env = &filling.engine.world.env;
    let text = |document: &serde_json::Value, field: &str| json::text(document, field).map(str::to_lowercase);
    let documents = || judged.control.parts.iter().flat_map(|part| part.documents.iter().map(move |body| (part, body)));
    let of = |(_, (part, body)): &(usize, (&Part, &serde_json::Value))| match part.family {
        // What the patch sets is the patch's word, whatever resource it is read of.
        Family::ResourcePatch => !pointer.is_empty() && body.pointer(pointer).is_some(),
        Family::Pim => id.starts_with("control:") || id.eq_ignore_ascii_case(&judged.control.id),
        Family::ConditionalAccess | Family::AzurePolicy | Family::Rbac | Family::Lock => {
            text(body, "id").is_some_and(|own| own == id.to_lowercase())
                || text(body, "name").is_some_and(|own| id.to_lowercase().ends_with(&own))
                || id.starts_with("control:")
        }
    };
    let leads = |(_, (_, body)): &(usize, (&Part, &serde_json::Value))| body.pointer(pointer).is_some();
    let mut candidates = documents().enumerate().filter(of);
    let own = candidates.clone().find(leads).or_else(|| candidates.next());
    if let Some((at, _)) = own
        && let Some(file) = judged.control.files.get(at).or(judged.control.files.first())
    {
        return Some(Evidence::new(format!("policies/{file}"), 1, pointer));
    }
    let document = Kind::ALL.iter().find_map(|kind| env.get(*kind, id))?;
    // An absent property with a documented default is cited where it would stand.
    let parent = pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
    let stands = |body: &serde_json::Value| {
        body.pointer(pointer).is_some() || body.pointer(parent).is_some_and(serde_json::Value::is_object)
    };
    if stands(&document.body) {
        return Some(document.evidence.at(pointer));
    }
    // A clause of an assignment's definition is read in the definition.
    let definition = json::text(&document.body, "properties.policyDefinitionId");
    let definition = definition.and_then(|id| env.get(Kind::PolicyDefinitions, id)).filter(|d| stands(&d.body));
    Some(definition.map_or_else(|| document.evidence.clone(), |found| found.evidence.at(pointer)))
}
