//! What templates can call besides minijinja's own filters.

use super::escape::{block, code, command, prose, short, text};
use super::places::Places;
use super::residual::{phrase, residual};
use super::tell;
use crate::analysis::{Analysis, Mode, si};
use crate::model::{Evidence, Level, Origin};
use crate::render::picture::Names;
use minijinja::value::{Rest, Serde};
use minijinja::{Environment, Value};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Evidence in the order it was cited.
#[derive(Default)]
struct Index {
    numbers: BTreeMap<Evidence, usize>,
    order: Vec<Evidence>,
}

impl Index {
    fn cite(&mut self, evidence: &[Evidence]) -> String {
        let mut cited: Vec<usize> = Vec::new();
        for item in evidence {
            let next = self.order.len() + 1;
            let number = *self.numbers.entry(item.clone()).or_insert(next);
            if number == next {
                self.order.push(item.clone());
            }
            if !cited.contains(&number) {
                cited.push(number);
            }
        }
        const SHOWN: usize = 6;
        let shown: Vec<String> = cited.iter().take(SHOWN).map(|n| format!("[E{n}](#evidence-index)")).collect();
        match cited.len() {
            0 => String::new(),
            n if n > SHOWN => format!("{} and {} more", shown.join(" "), n - SHOWN),
            _ => shown.join(" "),
        }
    }
}

fn cited(index: &Mutex<Index>, evidence: &[Evidence]) -> Value {
    let mut index = index.lock().unwrap_or_else(PoisonError::into_inner);
    Value::from_safe_string(index.cite(evidence))
}

/// Where what is said of a step, a control or a path was read.
#[derive(Clone, Default)]
struct Sources {
    steps: Arc<BTreeMap<String, Vec<Evidence>>>,
    controls: Arc<BTreeMap<String, Vec<Evidence>>>,
    paths: Arc<BTreeMap<String, Vec<Evidence>>>,
}

impl Sources {
    fn of(analysis: &Analysis) -> Sources {
        let steps: BTreeMap<String, Vec<Evidence>> =
            analysis.steps.iter().map(|step| (step.id.clone(), step.evidence.clone())).collect();
        let mut controls: BTreeMap<String, Vec<Evidence>> = BTreeMap::new();
        for control in &analysis.controls {
            let verdicts = || analysis.steps.iter().filter_map(|step| step.verdict(&control.id));
            // The first verdict that is one; a control that does nothing is told by what it was asked about first.
            let telling = verdicts().find(|v| v.verdict != Level::NotCut && v.mode == Mode::Direct);
            let telling =
                telling.or_else(|| verdicts().find(|v| v.verdict != Level::NotCut)).or_else(|| verdicts().next());
            let own =
                |evidence: &&Evidence| evidence.file.starts_with("policies/") || evidence.file.starts_with("snapshot/");
            let mut evidence: Vec<Evidence> = telling.map(|v| v.evidence.clone()).unwrap_or_default();
            // Its own document last read: the record first, what decided after it.
            if evidence.len() > 4 {
                let (documents, records): (Vec<_>, Vec<_>) = evidence.iter().partition(own);
                evidence = records.into_iter().take(1).chain(documents.into_iter().rev().take(2)).cloned().collect();
            }
            controls.insert(control.id.clone(), evidence);
        }
        let of = |map: &BTreeMap<String, Vec<Evidence>>, id: &String| map.get(id).cloned().unwrap_or_default();
        let paths = analysis
            .residual_paths
            .iter()
            .map(|path| {
                let observed = path
                    .steps
                    .iter()
                    .filter_map(|step| step.step.as_ref())
                    .flat_map(|id| of(&steps, id).into_iter().take(1));
                let documents = path.with.iter().flat_map(|id| of(&controls, id));
                (path.id.clone(), observed.chain(documents).collect())
            })
            .collect();
        Sources { paths: Arc::new(paths), steps: Arc::new(steps), controls: Arc::new(controls) }
    }

    fn step(&self, id: &str) -> Vec<Evidence> {
        self.steps.get(id).cloned().unwrap_or_default()
    }

    fn control(&self, id: &str) -> Vec<Evidence> {
        self.controls.get(id).cloned().unwrap_or_default()
    }

    fn path(&self, id: &str) -> Vec<Evidence> {
        self.paths.get(id).cloned().unwrap_or_default()
    }
}

