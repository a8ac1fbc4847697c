//! From the analysis to what one view shows.

use super::fold::{Fold, Place, class, folded_label, places};
use super::names::{Ids, word};
use super::outcome::open;
use super::state::{Fate, fate};
use super::{Heading, Names, Picture, PictureEdge, PictureNode, State};
use crate::analysis::{Analysis, Closes, Edge, EdgeKind, Guarantee, Mode, NodeKind, Step, si};
use crate::model::Level;
use crate::render::text::{fit_columns, plain as visible};
use std::collections::{BTreeMap, BTreeSet};

/// Parallel steps up to this many are drawn each; more become one line with a count. In large graphs any two do.
const PARALLEL: usize = 4;
const LARGE: usize = 40;

/// One line of a length that a picture can use; longer names keep their two ends.
fn plain(text: &str) -> String {
    const LONGEST: usize = 240;
    // What is far too long is cut before anything is done with each of its characters.
    match text.char_indices().nth(4 * LONGEST) {
        None => fit_columns(&visible(text), LONGEST),
        Some((cut, _)) => {
            let tail: Vec<char> = text.chars().rev().take(LONGEST).collect();
            let tail: String = tail.into_iter().rev().collect();
            fit_columns(&visible(&format!("{}…{tail}", text.get(..cut).unwrap_or_default())), LONGEST)
        }
    }
}

/// The set that the summary says to put in force first: the cheapest that closes every path.
pub fn recommended(analysis: &Analysis) -> Vec<String> {
    let sets = &analysis.minimal_control_sets;
    let rank = |guarantee: Guarantee| match guarantee {
        Guarantee::Closed => 0,
        Guarantee::ClosedIfLacking => 1,
    };
    let best = sets
        .all_paths
        .iter()
        .chain(&sets.observed)
        .min_by_key(|set| (rank(set.guarantee), !set.cheapest, set.effort, set.set.len(), &set.set));
    best.map(|set| set.set.clone()).unwrap_or_default()
}

/// What `view` shows with these controls in force.
pub fn picture(analysis: &Analysis, view: &str, with: &[String]) -> Picture {
    let view = super::VIEWS.iter().copied().find(|known| *known == view).unwrap_or("attack");
    let with: Vec<String> =
        if view == "before-after" && with.is_empty() { recommended(analysis) } else { with.to_vec() };
    let names = Names::of(analysis);
    let first_steps = first_steps(analysis);
    let (mut nodes, index) = nodes(analysis, &first_steps);
    let mut used: BTreeSet<String> = with.iter().cloned().collect();
    let mut edges = edges(analysis, view, &with, &names, &index, &mut used);
    edges.sort_by(|a, b| {
        (a.first_step.is_none(), a.first_step, &a.id).cmp(&(b.first_step.is_none(), b.first_step, &b.id))
    });
    if !with.is_empty() {
        fade(&mut nodes, &edges);
    }
    let notes = notes(analysis, &used, &names);
    Picture {
        view,
        title: title(analysis, view),
        subtitle: subtitle(analysis, view, &with, &names),
        description: describe(&nodes, &edges),
        nodes,
        edges,
        notes,
        marking: analysis.incident.marking.as_deref().map(plain).unwrap_or_default(),
    }
}

/// What stands above a view.
pub fn heading(analysis: &Analysis, view: &'static str, with: &[String]) -> Heading {
    Heading {
        view,
        title: title(analysis, view),
        subtitle: subtitle(analysis, view, with, &Names::of(analysis)),
        marking: analysis.incident.marking.as_deref().map(plain).unwrap_or_default(),
    }
}

/// A step as a diagram tells it apart.
#[derive(Clone, Debug, PartialEq)]
pub struct StepMark {
    /// Safe in markup.
    pub id: String,
    /// `s7 03:22 listKeys`
    pub label: String,
    pub state: State,
    pub mark: String,
    pub said: String,
}

