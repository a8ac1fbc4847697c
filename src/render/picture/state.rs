//! How far each step gets under a set of controls, as the analysis tells it.

use crate::analysis::{Condition, Step};
use crate::model::Level;
use std::borrow::Cow;

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
pub struct Fate {
    pub level: Level,
    pub by: Vec<String>,
    pub words: Vec<String>,
    pub undo: bool,
}

/// The level of a step with these controls in force.
pub fn level(step: &Step, with: &[String]) -> Level {
    fate(step, with).level
}

pub fn fate(step: &Step, with: &[String]) -> Fate {
    let mut fate = Fate { level: Level::NotCut, by: Vec::new(), words: Vec::new(), undo: false };
    // One control: its own verdict is the answer.
    if let [only] = with
        && let Some(verdict) = step.verdict(only)
    {
        fate.level = verdict.verdict;
        fate.by = vec![verdict.control.clone()];
        fate.words.clone_from(&verdict.words);
        fate.undo = verdict.undo.is_some();
        return fate;
    }
    let conditions = conditions(step);
    for condition in conditions.iter().filter(|condition| holds(condition, with)) {
        if condition.verdict < fate.level {
            fate.level = condition.verdict;
            fate.by = condition.set.clone();
            fate.words = condition.words.clone();
        }
    }
    fate.undo = fate.level == Level::Cut
        && fate.by.iter().all(|id| step.verdict(id).is_some_and(|verdict| verdict.undo.is_some()));
    fate
}

/// The conditions of a step; of an analysis that carries none, what its verdicts and cut sets say.
pub fn conditions(step: &Step) -> Cow<'_, [Condition]> {
    if !step.conditions.is_empty() {
        return Cow::Borrowed(&step.conditions);
    }
    let condition = |set: Vec<String>, verdict: Level, words: &[String], missing: &[String]| Condition {
        set,
        unless: Vec::new(),
        verdict,
        words: words.to_vec(),
        missing: missing.to_vec(),
    };
    let verdicts = step.verdicts.iter().filter(|verdict| verdict.verdict != Level::NotCut);
    let alone = verdicts.map(|v| condition(vec![v.control.clone()], v.verdict, &v.words, &v.missing));
    let sets = step.cut_by.iter().filter(|set| set.len() > 1);
    Cow::Owned(alone.chain(sets.map(|set| condition(set.clone(), Level::Cut, &[], &[]))).collect())
}

pub fn holds(condition: &Condition, with: &[String]) -> bool {
    condition.set.iter().all(|id| with.contains(id)) && !condition.unless.iter().any(|id| with.contains(id))
}
