//! A case as data: incident, environment, events in short form, and what must come out.

use cutset::correlate::{Correlated, Step, rewind};
use cutset::model::{
    Actor, ActorKind, AlertDetail, ArmDetail, AuditTarget, Authorization, Collected, DataDetail, Detail,
    DirectoryDetail, Document, Environment, Event, Evidence, Fact, Incident, InputError, Kind, ObjectId, Outcome,
    ResourceId, SignInCategory, SignInDetail, Timestamp,
};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub why: String,
    pub incident: Value,
    #[serde(default)]
    pub environment: BTreeMap<String, Vec<Value>>,
    pub events: Vec<Row>,
    pub expect: Expect,
}

/// What must hold of the outcome; what is left out is not looked at.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Expect {
    pub steps: Option<Vec<ExpectedStep>>,
    /// Part of the error's message, and of its help.
    pub error: Option<String>,
    pub help: Option<String>,
    /// Each is part of one warning.
    pub warnings: Option<Vec<String>>,
    /// Steps each alert saw, in the order of the alerts.
    pub alerts: Option<Vec<Vec<String>>>,
    pub unseen: Option<Vec<String>>,
    /// Classes and log rows of the baseline.
    pub classes: Option<usize>,
    pub baseline: Option<u64>,
    /// Times of lawful uses of management operations, by principal.
    pub uses: Option<BTreeMap<String, Vec<String>>>,
    pub rewound: Option<ExpectedRewind>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct ExpectedRewind {
    /// What was taken out or put back, as `kind key`.
    pub changed: Option<Vec<String>>,
    /// Paths nobody knows any more, as `kind key pointer`.
    pub unknown: Option<Vec<String>>,
    /// Part of the assumption; empty: there is none.
    pub assumption: Option<String>,
    /// Values that must stand in documents: `kind key pointer` → value (`null`: nothing there).
    pub holds: BTreeMap<String, Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExpectedStep {
    pub action: Option<String>,
    pub target: Option<String>,
    pub target_id: Option<String>,
    pub actor: Option<String>,
    pub count: Option<u64>,
    pub bytes: Option<u64>,
    pub attempts: Option<usize>,
    pub records: Option<usize>,
    pub time: Option<String>,
    pub basis: Option<String>,
    pub why: Option<String>,
    pub outcome: Option<String>,
    pub context: Option<bool>,
}

/// One event, or a run of equal ones.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Row {
    pub time: String,
    /// `sign-in`, `arm`, `data`, `directory`, `alert`, `context`.
    pub kind: String,
    pub action: Option<String>,
    pub actor: Option<String>,
    pub actor_id: Option<String>,
    pub actor_kind: Option<String>,
    pub ip: Option<String>,
    pub target: Option<String>,
    pub target_id: Option<String>,
    pub outcome: Option<String>,
    pub count: Option<u64>,
    pub bytes: Option<u64>,
    pub session: Option<String>,
    pub correlation: Option<String>,
    pub token: Option<String>,
    pub record: Option<String>,
    /// How often, and how many seconds apart.
    pub times: Option<i64>,
    pub every: Option<i64>,
    pub auth: Option<String>,
    pub hash: Option<String>,
    pub service: Option<String>,
    pub container: Option<String>,
    pub object: Option<String>,
    pub assignment: Option<String>,
    pub body: Option<Value>,
    pub response: Option<Value>,
    pub status: Option<u16>,
    pub credential: Option<String>,
    pub device: Option<String>,
    pub targets: Vec<RowTarget>,
    pub category: Option<String>,
    pub product: Option<String>,
    pub principals: Vec<String>,
    pub addresses: Vec<String>,
    pub resources: Vec<String>,
    pub end: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowTarget {
    pub kind: String,
    pub id: Option<String>,
    pub name: Option<String>,
    pub upn: Option<String>,
    #[serde(default)]
    pub modified: BTreeMap<String, (Value, Value)>,
}

impl Case {
    pub fn read(path: &Path) -> Case {
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    pub fn incident(&self) -> Incident {
        let mut incident = self.incident.clone();
        for (key, value) in [("schema", Incident::SCHEMA), ("id", "case")] {
            incident[key] = incident.get(key).cloned().unwrap_or_else(|| value.into());
        }
        Incident::parse("incident.json", &incident.to_string()).expect("an incident")
    }

    pub fn environment(&self) -> Environment {
        let mut environment = Environment::default();
        for (kind, bodies) in &self.environment {
            let kind = kind_named(kind);
            environment.set_collected(kind, Collected::Whole);
            for (at, body) in bodies.iter().enumerate() {
                let key = ["id", "groupId", "objectId"].iter().find_map(|key| body.get(key)?.as_str());
                let evidence = Evidence::new(format!("snapshot/{}.json", kind.as_str()), at as u64 + 1, "");
                let document = Document { body: Arc::new(body.clone()), evidence };
                environment.insert(kind, key.expect("a key"), document);
            }
        }
        environment
    }

    pub fn events(&self) -> Vec<Event> {
        let mut events = Vec::new();
        for row in &self.events {
            let first: Timestamp = row.time.parse().unwrap_or_else(|error| panic!("{}: {error}", row.time));
            for n in 0..row.times.unwrap_or(1) {
                let time = first + jiff::SignedDuration::from_secs(n * row.every.unwrap_or(0));
                let mut event = row.event(time);
                let numbered = Evidence::new(format!("timeline/{}.json", row.kind), events.len() as u64 + 1, "");
                event.evidence = match &row.record {
                    Some(record) => {
                        let (file, number) = record.rsplit_once('#').expect("<file>#<n>");
                        Evidence::new(file, number.parse().expect("a number"), "")
                    }
                    None => numbered,
                };
                events.push(event);
            }
        }
        events
    }
}

pub fn kind_named(name: &str) -> Kind {
    *Kind::ALL.iter().find(|kind| kind.as_str() == name).unwrap_or_else(|| panic!("no kind `{name}`"))
}

fn text(text: &str) -> Arc<str> {
    text.into()
}

fn fact(value: &Option<String>) -> Fact<Arc<str>> {
    Fact::from(value.as_deref().map(text))
}

impl Row {
    fn event(&self, time: Timestamp) -> Event {
        let arc = |value: &Option<String>| value.as_deref().map(text);
        let actor = match self.actor.as_deref() {
            Some(name) => Actor {
                kind: match self.actor_kind.as_deref() {
                    Some("sp") => ActorKind::ServicePrincipal,
                    Some("mi") => ActorKind::ManagedIdentity,
                    Some("unknown") => ActorKind::Unknown,
                    Some(other) => panic!("no actor kind `{other}`"),
                    None => ActorKind::User,
                },
                id: self.actor_id.as_deref().map(ObjectId::new),
                upn: name.contains('@').then(|| text(name)),
                app_id: None,
                name: text(name),
            },
            None => Actor { kind: ActorKind::Credential, id: None, upn: None, app_id: None, name: text("account key") },
        };
        let outcome = match self.outcome.as_deref() {
            None | Some("success") => Outcome::Success,
            Some("unknown") => Outcome::Unknown,
            Some(code @ ("50074" | "50076" | "50140")) => Outcome::Interrupted(text(code)),
            Some(code) => Outcome::Failure(text(code)),
        };
        let action = match (self.action.as_deref(), self.kind.as_str()) {
            (Some(action), _) => action,
            (None, "sign-in") => "SignIn",
            (None, "alert") => "Alert",
            (None, kind) => panic!("a {kind} row without an action"),
        };
        let authorization = self
            .assignment
            .as_deref()
            .map(|id| Authorization { role_assignment_id: Some(text(id)), ..Authorization::default() });
        let target = self.target.clone().unwrap_or_default();
        let detail = match self.kind.as_str() {
            "sign-in" => Detail::SignIn(Box::new(self.sign_in())),
            "arm" => Detail::Arm(Box::new(ArmDetail {
                resource: ResourceId::new(&target),
                authorization,
                request_body: Fact::from(self.body.clone()),
                response_body: Fact::from(self.response.clone()),
                claims: Fact::Unknown,
                status: Fact::from(self.status),
            })),
            "data" => Detail::Data(Box::new(DataDetail {
                service: text(self.service.as_deref().unwrap_or("blob")),
                account: text(&target),
                resource: target.starts_with('/').then(|| ResourceId::new(&target)),
                container: arc(&self.container),
                object: arc(&self.object),
                authentication: fact(&self.auth),
                hash: fact(&self.hash),
                authorization: authorization.into_iter().collect(),
                sas: BTreeMap::new(),
                protocol: Fact::Unknown,
                tls: Fact::Unknown,
                status: Fact::Unknown,
                status_text: Fact::Unknown,
            })),
            "directory" => Detail::Directory(Box::new(DirectoryDetail {
                category: arc(&self.category),
                service: None,
                targets: self.targets.iter().map(RowTarget::target).collect(),
                additional: BTreeMap::new(),
            })),
            "alert" => Detail::Alert(Box::new(AlertDetail {
                product: text(self.product.as_deref().unwrap_or("some product")),
                title: text(&target),
                severity: text("High"),
                tactics: Vec::new(),
                techniques: Vec::new(),
                description: text(""),
                principals: self.principals.iter().map(|p| text(p)).collect(),
                addresses: self.addresses.iter().map(|a| a.parse().expect("an address")).collect(),
                resources: self.resources.iter().map(|r| text(r)).collect(),
                alert_id: None,
            })),
            "context" => Detail::Context(BTreeMap::new()),
            other => panic!("no kind `{other}`"),
        };
        Event {
            time,
            end: self.end.as_deref().map(|end| end.parse().expect("an end")),
            action: text(action),
            actor,
            source_ip: Fact::from(self.ip.as_deref().map(|ip| ip.parse().expect("an address"))),
            country: Fact::Unknown,
            user_agent: Fact::Unknown,
            target: text(match self.service.as_deref() {
                Some("keyvault") => target.rsplit('/').next().unwrap_or(&target),
                _ => self.container.as_deref().unwrap_or(&target),
            }),
            target_id: arc(&self.target_id),
            outcome,
            count: self.count.unwrap_or(1),
            bytes: self.bytes.unwrap_or(0),
            session_id: arc(&self.session),
            correlation_id: arc(&self.correlation),
            token_id: arc(&self.token),
            record_id: None,
            log: "SigninLogs",
            detail,
            evidence: Evidence::new("", 0, ""),
        }
    }

    fn sign_in(&self) -> SignInDetail {
        SignInDetail {
            category: SignInCategory::Interactive,
            app_id: Fact::Unknown,
            app_name: Fact::Unknown,
            resource_id: fact(&self.target_id),
            resource_name: fact(&self.target),
            audiences: Fact::Unknown,
            scopes: Fact::Unknown,
            client_app_type: Fact::Unknown,
            platform: Fact::Unknown,
            device: Fact::from(self.device.as_deref().map(|id| serde_json::json!({ "deviceId": id }))),
            sign_in_risk: Fact::Unknown,
            user_risk: Fact::Unknown,
            requirement: Fact::Unknown,
            mfa: Fact::Unknown,
            methods: Fact::Unknown,
            previously_satisfied: Fact::Unknown,
            incoming_token: Fact::Unknown,
            transfer_method: Fact::Unknown,
            original_transfer_method: Fact::Unknown,
            authentication_contexts: Fact::Unknown,
            user_type: Fact::Unknown,
            home_tenant: Fact::Unknown,
            resource_tenant: Fact::Unknown,
            applied_policies: Fact::Unknown,
            conditional_access_status: Fact::Unknown,
            error_code: Fact::Unknown,
            credential_key_id: fact(&self.credential),
            federated_credential_id: Fact::Unknown,
        }
    }
}

impl RowTarget {
    fn target(&self) -> AuditTarget {
        let arc = |value: &Option<String>| value.as_deref().map(text);
        AuditTarget {
            kind: text(&self.kind),
            id: arc(&self.id),
            name: arc(&self.name),
            upn: arc(&self.upn),
            modified: self.modified.clone(),
        }
    }
}

pub fn outcome_word(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Success => "success".to_owned(),
        Outcome::Unknown => "unknown".to_owned(),
        Outcome::Failure(code) | Outcome::Interrupted(code) => code.as_ref().to_owned(),
    }
}

impl ExpectedStep {
    fn differs(&self, step: &Step) -> Vec<String> {
        let mut differences = Vec::new();
        let mut same = |what: &str, expected: Option<String>, got: String| {
            if let Some(expected) = expected
                && expected != got
            {
                differences.push(format!("{} {what}: expected `{expected}`, got `{got}`", step.id));
            }
        };
        same("action", self.action.clone(), step.action.to_string());
        same("target", self.target.clone(), step.target.to_string());
        same("target_id", self.target_id.clone(), step.target_id.as_deref().unwrap_or_default().to_owned());
        same("actor", self.actor.clone(), step.actor.name.to_string());
        same("count", self.count.map(|n| n.to_string()), step.count.to_string());
        same("bytes", self.bytes.map(|n| n.to_string()), step.bytes.to_string());
        same("attempts", self.attempts.map(|n| n.to_string()), step.attempts.len().to_string());
        same("records", self.records.map(|n| n.to_string()), step.events.len().to_string());
        same("time", self.time.clone(), step.time.to_string());
        same("basis", self.basis.clone(), step.basis.as_str().to_owned());
        same("outcome", self.outcome.clone(), outcome_word(&step.outcome));
        same("context", self.context.map(|c| c.to_string()), step.context.to_string());
        if let Some(why) = &self.why
            && !step.why_in.contains(why)
        {
            differences.push(format!("{} why: expected `{why}` in `{}`", step.id, step.why_in));
        }
        differences
    }
}

/// Every way in which the outcome is not what the case expects.
pub fn differences(case: &Case, outcome: &Result<Correlated, InputError>) -> Vec<String> {
    let expect = &case.expect;
    let correlated = match outcome {
        Err(error) => {
            let said =
                |expected: &Option<String>, got: &str| expected.as_ref().is_none_or(|e| got.contains(e.as_str()));
            if expect.error.is_some() && said(&expect.error, &error.message) && said(&expect.help, &error.help) {
                return Vec::new();
            }
            return vec![format!("error: {error}")];
        }
        Ok(correlated) => correlated,
    };
    let mut differences = Vec::new();
    if let Some(error) = &expect.error {
        differences.push(format!("expected the error `{error}`"));
    }
    if let Some(steps) = &expect.steps {
        if steps.len() != correlated.steps.len() {
            differences.push(format!("expected {} steps, got {}", steps.len(), correlated.steps.len()));
        }
        for (expected, step) in steps.iter().zip(&correlated.steps) {
            differences.extend(expected.differs(step));
        }
    }
    let mut same = |what: &str, expected: Option<String>, got: String| {
        if let Some(expected) = expected
            && expected != got
        {
            differences.push(format!("{what}: expected {expected}, got {got}"));
        }
    };
    let alerts: Vec<&Vec<String>> = correlated.alerts.iter().map(|alert| &alert.steps).collect();
    same("alerts", expect.alerts.as_ref().map(|a| format!("{a:?}")), format!("{alerts:?}"));
    let unseen: Vec<&str> = correlated.unseen().collect();
    same("unseen", expect.unseen.as_ref().map(|u| format!("{u:?}")), format!("{unseen:?}"));
    same("classes", expect.classes.map(|n| n.to_string()), correlated.baseline.classes.len().to_string());
    same("baseline", expect.baseline.map(|n| n.to_string()), correlated.baseline.records.to_string());
    for (principal, times) in expect.uses.iter().flatten() {
        let got: Vec<String> = correlated.baseline.uses(principal).map(|(time, _)| time.to_string()).collect();
        same(&format!("uses of {principal}"), Some(format!("{times:?}")), format!("{got:?}"));
    }
    if let Some(warnings) = &expect.warnings {
        let found = warnings.iter().zip(&correlated.warnings).all(|(part, warning)| warning.contains(part.as_str()));
        if !found || warnings.len() != correlated.warnings.len() {
            differences.push(format!("warnings: expected {warnings:?}, got {:?}", correlated.warnings));
        }
    }
    differences
}

/// Every way in which the rewound environment is not what the case expects.
pub fn rewind_differences(case: &Case, expected: &ExpectedRewind, correlated: &Correlated) -> Vec<String> {
    let rewound = rewind(&case.incident(), &case.environment(), correlated);
    let mut differences = Vec::new();
    let mut same = |what: &str, expected: &Option<Vec<String>>, got: Vec<String>| {
        if let Some(expected) = expected
            && *expected != got
        {
            differences.push(format!("{what}: expected {expected:#?}, got {got:#?}"));
        }
    };
    let taken = rewound.taken.iter().map(|taken| {
        let parts = [taken.act.as_str(), taken.kind.as_str(), &taken.key, &taken.pointer];
        parts.join(" ").trim_end().to_owned()
    });
    same("changed", &expected.changed, taken.collect());
    let mut unknown = Vec::new();
    for kind in Kind::ALL {
        for (key, _) in rewound.environment.of(*kind) {
            let paths = rewound.environment.unknown_paths(*kind, key);
            unknown.extend(paths.map(|path| format!("{} {key} {path}", kind.as_str())));
        }
    }
    same("unknown", &expected.unknown, unknown);
    if let Some(assumption) = &expected.assumption {
        let got = rewound.assumption.as_deref().unwrap_or_default();
        if assumption.is_empty() != got.is_empty() || !got.contains(assumption) {
            differences.push(format!("assumption: expected `{assumption}`, got `{got}`"));
        }
    }
    for (place, value) in &expected.holds {
        let parts: Vec<&str> = place.splitn(3, ' ').collect();
        let [kind, key, pointer] = parts.as_slice() else { panic!("`{place}` is no place") };
        let document = rewound.environment.get(kind_named(kind), key);
        let got = document.and_then(|document| document.body.pointer(pointer)).cloned().unwrap_or(Value::Null);
        if got != *value {
            differences.push(format!("{place}: expected {value}, got {got}"));
        }
    }
    differences
}