/// All steps, and notes on the names that the marks use.
pub fn step_marks(analysis: &Analysis, with: &[String]) -> (Vec<StepMark>, Vec<String>) {
    let names = Names::of(analysis);
    let mut ids = Ids::default();
    let mut used: BTreeSet<String> = with.iter().cloned().collect();
    let marks = analysis
        .steps
        .iter()
        .map(|step| {
            let (state, mark) = step_state(step, "timeline", with, &names, &mut used);
            let said = said(state, &mark);
            StepMark { id: ids.make("t", &step.id), label: step_label(step, true), state, mark, said }
        })
        .collect();
    (marks, notes(analysis, &used, &names))
}

/// Notes on controls, in the order of the analysis.
fn notes(analysis: &Analysis, used: &BTreeSet<String>, names: &Names) -> Vec<String> {
    analysis.controls.iter().filter(|c| used.contains(&c.id)).map(|control| names.note(&control.id)).collect()
}

/// Step index by node id: the first that touches it.
fn first_steps(analysis: &Analysis) -> BTreeMap<&str, usize> {
    let mut first: BTreeMap<&str, usize> = BTreeMap::new();
    for edge in &analysis.graph.edges {
        let Some(step) = edge.step.as_deref() else { continue };
        let Some(at) = analysis.steps.iter().position(|known| known.id == step) else { continue };
        for node in [edge.from.as_str(), edge.to.as_str()] {
            let known = first.entry(node).or_insert(at);
            *known = at.min(*known);
        }
    }
    first
}

/// Nodes in the order of drawing (lane, first step, id), and where each node of the graph went.
fn nodes<'a>(
    analysis: &'a Analysis,
    first_steps: &BTreeMap<&str, usize>,
) -> (Vec<PictureNode>, BTreeMap<&'a str, usize>) {
    let places = places(analysis);
    let mut sorted: Vec<&crate::analysis::Node> = analysis.graph.nodes.iter().collect();
    sorted.sort_by_key(|node| {
        let first = first_steps.get(node.id.as_str());
        (node.lane, first.is_none(), first.copied(), node.id.as_str())
    });
    let mut ids = Ids::default();
    let mut nodes: Vec<PictureNode> = Vec::new();
    let mut index = BTreeMap::new();
    let mut folds: BTreeMap<Fold, (u64, NodeKind, Vec<&crate::analysis::Node>)> = BTreeMap::new();
    for node in sorted {
        match places.get(node.id.as_str()) {
            Some(Place::Itself) => {
                if index.contains_key(node.id.as_str()) {
                    continue;
                }
                index.insert(node.id.as_str(), nodes.len());
                let label = plain(&node.label);
                let label = if label.is_empty() { plain(&node.id) } else { label };
                let label = if node.count > 1 { folded_label(&class(node), node.kind, node.count) } else { label };
                let detail = plain(&node.detail);
                let mut title = format!("{label} ({})", class(node));
                for (holds, text) in [
                    (!detail.is_empty(), detail.as_str()),
                    (node.jewel, "crown jewel"),
                    (node.entry, "the attacker's way in"),
                    (node.created, "made by the attack"),
                    (node.unexplained, "hole in the evidence: no record creates it"),
                ] {
                    if holds {
                        title.push_str(", ");
                        title.push_str(text);
                    }
                }
                nodes.push(PictureNode {
                    id: ids.make("n", &node.id),
                    kind: node.kind,
                    lane: node.lane,
                    label,
                    detail,
                    title,
                    jewel: node.jewel,
                    entry: node.entry,
                    created: node.created,
                    unexplained: node.unexplained,
                    folded: node.count > 1,
                    faded: false,
                    first_step: first_steps.get(node.id.as_str()).copied(),
                });
            }
            Some(Place::Folded(key)) => {
                let fold = folds.entry(key.clone()).or_insert((0, node.kind, Vec::new()));
                fold.0 += node.count.max(1);
                fold.2.push(node);
            }
            Some(Place::Left) | None => {}
        }
    }
    for (number, (fold, (count, kind, members))) in folds.into_iter().enumerate() {
        index.extend(members.iter().map(|member| (member.id.as_str(), nodes.len())));
        let label = folded_label(&fold.class, kind, count);
        let names: Vec<String> = members.iter().take(30).map(|member| plain(&member.label)).collect();
        let named = fit_columns(&names.join(", "), 600);
        let label = match members.as_slice() {
            [only] if count == 1 => names.first().filter(|n| !n.is_empty()).cloned().unwrap_or(plain(&only.id)),
            _ => label,
        };
        let title = match fold.drawn {
            true => format!("{label}: {named}"),
            false => format!("{label}: on no step and on no residual path"),
        };
        nodes.push(PictureNode {
            id: ids.make("n", &format!("folded {} {} {number}", fold.lane.word(), fold.class)),
            kind,
            lane: fold.lane,
            title,
            label,
            detail: if fold.drawn { named } else { String::new() },
            jewel: false,
            entry: false,
            created: fold.created,
            unexplained: fold.unexplained,
            folded: true,
            faded: false,
            first_step: members.iter().filter_map(|member| first_steps.get(member.id.as_str()).copied()).min(),
        });
    }
    // In the order of their first steps; what is on none stands at the end of its lane.
    let mut order: Vec<usize> = (0..nodes.len()).collect();
    order.sort_by_key(|at| nodes.get(*at).map(|n| (n.lane, n.first_step.is_none(), n.first_step, n.folded)));
    let mut moved = vec![0; nodes.len()];
    for (to, from) in order.iter().enumerate() {
        if let Some(slot) = moved.get_mut(*from) {
            *slot = to;
        }
    }
    let nodes = order.iter().filter_map(|at| nodes.get(*at).cloned()).collect();
    let index = index.into_iter().map(|(id, at)| (id, moved.get(at).copied().unwrap_or(at))).collect();
    (nodes, index)
}