/// Registers filters and functions over one analysis.
pub(super) fn register(environment: &mut Environment, analysis: &Analysis) {
    filters(environment);
    let index = Arc::new(Mutex::new(Index::default()));
    let citing = index.clone();
    environment.add_function("cite", move |evidence: Serde<Vec<Evidence>>| cited(&citing, &evidence.0));
    let sources = Sources::of(analysis);
    let citing = index.clone();
    let of = sources.clone();
    environment.add_function("cite_steps", move |steps: Serde<Vec<String>>| {
        let all: Vec<Evidence> = steps.0.iter().flat_map(|id| of.step(id)).collect();
        cited(&citing, &all)
    });
    let citing = index.clone();
    let of = sources.clone();
    environment.add_function("cite_controls", move |controls: Serde<Vec<String>>| {
        let all: Vec<Evidence> = controls.0.iter().flat_map(|id| of.control(id.trim_end_matches('*'))).collect();
        cited(&citing, &all)
    });
    let citing = index.clone();
    let of = sources;
    environment.add_function("cite_path", move |paths: Serde<Vec<String>>| {
        let all: Vec<Evidence> = paths.0.iter().flat_map(|id| of.path(id)).collect();
        cited(&citing, &all)
    });
    let citing = index.clone();
    let stores: Vec<Evidence> = analysis.exposure.stores.iter().flat_map(|store| store.evidence.clone()).collect();
    environment.add_function("cite_stores", move || cited(&citing, &stores));
    let records: BTreeMap<(String, u64), String> =
        analysis.records.iter().map(|r| ((r.file.clone(), r.record), r.excerpt.clone())).collect();
    environment.add_function("evidence_index", move || {
        let index = index.lock().unwrap_or_else(PoisonError::into_inner);
        let rows: Vec<BTreeMap<&str, Value>> = index
            .order
            .iter()
            .enumerate()
            .map(|(at, item)| {
                let excerpt = records.get(&(item.file.to_string(), item.record)).cloned().unwrap_or_default();
                BTreeMap::from([
                    ("id", Value::from(format!("E{}", at + 1))),
                    ("file", Value::from(item.file.to_string())),
                    ("record", Value::from(item.record)),
                    ("pointer", Value::from(item.pointer.to_string())),
                    ("excerpt", Value::from(excerpt)),
                ])
            })
            .collect();
        Value::from(Serde(rows))
    });
    let names = Names::of(analysis);
    let (shorts, titles): (BTreeMap<String, String>, BTreeMap<String, String>) = analysis
        .controls
        .iter()
        .map(|c| {
            let own = if c.origin == Origin::Snapshot { " (your own)" } else { "" };
            ((c.id.clone(), names.short(&c.id)), (c.id.clone(), format!("{}{own}", names.title(&c.id))))
        })
        .unzip();
    let titles = Arc::new(titles);
    let known = titles.clone();
    environment.add_filter("control_names", move |ids: Vec<String>, between: Option<String>| {
        let named = |id: &String| {
            let bare = id.trim_end_matches('*');
            let star = if bare.len() < id.len() { "\\*" } else { "" };
            format!("\u{201c}{}\u{201d}{star}", text(&lookup(&known, bare.to_owned())))
        };
        let names: Vec<String> = ids.iter().map(named).collect();
        Value::from_safe_string(names.join(between.as_deref().unwrap_or(", ")))
    });
    environment.add_filter("control_short", move |id: String| lookup(&shorts, id));
    environment.add_filter("control_title", move |id: String| lookup(&titles, id));
    tellings(environment, analysis);
    let places = Arc::new(Places::of(analysis));
    let known = places.clone();
    environment
        .add_filter("place", move |value: Value| Value::from_safe_string(code(&known.name(&string(&value)), true)));
    let known = places.clone();
    environment.add_filter("places", move |values: Vec<Value>| {
        let shown: Vec<String> = values.iter().map(|value| code(&known.name(&string(value)), true)).collect();
        Value::from_safe_string(shown.join(", "))
    });
    environment.add_filter("readable", move |value: Value| places.readable(&string(&value)));
    let cells: BTreeMap<(String, String), String> = analysis
        .steps
        .iter()
        .flat_map(|step| step.verdicts.iter().map(|v| ((step.id.clone(), v.control.clone()), sign(v))))
        .collect();
    environment.add_function("sign", move |step: String, control: String| {
        Value::from_safe_string(cells.get(&(step, control)).cloned().unwrap_or_default())
    });
}

/// Rows in the report's own grouping.
fn tellings(environment: &mut Environment, analysis: &Analysis) {
    let give = |rows: Value| move || rows.clone();
    environment.add_function("timeline", give(Value::from(Serde(tell::timeline(analysis)))));
    let holes = tell::holes(analysis);
    let steps: Vec<String> = holes.iter().flat_map(|hole| hole.steps.clone()).collect();
    environment.add_function("holes", give(Value::from(Serde(holes))));
    environment.add_function("holes_steps", give(Value::from(Serde(steps))));
    environment.add_function("questions", give(Value::from(Serde(tell::questions(analysis)))));
    environment.add_function("posture_gaps_by_recommendation", give(Value::from(Serde(tell::posture(analysis)))));
    environment.add_function("bears", give(Value::from(Serde(tell::bears(analysis)))));
    environment.add_function("residual", give(Value::from(Serde(residual(analysis)))));
    environment.add_function("missing", give(Value::from(Serde(tell::missing(analysis)))));
    let (ends, seconds) = tell::ends(analysis);
    environment.add_function("ends", give(Value::from(Serde(ends))));
    environment.add_function("span", move || seconds);
    let ids: Vec<String> = analysis.steps.iter().map(|step| step.id.clone()).collect();
    environment.add_function("step_ids", give(Value::from(Serde(ids))));
}

