//! cutset replays an Azure or Entra incident under controls that were not in force, and proves which of them would
//! have cut which step, which path would still have been open, and which smallest set of controls closes them all.
//!
//! ```text
//! exports ─▶ ingest ─▶ Environment ─┐
//! logs    ─▶ ingest ─▶ Events ─▶ correlate ─▶ Timeline ─▶ causal ─▶ replay ×controls ─▶ cuts ─▶ analysis ─▶ render
//! policies ─▶ control ─────────────────────────────────────▲
//! ```
//!
//! | room | for | deliberately does not know |
//! |---|---|---|
//! | [`model`] | the field's words as types | any other room |
//! | [`effect`] | operation → the requests its gates are asked, what it changes and yields | gates' rules, log formats |
//! | [`ingest`] | foreign bytes → environment and events | what a fact is good for |
//! | [`correlate`] | events → timeline and baseline, each with its why | gates, controls |
//! | [`decide`] | (environment, request) → decision | which log told it, which control asks |
//! | [`control`] | native document → changed environment | what the change decides |
//! | [`causal`] | needs, supports, yields of each step | how a gate decides |
//! | [`replay`] | factual and counterfactual runs | sets of controls and how they are searched |
//! | [`cuts`] | cut conditions, latent paths, exact sets, certificates | how results are shown |
//! | [`analysis`] | the contract `analysis.json` | how bytes were read |
//! | [`render`] | analysis → text and pictures | everything but the analysis |
//! | [`cli`] | files, arguments, exit codes | nothing; it alone touches the world |
//!
//! Arrows point up this list only; `tests/it/arrows.rs` holds them.

pub mod analysis;
pub mod causal;
pub mod cli;
pub mod control;
pub mod correlate;
pub mod cuts;
pub mod decide;
pub mod effect;
pub mod ingest;
pub mod model;
pub mod render;
pub mod replay;

use analysis::{Analysis, Assumption};
use correlate::Correlated;
use model::{Collected, Control, Environment, Fact, Incident, InputError, Kind, Origin, Source, Tenant};
use std::collections::BTreeMap;

/// A case as the command line hands it over: nothing here has been read yet but small files.
pub struct CaseFiles {
    /// Last segment of the case folder's path.
    pub name: Option<String>,
    /// How errors name `incident.json`, and its text.
    pub incident: (String, String),
    /// Exports and logs, to be opened as streams.
    pub inputs: Vec<ingest::InputFile>,
    /// The case's own `policies/`, by file name.
    pub policies: BTreeMap<String, String>,
    /// `--policies DIR`: this folder alone in the place of the shipped and the case's own.
    pub only: Option<(String, BTreeMap<String, String>)>,
}

/// A case read, sorted into attack and baseline, with its candidates; not yet replayed.
pub struct Loaded {
    pub name: Option<String>,
    pub incident: Incident,
    /// As it was before the first event.
    pub environment: Environment,
    /// As it was exported.
    pub exported: Environment,
    pub correlated: Correlated,
    pub controls: Vec<Control>,
    pub sources: Vec<Source>,
    pub rejected: Vec<analysis::Rejected>,
    pub coverage: Vec<analysis::Coverage>,
    pub assumptions: Vec<Assumption>,
    /// What the reader should know about the reading.
    pub warnings: Vec<String>,
}

/// The whole walk: read, correlate, rewind, replay, search, fill.
pub fn analyze(case: &CaseFiles, who: bool) -> Result<(Analysis, Vec<String>), InputError> {
    let mut loaded = load(case)?;
    let warnings = std::mem::take(&mut loaded.warnings);
    let mut analysis = analysis::analyse(loaded.input(who));
    analysis.records = records(&case.inputs, &analysis);
    Ok((analysis, warnings))
}

/// The records that the steps and their alerts were read from.
fn records(inputs: &[ingest::InputFile], analysis: &Analysis) -> Vec<analysis::Record> {
    let alerts =
        |step: &analysis::Step| step.alerts.iter().flat_map(|alert| alert.evidence.clone()).collect::<Vec<_>>();
    let cited = analysis.steps.iter().flat_map(|step| step.evidence.iter().cloned().chain(alerts(step)));
    let wanted = cited.take(analysis::RECORDS).map(|evidence| (evidence.file.to_string(), evidence.record)).collect();
    ingest::excerpts(inputs, &wanted)
        .into_iter()
        .map(|((file, record), excerpt)| analysis::Record { file, record, excerpt })
        .collect()
}

/// Bytes of events held in memory at once; logs that hold more are read again instead.
const AT_ONCE: usize = 64 << 20;