fn edges(
    analysis: &Analysis,
    view: &str,
    with: &[String],
    names: &Names,
    index: &BTreeMap<&str, usize>,
    used: &mut BTreeSet<String>,
) -> Vec<PictureEdge> {
    let mut ids = Ids::default();
    let mut groups: BTreeMap<(usize, usize, EdgeKind), Vec<&Edge>> = BTreeMap::new();
    for edge in &analysis.graph.edges {
        let (Some(from), Some(to)) = (index.get(edge.from.as_str()), index.get(edge.to.as_str())) else { continue };
        if from == to || (edge.kind == EdgeKind::Latent && edge.paths.is_empty() && view == "attack") {
            continue;
        }
        groups.entry((*from, *to, edge.kind)).or_default().push(edge);
    }
    let last = last_edges(analysis);
    let mut out = Vec::new();
    // Where a step runs, the assignment that let it is under its line.
    let stepped: BTreeSet<(usize, usize)> =
        groups.keys().filter(|(_, _, kind)| *kind == EdgeKind::Step).map(|(from, to, _)| (*from, *to)).collect();
    for ((from, to, kind), group) in groups {
        let environment = matches!(kind, EdgeKind::Assignment | EdgeKind::Member | EdgeKind::Contains);
        if environment && stepped.contains(&(from, to)) {
            continue;
        }
        let made: Vec<PictureEdge> = group
            .iter()
            .map(|edge| {
                let step = edge.step.as_deref().and_then(|id| analysis.steps.iter().position(|step| step.id == id));
                let mut made = PictureEdge {
                    id: ids.make("e", &edge.id),
                    from,
                    to,
                    kind,
                    label: String::new(),
                    marked: false,
                    state: State::Environment,
                    mark: String::new(),
                    title: String::new(),
                    first_step: step,
                    steps: step.into_iter().collect(),
                    paths: edge.paths.clone(),
                    members: Vec::new(),
                };
                dress(&mut made, analysis, edge, view, with, names, &last, used);
                made
            })
            .collect();
        let several = match kind {
            EdgeKind::Step => made.len() > if index.len() > LARGE { 1 } else { PARALLEL },
            EdgeKind::Yields | EdgeKind::Latent | EdgeKind::Assignment | EdgeKind::Member | EdgeKind::Contains => {
                made.len() > 1
            }
        };
        if several { out.extend(bundle(made, analysis)) } else { out.extend(made) }
    }
    out
}

/// Id of the last edge of each step: the one that carries the whole label.
fn last_edges(analysis: &Analysis) -> BTreeMap<&str, &str> {
    let steps = analysis.graph.edges.iter().filter(|edge| edge.kind == EdgeKind::Step);
    steps.filter_map(|edge| Some((edge.step.as_deref()?, edge.id.as_str()))).collect()
}