fn lookup(known: &BTreeMap<String, String>, id: String) -> String {
    known.get(&id).cloned().unwrap_or(id)
}

/// The signs of the summary on the terminal.
fn sign(verdict: &crate::analysis::Verdict) -> String {
    let sign = match (verdict.verdict, verdict.mode) {
        (Level::Cut, Mode::Direct) => "S",
        (Level::Cut, Mode::Upstream) => "s",
        (Level::Challenged, Mode::Direct) => "A",
        (Level::Challenged, Mode::Upstream) => "a",
        (Level::Unknown, Mode::Direct | Mode::Upstream) => "?",
        (Level::NotCut, Mode::Direct | Mode::Upstream) => "\\-",
    };
    let undo = if verdict.undo.is_some() { "\\*" } else { "" };
    format!("{sign}{undo}")
}

fn filters(environment: &mut Environment) {
    environment.add_filter("code", |value: Value| Value::from_safe_string(code(&string(&value), false)));
    environment.add_filter("cell", |value: Value| Value::from_safe_string(code(&string(&value), true)));
    environment.add_filter("command", |value: Value| Value::from_safe_string(command(&string(&value))));
    environment.add_filter("sentence", |value: Value| {
        let text = string(&value);
        let end = if text.ends_with(['.', '?', '!']) || text.is_empty() { "" } else { "." };
        format!("{}{end}", upper(&text))
    });
    environment.add_filter("block", |value: Value, language: Option<String>| {
        let language: String = language.unwrap_or_default().chars().filter(char::is_ascii_alphanumeric).collect();
        Value::from_safe_string(block(&string(&value), &language))
    });
    environment.add_filter("bytes", |bytes: u64| si(bytes));
    environment.add_filter("number", |number: u64| thousands(number));
    environment.add_filter("time", |value: Value| match value.as_str() {
        // To the second: a fraction of one says nothing to a reader, and the record has it.
        Some(text) => {
            let (whole, _) = text.trim_end_matches('Z').split_once('.').unwrap_or((text.trim_end_matches('Z'), ""));
            format!("{} UTC", whole.replace('T', " "))
        }
        None => String::new(),
    });
    environment.add_filter("day", |value: Value| {
        let text = value.as_str().unwrap_or_default();
        text.split('T').next().unwrap_or_default().to_owned()
    });
    environment.add_filter("duration", |seconds: u64| match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, m, _) => format!("{h} h {m} min"),
    });
    environment.add_filter("semicolons", |values: Vec<Value>| {
        let shown: Vec<String> = values.iter().map(|value| text(&string(value))).collect();
        Value::from_safe_string(shown.join("; "))
    });
    environment.add_filter("clock", |value: Value| {
        let text = value.as_str().unwrap_or_default();
        let (_, time) = text.split_once('T').unwrap_or(("", text));
        time.trim_end_matches('Z').to_owned()
    });
    environment.add_filter("codes", |values: Vec<Value>| {
        let shown: Vec<String> = values.iter().map(|value| code(&string(value), true)).collect();
        Value::from_safe_string(shown.join(", "))
    });
    environment.add_filter("words", |values: Vec<Value>| {
        let shown: Vec<String> = values.iter().map(|value| text(&string(value))).collect();
        Value::from_safe_string(shown.join(", "))
    });
    environment.add_filter("held", |values: Vec<Value>| {
        let shown: Vec<String> = values.iter().map(|value| text(phrase(&string(value)))).collect();
        Value::from_safe_string(shown.join(" and "))
    });
    environment.add_filter("prose", |value: Value| Value::from_safe_string(prose(&string(&value))));
    environment.add_filter("first_upper", |value: Value| upper(&string(&value)));
    environment.add_filter("name", |value: Value| {
        let whole = string(&value);
        let last = whole.rsplit('/').next().unwrap_or_default().to_owned();
        Value::from_safe_string(code(if last.is_empty() { &whole } else { &last }, true))
    });
    // Glues what it is given, safe parts as they are.
    environment.add_function("join", |parts: Rest<Value>| {
        let glued: Vec<String> =
            parts.iter().map(|part| if part.is_safe() { part.to_string() } else { text(&string(part)) }).collect();
        Value::from_safe_string(glued.concat())
    });
    environment.add_filter("plain", |value: Value| short(&string(&value)));
}

fn upper(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn string(value: &Value) -> String {
    match value.is_undefined() || value.is_none() {
        true => String::new(),
        false => value.to_string(),
    }
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
