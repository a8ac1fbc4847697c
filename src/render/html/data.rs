//! What the page's script is given. Controls, steps and paths are numbers there: no name of the incident is ever a key.

use super::shown;
use crate::analysis::{Analysis, Condition, Guarantee, Mode, Step};
use crate::model::{Evidence, Level};
use crate::render::picture::{
    Names, PictureEdge, State, conditions, path_conditions, picture, recommended, step_marks,
};
use crate::render::svg::stroke;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Of a name, of a sentence, of a raw record.
const NAME: usize = 240;
const SENTENCE: usize = 600;
const RECORD: usize = 8000;

fn level(level: Level) -> u8 {
    match level {
        Level::Cut => 0,
        Level::Challenged => 1,
        Level::Unknown => 2,
        Level::NotCut => 3,
    }
}

pub(super) fn data(analysis: &Analysis, with: &[String]) -> Value {
    let names = Names::of(analysis);
    let index = Controls(analysis.controls.iter().map(|control| control.id.as_str()).collect());
    let controls: Vec<Value> = analysis
        .controls
        .iter()
        .map(|control| {
            json!({
                "name": names.short(&control.id), "title": names.title(&control.id), "id": shown(&control.id, NAME),
                "collateral": [control.collateral.cut, control.collateral.challenged, control.collateral.unknown],
                "evaluated": control.collateral.evaluated,
            })
        })
        .collect();
    let (marks, _) = step_marks(analysis, &[]);
    let steps: Vec<Value> =
        analysis.steps.iter().zip(&marks).map(|(s, mark)| step(s, &mark.id, mark.state, &mark.mark, &index)).collect();
    let shown_graph = picture(analysis, "attack", &[]);
    let paths: Vec<&str> = analysis.residual_paths.iter().map(|path| path.id.as_str()).collect();
    let edges: Vec<Value> = shown_graph.edges.iter().map(|e| edge(e, &paths)).collect();
    // In the order of their ids, as `outcome` has them.
    let jewels: BTreeSet<&str> = analysis.minimal_control_sets.clauses.iter().map(|c| c.jewel.as_str()).collect();
    let jewels: Vec<&str> = jewels.into_iter().collect();
    let clauses: Vec<Value> = analysis
        .minimal_control_sets
        .clauses
        .iter()
        .map(|clause| {
            json!({
                "jewel": jewels.iter().position(|jewel| *jewel == clause.jewel),
                "short": shown(&clause.short, SENTENCE), "closed": clause.guarantee == Guarantee::Closed, "controls": index.all(&clause.controls),
                "branch": index.all(&clause.switches),
                "words": clause.words.iter().map(|word| shown(word, 40)).collect::<Vec<_>>(),
            })
        })
        .collect();
    let residual: Vec<Value> = analysis
        .residual_paths
        .iter()
        .map(|path| {
            let steps: Vec<String> = path.steps.iter().map(|step| step.action.clone()).collect();
            let short = if path.short.is_empty() { steps.join(", then ") } else { path.short.clone() };
            json!({
                "short": shown(&short, SENTENCE), "jewel": jewels.iter().position(|jewel| *jewel == path.to),
                "conditions": conditioned(&path_conditions(path), &index),
                "words": path.words.iter().map(|word| shown(word, 40)).collect::<Vec<_>>(),
            })
        })
        .collect();
    let baseline: Vec<Value> = analysis
        .baseline
        .iter()
        .map(|class| json!({ "count": class.count, "conditions": conditioned(&class.conditions, &index) }))
        .collect();
    json!({
        "jewels": jewels.iter().map(|jewel| shown(jewel_name(jewel, &jewels), NAME)).collect::<Vec<_>>(),
        "controls": controls, "steps": steps, "edges": edges, "clauses": clauses, "paths": residual,
        "baseline": baseline, "best": index.all(&recommended(analysis)), "on": index.all(with),
        "switches": index.all(&analysis.minimal_control_sets.switches),
        "strokes": strokes(), "records": records(analysis),
    })
}

/// The last part of its id; the whole where another is called the same.
fn jewel_name<'a>(jewel: &'a str, all: &[&str]) -> &'a str {
    let last = |id: &'a str| id.rsplit('/').next().unwrap_or(id);
    let name = last(jewel);
    let same = all.iter().filter(|other| other.rsplit('/').next() == Some(name)).count();
    if same > 1 { jewel } else { name }
}

/// Controls by number.
struct Controls<'a>(Vec<&'a str>);

impl Controls<'_> {
    fn all(&self, ids: &[String]) -> Vec<usize> {
        ids.iter().filter_map(|id| self.0.iter().position(|known| known == id)).collect()
    }
}

/// A condition that names a control nobody can switch can never hold, or can never be lifted.
fn conditioned(conditions: &[Condition], index: &Controls) -> Vec<Value> {
    conditions
        .iter()
        .filter(|condition| index.all(&condition.set).len() == condition.set.len())
        .map(|condition| {
            json!({
                "set": index.all(&condition.set), "unless": index.all(&condition.unless),
                "level": level(condition.verdict),
                "words": condition.words.iter().map(|word| shown(word, 40)).collect::<Vec<_>>(),
            })
        })
        .collect()
}

