//! What templates can call besides minijinja's own filters.

use super::escape::{block, code, command, short, text};
use crate::analysis::{Analysis, Mode, si};
use crate::model::{Evidence, Level};
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

/// Registers filters and functions over one analysis.
pub(super) fn register(environment: &mut Environment, analysis: &Analysis) {
    filters(environment);
    let index = Arc::new(Mutex::new(Index::default()));
    let citing = index.clone();
    environment.add_function("cite", move |evidence: Serde<Vec<Evidence>>| {
        let mut index = citing.lock().unwrap_or_else(PoisonError::into_inner);
        Value::from_safe_string(index.cite(&evidence.0))
    });
    let of_step: BTreeMap<String, Vec<Evidence>> =
        analysis.steps.iter().map(|step| (step.id.clone(), step.evidence.clone())).collect();
    let citing = index.clone();
    environment.add_function("cite_steps", move |steps: Serde<Vec<String>>| {
        let all: Vec<Evidence> = steps.0.iter().filter_map(|id| of_step.get(id)).flatten().cloned().collect();
        let mut index = citing.lock().unwrap_or_else(PoisonError::into_inner);
        Value::from_safe_string(index.cite(&all))
    });
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
        .map(|c| ((c.id.clone(), names.short(&c.id)), (c.id.clone(), names.title(&c.id))))
        .unzip();
    environment.add_filter("control_short", move |id: String| lookup(&shorts, id));
    environment.add_filter("control_title", move |id: String| lookup(&titles, id));
    let cells: BTreeMap<(String, String), String> = analysis
        .steps
        .iter()
        .flat_map(|step| step.verdicts.iter().map(|v| ((step.id.clone(), v.control.clone()), sign(v))))
        .collect();
    environment.add_function("sign", move |step: String, control: String| {
        Value::from_safe_string(cells.get(&(step, control)).cloned().unwrap_or_default())
    });
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
        let mut letters = text.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    });
    environment.add_filter("block", |value: Value, language: Option<String>| {
        let language: String = language.unwrap_or_default().chars().filter(char::is_ascii_alphanumeric).collect();
        Value::from_safe_string(block(&string(&value), &language))
    });
    environment.add_filter("bytes", |bytes: u64| si(bytes));
    environment.add_filter("number", |number: u64| thousands(number));
    environment.add_filter("time", |value: Value| match value.as_str() {
        Some(text) => text.replace('T', " ").replace('Z', " UTC"),
        None => String::new(),
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