#[allow(clippy::too_many_arguments)]
fn dress(
    made: &mut PictureEdge,
    analysis: &Analysis,
    edge: &Edge,
    view: &str,
    with: &[String],
    names: &Names,
    last: &BTreeMap<&str, &str>,
    used: &mut BTreeSet<String>,
) {
    let says = plain(&edge.label);
    match (edge.kind, made.first_step.and_then(|at| analysis.steps.get(at))) {
        (EdgeKind::Step, Some(step)) => {
            let whole = last.get(step.id.as_str()) == Some(&edge.id.as_str());
            made.label = step_label(step, whole);
            made.marked = true;
            let (state, mark) = step_state(step, view, with, names, used);
            made.title = format!("{}: {}", step_label(step, true), said(state, &mark));
            (made.state, made.mark) = (state, mark);
        }
        (EdgeKind::Yields, Some(step)) => {
            let (state, _) = step_state(step, view, with, names, &mut BTreeSet::new());
            made.state = if with.is_empty() { State::NotCut } else { state };
            made.label = if says.is_empty() { plain(&step.id) } else { format!("{} {says}", plain(&step.id)) };
            made.title = format!("{} yields this", plain(&step.id));
        }
        (EdgeKind::Step | EdgeKind::Yields, None) => {
            made.state = State::NotCut;
            made.title.clone_from(&says);
            made.label = says;
        }
        (EdgeKind::Latent, _) => {
            let paths: Vec<&crate::analysis::ResidualPath> =
                analysis.residual_paths.iter().filter(|path| edge.paths.contains(&path.id)).collect();
            let open = paths.is_empty() || paths.iter().any(|path| open(analysis, path, with));
            made.title =
                if says.is_empty() { "possible, not observed".to_owned() } else { format!("possible: {says}") };
            made.state = match (open, view) {
                (false, _) => State::Cut,
                (true, "residual" | "choke") => State::Open,
                (true, _) => State::Latent,
            };
            if matches!(view, "residual" | "choke") {
                made.label = says;
            }
            if view == "choke" && paths.len() > 1 {
                made.label.push_str(&format!(" ({} paths)", paths.len()));
            }
        }
        (EdgeKind::Assignment | EdgeKind::Member | EdgeKind::Contains, _) => {
            made.title =
                if says.is_empty() { edge.kind.word().to_owned() } else { format!("{}: {says}", edge.kind.word()) };
        }
    }
}

/// `s7 03:22 listKeys`; the size where bytes were taken.
fn step_label(step: &Step, whole: bool) -> String {
    let mut label = format!("{} {}", plain(&step.id), step.time.strftime("%H:%M"));
    if whole {
        let action = if step.short.is_empty() { plain(&step.action) } else { plain(&step.short) };
        label.push(' ');
        label.push_str(&action);
        if step.bytes > 0 {
            label.push_str(&format!(" {}", si(step.bytes)));
        }
    }
    label
}

/// State and mark of a step. Without controls in force the attack view marks what would have cut each step directly.
fn step_state(step: &Step, view: &str, with: &[String], names: &Names, used: &mut BTreeSet<String>) -> (State, String) {
    if !with.is_empty() {
        let fate = fate(step, with);
        return (State::of(fate.level), mark(&fate, names));
    }
    if view != "attack" && view != "timeline" {
        return (State::NotCut, String::new());
    }
    let at = |level: Level| -> Vec<&crate::analysis::Verdict> {
        step.verdicts.iter().filter(|v| v.verdict == level && v.mode == Mode::Direct).collect()
    };
    let cut = at(Level::Cut);
    if !cut.is_empty() {
        return (State::Cut, cutters(&cut, names, used));
    }
    let challenged = at(Level::Challenged);
    if let Some(first) = challenged.first() {
        let words: Vec<String> = first.words.iter().take(2).map(|w| word(w)).collect();
        return (State::Challenged, format!("?{}", words.join(", ")));
    }
    if !at(Level::Unknown).is_empty() {
        return (State::Unknown, "?".to_owned());
    }
    (State::NotCut, String::new())
}