/// The first half of the walk: everything up to replay.
pub fn load(case: &CaseFiles) -> Result<Loaded, InputError> {
    load_within(case, AT_ONCE)
}

/// As [`load`], with so many bytes of events in memory at once: the result is the same whatever they are.
pub fn load_within(case: &CaseFiles, bytes: usize) -> Result<Loaded, InputError> {
    let incident = Incident::parse(&case.incident.0, &case.incident.1)?;
    let controls = choose(&case.policies, case.only.as_ref(), &incident.parameters)?;
    let complete = |environment: &mut Environment| -> Result<(), InputError> {
        ingest::facts::merge_into(environment);
        environment.tenant = tenant(&incident, &case.incident.0)?;
        say_collected(environment, &incident, &case.incident.0)
    };
    let (mut environment, events, mut reading) = ingest::environment(&case.inputs, bytes);
    complete(&mut environment)?;
    let correlated = match events {
        Some(events) => correlate::correlate(&incident, &environment, events)?,
        None => loop {
            let mut correlator = correlate::Correlator::new(&incident, &environment)?.keep_at_most(bytes);
            let logs = ingest::events(&case.inputs, &environment, &mut |event| correlator.observe(event));
            if logs.documents != reading.documents {
                // A log holds pieces of the snapshot, where it was passed over: they come first.
                (environment, reading) = ingest::environment_of_all(&case.inputs);
                complete(&mut environment)?;
                continue;
            }
            reading.with_logs(logs);
            while correlator.again() {
                ingest::events(&case.inputs, &environment, &mut |event| correlator.observe(event));
            }
            break correlator.finish()?;
        },
    };
    let rewound = correlate::rewind(&incident, &environment, &correlated);
    let mut assumptions: Vec<Assumption> = Vec::new();
    assumptions.extend(rewound.assumption.map(|text| Assumption {
        text,
        from: "snapshot".to_owned(),
        used_by: Vec::new(),
        evidence: vec![model::Evidence::new(case.incident.0.as_str(), 1, "/snapshotTakenAt")],
    }));
    let mut warnings = correlated.warnings.clone();
    warnings.extend(reading.complaints.clone());
    warnings.extend(reading.ambiguous.iter().map(|dates| format!("{}; {}", dates.fact(), ingest::Ambiguous::REMEDY)));
    Ok(Loaded {
        name: case.name.clone(),
        environment: rewound.environment,
        exported: environment,
        correlated,
        controls,
        sources: reading.sources,
        rejected: reading
            .rejected
            .into_iter()
            .map(|r| analysis::Rejected { file: r.file, record: r.record, reason: r.reason })
            .collect(),
        coverage: reading
            .coverage
            .into_iter()
            .map(|row| {
                let mut row = coverage(row);
                // What the reviewer says was exported whole is no hole.
                if incident.collected.iter().any(|word| word.eq_ignore_ascii_case(&row.what)) {
                    row.state = analysis::Presence::Present;
                    row.gather = None;
                }
                row
            })
            .collect(),
        assumptions,
        warnings,
        incident,
    })
}

/// The environment and its candidates without an incident: what the architect's view asks.
pub fn estate(
    inputs: &[ingest::InputFile],
    incident: Option<&Incident>,
    own: BTreeMap<String, String>,
    only: Option<(String, BTreeMap<String, String>)>,
    parameters: &BTreeMap<String, serde_json::Value>,
) -> Result<(Environment, Vec<Control>, Vec<String>), InputError> {
    let (mut environment, reading) = ingest::environment_of_all(inputs);
    ingest::facts::merge_into(&mut environment);
    if let Some(incident) = incident {
        environment.tenant = tenant(incident, "incident.json")?;
        say_collected(&mut environment, incident, "incident.json")?;
    }
    let controls = choose(&own, only.as_ref(), parameters)?;
    Ok((environment, controls, reading.complaints))
}

impl Loaded {
    pub fn input(&self, who: bool) -> analysis::Input<'_> {
        analysis::Input {
            incident: &self.incident,
            name: self.name.clone(),
            environment: self.environment.clone(),
            exported: self.exported.clone(),
            correlated: self.correlated.clone(),
            controls: self.controls.clone(),
            sources: self.sources.clone(),
            rejected: self.rejected.clone(),
            coverage: self.coverage.clone(),
            assumptions: self.assumptions.clone(),
            tables: ingest::facts::TABLES.iter().map(|t| (t.id.to_owned(), t.date.to_owned())).collect(),
            who,
        }
    }
}

