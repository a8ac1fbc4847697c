//! The graph as BloodHound OpenGraph JSON (SpecterOps documentation, *OpenGraph: Schema*): kinds of letters, digits
//! and `_`, flat properties, no nulls. BloodHound stores ids in capital letters.

use super::picture::{Picture, PictureEdge, PictureNode, picture};
use super::text::plain;
use super::{Artifact, Output, RenderError, Request, one};
use crate::analysis::{Analysis, EdgeKind, NodeKind};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub(super) const OUTPUT: Output =
    Output { id: "open-graph", views: &["attack", "residual"], extension: "json", render };

fn render(analysis: &Analysis, request: &Request) -> Result<Vec<Artifact>, RenderError> {
    let picture = picture(analysis, &request.view, &request.with);
    let value = json!({
        "metadata": { "source_kind": "Cutset" },
        "graph": {
            "nodes": picture.nodes.iter().map(|n| node(&analysis.incident.id, &picture.marking, n)).collect::<Vec<_>>(),
            "edges": picture.edges.iter().filter_map(|e| edge(&analysis.incident.id, &picture, e)).collect::<Vec<_>>(),
        },
    });
    let mut text = serde_json::to_string_pretty(&value).map_err(|error| RenderError::Failed(error.to_string()))?;
    text.push('\n');
    one("opengraph.json", text)
}

/// Unique beside other incidents in one database, whatever letters their ids are made of.
fn id(incident: &str, node: &PictureNode) -> String {
    let hash: String = Sha256::digest(incident).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("cutset-{}-{hash}-{}", super::slug(incident), node.id)
}

fn node(incident: &str, marking: &str, node: &PictureNode) -> Value {
    let kind = match node.kind {
        NodeKind::Identity => "CutsetIdentity",
        NodeKind::Role => "CutsetRole",
        NodeKind::Resource => "CutsetResource",
        NodeKind::Credential => "CutsetCredential",
        NodeKind::Scope => "CutsetScope",
        NodeKind::Address => "CutsetAddress",
    };
    let mut value = json!({
        "id": id(incident, node), "kinds": [kind, "Cutset"],
        "properties": {
            "name": node.label, "displayname": node.label, "detail": node.detail, "incident": plain(incident),
            "crown_jewel": node.jewel, "entry": node.entry, "made_by_attack": node.created,
            "unexplained": node.unexplained,
        },
    });
    if !marking.is_empty() {
        value["properties"]["marking"] = json!(marking);
    }
    value
}

fn edge(incident: &str, picture: &Picture, edge: &PictureEdge) -> Option<Value> {
    let kind = match edge.kind {
        EdgeKind::Step => "CutsetStep",
        EdgeKind::Yields => "CutsetYields",
        EdgeKind::Latent => "CutsetCould",
        EdgeKind::Assignment => "CutsetAssigned",
        EdgeKind::Member => "CutsetMemberOf",
        EdgeKind::Contains => "CutsetContains",
    };
    let end = |at: usize| Some(json!({ "value": id(incident, picture.nodes.get(at)?), "match_by": "id" }));
    Some(json!({
        "kind": kind, "start": end(edge.from)?, "end": end(edge.to)?,
        "properties": { "label": edge.label, "state": edge.state.word(), "mark": edge.mark, "title": edge.title },
    }))
}
