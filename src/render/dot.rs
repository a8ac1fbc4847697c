//! Graphviz DOT. Built and printed with `graphviz-rust`, which never quotes: every id goes through [`dot_id`].

use super::picture::{Picture, PictureEdge, PictureNode, State, picture};
use super::{Artifact, Output, RenderError, Request, one};
use crate::analysis::{Analysis, EdgeKind, Lane, NodeKind};
use crate::render::text::fit_columns;
use graphviz_rust::dot_structures::{
    Attribute, Edge, EdgeTy, Graph, GraphAttributes, Id, Node, NodeId, Stmt, Subgraph, Vertex,
};
use graphviz_rust::printer::{DotPrinter, PrinterContext};

pub(super) const OUTPUT: Output =
    Output { id: "dot", views: &["attack", "before-after", "residual", "choke"], extension: "dot", render };

fn render(analysis: &Analysis, request: &Request) -> Result<Vec<Artifact>, RenderError> {
    let picture = picture(analysis, &request.view, &request.with);
    one("graph.dot", dot(&picture))
}

/// A quoted id: quotes and backslashes escaped, so that neither an escape sequence (`\N`, `\l`) nor the end of the
/// string is the text's to choose.
pub fn dot_id(text: &str) -> Id {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' | '\r' | '\0' => quoted.push(' '),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    Id::Escaped(quoted)
}

/// Several lines of label; only ours are broken.
fn label(lines: &[&str]) -> Id {
    let shown: Vec<String> = lines
        .iter()
        .filter(|line| !line.is_empty())
        .map(|line| line.replace('\\', "\\\\").replace('"', "\\\""))
        .collect();
    Id::Escaped(format!("\"{}\"", entities(&shown.join("\\n"))))
}

/// Graphviz reads HTML entities (`&amp;`) in every label and tooltip.
fn entities(text: &str) -> String {
    text.replace('&', "&amp;")
}

fn attribute(name: &str, value: &str) -> Attribute {
    Attribute(Id::Plain(name.to_owned()), dot_id(value))
}

fn text_attribute(name: &str, value: &str) -> Attribute {
    Attribute(Id::Plain(name.to_owned()), dot_id(&entities(value)))
}

fn dot(picture: &Picture) -> String {
    let mut statements = vec![
        Stmt::GAttribute(GraphAttributes::Graph(vec![
            attribute("rankdir", "TB"),
            attribute("fontname", "Helvetica"),
            attribute("labelloc", "t"),
            attribute("nodesep", "0.35"),
            attribute("ranksep", "0.7"),
            text_attribute("tooltip", &picture.title),
            Attribute(Id::Plain("label".into()), label(&[&picture.marking, &picture.title, &picture.subtitle])),
        ])),
        Stmt::GAttribute(GraphAttributes::Node(vec![
            attribute("fontname", "Helvetica"),
            attribute("fontsize", "11"),
            attribute("shape", "box"),
            attribute("style", "filled"),
            attribute("fillcolor", "white"),
        ])),
        Stmt::GAttribute(GraphAttributes::Edge(vec![attribute("fontname", "Helvetica"), attribute("fontsize", "9")])),
    ];
    for lane in [Lane::Identities, Lane::Roles, Lane::Resources] {
        let mut inside = vec![Stmt::GAttribute(GraphAttributes::Graph(vec![
            attribute("label", lane.word()),
            attribute("style", "filled"),
            attribute("color", "#f2f4f7"),
        ]))];
        inside.extend(picture.nodes.iter().filter(|node| node.lane == lane).map(|node| Stmt::Node(dot_node(node))));
        if inside.len() > 1 {
            let id = dot_id(&format!("cluster_{}", lane.word()));
            statements.push(Stmt::Subgraph(Subgraph { id, stmts: inside }));
        }
    }
    statements.extend(picture.edges.iter().filter_map(|edge| dot_edge(picture, edge)).map(Stmt::Edge));
    let graph = Graph::DiGraph { id: dot_id("cutset"), strict: false, stmts: statements };
    let mut text = graph.print(&mut PrinterContext::default());
    text.push('\n');
    text
}

fn dot_node(node: &PictureNode) -> Node {
    let shape = match node.kind {
        NodeKind::Identity => "ellipse",
        NodeKind::Role => "hexagon",
        NodeKind::Resource => "box",
        NodeKind::Credential => "note",
        NodeKind::Scope => "folder",
        NodeKind::Address => "box",
    };
    let mut style = String::from("filled");
    if node.kind == NodeKind::Address {
        style.push_str(",rounded");
    }
    if node.folded || node.faded || node.unexplained {
        style.push_str(",dashed");
    }
    let hole = if node.unexplained { "[!] no record creates it" } else { "" };
    let name = format!("{}{}", if node.jewel { "◆ " } else { "" }, fit_columns(&node.label, 40));
    let mut class = format!("node {} {}", node.kind.word(), node.lane.word());
    for (holds, word) in
        [(node.jewel, " jewel"), (node.entry, " entry"), (node.faded, " faded"), (node.folded, " folded")]
    {
        if holds {
            class.push_str(word);
        }
    }
    let attributes = vec![
        attribute("id", &node.id),
        attribute("class", &class),
        text_attribute("tooltip", &node.title),
        Attribute(Id::Plain("label".into()), label(&[&name, &fit_columns(&node.detail, 40), hole])),
        attribute("shape", shape),
        attribute("style", &style),
        attribute("penwidth", if node.jewel || node.entry { "2.2" } else { "1" }),
        attribute("color", if node.faded { "#98a2b3" } else { "#1d2939" }),
    ];
    Node { id: NodeId(dot_id(&node.id), None), attributes }
}

fn dot_edge(picture: &Picture, edge: &PictureEdge) -> Option<Edge> {
    let from = picture.nodes.get(edge.from)?;
    let to = picture.nodes.get(edge.to)?;
    let (style, width, colour) = match (edge.kind, edge.state) {
        (EdgeKind::Latent, State::Cut) => ("dashed", "0.7", "#98a2b3"),
        (_, State::Cut) => ("dashed", "1.4", "#067647"),
        (_, State::Challenged) => ("dashed", "1.4", "#b54708"),
        (_, State::Unknown) => ("dotted", "1.6", "#6941c6"),
        (_, State::NotCut) => ("solid", "1.8", "#b42318"),
        (_, State::Open) => ("solid", "1.8", "#b42318"),
        (_, State::Latent) => ("solid", "0.7", "#98a2b3"),
        (_, State::Environment) => ("solid", "0.6", "#667085"),
    };
    let attributes = vec![
        attribute("id", &edge.id),
        attribute("class", &format!("edge {} {}", edge.kind.word(), edge.state.word())),
        text_attribute("tooltip", &edge.title),
        text_attribute("labeltooltip", &edge.title),
        Attribute(Id::Plain("label".into()), label(&[&fit_columns(&edge.label, 40), &fit_columns(&edge.mark, 40)])),
        attribute("style", style),
        attribute("penwidth", width),
        attribute("color", colour),
        attribute("arrowhead", if edge.state == State::Environment { "open" } else { "normal" }),
        attribute("constraint", if edge.kind == EdgeKind::Yields { "false" } else { "true" }),
    ];
    let end = |node: &PictureNode| Vertex::N(NodeId(dot_id(&node.id), None));
    Some(Edge { ty: EdgeTy::Pair(end(from), end(to)), attributes })
}
