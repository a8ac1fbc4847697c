//! How far each step gets under a set of controls, as the analysis tells it.

use crate::analysis::{Condition, Step};
use crate::model::Level;

/// How an edge is told apart, in line and word, never by colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Dashed, `✂ control`.
    Cut,
    /// Dashed, `?second factor`.
    Challenged,
    /// Dotted, `?`.
    Unknown,
    /// Solid.
    NotCut,
    /// Possible, not observed: thin grey.
    Latent,
    /// The same where it is what the view is about.
    Open,
    /// Assignment, membership, containment: thin.
    Environment,
}

impl State {
    pub fn word(self) -> &'static str {
        match self {
            State::Cut => "cut",
            State::Challenged => "challenged",
            State::Unknown => "unknown",
            State::NotCut => "not-cut",
            State::Latent => "latent",
            State::Open => "open",
            State::Environment => "environment",
        }
    }

    pub fn of(level: Level) -> State {
        match level {
            Level::Cut => State::Cut,
            Level::Challenged => State::Challenged,
            Level::Unknown => State::Unknown,
            Level::NotCut => State::NotCut,
        }
    }
}

/// What a set of controls does to a step: level, the controls that do it, the words, whether each can be undone.
pub struct Fate<'a> {
    pub level: Level,
    pub by: Vec<&'a str>,
    pub words: Vec<&'a str>,
    pub undo: bool,
}

/// The level of a step with these controls in force.
pub fn level(step: &Step, with: &[String]) -> Level {
    fate(step, with).level
}

pub(super) fn fate<'a>(step: &'a Step, with: &[String]) -> Fate<'a> {
    let mut fate = Fate { level: Level::NotCut, by: Vec::new(), words: Vec::new(), undo: false };
    // One control: its own verdict is the answer.
    if let [only] = with
        && let Some(verdict) = step.verdict(only)
    {
        fate.level = verdict.verdict;
        fate.by = vec![&verdict.control];
        fate.words = verdict.words.iter().map(String::as_str).collect();
        fate.undo = verdict.undo.is_some();
        return fate;
    }
    for condition in step.conditions.iter().filter(|condition| holds(condition, with)) {
        if condition.verdict < fate.level {
            fate.level = condition.verdict;
            fate.by = condition.set.iter().map(String::as_str).collect();
            fate.words = condition.words.iter().map(String::as_str).collect();
        }
    }
    if step.conditions.is_empty() {
        for verdict in step.verdicts.iter().filter(|verdict| with.contains(&verdict.control)) {
            if verdict.verdict < fate.level {
                fate.level = verdict.verdict;
                fate.by = vec![&verdict.control];
                fate.words = verdict.words.iter().map(String::as_str).collect();
            }
        }
        for set in step.cut_by.iter().filter(|set| set.iter().all(|id| with.contains(id))) {
            if fate.level > Level::Cut {
                fate.level = Level::Cut;
                fate.by = set.iter().map(String::as_str).collect();
                fate.words.clear();
            }
        }
    }
    fate.undo = fate.level == Level::Cut
        && fate.by.iter().all(|id| step.verdict(id).is_some_and(|verdict| verdict.undo.is_some()));
    fate
}

pub(super) fn holds(condition: &Condition, with: &[String]) -> bool {
    condition.set.iter().all(|id| with.contains(id)) && !condition.unless.iter().any(|id| with.contains(id))
}
