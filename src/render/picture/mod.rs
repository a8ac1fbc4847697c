//! What a diagram shows, before anything is laid out or drawn: which nodes and edges a view picks, what is folded, and
//! how each edge is told apart under a set of controls.
//!
//! The layout depends on the view alone; `--with` changes states and marks, so that before and after can be laid side
//! by side.

mod build;
mod fold;
mod names;
mod outcome;
mod state;

pub use build::{StepMark, heading, picture, recommended, step_marks};
pub use names::{Names, target};
pub use outcome::{Closure, Outcome, outcome, path_conditions, path_fate};
pub use state::{Fate, State, conditions, fate, holds, level};

use crate::analysis::{EdgeKind, Lane, NodeKind};

/// Views of the graph; `timeline` is drawn from the steps instead.
pub const VIEWS: &[&str] = &["attack", "before-after", "residual", "timeline", "choke"];

#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    pub view: &'static str,
    /// One line.
    pub title: String,
    /// One sentence: what is in force, what it does.
    pub subtitle: String,
    /// The picture in words, for screen readers.
    pub description: String,
    pub nodes: Vec<PictureNode>,
    pub edges: Vec<PictureEdge>,
    /// `loc = Azure management only from trusted locations`, for the names that marks use.
    pub notes: Vec<String>,
    pub marking: String,
}

/// What stands above a diagram.
#[derive(Clone, Debug, PartialEq)]
pub struct Heading {
    pub view: &'static str,
    pub title: String,
    pub subtitle: String,
    pub marking: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PictureNode {
    /// Safe as an XML id, a DOT id and a Mermaid id; unique in the picture.
    pub id: String,
    pub kind: NodeKind,
    pub lane: Lane,
    /// One line of visible text, in full.
    pub label: String,
    pub detail: String,
    /// Everything, for the tooltip.
    pub title: String,
    pub jewel: bool,
    pub entry: bool,
    pub created: bool,
    pub unexplained: bool,
    /// Stands for several.
    pub folded: bool,
    /// Nothing that is still possible reaches it.
    pub faded: bool,
    /// Index of the first step that touches it; later is lower. None: none does.
    pub first_step: Option<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PictureEdge {
    pub id: String,
    /// Indices of `nodes`.
    pub from: usize,
    pub to: usize,
    pub kind: EdgeKind,
    /// `s7 03:22 listKeys`; empty for edges that say nothing but that they are there.
    pub label: String,
    /// Whether a mark may stand beneath the label (under some set of controls).
    pub marked: bool,
    pub state: State,
    /// `✂ loc`, `?second factor`, `?`; empty where the line says it.
    pub mark: String,
    pub title: String,
    pub first_step: Option<usize>,
    /// Indices of the steps it is part of.
    pub steps: Vec<usize>,
    /// Ids of the residual paths it lies on.
    pub paths: Vec<String>,
    /// Edges drawn as this one: their ids and titles.
    pub members: Vec<(String, String)>,
}