fn step(step: &Step, dom: &str, state: State, mark: &str, index: &Controls) -> Value {
    let verdicts: Vec<Value> = index
        .0
        .iter()
        .map(|control| match step.verdict(control) {
            None => Value::Null,
            Some(verdict) => json!({
                "level": level(verdict.verdict), "direct": verdict.mode == Mode::Direct,
                "via": verdict.via.as_deref().map(|via| shown(via, 40)), "reason": shown(&verdict.reason, SENTENCE),
                "words": texts(&verdict.words), "missing": texts(&verdict.missing), "assumes": texts(&verdict.assumes),
                "caveat": verdict.caveat.as_deref().map(|caveat| shown(caveat, SENTENCE)),
                "undo": verdict.undo.as_ref().map(|undo| texts(&undo.steps)),
                "detected": texts(&verdict.detected), "doc": verdict.doc.as_deref().map(|doc| shown(doc, SENTENCE)),
                "clauses": verdict.clauses.iter().take(12).map(|clause| json!({
                    "says": shown(&clause.says, SENTENCE), "document": shown(&clause.document, NAME),
                    "pointer": shown(&clause.pointer, NAME), "source": shown(&clause.source, SENTENCE),
                })).collect::<Vec<_>>(),
                "evidence": evidence(&verdict.evidence),
            }),
        })
        .collect();
    let needs: Vec<Value> = step
        .needs
        .iter()
        .map(|need| {
            let supports: Vec<String> = need
                .supports
                .iter()
                .map(|support| format!("{}: {}", shown(&support.from, 60), shown(&support.by, NAME)))
                .collect();
            json!({ "capability": shown(&need.capability, NAME), "supports": supports })
        })
        .collect();
    json!({
        "id": shown(&step.id, 20), "dom": dom, "state": state.word(), "mark": mark, "bytes": step.bytes,
        "time": step.time.strftime("%-d %b %H:%M:%S").to_string(), "verdicts": verdicts,
        "conditions": conditioned(&conditions(step), index),
        "facts": [
            ["Action", shown(&step.action, NAME)], ["Actor", shown(&step.actor, NAME)],
            ["From", shown(step.source_ip.as_deref().unwrap_or_default(), NAME)],
            ["Target", shown(&step.target, NAME)],
            ["Target id", shown(step.target_id.as_deref().unwrap_or_default(), NAME)],
            ["User agent", shown(step.user_agent.as_deref().unwrap_or_default(), NAME)],
            ["Outcome", shown(&step.outcome, NAME)], ["In because", shown(&step.why_in, SENTENCE)],
        ],
        "title": shown(&format!("{} {}", step.id, if step.short.is_empty() { &step.action } else { &step.short }), NAME),
        "needs": needs,
        "yields": step.yields.iter().map(|yields| shown(&yields.capability, NAME)).collect::<Vec<_>>(),
        "alerts": step.alerts.iter().map(|alert| json!({
            "says": shown(&format!("{}: {} ({})", alert.product, alert.title, alert.severity), SENTENCE),
            "evidence": evidence(&alert.evidence),
        })).collect::<Vec<_>>(),
        "evidence": evidence(&step.evidence),
    })
}

fn texts(all: &[String]) -> Vec<String> {
    all.iter().take(20).map(|text| shown(text, SENTENCE)).collect()
}

fn evidence(all: &[Evidence]) -> Vec<Value> {
    let one = |item: &Evidence| json!([shown(&item.file, NAME), item.record, shown(&item.pointer, NAME)]);
    all.iter().take(40).map(one).collect()
}

fn edge(edge: &PictureEdge, paths: &[&str]) -> Value {
    let on: Vec<usize> = edge.paths.iter().filter_map(|id| paths.iter().position(|known| known == id)).collect();
    json!({
        "dom": edge.id, "kind": edge.kind.word(), "steps": edge.steps, "paths": on, "state": edge.state.word(),
        "mark": edge.mark, "marked": edge.marked, "title": edge.title,
    })
}

/// Line styles by state: colour, width, dashes.
fn strokes() -> Value {
    let all = [State::Cut, State::Challenged, State::Unknown, State::NotCut, State::Latent, State::Open];
    let one = |state: State, latent: bool| {
        let (name, width, dashes) = stroke(state, latent);
        json!({ "state": state.word(), "latent": latent, "colour": name, "width": width, "dashes": dashes })
    };
    let mut list: Vec<Value> = all.iter().map(|state| one(*state, false)).collect();
    list.push(one(State::Cut, true));
    Value::Array(list)
}

/// Records that the evidence of the page points at, with their excerpts.
fn records(analysis: &Analysis) -> Vec<Value> {
    let alerts = analysis.steps.iter().flat_map(|step| step.alerts.iter().flat_map(|alert| &alert.evidence));
    let steps = analysis.steps.iter().flat_map(|step| &step.evidence);
    let wanted: BTreeSet<(&str, u64)> = steps.chain(alerts).map(|e| (e.file.as_ref(), e.record)).collect();
    analysis
        .records
        .iter()
        .filter(|record| wanted.contains(&(record.file.as_str(), record.record)))
        .map(|record| json!([shown(&record.file, NAME), record.record, lines(&record.excerpt)]))
        .collect()
}

/// A record laid out over lines where it is JSON; visible text in any case.
fn lines(excerpt: &str) -> String {
    let pretty =
        serde_json::from_str::<Value>(excerpt).ok().and_then(|value| serde_json::to_string_pretty(&value).ok());
    let text = pretty.as_deref().unwrap_or(excerpt);
    let mut out = String::new();
    for line in text.lines().take(400) {
        let blanks = line.len() - line.trim_start_matches(' ').len();
        out.push_str(&" ".repeat(blanks.min(80)));
        out.push_str(&shown(line, 400));
        out.push('\n');
        if out.len() > RECORD {
            out.push('…');
            break;
        }
    }
    out
}