/// The shipped catalogue and the case's own (which wins where both have an id), or one folder alone.
fn choose(
    own: &BTreeMap<String, String>,
    only: Option<&(String, BTreeMap<String, String>)>,
    parameters: &BTreeMap<String, serde_json::Value>,
) -> Result<Vec<Control>, InputError> {
    use control::catalogue::{load, shipped};
    if let Some((label, files)) = only {
        let controls = load(label, files, parameters, Origin::User)?;
        if controls.is_empty() {
            let help = "put catalog.json with its documents, or exports of policies and locks, into it";
            return Err(InputError::new(label, "no control is in this folder", help));
        }
        return Ok(controls);
    }
    let own = load("policies", own, parameters, Origin::User)?;
    let mut all = shipped(parameters)?;
    all.retain(|control| own.iter().all(|mine| mine.id != control.id));
    for mine in &own {
        // A `short` of the case's own takes the column from the shipped one.
        all.iter_mut().filter(|c| c.short.is_some() && c.short == mine.short).for_each(|c| c.short = None);
    }
    all.extend(own);
    all.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(all)
}

fn tenant(incident: &Incident, file: &str) -> Result<Tenant, InputError> {
    let networks = match &incident.tenant.mfa_trusted_ips {
        Fact::Unknown => Fact::Unknown,
        Fact::Absent => Fact::Absent,
        Fact::Known(texts) => {
            let mut networks = Vec::new();
            for text in texts {
                let address = text.parse::<std::net::IpAddr>().map(ipnet::IpNet::from);
                networks.push(text.parse::<ipnet::IpNet>().or(address).map_err(|_| {
                    InputError::new(
                        file,
                        format!("`tenant.mfaTrustedIps` holds `{text}`, which is no address and no CIDR range"),
                        "write it like `203.0.113.0/24`",
                    )
                })?);
            }
            Fact::Known(networks)
        }
    };
    Ok(Tenant {
        mfa_trusted_ips: networks,
        security_defaults: incident.tenant.security_defaults.clone(),
        mandatory_mfa_portals: incident.tenant.mandatory_mfa.as_ref().map(|m| m.portals),
        baseline_scopes: incident.tenant.baseline_scopes.clone(),
    })
}

/// `incident.json`'s `collected`: kinds exported whole although an empty export cannot be told from a missing one.
fn say_collected(environment: &mut Environment, incident: &Incident, file: &str) -> Result<(), InputError> {
    const LOGS: &[&str] = &[
        "SigninLogs",
        "AADNonInteractiveUserSignInLogs",
        "AADServicePrincipalSignInLogs",
        "AADManagedIdentitySignInLogs",
        "AuditLogs",
        "AzureActivity",
        "StorageBlobLogs",
        "StorageFileLogs",
        "StorageQueueLogs",
        "StorageTableLogs",
        "AzureDiagnostics",
        "AZKVAuditLogs",
        "SecurityAlert",
        "MicrosoftGraphActivityLogs",
    ];
    for word in &incident.collected {
        match Kind::ALL.iter().find(|kind| kind.as_str().eq_ignore_ascii_case(word)) {
            Some(Kind::PimInstances) => {
                environment.set_collected(Kind::PimInstances, Collected::Whole);
                environment.set_collected(Kind::PimEligibilities, Collected::Whole);
            }
            Some(Kind::Groups) => {
                environment.set_collected(Kind::Groups, Collected::Whole);
                environment.set_collected(Kind::GroupMembers, Collected::Whole);
            }
            Some(kind) => environment.set_collected(*kind, Collected::Whole),
            None if LOGS.iter().any(|log| log.eq_ignore_ascii_case(word)) => {}
            None => {
                let known: Vec<&str> = Kind::ALL.iter().map(|k| k.as_str()).chain(LOGS.iter().copied()).collect();
                return Err(InputError::new(
                    file,
                    format!("`collected` holds `{word}`, which is no kind of export"),
                    model::did_you_mean(word, &known),
                ));
            }
        }
    }
    Ok(())
}

fn coverage(row: ingest::Coverage) -> analysis::Coverage {
    analysis::Coverage {
        what: row.what,
        scope: (!row.scope.is_empty()).then_some(row.scope),
        from: row.from,
        to: row.to,
        state: match json_word(&row.state).as_str() {
            "present" => analysis::Presence::Present,
            "partial" => analysis::Presence::Partial,
            _ => analysis::Presence::Absent,
        },
        gather: (!row.gather.is_empty()).then_some(row.gather),
    }
}

fn json_word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}