/// `✂ loc dev +3`: those that cannot be undone first, named ones before numbered ones, the rest counted.
fn cutters(cut: &[&crate::analysis::Verdict], names: &Names, used: &mut BTreeSet<String>) -> String {
    const NAMED: usize = 2;
    let mut ranked: Vec<(bool, bool, usize, &str)> = cut
        .iter()
        .enumerate()
        .map(|(at, verdict)| {
            let short = names.short(&verdict.control);
            (verdict.undo.is_some(), short.starts_with('#'), at, verdict.control.as_str())
        })
        .collect();
    ranked.sort_unstable();
    let undoable = ranked.first().is_some_and(|(undo, ..)| *undo);
    let named: Vec<&str> =
        ranked.iter().filter(|(undo, ..)| *undo == undoable).take(NAMED).map(|(.., control)| *control).collect();
    used.extend(named.iter().map(|control| (*control).to_owned()));
    let more = match cut.len() - named.len() {
        0 => String::new(),
        n => format!(" +{n}"),
    };
    let shown: Vec<String> = named.iter().map(|control| names.short(control)).collect();
    format!("{} {}{more}", if undoable { "✂*" } else { "✂" }, shown.join(" "))
}

fn mark(fate: &Fate, names: &Names) -> String {
    match fate.level {
        Level::Cut => {
            let by: Vec<String> = fate.by.iter().map(|id| names.short(id)).collect();
            format!("{} {}", if fate.undo { "✂*" } else { "✂" }, by.join("+"))
        }
        Level::Challenged => {
            let words: Vec<String> = fate.words.iter().take(2).map(|w| word(w)).collect();
            format!("?{}", words.join(", "))
        }
        Level::Unknown => "?".to_owned(),
        Level::NotCut => String::new(),
    }
}

fn said(state: State, mark: &str) -> String {
    match state {
        State::Cut => format!("cut {mark}"),
        State::Challenged => format!("challenged {mark}"),
        State::Unknown => "unknown".to_owned(),
        State::NotCut => "not cut".to_owned(),
        State::Latent | State::Open | State::Environment => state.word().to_owned(),
    }
}

/// Parallel edges as one: the weakest state counts, since 600 of 847 cut is not a cut.
fn bundle(mut made: Vec<PictureEdge>, analysis: &Analysis) -> Option<PictureEdge> {
    made.sort_by_key(|edge| (edge.first_step, edge.id.clone()));
    let weakest = made.iter().map(|edge| edge.state).max()?;
    let members: Vec<(String, String)> = made.iter().map(|edge| (edge.id.clone(), edge.title.clone())).collect();
    let count = made.len();
    let steps: Vec<&Step> =
        made.iter().filter_map(|edge| edge.first_step).filter_map(|at| analysis.steps.get(at)).collect();
    let held = made.iter().filter(|edge| edge.state == weakest).count();
    let mark = made.iter().find(|edge| edge.state == weakest).map(|edge| edge.mark.clone()).unwrap_or_default();
    let stopped = made.iter().filter(|edge| edge.state < weakest).count();
    let mut all_steps: Vec<usize> = made.iter().flat_map(|edge| edge.steps.iter().copied()).collect();
    all_steps.sort_unstable();
    all_steps.dedup();
    let mut paths: Vec<String> = made.iter().flat_map(|edge| edge.paths.iter().cloned()).collect();
    paths.sort();
    paths.dedup();
    let mut one = made.into_iter().next()?;
    one.steps = all_steps;
    one.paths = paths;
    let titles: Vec<&str> = members.iter().map(|(_, title)| title.as_str()).collect();
    one.title = fit_columns(&format!("{count} edges: {}", titles.join("; ")), 2000);
    one.state = weakest;
    one.id.push_str("-all");
    one.mark = match (one.kind, stopped) {
        (EdgeKind::Step, 0) => mark,
        (EdgeKind::Step, _) => format!("{held}/{count} {}", weakest.word().replace('-', " ")),
        (EdgeKind::Yields | EdgeKind::Latent | EdgeKind::Assignment | EdgeKind::Member | EdgeKind::Contains, _) => mark,
    };
    if one.kind == EdgeKind::Step {
        one.label = match (steps.first(), steps.last()) {
            (Some(first), Some(last)) => format!(
                "{}..{} ({count}) {}-{}",
                plain(&first.id),
                plain(&last.id),
                first.time.strftime("%H:%M"),
                last.time.strftime("%H:%M")
            ),
            (_, _) => format!("{count} steps"),
        };
    }
    one.members = members;
    Some(one)
}

