//! A Mermaid flowchart, for Markdown hosts that draw it.
//!
//! Text stands in quotes, and every character with a meaning to Mermaid, Markdown or HTML is written as an entity code
//! (Mermaid documentation, Flowcharts: *Entity codes to escape characters*), so no directive, link or tag can begin.

use super::picture::{Picture, PictureEdge, PictureNode, State, picture};
use super::{Artifact, Output, RenderError, Request, one};
use crate::analysis::{Analysis, EdgeKind, Lane, NodeKind};
use crate::render::text::fit_columns;

pub(super) const OUTPUT: Output =
    Output { id: "mermaid", views: &["attack", "before-after", "residual", "choke"], extension: "mmd", render };

fn render(analysis: &Analysis, request: &Request) -> Result<Vec<Artifact>, RenderError> {
    let picture = picture(analysis, &request.view, &request.with);
    one("graph.mmd", mermaid(&picture))
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            'a'..='z'
            | 'A'..='Z'
            | '0'..='9'
            | ' '
            | '.'
            | ','
            | ':'
            | '-'
            | '_'
            | '/'
            | '('
            | ')'
            | '+'
            | '?'
            | '!' => {
                out.push(character);
            }
            other if other.is_ascii() => out.push_str(&format!("#{};", u32::from(other))),
            other => out.push(other),
        }
    }
    // `://` makes some hosts link; `--` and `%%` belong to the grammar.
    out.replace("://", "#58;//").replace("--", "#45;#45;")
}

fn mermaid(picture: &Picture) -> String {
    let mut out = String::from("flowchart LR\n");
    out.push_str(&format!("  accTitle: {}\n", escape(&picture.title).replace('#', "").replace(';', ",")));
    for lane in [Lane::Identities, Lane::Roles, Lane::Resources] {
        let inside: Vec<&PictureNode> = picture.nodes.iter().filter(|node| node.lane == lane).collect();
        if inside.is_empty() {
            continue;
        }
        out.push_str(&format!("  subgraph {}[\"{}\"]\n", lane.word(), lane.word()));
        for node in inside {
            out.push_str(&format!("    {}\n", mermaid_node(node)));
        }
        out.push_str("  end\n");
    }
    if !picture.marking.is_empty() {
        out.push_str(&format!("  marking[\"{}\"]\n", escape(&fit_columns(&picture.marking, 48))));
    }
    let mut styles: Vec<String> = Vec::new();
    let drawn = picture.edges.iter().filter_map(|edge| Some((edge, mermaid_edge(picture, edge)?)));
    for (number, (edge, line)) in drawn.enumerate() {
        out.push_str(&format!("  {line}\n"));
        styles.push(format!("  linkStyle {number} {}\n", style(edge)));
    }
    out.extend(styles);
    out.push_str("  classDef jewel stroke-width:3px\n  classDef faded stroke-dasharray:4 3,opacity:0.6\n");
    out.push_str("  classDef folded stroke-dasharray:2 2\n  classDef entry stroke-width:3px\n");
    for node in &picture.nodes {
        for (holds, class) in
            [(node.jewel, "jewel"), (node.entry, "entry"), (node.folded, "folded"), (node.faded, "faded")]
        {
            if holds {
                out.push_str(&format!("  class {} {class}\n", node.id));
            }
        }
    }
    out
}

fn mermaid_node(node: &PictureNode) -> String {
    let (open, close) = match node.kind {
        NodeKind::Identity => ("([", "])"),
        NodeKind::Role => ("{{", "}}"),
        NodeKind::Resource => ("[", "]"),
        NodeKind::Credential => ("[/", "/]"),
        NodeKind::Scope => ("[[", "]]"),
        NodeKind::Address => ("(", ")"),
    };
    let mut text = escape(&fit_columns(&node.label, 48));
    if node.jewel {
        text = format!("◆ {text}");
    }
    if !node.detail.is_empty() {
        text.push_str(&format!("<br/>{}", escape(&fit_columns(&node.detail, 48))));
    }
    if node.unexplained {
        text.push_str("<br/>#91;!#93; no record creates it");
    }
    format!("{}{open}\"{text}\"{close}", node.id)
}

fn mermaid_edge(picture: &Picture, edge: &PictureEdge) -> Option<String> {
    let from = picture.nodes.get(edge.from)?;
    let to = picture.nodes.get(edge.to)?;
    let arrow = match edge.state {
        State::Cut | State::Challenged | State::Unknown => "-.->",
        State::NotCut | State::Open => "==>",
        State::Latent | State::Environment => "-->",
    };
    let mut text = escape(&fit_columns(&edge.label, 40));
    if !edge.mark.is_empty() {
        text.push_str(&format!("<br/>{}", escape(&fit_columns(&edge.mark, 40))));
    }
    let label = if text.is_empty() { String::new() } else { format!("|\"{text}\"|") };
    Some(format!("{} {arrow}{label} {}", from.id, to.id))
}

fn style(edge: &PictureEdge) -> &'static str {
    match (edge.kind, edge.state) {
        (EdgeKind::Latent, State::Cut) => "stroke:#98a2b3,stroke-width:1px,stroke-dasharray:6 3",
        (_, State::Cut) => "stroke:#067647,stroke-width:2px,stroke-dasharray:7 4",
        (_, State::Challenged) => "stroke:#b54708,stroke-width:2px,stroke-dasharray:7 4",
        (_, State::Unknown) => "stroke:#6941c6,stroke-width:2px,stroke-dasharray:2 3",
        (_, State::NotCut | State::Open) => "stroke:#b42318,stroke-width:2.5px",
        (_, State::Latent) => "stroke:#98a2b3,stroke-width:1px",
        (_, State::Environment) => "stroke:#667085,stroke-width:1px",
    }
}
