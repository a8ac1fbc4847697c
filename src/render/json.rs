//! Nodes and edges of a view as JSON, for programs that draw themselves: every string whole, states and marks as
//! fields.

use super::picture::{PictureEdge, PictureNode, picture};
use super::{Artifact, Output, RenderError, Request, one};
use crate::analysis::Analysis;
use serde_json::{Value, json};

pub(super) const OUTPUT: Output =
    Output { id: "json", views: &["attack", "before-after", "residual", "choke"], extension: "json", render };

fn render(analysis: &Analysis, request: &Request) -> Result<Vec<Artifact>, RenderError> {
    let picture = picture(analysis, &request.view, &request.with);
    let id = |at: usize| picture.nodes.get(at).map(|node| node.id.as_str()).unwrap_or_default();
    let value = json!({
        "schema": "cutset/graph/1",
        "view": picture.view,
        "with": request.with,
        "title": picture.title,
        "subtitle": picture.subtitle,
        "marking": picture.marking,
        "nodes": picture.nodes.iter().map(node).collect::<Vec<_>>(),
        "edges": picture.edges.iter().map(|e| edge(e, id(e.from), id(e.to))).collect::<Vec<_>>(),
        "notes": picture.notes,
    });
    let mut text = serde_json::to_string_pretty(&value).map_err(|error| RenderError::Failed(error.to_string()))?;
    text.push('\n');
    one("graph.json", text)
}

fn node(node: &PictureNode) -> Value {
    json!({
        "id": node.id, "kind": node.kind.word(), "lane": node.lane.word(), "label": node.label, "detail": node.detail,
        "title": node.title, "jewel": node.jewel, "entry": node.entry, "created": node.created,
        "unexplained": node.unexplained, "folded": node.folded, "faded": node.faded,
    })
}

fn edge(edge: &PictureEdge, from: &str, to: &str) -> Value {
    let members: Vec<Value> = edge.members.iter().map(|(id, title)| json!({ "id": id, "title": title })).collect();
    json!({
        "id": edge.id, "from": from, "to": to, "kind": edge.kind.word(), "label": edge.label,
        "state": edge.state.word(), "mark": edge.mark, "title": edge.title, "members": members,
    })
}