/// With controls in force, what no open step reaches any more is faded.
fn fade(nodes: &mut [PictureNode], edges: &[PictureEdge]) {
    let seen = |edge: &PictureEdge| matches!(edge.kind, EdgeKind::Step | EdgeKind::Yields);
    for (at, node) in nodes.iter_mut().enumerate() {
        let mut into = edges.iter().filter(|edge| edge.to == at && seen(edge)).peekable();
        node.faded = into.peek().is_some() && into.all(|edge| edge.state == State::Cut) && !node.entry;
    }
}

fn title(analysis: &Analysis, view: &str) -> String {
    let name = analysis.incident.title.as_deref().map(plain).filter(|title| !title.is_empty());
    let name = name.unwrap_or_else(|| plain(&analysis.incident.id));
    let what = match view {
        "before-after" => "before and after",
        "residual" => "paths that stay open",
        "timeline" => "timeline",
        "choke" => "choke points",
        _ => "attack",
    };
    if name.is_empty() { what.to_owned() } else { format!("{name}: {what}") }
}

fn subtitle(analysis: &Analysis, view: &str, with: &[String], names: &Names) -> String {
    let open_paths = analysis.residual_paths.iter().filter(|path| open(analysis, path, with)).count();
    if with.is_empty() {
        return match view {
            "attack" | "timeline" => match (analysis.incident.started, analysis.incident.ended) {
                (Some(from), Some(to)) => {
                    let day = from.strftime("%-d %b %Y %H:%M");
                    format!("{day} to {} UTC; ✂ names what would have cut a step", to.strftime("%H:%M"))
                }
                (_, _) => "✂ names what would have cut a step".to_owned(),
            },
            _ => format!("nothing more in force; {}", counted(open_paths as u64, "residual path")),
        };
    }
    let fates: Vec<(&Step, Level)> = analysis.steps.iter().map(|step| (step, fate(step, with).level)).collect();
    let count = |level: Level| fates.iter().filter(|(_, l)| *l == level).count();
    let kept: u64 = fates.iter().filter(|(_, level)| *level == Level::Cut).map(|(step, _)| step.bytes).sum();
    let in_force: Vec<String> = with.iter().map(|id| names.short(id)).collect();
    let mut text = format!("with {}: {} of {} steps cut", in_force.join(" + "), count(Level::Cut), fates.len());
    for (level, word) in [(Level::Challenged, "challenged"), (Level::Unknown, "unknown")] {
        if count(level) > 0 {
            text.push_str(&format!(", {} {word}", count(level)));
        }
    }
    if kept > 0 {
        text.push_str(&format!(", {} saved", si(kept)));
    }
    let closes = analysis.controls.iter().find(|c| with == [c.id.clone()]).map(|control| control.closes);
    match closes {
        Some(Closes::Closed) => text.push_str("; closes every path"),
        Some(Closes::ClosedIfLacking) => text.push_str("; closes every path if the attacker lacks what it asks for"),
        Some(Closes::NotClosed) => text.push_str("; a path stays open"),
        None if open_paths > 0 => text.push_str(&format!("; {} open", counted(open_paths as u64, "residual path"))),
        None => {}
    }
    text
}

fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// The picture in sentences, for those who do not see it.
fn describe(nodes: &[PictureNode], edges: &[PictureEdge]) -> String {
    let name = |at: usize| nodes.get(at).map(|node| node.label.as_str()).unwrap_or_default();
    let mut sentences = Vec::new();
    for edge in edges.iter().filter(|edge| edge.kind == EdgeKind::Step || edge.state == State::Open).take(200) {
        let label = if edge.label.is_empty() { "possible" } else { edge.label.as_str() };
        sentences.push(format!("{label}: {} to {}, {}.", name(edge.from), name(edge.to), said(edge.state, &edge.mark)));
    }
    sentences.join(" ")
}
